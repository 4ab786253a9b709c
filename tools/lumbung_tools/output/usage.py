"""What was wrong with a command line, in the reader's language: click finds it, and says it in English only.

What has no known shape stays as click said it.
"""

from __future__ import annotations

import re
from typing import Final

import click

from lumbung_tools.output.console import Console
from lumbung_tools.output.exit_codes import ExitCode

__all__ = ["report_usage"]

_SENTENCES: Final = {
    "usage.no_option": r"No such option '(?P<name>.*?)'\.(?: .*)?",
    "usage.no_command": r"No such command '(?P<name>.*?)'\.(?: .*)?",
    "usage.missing_command": r"Missing command\.",
    "usage.missing_option": r"Missing option (?P<name>'[^.]*')\.(?P<more>.*)",
    "usage.missing_argument": r"Missing argument '(?P<name>[^']*)'\..*",
    "usage.needs_value": r"Option '(?P<name>[^']*)' requires an argument\.",
    "usage.takes_no_value": r"Option '(?P<name>[^']*)' does not take a value\.",
    "usage.extra": r"Got unexpected extra arguments? \((?P<words>.*)\)",
}
_VALUES: Final = {
    "usage.value.choice": r"(?P<value>'.*') is not one of (?P<choices>.*)\.",
    "usage.value.number": r"(?P<value>'.*') is not a valid (?:integer|float)(?: range)?\.",
    "usage.value.range": r"(?P<value>\S+) is not in the range (?P<range>.*)\.",
    "usage.value.size": r"expected a size such as (?P<such>\S+) or (?P<other>\S+), got (?P<value>'.*')",
    "usage.value.missing": r"(?:File|Directory|Path) (?P<value>'.*') does not exist\.",
    "usage.value.is_file": r"(?:Directory|Path) (?P<value>'.*') is a file\.",
    "usage.value.is_directory": r"(?:File|Path) (?P<value>'.*') is a directory\.",
    "usage.value.unreadable": r"(?:File|Directory|Path) (?P<value>'.*') is not readable\.",
}
_BAD_VALUE: Final = re.compile(r"Invalid value(?: for (?P<name>.*?))?: (?P<why>.*)", re.DOTALL)


def report_usage(console: Console, error: click.ClickException) -> ExitCode:
    """Say how the command is used, what was wrong, and where to read more; on stderr, and as JSON when asked."""
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        error.show()
        return ExitCode.USAGE
    context = error.ctx if isinstance(error, click.UsageError) else None
    if context is not None:
        console.trouble(context.get_usage())
    sentence = _sentence(console, error)
    console.trouble(sentence)
    if context is not None:
        console.trouble(console.text("usage.help", command=context.command_path))
    console.json("lumbung.error/1", {"exit_code": int(ExitCode.USAGE), "sentence": sentence})
    return ExitCode.USAGE


def _sentence(console: Console, error: click.ClickException) -> str:
    said = error.format_message()
    bad = _BAD_VALUE.fullmatch(said)
    if bad is not None:
        return console.text("usage.bad_value", name=bad["name"] or "?", why=_with_names(console, error, bad["why"]))
    sentence = _worded(console, _SENTENCES, said)
    near = error.possibilities if isinstance(error, click.NoSuchOption | click.exceptions.NoSuchCommand) else None
    return sentence + " " + console.text("usage.near", names=", ".join(near)) if near else sentence


def _with_names(console: Console, error: click.ClickException, why: str) -> str:
    """What was wrong with a value; choices as they are written, where click shows how it compares them."""
    kind = error.param.type if isinstance(error, click.BadParameter) and error.param is not None else None
    found = re.fullmatch(_VALUES["usage.value.choice"], why, re.DOTALL)
    if not isinstance(kind, click.Choice) or found is None:
        return _worded(console, _VALUES, why)
    return console.text("usage.value.choice", value=found["value"], choices=", ".join(map(str, kind.choices)))


def _worded(console: Console, shapes: dict[str, str], said: str) -> str:
    for key, shape in shapes.items():
        found = re.fullmatch(shape, said, re.DOTALL)
        if found is not None:
            return console.text(key, **{name: (value or "").strip() for name, value in found.groupdict().items()})
    return said
