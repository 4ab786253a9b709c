"""Entries under our own number that somebody brings home: did we ever sign them?

A key that was retired is good up to a bound: (generation, number, running hash). The hash makes it exact at the one
node that has the feed it was read from, ours, while that feed is here: a list of that generation below the bound is
ours only if its numbers have in our feed the very hashes that the list makes. What is not ours was signed with a stolen
key. It is taken in all the same, because holders must have equal sets, and told to people (ENTRY_NOT_OURS).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lumbung_cluster import limits
from lumbung_cluster.entry import SignedList
from lumbung_cluster.feed import Mark, next_hash
from lumbung_cluster.ids import BlobId, NodeNumber
from lumbung_cluster.roster import Roster
from lumbung_node.ports.keyvalue import Family
from lumbung_node.services.core import Core
from lumbung_node.store.jobs import Job
from lumbung_node.store.scrub_rows import not_ours_key

__all__ = ["note_not_ours"]


async def note_not_ours(core: Core, source: NodeNumber, lists: Iterable[SignedList]) -> None:
    """Say durably which of these lists of our own origin, whose signatures are good, this node never signed."""
    found: list[BlobId] = []
    for signed in lists:
        bound = _bound_of(core.rosters.roster, signed, core)
        if bound is not None and not await _is_in_our_feed(core, signed, bound):
            found += [entry.blob for entry in signed.content.entries]
    known = core.store.state.scrub.not_ours
    news = [blob for blob in found if blob not in known][: max(0, limits.NOT_OURS_KEPT_MAX - len(known))]
    if not news:
        return
    now_ms, job = core.clock.now_ms(), Job()
    for blob in news:
        job.extra.put(Family.SYSTEM, not_ours_key(blob), now_ms.to_bytes(8, "big"))
    await core.store.committer.commit(job)
    known.update(dict.fromkeys(news, now_ms))
    core.log.error("entries never signed here", peer=source, ids=[blob.raw.hex() for blob in news])


def _bound_of(roster: Roster, signed: SignedList, core: Core) -> Mark | None:
    """The bound of the retired key that signed it, when it speaks of the generation that signed the list."""
    for key in roster.entry_keys(core.number):
        is_of_life = key.bound is not None and key.bound.generation == signed.content.generation
        if key.key == signed.signature.key_public and is_of_life:
            return key.bound
    return None


async def _is_in_our_feed(core: Core, signed: SignedList, bound: Mark) -> bool:
    """True too where we cannot tell: after a wipe our feed is another one than that of the bound."""
    content, reader = signed.content, core.store.reader
    if await reader.hash_at(core.number, bound.number) != bound.running_hash:
        return True
    numbers = range(content.first, content.first + len(content.entries))
    rows = await reader.feed_rows(core.number, numbers)
    return all(
        number not in rows or rows[number].running_hash == running_hash
        for number, running_hash in zip(numbers, _hashes(signed), strict=True)
    )


def _hashes(signed: SignedList) -> Sequence[bytes]:
    hashes, running_hash = [], signed.content.previous
    for entry in signed.content.entries:
        running_hash = next_hash(running_hash, entry)
        hashes.append(running_hash)
    return hashes
