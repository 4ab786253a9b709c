"""Lines of the log on standard error; a line that nobody takes is dropped.

A log promises nothing. A full disk under it, or a reader that has gone, must not end a node that could go on recording:
a node whose log lay on the full disk of its store died of its own report about it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, MutableMapping
from time import monotonic

import structlog

from lumbung_cluster.limits import LOG_LINES_BURST, LOG_LINES_PER_S, LOG_SOURCES_MAX
from lumbung_cluster.patience import Bucket

__all__ = ["LevelGate", "LinePace", "StderrLogger", "write_or_drop"]

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


class LinePace:
    """Lets through so many lines of one event about one partner or caller, then a few; the next one says how many were
    left out. A partner that breaks a rule without end must not fill the disk, nor hide what is said of others.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._sources: dict[tuple[object, ...], tuple[Bucket, int]] = {}

    def __call__(
        self, _logger: object, _method: str, event: MutableMapping[str, object]
    ) -> MutableMapping[str, object]:
        source = tuple(str(event.get(name, "")) for name in ("event", "peer", "caller"))
        bucket, left_out = self._sources.pop(source, (Bucket(LOG_LINES_BURST, LOG_LINES_PER_S), 0))
        is_early = bucket.wait_s(self._clock()) > 0
        self._sources[source] = (bucket, left_out + 1 if is_early else 0)
        while len(self._sources) > LOG_SOURCES_MAX:
            del self._sources[next(iter(self._sources))]
        if is_early:
            raise structlog.DropEvent
        bucket.take(self._clock())
        if left_out:
            event["left_out"] = left_out
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
