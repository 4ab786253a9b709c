"""`lumbung config check`: is a node's configuration in order?"""

from __future__ import annotations

from pathlib import Path

import click

from lumbung_node.config import load_config
from lumbung_tools.cli.framework import Call, LumbungGroup, command
from lumbung_tools.output.exit_codes import ExitCode

__all__ = ["config"]

config = LumbungGroup("config", "help.config")


@command(
    "check",
    help_key="help.config.check",
    examples_key="help.config.check.examples",
    exits=(ExitCode.OK, ExitCode.USAGE),
)
@click.argument("file", type=click.Path(path_type=Path))
def check(call: Call, file: Path) -> None:
    found = load_config(file)
    call.console.say("config.good", file=file, name=found.name, number=int(found.number))
    call.console.json("lumbung.config/1", {"file": str(file), "node": found.name, "number": int(found.number)})


config.add_command(check)
