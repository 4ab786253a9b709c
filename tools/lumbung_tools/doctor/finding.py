"""One line of the doctor: what was looked at, how it stands, and the values of its sentence."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from lumbung_tools.output.exit_codes import ExitCode

__all__ = ["Colour", "Finding", "code_of", "green", "red", "yellow"]

Value = int | float | str


class Colour(Enum):
    GREEN = "green"
    YELLOW = "yellow"
    RED = "red"


@dataclass(frozen=True, slots=True)
class Finding:
    """`check` is a stable name for scripts, `key` the sentence (what is so, and what to do), `values` fill it.

    Values whose name ends in `_s` are durations and in `_bytes` sizes; the sentence shows them as people write them.
    """

    check: str
    colour: Colour
    key: str
    values: tuple[tuple[str, Value], ...] = ()


def green(check: str, key: str, **values: Value) -> Finding:
    return Finding(check, Colour.GREEN, key, tuple(values.items()))


def yellow(check: str, key: str, **values: Value) -> Finding:
    return Finding(check, Colour.YELLOW, key, tuple(values.items()))


def red(check: str, key: str, **values: Value) -> Finding:
    return Finding(check, Colour.RED, key, tuple(values.items()))


def code_of(findings: Iterable[Finding]) -> ExitCode:
    """As `health`: 0 while all is green, 3 when the worst is yellow, 8 when something is red."""
    colours = {finding.colour for finding in findings}
    if Colour.RED in colours:
        return ExitCode.DAMAGED
    return ExitCode.COPIES_SHORT if Colour.YELLOW in colours else ExitCode.OK
