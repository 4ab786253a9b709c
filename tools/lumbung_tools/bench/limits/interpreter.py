"""How quick the interpreter itself is: most of a small put is Python, and builds of one version differ."""

from __future__ import annotations

import time

__all__ = ["steps_per_s"]

_STEPS = 10_000
_KEPT = 1024


class _Ledger:
    """A little of what all code does: calls, small objects that come and go, rows in a dict."""

    __slots__ = ("rows", "steps")

    def __init__(self) -> None:
        self.steps = 0
        self.rows: dict[int, tuple[int, str]] = {}

    def step(self) -> None:
        self.steps += 1
        self.rows[self.steps % _KEPT] = (self.steps, str(self.steps))


def steps_per_s(seconds: float) -> float:
    """Calls of a method that keeps one small row, in one thread."""
    ledger, started_at = _Ledger(), time.monotonic()
    while not ledger.steps or time.monotonic() - started_at < seconds:
        for _ in range(_STEPS):
            ledger.step()
    return ledger.steps / (time.monotonic() - started_at)
