"""What RocksDB's words mean: every error of rocksdict is a plain Exception, told apart by its text alone.

The texts are those of rocksdict 0.3.29 (RocksDB 9.8.4); tests provoke them for real, so that a newer version that
words them differently is noticed.
"""

from __future__ import annotations

from enum import Enum

from rocksdict import DbClosedError

from lumbung_cluster.errors import (
    BlobDamaged,
    DiskFailed,
    DiskFull,
    LumbungError,
    StoreClosed,
    StoreDamaged,
    StoreLocked,
    StoreMisconfigured,
)

__all__ = ["Phase", "is_stall", "translate"]


class Phase(Enum):
    """What was under way: the same text asks for different things at different times."""

    OPEN = "opening the store"
    READ = "reading"
    WRITE = "writing"


# The first match wins: "lock hold by current process" ends in "No locks available" and begins with "IO error:".
_EVERYWHERE: tuple[tuple[str, type[LumbungError]], ...] = (
    ("Already borrowed", StoreClosed),
    ("Already mutably borrowed", StoreClosed),
    ("No space left on device", DiskFull),
    ("Disk quota exceeded", DiskFull),
    ("While lock file", StoreLocked),
    ("lock hold by current process", StoreLocked),
)

# A sector that gives nothing, and what a file system says of its own structure and checksums.
_UNREADABLE = ("Input/output error", "Structure needs cleaning", "Bad message")

_IN_PHASE: dict[Phase, tuple[tuple[str, type[LumbungError]], ...]] = {
    Phase.OPEN: (
        ("Column families not opened", StoreMisconfigured),
        ("comparator", StoreMisconfigured),
        ("Permission denied", StoreMisconfigured),
        ("CURRENT", StoreDamaged),
        ("No such file", StoreDamaged),
        ("Corruption", StoreDamaged),
        ("Not implemented", StoreMisconfigured),
        ("Invalid argument", StoreMisconfigured),
    ),
    # A sector that cannot be read and a file that is gone ask for the same as a bad checksum: fetch these bytes anew.
    Phase.READ: (
        ("Corruption", BlobDamaged),
        *((words, BlobDamaged) for words in _UNREADABLE),
        ("No such file", BlobDamaged),
    ),
    # A corrupt block under a write was met by a compaction, which then refuses all writes: the structure is at stake.
    Phase.WRITE: (("Corruption", StoreDamaged),),
}

# What the engine itself reads: tables, logs and manifests at the opening, tables in a compaction. A sector that gives
# nothing stays so: who only tries again never records any more.
_OWN_READS = ("While reading file", "While pread", "for sequentially reading", "for random read")
_NOT_WRITTEN = "Unable to persist"  # a file that was made just now: no store is worth more on such a disk


def translate(error: Exception, phase: Phase) -> LumbungError:
    """The error of ours that says what to do next; DiskFailed for words that nobody has seen yet."""
    text = str(error)
    if isinstance(error, DbClosedError):
        return StoreClosed(text)
    for words, kind in _EVERYWHERE + _IN_PHASE[phase]:
        if words in text:
            return kind(f"{phase.value}: {text}")
    if _holds(text, _UNREADABLE) and _holds(text, _OWN_READS) and _NOT_WRITTEN not in text:
        return StoreDamaged(f"{phase.value}: {text}")
    return DiskFailed(f"{phase.value}: {text}")


def _holds(text: str, wanted: tuple[str, ...]) -> bool:
    return any(words in text for words in wanted)


def is_stall(error: Exception) -> bool:
    """True when the engine took nothing because its memory is full or its compaction is behind: try again soon."""
    return "Write stall" in str(error)
