"""Replacing one attribute for the time of a block."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["patched"]


@contextmanager
def patched(owner: object, name: str, replacement: object) -> Iterator[None]:
    """`owner.name` is `replacement` inside the block, and what it was before behind it."""
    before = vars(owner)[name]
    setattr(owner, name, replacement)
    try:
        yield
    finally:
        setattr(owner, name, before)
