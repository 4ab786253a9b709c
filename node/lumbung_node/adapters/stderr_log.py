"""Lines of the log on standard error; a line that nobody takes is dropped.

A log promises nothing. A full disk under it, or a reader that has gone, must not end a node that could go on recording:
a node whose log lay on the full disk of its store died of its own report about it.
"""

from __future__ import annotations

import os

__all__ = ["StderrLogger", "write_or_drop"]

_STDERR = 2


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
