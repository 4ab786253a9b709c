"""What the committer is asked to make durable, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

import trio

from lumbung_cluster.entry import SignedList
from lumbung_cluster.ids import BlobId, Generation, NodeNumber
from lumbung_node.ports.keyvalue import Batch
from lumbung_node.store.layout import MarkRow

__all__ = ["Content", "ForeignBlob", "Job", "Outcome", "OwnBlob", "Stored"]


@dataclass(slots=True)
class Content:
    """A blob's verified bytes: in memory (`chunks`, 1 MiB each but the last), or a run written ahead at `place`."""

    size_bytes: int
    chunks: list[bytes]
    place: int = 0
    chunk_count: int = 0

    @property
    def memory_bytes(self) -> int:
        return sum(len(chunk) for chunk in self.chunks)


@dataclass(slots=True)
class OwnBlob:
    """A put at its origin. `repairs`: the stored bytes were found damaged, take these instead."""

    blob: BlobId
    content: Content
    seal_epoch: int
    flags: int
    record_tag: bytes
    content_tag: bytes
    repairs: bool = False


@dataclass(slots=True)
class ForeignBlob:
    """An entry of another origin (or of this one, coming home), with its signed list."""

    signed: SignedList
    index: int
    content: Content
    source: NodeNumber
    source_generation: Generation


class Outcome(Enum):
    STORED = "stored"
    PRESENT = "present"  # durable before: the caller verifies its bytes before it says so
    REPAIRED = "repaired"


@dataclass(frozen=True, slots=True)
class Stored:
    """`number` is the blob's place in this node's feed of its origin."""

    outcome: Outcome
    number: int


@dataclass(slots=True)
class Job:
    """Committed as one: after a crash all of it is there or nothing. `results` follow `own`, then `foreign`.

    `damaged` are blobs whose stored bytes were found wrong; `marks` are rows to advance with it; `extra` is written in
    the same batch.
    """

    own: list[OwnBlob] = field(default_factory=list)
    foreign: list[ForeignBlob] = field(default_factory=list)
    damaged: list[tuple[NodeNumber, BlobId]] = field(default_factory=list)
    marks: dict[tuple[NodeNumber, NodeNumber], MarkRow] = field(default_factory=dict)
    extra: Batch = field(default_factory=Batch)
    results: list[Stored] = field(default_factory=list)
    error: Exception | None = None
    done: trio.Event = field(default_factory=trio.Event)

    @property
    def blobs(self) -> int:
        return len(self.own) + len(self.foreign)

    @property
    def memory_bytes(self) -> int:
        own = sum(item.content.memory_bytes for item in self.own)
        return own + sum(item.content.memory_bytes for item in self.foreign)
