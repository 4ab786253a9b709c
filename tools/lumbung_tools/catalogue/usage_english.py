"""English sentences about command lines, by key, in the order of `usage_indonesian`."""

from __future__ import annotations

from typing import Final

__all__ = ["USAGE_ENGLISH"]

USAGE_ENGLISH: Final[dict[str, str]] = {
    "help.heading.usage": "Usage:",
    "help.heading.options": "Options",
    "help.heading.commands": "Commands",
    "help.extra.default": "default",
    "help.extra.required": "required",
    "help.metavar.options": "[OPTIONS]",
    "help.metavar.command": "COMMAND [ARGS]...",
    "help.metavar.path": "PATH",
    "help.metavar.number": "NUMBER",
    "help.metavar.text": "TEXT",
    "usage.help": "All about it: {command} --help",
    "usage.no_option": "There is no option {name}.",
    "usage.no_command": "There is no command {name}.",
    "usage.near": "Did you mean: {names}?",
    "usage.missing_command": "A command is missing.",
    "usage.missing_option": "The option {name} is missing.",
    "usage.missing_argument": "{name} is missing.",
    "usage.needs_value": "The option {name} needs a value.",
    "usage.takes_no_value": "The option {name} takes no value.",
    "usage.extra": "Too many words: {words}.",
    "usage.bad_value": "{name}: {why}",
    "usage.value.choice": "{value} is not one of {choices}.",
    "usage.value.number": "{value} is not a number.",
    "usage.value.range": "{value} is not in the range {range}.",
    "usage.value.size": "{value} is no size such as {such} or {other}.",
    "usage.value.missing": "{value} does not exist.",
    "usage.value.is_file": "{value} is a file; a folder is needed.",
    "usage.value.is_directory": "{value} is a folder; a file is needed.",
    "usage.value.unreadable": "{value} cannot be read.",
}
