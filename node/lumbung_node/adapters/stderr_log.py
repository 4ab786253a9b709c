"""Lines of the log on standard error; a line that nobody takes is dropped.

A log promises nothing. A full disk under it, or a reader that has gone, must not end a node that could go on recording:
a node whose log lay on the full disk of its store died of its own report about it.
"""

from __future__ import annotations

import os
from collections.abc import MutableMapping

import structlog

__all__ = ["LevelGate", "StderrLogger", "write_or_drop"]

_STDERR = 2


_LEVELS = ("debug", "info", "warning", "error")


class LevelGate:
    """Lets through what is at least as grave as `level` (one of those words), which may change at any time."""

    def __init__(self, level: str) -> None:
        self.level = level

    def __call__(self, _logger: object, method: str, event: MutableMapping[str, object]) -> MutableMapping[str, object]:
        if method in _LEVELS and _LEVELS.index(method) < _LEVELS.index(self.level):
            raise structlog.DropEvent
        return event


class StderrLogger:
    """Ends structlog's chain. Each line is one write, without a buffer that could keep it or grow."""

    def msg(self, line: str) -> None:
        write_or_drop(_STDERR, line)

    debug = info = warning = error = msg


def write_or_drop(handle: int, line: str) -> None:
    try:
        os.write(handle, f"{line}\n".encode("utf-8", "backslashreplace"))
    except OSError:
        return
