"""Feeds and marks: numbers are cursors, the running hash tells whether they still mean the same thing.

A node keeps one feed per origin: the entries of that origin in the order in which this node learnt them, numbered from
1, kept for ever. Row n carries h(n) = BLAKE3("lumbung/feed/0" 00 ‖ h(n-1) ‖ the entry's 53 bytes), where h(0) =
BLAKE3("lumbung/feed/0" 00 ‖ cluster id ‖ holder u32 ‖ origin u32).

A receiver's mark of a sender's feed is (sender's generation, number, h(number)). Rules (DESIGN 5):
  believed      the generation is the sender's present one, the number is not past its durable end, the hash is equal
  not believed  anything else: the lanes in feed order wait until reconcile has settled another mark
A mark is never evidence that a copy exists; receipts are.
"""

from __future__ import annotations

from enum import Enum

from blake3 import blake3

from lumbung_cluster.entry import Entry
from lumbung_cluster.ids import ClusterId, Generation, NodeNumber
from lumbung_cluster.record import record

__all__ = ["HASH_SIZE_BYTES", "FeedEnd", "Mark", "MarkVerdict", "first_hash", "judge_mark", "next_hash"]

HASH_SIZE_BYTES = 32
_DOMAIN = b"lumbung/feed/0\0"


@record
class Mark:
    """How far a receiver has durably applied a sender's feed of one origin."""

    generation: Generation
    number: int
    running_hash: bytes


@record
class FeedEnd:
    """The durable end of a node's feed of one origin: what lies behind it does not leave the node."""

    number: int
    running_hash: bytes


class MarkVerdict(Enum):
    BELIEVED = "believed"
    NONE = "the receiver has no mark"
    OTHER_GENERATION = "the mark is of another generation"
    PAST_THE_END = "the mark is past the end of this feed"  # this node lost rows that it once showed: a doubt
    OTHER_HISTORY = "the running hash differs"  # the same number, another history: a doubt

    @property
    def is_believed(self) -> bool:
        return self is MarkVerdict.BELIEVED

    @property
    def is_doubt_about_sender(self) -> bool:
        """The peer saw, under our present generation, what we no longer have: our own folder was rolled back."""
        return self in (MarkVerdict.PAST_THE_END, MarkVerdict.OTHER_HISTORY)


def first_hash(cluster: ClusterId, holder: NodeNumber, origin: NodeNumber) -> bytes:
    """h(0) of `holder`'s feed of `origin`."""
    return blake3(_DOMAIN + cluster.raw + holder.to_bytes(4, "big") + origin.to_bytes(4, "big")).digest()


def next_hash(previous: bytes, entry: Entry) -> bytes:
    """h(n) from h(n-1) and entry n."""
    return blake3(_DOMAIN + previous + entry.pack()).digest()


def judge_mark(mark: Mark | None, generation: Generation, end: FeedEnd, hash_at_mark: bytes | None) -> MarkVerdict:
    """Whether a sender may go on from a receiver's mark.

    `generation` and `end` are the sender's; `hash_at_mark` is the sender's running hash at `mark.number`, None when
    its feed has no such row.
    """
    if mark is None or mark.number == 0:
        return MarkVerdict.NONE
    if mark.generation != generation:
        return MarkVerdict.OTHER_GENERATION
    if mark.number > end.number or hash_at_mark is None:
        return MarkVerdict.PAST_THE_END
    if mark.running_hash != hash_at_mark:
        return MarkVerdict.OTHER_HISTORY
    return MarkVerdict.BELIEVED
