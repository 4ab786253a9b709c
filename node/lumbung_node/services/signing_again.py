"""Own recordings behind the bound of a key that was retired since: signed again, under the key in use.

It happens when a roster retires a key with a bound that was read too early, or when an old key came back from a backup:
what was recorded meanwhile counts nowhere, and no copy of it would ever be made. The list's body stays what it is, so
numbers, hashes and places stay too; only key and signature change.

Only what stands in our own feed exactly as the list says, number and running hash, is signed again: what a thief of the
key has signed may lie here too, and never does.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

import trio

from lumbung_cluster import limits
from lumbung_cluster.canonical import Malformed
from lumbung_cluster.entry import EntryList
from lumbung_cluster.errors import BlobDamaged
from lumbung_cluster.feed import Mark, next_hash
from lumbung_cluster.roster_node import KeyUse
from lumbung_cluster.signed import Domain, sign
from lumbung_node.ports.keyvalue import Family
from lumbung_node.services.core import Core
from lumbung_node.services.keyring import KeyRing
from lumbung_node.services.session.vouched import is_vouched_raw
from lumbung_node.store.jobs import Job
from lumbung_node.store.layout import FeedRow, list_key, pack_list

__all__ = ["SigningAgain"]

_AGAIN_S = 600.0
_Rows = Sequence[tuple[int, FeedRow]]


class SigningAgain:
    """`run` looks at the start, and whenever a roster or the key in use has changed."""

    def __init__(self, core: Core, keys: KeyRing) -> None:
        self._core = core
        self._keys = keys

    async def run(self) -> None:
        core = self._core
        while True:
            changed, again_s = trio.Event(), math.inf
            with core.rosters.roster_changed.heard_by(changed.set), self._keys.changed.heard_by(changed.set):
                try:
                    await self.look()
                except BlobDamaged as exc:  # a row that a scrub is about to mend
                    core.log.warning("recordings not looked at", reason=str(exc))
                    again_s = _AGAIN_S
                with trio.move_on_after(again_s):
                    await changed.wait()

    async def look(self) -> int:
        """How many lists were signed again. From each bound on, and from the end back, until a page needs nothing:
        who changed keys went over from one to the next, and perhaps back to an old one."""
        core, keys = self._core, self._keys
        bounds = [key.bound for key in core.rosters.roster.entry_keys(core.number) if key.bound is not None]
        starts = [await self._start(bound) for bound in bounds]
        if not starts or core.condition.stopped or not keys.is_in_force(KeyUse.ENTRY, keys.entry.public_key):
            return 0
        reader, origin = core.store.reader, core.number
        before = core.store.state.end(origin).number + 1
        # One clean page ends a walk, and what lies behind one bound may be clean up to the next.
        counts = [await self._walk(partial(reader.feed, origin), start) for start in sorted(set(starts))]
        count = sum(counts) + await self._walk(partial(reader.feed_before, origin), before)
        if count:
            core.log.warning("recordings signed again", lists=count, key=keys.entry.public_key.hex()[:16])
        return count

    async def _start(self, bound: Mark) -> int:
        """Behind the bound where our feed is the one that it was read from; else anything may be of after it."""
        held = await self._core.store.reader.hash_at(self._core.number, bound.number)
        return bound.number if held == bound.running_hash else 0

    async def _walk(self, page: Callable[[int, int], Awaitable[_Rows]], at: int) -> int:
        """Page by page from `at` until one needs nothing; how many lists were signed again."""
        count = 0
        while (rows := await page(at, limits.OFFER_ENTRIES_MAX)) and (done := await self._mend(rows)):
            count, at = count + done, rows[-1][0]
        return count

    async def _mend(self, rows: _Rows) -> int:
        """Sign again what of these rows needs it; how many lists."""
        core, origin = self._core, self._core.number
        roster, signer = core.rosters.roster, self._keys.entry
        places = {row.signed.list: row.signed for _, row in rows}
        found = await core.store.reader.signed_bytes(origin, list(places.values()))
        job, count = Job(), 0
        for place, signed in zip(places.values(), found, strict=True):
            try:
                is_good = signed is None or is_vouched_raw(roster, *signed, origin)
            except Malformed:  # rotten: a scrub makes it anew, and the others must not wait for that
                core.store.state.suspected.beat()
                continue
            if signed is None or is_good:
                continue
            body = signed[0]
            of_list = [(number, row) for number, row in rows if row.signed.list == place.list]
            if _is_our_own(EntryList.parse(body), of_list):
                job.extra.put(Family.LISTS, list_key(origin, place), pack_list(body, sign(Domain.ENTRY, body, signer)))
                count += 1
        if count:
            await core.store.committer.commit(job)
        return count


def _is_our_own(content: EntryList, rows: _Rows) -> bool:
    """Whether these rows of our feed are what the list says: the running hash covers everything up to them."""
    hashes, running_hash = [], content.previous
    for entry in content.entries:
        running_hash = next_hash(running_hash, entry)
        hashes.append(running_hash)
    return all(
        number == content.first + row.signed.index and row.running_hash == hashes[row.signed.index]
        for number, row in rows
    )
