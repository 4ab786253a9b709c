"""Scrubs of real stores on virtual disks: what they all wait for and look at."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import trio
import trio.lowlevel
import trio.testing

from lumbung_cluster.ids import BlobId, Generation, NodeNumber
from lumbung_cluster.scrub_pace import ScrubSettings
from lumbung_node.ports.keyvalue import Family
from lumbung_node.services.core import Core
from lumbung_node.services.scrub.scrubber import Scrubber
from lumbung_node.store.events import EventKind, recent_events
from lumbung_node.store.layout import (
    BlobRow,
    RowState,
    blob_key,
    feed_key,
    list_key,
    number_key,
)
from lumbung_testing.virtual_disk import VirtualDisk

__all__ = [
    "CONTENTS",
    "LUCK",
    "OFFICE",
    "PEER",
    "SETTINGS",
    "is_whole",
    "kinds",
    "lose_commits",
    "passes",
    "row_of",
    "scrubbing",
]

OFFICE, PEER = NodeNumber(1), NodeNumber(2)
SETTINGS = ScrubSettings(period_s=60.0, start_delay_s=1.0)
LUCK = random.Random(5)
CONTENTS = [b"recording %d" % n + bytes(n) for n in range(30)]


@asynccontextmanager
async def scrubbing(core: Core, settings: ScrubSettings = SETTINGS) -> AsyncIterator[Scrubber]:
    async def doubt(reason: str) -> None:
        await core.store.start_generation(Generation(core.store.state.generation + 1))

    core.store.state.scrub.brake = settings.brake
    scrubber = Scrubber(core, settings, doubt)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(scrubber.run)
        yield scrubber
        nursery.cancel_scope.cancel()


async def passes(core: Core, count: int = 1) -> None:
    """Wait until so many passes have ended that began from now on, or were under way."""
    book = core.store.state.scrub
    with trio.fail_after(3600):
        for _ in range(count):
            before = book.pass_row.begun_ms if book.pass_row.ended_ms else 0
            while book.pass_row.begun_ms == before or not book.pass_row.ended_ms:  # noqa: ASYNC110 (polled)
                await trio.sleep(0.5)


async def row_of(core: Core, content: bytes) -> BlobRow:
    row = await core.store.reader.row(OFFICE, BlobId.of(content))
    assert row is not None
    return row


async def kinds(core: Core) -> list[EventKind]:
    """What the events tell, the oldest first."""
    return [event.kind for _, event in reversed(await recent_events(core.store.kv, 1000))]


async def is_whole(core: Core, contents: Sequence[bytes]) -> bool:
    for content in contents:
        row = await core.store.reader.row(OFFICE, BlobId.of(content))
        if row is None or row.state is not RowState.INTACT:
            return False
        (signed,) = await core.store.reader.lists(OFFICE, [row.signed])
        if signed is None or signed.content.entries[row.signed.index].blob != BlobId.of(content):
            return False
        if await core.store.reader.read_whole(BlobId.of(content), row) != content:
            return False
    rows = await core.store.reader.feed(OFFICE, 0, 1000)
    return [number for number, _ in rows] == list(range(1, len(contents) + 1))


def lose_commits(disk: VirtualDisk, rows: dict[BlobId, BlobRow], *, with_blob_rows: bool) -> None:
    """All that a group commit has written of these recordings goes, but for their bytes; their rows too if asked."""
    for blob, row in rows.items():
        disk.lose(Family.FEEDS, feed_key(OFFICE, row.number))
        disk.lose(Family.LISTS, list_key(OFFICE, row.signed))
        if with_blob_rows:
            disk.lose(Family.FEEDS, number_key(OFFICE, blob))
            disk.lose(Family.BLOBS, blob_key(OFFICE, blob))
