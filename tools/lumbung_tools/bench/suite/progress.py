"""Says what was measured just now and how long the rest will take on this machine."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console

__all__ = ["Progress"]


class Progress:
    """`expected_s` is the sum of what all steps should need; how much slower this machine is, is learnt on the way."""

    def __init__(self, screen: Console, expected_s: float) -> None:
        self._screen = screen
        self._expected_s = expected_s
        self._done_s = 0.0
        self._begun = time.monotonic()
        screen.print(f"about {_minutes(expected_s)} on an idle machine of two cores")

    @contextmanager
    def step(self, name: str, expected_s: float) -> Iterator[None]:
        begun = time.monotonic()
        yield
        now = time.monotonic()
        self._done_s += expected_s
        left_s = (self._expected_s - self._done_s) * (now - self._begun) / max(self._done_s, 1e-9)
        self._screen.print(f"{now - begun:7.1f} s  {name:<40} {_minutes(max(0.0, left_s))} left", highlight=False)


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.1f} min" if seconds >= 60 else f"{seconds:.0f} s"
