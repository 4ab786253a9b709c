"""Lists here that no longer count, because their key was retired with a bound below them: had anew, or asked for.

Their origin signs them again under the key in use (signing_again.py), and the body stays what it is. Until this node
has the new signature it holds recordings, and is counted for them, that it may give back to nobody: not even to the
origin, when that has lost its disk. So who holds such lists asks for the entries, the origin or another holder, and
whoever offers them brings the lists along. Bytes do not move again.

What a thief of the key has signed lies here too, and is never signed again: the questions become rare.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import trio

from lumbung_cluster import limits
from lumbung_cluster.entry import EntryList, SignedList
from lumbung_cluster.errors import BlobDamaged
from lumbung_cluster.feed import Mark
from lumbung_cluster.ids import BlobId, NodeNumber
from lumbung_node.ports.keyvalue import Family
from lumbung_node.services.core import Core
from lumbung_node.services.session.link import FrameLink
from lumbung_node.services.session.vouched import is_vouched_raw
from lumbung_node.store.jobs import Job
from lumbung_node.store.layout import ListPlace, list_key, lists_from, lists_span, pack_list, unpack_list
from lumbung_node.store.reads import is_intact
from lumbung_proto.v1 import peer_pb2

__all__ = ["VoidLists", "renew_lists"]

_PAGE_LISTS = 64  # 120 KB
_Rows = Sequence[tuple[bytes, bytes]]


async def renew_lists(core: Core, origin: NodeNumber, lists: Iterable[SignedList]) -> None:
    """Keep these, which count and whose signatures are good, in the place of the same lists under keys that do not."""
    if not _bounds(core, origin):
        return
    offered = {list_key(origin, ListPlace.of(signed, 0)): signed for signed in lists}
    try:
        held = await core.store.kv.get(Family.LISTS, list(offered))
    except BlobDamaged:  # a row that a scrub is about to mend; they are asked for again
        core.store.state.suspected.beat()
        return
    job, count = Job(), 0
    for (key, signed), value in zip(offered.items(), held, strict=True):
        if value is not None and _is_void(core, origin, value) and unpack_list(value)[0] == signed.body:
            job.extra.put(Family.LISTS, key, pack_list(signed.body, signed.signature))
            count += 1
    if count:
        await core.store.committer.commit(job)
        core.log.info("lists renewed", origin=origin, lists=count)


class VoidLists:
    """Of one session: those of others' recordings that the peer holds too. `run` returns when there are none."""

    def __init__(self, core: Core, link: FrameLink, peer: NodeNumber) -> None:
        self._core = core
        self._link = link
        self._peer = peer

    async def run(self) -> None:
        """A roster that retires a key ends all sessions: what is void then is found at the start of the next one."""
        wait_s, before = limits.VOID_LISTS_ASK_S, 0
        while count := await self._ask_for_all():
            # Less than before: the origin has signed some again, and may have more of them.
            wait_s = limits.VOID_LISTS_ASK_S if count < before else min(2 * wait_s, limits.VOID_LISTS_ASK_S_MAX)
            before = count
            await trio.sleep(wait_s)

    async def _ask_for_all(self) -> int:
        """How many entries the peer was asked for."""
        core, count = self._core, 0
        for origin in core.rosters.roster.origins_shared(core.number, self._peer):
            if origin == core.number:
                continue
            try:
                blobs = await self._void(origin)
            except BlobDamaged as exc:  # a row that a scrub is about to mend
                core.log.warning("void lists not looked at", origin=origin, reason=str(exc))
                core.store.state.suspected.beat()
                continue
            for at in range(0, len(blobs), limits.PROVE_IDS_MAX):
                ids = [blob.raw for blob in blobs[at : at + limits.PROVE_IDS_MAX]]
                await self._link.send(peer_pb2.SessionFrame(need=peer_pb2.Need(origin=origin, ids=ids)))
            count += len(blobs)
        return count

    async def _void(self, origin: NodeNumber) -> list[BlobId]:
        """What lies intact here under lists that do not count, at most VOID_LISTS_IDS_MAX: from each bound on, and from
        the end back, until a page has none."""
        found: dict[BlobId, None] = {}
        first, behind = lists_span(origin)
        bounds = _bounds(self._core, origin)
        for bound in bounds:
            start = lists_from(origin, bound.generation, _first_behind(bound))
            while (page := await self._page(start, behind)) and await self._add_void(origin, page, found):
                start = page[-1][0] + b"\0"
        if bounds:
            while (page := await self._page(first, behind, backwards=True)) and await self._add_void(
                origin, page, found
            ):
                behind = page[-1][0]
        return list(found)[: limits.VOID_LISTS_IDS_MAX]

    async def _page(self, first: bytes, behind: bytes, *, backwards: bool = False) -> _Rows:
        return await self._core.store.kv.scan(Family.LISTS, first, behind, _PAGE_LISTS, backwards=backwards)

    async def _add_void(self, origin: NodeNumber, page: _Rows, found: dict[BlobId, None]) -> bool:
        """Whether to look further: the page had some, and not enough are found."""
        is_any = False
        for key, value in page:
            if not _is_void(self._core, origin, value):
                continue
            is_any = True
            blobs = [entry.blob for entry in EntryList.parse(unpack_list(value)[0]).entries]
            rows = await self._core.store.reader.rows(origin, blobs)
            for blob, row in zip(blobs, rows, strict=True):
                if row is not None and is_intact(row) and list_key(origin, row.signed) == key:
                    found[blob] = None
        return is_any and len(found) < limits.VOID_LISTS_IDS_MAX


def _bounds(core: Core, origin: NodeNumber) -> list[Mark]:
    return [key.bound for key in core.rosters.roster.entry_keys(origin) if key.bound is not None]


def _first_behind(bound: Mark) -> int:
    """No list that begins below it reaches behind the bound."""
    return max(0, bound.number - limits.LIST_ENTRIES_MAX + 1)


def _is_void(core: Core, origin: NodeNumber, value: bytes) -> bool:
    return not is_vouched_raw(core.rosters.roster, *unpack_list(value), origin)
