"""Opening what came sealed: from one file into another, both on the disk where the result belongs."""

from __future__ import annotations

import os
from pathlib import Path

from lumbung_tools.sealing import AGE_MAGIC, Identities, looks_sealed, open_sealed

__all__ = ["is_sealed", "open_into"]


def is_sealed(path: Path) -> bool:
    """Whether age sealed it; an office may store what is not."""
    with path.open("rb") as content:
        return looks_sealed(content.read(len(AGE_MAGIC)))


def open_into(sealed: Path, opened: Path, identities: Identities) -> None:
    """A new file, durable when this returns, worth nothing when it raises. Raises CannotOpen, OSError."""
    handle = os.open(opened, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as target, sealed.open("rb") as source:
        open_sealed(source, target, identities)
        target.flush()
        os.fsync(target.fileno())
