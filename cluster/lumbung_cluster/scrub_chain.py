"""The feed's running hashes, checked: which links hold, which row's hash is wrong, and what it ought to be.

Row n carries h(n), made of h(n-1) and entry n (feed.py). One wrong hash breaks two links, its own and the next one's;
one entry that is not the entry of then breaks one. So each case names itself:

    h(n) wrong       links n and n+1 break, and the hash made from h(n-1) and entry n leads to h(n+1): put that there
    entry n another  only link n breaks. It happens when a lost list came back as another one that its origin signed for
                     the same blob; hashes are cursors, and both sides go on comparing what they have: leave it
    anything else    the history itself is not what it was: a doubt
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from lumbung_cluster.entry import Entry
from lumbung_cluster.feed import next_hash

__all__ = ["Link", "LinkState", "judge_links"]


class LinkState(Enum):
    HOLDS = "holds"
    WRONG_HASH = "the row's hash is wrong"
    OTHER_ENTRY = "the entry is another one than was hashed"
    BROKEN = "the history is not what it was"
    UNKNOWN = "row or entry is not there"


@dataclass(frozen=True, slots=True)
class Link:
    """One row of a feed: its stored hash and its entry, None for what is lost."""

    running_hash: bytes | None
    entry: Entry | None


def judge_links(previous: bytes | None, links: Sequence[Link], ahead: Link | None) -> list[tuple[LinkState, bytes]]:
    """Each link's state, and the hash that belongs there; empty when it cannot be told.

    `previous` is the hash before the first link, None when it is lost. `ahead` is the row behind the last link, None
    at the feed's end: then nothing confirms the last link, and a last one that does not hold is BROKEN.
    """
    found: list[tuple[LinkState, bytes]] = []
    following: list[Link | None] = [*links[1:], ahead]
    for link, after in zip(links, following, strict=True):
        state, right = _judge(previous, link, after)
        found.append((state, right))
        previous = right or None
    return found


def _judge(previous: bytes | None, link: Link, after: Link | None) -> tuple[LinkState, bytes]:
    made = next_hash(previous, link.entry) if previous is not None and link.entry is not None else None
    stored = link.running_hash
    if made is not None and stored == made:
        return LinkState.HOLDS, made
    if made is not None and _leads(made, after):
        return (LinkState.UNKNOWN if stored is None else LinkState.WRONG_HASH), made
    if stored is None:
        return LinkState.UNKNOWN, made or b""
    if made is None:
        return LinkState.UNKNOWN, stored
    return (LinkState.OTHER_ENTRY if _leads(stored, after) else LinkState.BROKEN), stored


def _leads(running_hash: bytes, after: Link | None) -> bool:
    """Whether the next row confirms this hash."""
    if after is None or after.entry is None or after.running_hash is None:
        return False
    return next_hash(running_hash, after.entry) == after.running_hash
