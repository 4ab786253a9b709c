"""What the committer is asked to make durable, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

import trio

from lumbung_cluster.entry import Entry, SignedList
from lumbung_cluster.ids import BlobId, Generation, NodeNumber
from lumbung_cluster.record import record
from lumbung_node.ports.keyvalue import Batch
from lumbung_node.store.events import Event, EventKind, FoundBy
from lumbung_node.store.layout import BlobRow, FeedRow, MarkRow, OriginCounts, TagVersion

__all__ = [
    "Adopted",
    "Content",
    "Damage",
    "Dropped",
    "FeedMend",
    "ForeignBlob",
    "Job",
    "Outcome",
    "OwnBlob",
    "Recount",
    "Remade",
    "SignedAgain",
    "Stored",
]


@dataclass(slots=True)
class Content:
    """A blob's verified bytes: in memory (`chunks`, 1 MiB each but the last), or a run written ahead at `place`."""

    size_bytes: int
    chunks: list[bytes]
    place: int = 0
    chunk_count: int = 0

    @property
    def memory_bytes(self) -> int:
        return sum(map(len, self.chunks))


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


@dataclass(frozen=True, slots=True)
class Damage:
    """Stored bytes, or the list that vouches for them, were found wrong. `place`: of the run that was looked at."""

    origin: NodeNumber
    blob: BlobId
    kind: EventKind
    found_by: FoundBy
    place: int | None = None


@dataclass(frozen=True, slots=True)
class Remade:
    """A blob row as it ought to be; `before` is the row that was looked at, None when there was none."""

    origin: NodeNumber
    blob: BlobId
    before: BlobRow | None
    row: BlobRow
    kind: EventKind


@dataclass(frozen=True, slots=True)
class FeedMend:
    """A feed row as it ought to be."""

    origin: NodeNumber
    number: int
    row: FeedRow
    kind: EventKind


@dataclass(frozen=True, slots=True)
class SignedAgain:
    """An entry of the own origin whose list is lost: signed anew, alone. `previous` is the hash before it.

    `is_row_lost`: its feed row went with the list.
    """

    number: int
    entry: Entry
    feed_row: FeedRow
    previous: bytes
    is_row_lost: bool = False


@dataclass(frozen=True, slots=True)
class Adopted:
    """A blob that has a row and no number in the feed: it gets the next one.

    `is_unsigned`: an own one whose list is lost, to be signed for anew.
    """

    origin: NodeNumber
    entry: Entry
    before: BlobRow
    is_unsigned: bool = False


@dataclass(frozen=True, slots=True)
class Dropped:
    """A blob that its present holders have proven and that this node need not hold; `before` is the row looked at."""

    origin: NodeNumber
    blob: BlobId
    before: BlobRow


@dataclass(frozen=True, slots=True)
class Recount:
    """Counts as the rows add up to; `before` are those that they were held against."""

    origin: NodeNumber
    before: OriginCounts
    right: OriginCounts


class Outcome(Enum):
    STORED = "stored"
    PRESENT = "present"  # durable before: the caller verifies its bytes before it says so
    REPAIRED = "repaired"


@record
class Stored:
    """`number` is the blob's place in this node's feed of its origin."""

    outcome: Outcome
    number: int


@dataclass(slots=True)
class Job:
    """Committed as one: after a crash all of it is there or nothing. `results` follow `own`, then `foreign`.

    `marks` are rows to advance with it; `damage` to `events` are what a scrub, or somebody who read, has found and can
    put right without other bytes; `tags` are versions of records that come back, older than those that are here;
    `extra` is written in the same batch.
    """

    own: list[OwnBlob] = field(default_factory=list)
    foreign: list[ForeignBlob] = field(default_factory=list)
    damage: list[Damage] = field(default_factory=list)
    remade: list[Remade] = field(default_factory=list)
    feed_mends: list[FeedMend] = field(default_factory=list)
    signed_again: list[SignedAgain] = field(default_factory=list)
    dropped: list[Dropped] = field(default_factory=list)
    adopted: list[Adopted] = field(default_factory=list)
    recounts: list[Recount] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    marks: dict[tuple[NodeNumber, NodeNumber], MarkRow] = field(default_factory=dict)
    tags: dict[bytes, list[TagVersion]] = field(default_factory=dict)
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
