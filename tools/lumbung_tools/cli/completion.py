"""`lumbung completion SHELL`: the script that lets a shell complete commands, options, node names and health codes."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from lumbung_tools.cli.framework import COMPLETION_VARIABLE, Call, command
from lumbung_tools.output.exit_codes import ExitCode

__all__ = ["completion"]

_SHELLS = ("bash", "zsh", "fish")


@command(
    "completion",
    help_key="help.completion",
    examples_key="help.completion.examples",
    exits=(ExitCode.OK, ExitCode.USAGE),
)
@click.argument("shell", type=click.Choice(_SHELLS))
def completion(call: Call, shell: str) -> None:
    kind = get_completion_class(shell)
    assert kind is not None, "click knows these three"
    root = click.get_current_context().find_root().command
    script = kind(root, {}, "lumbung", COMPLETION_VARIABLE).source()
    call.console.line(script)
    call.console.json("lumbung.completion/1", {"shell": shell, "script": script})
