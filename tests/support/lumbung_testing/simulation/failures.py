"""Telling an exception in one line: what was raised at the bottom of its groups, and where."""

from __future__ import annotations

import traceback
from pathlib import PurePath

__all__ = ["tell_failure"]

_FRAMES_TOLD = 4


def tell_failure(exc: BaseException) -> str:
    """Every leaf with the innermost frames that led to it, ours and trio's."""
    if isinstance(exc, BaseExceptionGroup):
        return f"{_place(exc)} group of [{'; '.join(tell_failure(inner) for inner in exc.exceptions)}]"
    return f"{exc!r} at {_place(exc)}"


def _place(exc: BaseException) -> str:
    frames = traceback.extract_tb(exc.__traceback__)[-_FRAMES_TOLD:]
    return " > ".join(f"{PurePath(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames)
