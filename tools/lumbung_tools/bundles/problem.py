"""What was found wrong with a disk: one sentence each, and what it means for the exit code."""

from __future__ import annotations

from dataclasses import dataclass, field

from lumbung_tools.output.exit_codes import ExitCode

__all__ = ["PROBLEMS_KEPT_MAX", "Problem", "Problems"]

PROBLEMS_KEPT_MAX = 1000  # a disk of a million bad recordings is told in numbers


@dataclass(frozen=True, slots=True)
class Problem:
    """A catalogue key with its values."""

    code: ExitCode
    key: str
    values: dict[str, object]


@dataclass(slots=True)
class Problems:
    """In the order found; those beyond the bound are only counted."""

    found: list[Problem] = field(default_factory=list)
    codes: set[ExitCode] = field(default_factory=set)
    left_out: int = 0

    def add(self, code: ExitCode, key: str, **values: object) -> None:
        self.codes.add(code)
        if len(self.found) < PROBLEMS_KEPT_MAX:
            self.found.append(Problem(code, key, values))
        else:
            self.left_out += 1
