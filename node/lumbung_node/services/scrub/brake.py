"""Letting the brake go: an operator has looked, so the evidence goes and healing is routine again."""

from __future__ import annotations

from dataclasses import replace

import trio

from lumbung_cluster.ids import BlobId, NodeNumber
from lumbung_node.ports.keyvalue import Family
from lumbung_node.services.core import Core
from lumbung_node.store.events import NO_BLOB, Event, EventKind, FoundBy
from lumbung_node.store.jobs import Job
from lumbung_node.store.layout import place_key
from lumbung_node.store.scrub_rows import Evidence, brake_key

__all__ = ["confirm"]

_PAGE_ROWS = 1000


async def confirm(core: Core) -> tuple[tuple[NodeNumber, ...], int]:
    """Give the space of the evidence back and take the brake off; the origins that it was on for, and the bytes freed.

    Evidence first: a crash in between leaves the brake on, and an operator confirms once more. One who hangs up
    meanwhile has confirmed, and of two at once the second one finds nothing left.
    """
    book = core.store.state.scrub
    async with book.confirming:
        origins = tuple(sorted(book.brakes))
        with trio.CancelScope(shield=True):
            freed_bytes = await _free_evidence(core)
            await _let_go(core, origins)
        return origins, freed_bytes


async def _free_evidence(core: Core) -> int:
    book, all_bytes = core.store.state.scrub, 0
    while page := await core.store.kv.scan(Family.SYSTEM, b"se", b"sf", _PAGE_ROWS):
        job, freed = Job(), 0
        for key, value in page:
            kept, place = Evidence.unpack(value), int.from_bytes(key[2:], "big")
            job.extra.delete_range(Family.CHUNKS, place_key(place), place_key(place + kept.chunks))
            job.extra.delete(Family.SYSTEM, key)
            freed += kept.size_bytes
        await core.store.committer.commit(job)
        book.evidence_bytes -= freed
        all_bytes += freed
    return all_bytes


async def _let_go(core: Core, origins: tuple[NodeNumber, ...]) -> None:
    book = core.store.state.scrub
    if origins:
        job = Job()
        for origin in origins:
            job.extra.delete(Family.SYSTEM, brake_key(origin))
            job.events.append(_confirmed(core, origin))
        await core.store.committer.commit(job)
    for origin in origins:
        book.brakes.pop(origin, None)
        book.origins[origin] = replace(book.progress(origin), wrong=0)


def _confirmed(core: Core, origin: NodeNumber, blob: BlobId = NO_BLOB) -> Event:
    return Event(EventKind.CONFIRMED, FoundBy.SCRUB, True, origin, blob, 0, core.clock.now_ms())
