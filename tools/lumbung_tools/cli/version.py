"""`lumbung version`."""

from __future__ import annotations

from importlib.metadata import version as installed_version

from lumbung_tools.cli.framework import Call, command
from lumbung_tools.output.exit_codes import ExitCode

__all__ = ["version"]


@command("version", help_key="help.version", examples_key="help.version.examples", exits=(ExitCode.OK,))
def version(call: Call) -> None:
    found = installed_version("lumbung")
    call.console.say("version.line", version=found)
    call.console.json("lumbung.version/1", {"version": found})
