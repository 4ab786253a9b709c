"""A set-aside store is read entry by verified entry while the node works; what cannot be read is told."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
import trio
import trio.testing

from lumbung_cluster import limits
from lumbung_cluster.errors import DiskFailed
from lumbung_cluster.ids import BlobId, NodeNumber
from lumbung_node.ports.aside import Source
from lumbung_node.ports.keyvalue import Family
from lumbung_node.services.core import Core
from lumbung_node.services.session.arrivals import Arrivals
from lumbung_node.services.takeover import Takeover
from lumbung_node.store.jobs import Content, Job, OwnBlob
from lumbung_node.store.layout import list_key, place_key
from lumbung_node.store.takeovers import TakeoverState
from lumbung_testing.session_pair import OFFICE, PEER, Box, box, connected, living, put, until_proven
from lumbung_testing.virtual_aside import VirtualAside
from lumbung_testing.virtual_tables import Tables

CONTENTS = [f"blob {n} of the office".encode() * 50 for n in range(150)]
LARGE = bytes(9_000_000)


async def set_aside(at: Box) -> tuple[VirtualAside, Tables]:
    aside = VirtualAside(at.disk)
    name = await aside.set_aside(1)
    return aside, aside.tables[name]


@asynccontextmanager
async def taking_over(core: Core, aside: VirtualAside) -> AsyncIterator[Takeover]:
    takeover = Takeover(core, aside, Arrivals(core))
    await takeover.load()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(takeover.run)
        yield takeover
        nursery.cancel_scope.cancel()


async def until_over(takeover: Takeover) -> None:
    with trio.fail_after(600):
        while any(row.state is TakeoverState.RUNNING for row in takeover.rows.values()):  # noqa: ASYNC110
            await trio.sleep(0.1)


async def held(core: Core, origin: NodeNumber, contents: list[bytes]) -> list[bytes]:
    """Those that are read back whole."""
    found = []
    for content in contents:
        blob = BlobId.of(content)
        row = await core.store.reader.row(origin, blob)
        if row is not None:
            await core.store.reader.verify(blob, row)
            found.append(content)
    return found


async def test_everything_of_both_origins_comes_back_and_is_signed_as_before(
    autojump_clock: trio.testing.MockClock,
) -> None:
    office_box, peer_box = box(OFFICE), box(PEER)
    async with living(peer_box) as peer, living(office_box) as office:
        await put(office, [*CONTENTS, LARGE])
        await put(peer, [b"of the peer"])
        async with connected(office, peer):
            await until_proven(office, PEER, len(CONTENTS) + 1)
    aside, _ = await set_aside(peer_box)
    async with living(peer_box) as peer, taking_over(peer, aside) as takeover:
        await until_over(takeover)
        (row,) = takeover.rows.values()
        assert (row.state, row.taken, row.lacking) == (TakeoverState.ENDED, len(CONTENTS) + 2, 0)
        assert await held(peer, OFFICE, [*CONTENTS, LARGE]) == [*CONTENTS, LARGE]
        assert await held(peer, PEER, [b"of the peer"]) == [b"of the peer"]
        assert peer.store.state.generation == 2


@pytest.mark.parametrize("damaged", [True, False])
async def test_bytes_that_changed_are_not_taken_and_are_counted(
    damaged: bool, autojump_clock: trio.testing.MockClock
) -> None:
    at = box(OFFICE)
    async with living(at) as office:
        await put(office, CONTENTS)
        row = await office.store.reader.row(OFFICE, BlobId.of(CONTENTS[7]))
        assert row is not None
    aside, tables = await set_aside(at)
    tables.overwrite(Family.CHUNKS, place_key(row.place), b"other bytes", damaged=damaged)
    async with living(at) as office, taking_over(office, aside) as takeover:
        await until_over(takeover)
        (told,) = takeover.rows.values()
        assert (told.taken, told.unreadable, told.lacking) == (len(CONTENTS) - 1, 1, 1)
        assert CONTENTS[7] not in await held(office, OFFICE, CONTENTS)


async def test_an_entry_whose_signature_is_not_its_origins_is_refused(autojump_clock: trio.testing.MockClock) -> None:
    at = box(OFFICE)
    async with living(at) as office:
        await put(office, CONTENTS[:1])
        row = await office.store.reader.row(OFFICE, BlobId.of(CONTENTS[0]))
        assert row is not None
    aside, tables = await set_aside(at)
    key = list_key(OFFICE, row.signed)
    packed = tables.get(Family.LISTS, key)
    assert packed is not None
    tables.overwrite(Family.LISTS, key, packed[:-1] + bytes([packed[-1] ^ 1]), damaged=False)
    async with living(at) as office, taking_over(office, aside) as takeover:
        await until_over(takeover)
        (told,) = takeover.rows.values()
        assert (told.taken, told.refused) == (0, 1)
        assert office.store.state.count(OFFICE).blobs == 0


async def test_a_gap_in_the_index_costs_only_what_lies_in_it(autojump_clock: trio.testing.MockClock) -> None:
    at = box(OFFICE)
    async with living(at) as office:
        await put(office, CONTENTS)
    aside, tables = await set_aside(at)
    bad = tables.all_keys(Family.BLOBS)[40]
    value = tables.get(Family.BLOBS, bad)
    assert value is not None
    tables.overwrite(Family.BLOBS, bad, value, damaged=True)
    async with living(at) as office, taking_over(office, aside) as takeover:
        await until_over(takeover)
        (told,) = takeover.rows.values()
        assert (told.taken, told.gaps, told.lacking) == (len(CONTENTS) - 1, 1, 1)


async def test_it_goes_on_where_a_crash_cut_it(autojump_clock: trio.testing.MockClock) -> None:
    at = box(OFFICE)
    async with living(at) as office:
        await put(office, CONTENTS)
    aside, _ = await set_aside(at)
    async with living(at) as office, taking_over(office, aside) as takeover:
        with trio.fail_after(600):
            while not next(iter(takeover.rows.values())).taken:  # noqa: ASYNC110
                await trio.sleep(0.001)
    before = next(iter(takeover.rows.values())).taken
    assert 0 < before < len(CONTENTS)
    async with living(at) as office, taking_over(office, aside) as takeover:
        assert next(iter(takeover.rows.values())).taken == before
        await until_over(takeover)
        (told,) = takeover.rows.values()
        assert (told.taken + told.present, told.lacking) == (len(CONTENTS), 0)
        assert told.present == 0


async def test_it_waits_while_the_disk_is_nearly_full(autojump_clock: trio.testing.MockClock) -> None:
    at = box(OFFICE)
    async with living(at) as office:
        await put(office, CONTENTS)
    aside, _ = await set_aside(at)
    async with living(at) as office:
        office.condition.refuses_own = True
        async with taking_over(office, aside) as takeover:
            await trio.sleep(60)
            assert office.store.state.count(OFFICE).blobs == 0
            office.condition.refuses_own = False
            await until_over(takeover)
            assert office.store.state.count(OFFICE).blobs == len(CONTENTS)


async def test_a_store_that_nothing_opens_is_told_so_for_ever(autojump_clock: trio.testing.MockClock) -> None:
    at = box(OFFICE)
    aside, _ = await set_aside(at)
    aside.refuses = set(aside.tables)
    for _ in range(2):
        async with living(at) as office, taking_over(office, aside) as takeover:
            await until_over(takeover)
            (told,) = takeover.rows.values()
            assert told.state is TakeoverState.REFUSES_TO_OPEN


async def test_one_that_cannot_be_opened_now_keeps_no_other_waiting(
    autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = box(OFFICE)
    async with living(at) as office:
        await put(office, CONTENTS[:3])
    aside, _ = await set_aside(at)
    async with living(at) as office:
        await put(office, CONTENTS[3:5])
    last = await aside.set_aside(2)
    opened = aside.open

    async def opens(name: str) -> Source:
        if name != last:
            raise DiskFailed(f"{name} cannot be read in any way: too many open files")
        return await opened(name)

    monkeypatch.setattr(aside, "open", opens)
    async with living(at) as office, taking_over(office, aside) as takeover:
        await trio.sleep(60)
        assert [row.taken for _, row in sorted(takeover.rows.items())] == [0, 2]
        monkeypatch.undo()
        await until_over(takeover)
        assert await held(office, OFFICE, CONTENTS[:5]) == CONTENTS[:5]


@dataclass(slots=True)
class _Failing:
    """Fails so many reads of some family with an error of the moment, then gives what `inner` has."""

    inner: Source
    family: Family
    left: list[int]

    async def get(self, family: Family, keys: Sequence[bytes]) -> list[bytes | None]:
        self._fail(family)
        return await self.inner.get(family, keys)

    async def scan(
        self, family: Family, first: bytes, behind: bytes, limit: int, *, backwards: bool = False
    ) -> list[tuple[bytes, bytes]]:
        self._fail(family)
        return await self.inner.scan(family, first, behind, limit, backwards=backwards)

    async def close(self) -> None:
        await self.inner.close()

    def _fail(self, family: Family) -> None:
        if family is self.family and self.left[0]:
            self.left[0] -= 1
            raise DiskFailed("reading: IO error: While open a file for random read: 000008.sst: Too many open files")


@asynccontextmanager
async def _taking_over_failing(family: Family, times: int) -> AsyncIterator[tuple[Core, Takeover]]:
    """The takeover of a store with `CONTENTS`, one of them under a tag, whose reads fail for a while."""
    at, left = box(OFFICE), [times]
    tagged = OwnBlob(BlobId.of(b"tagged"), Content(6, [b"tagged"]), 1, 0, b"\0" + b"t" * 32, b"c" * 33)
    async with living(at) as office:
        await put(office, CONTENTS)
        await office.store.committer.commit(Job(own=[tagged]))
    aside, _ = await set_aside(at)
    opened = aside.open

    async def opens(name: str) -> Source:
        return _Failing(await opened(name), family, left)

    aside.open = opens  # type: ignore[method-assign,assignment] # a disk that fails, not another store
    async with living(at) as office, taking_over(office, aside) as takeover:
        yield office, takeover


@pytest.mark.parametrize("family", [Family.BLOBS, Family.LISTS, Family.CHUNKS, Family.TAGS, Family.SYSTEM])
async def test_what_cannot_be_read_for_the_moment_is_read_later(
    autojump_clock: trio.testing.MockClock, family: Family
) -> None:
    """It was counted as lost for good, and the takeover was over: of an own recording there may be no other copy."""
    async with _taking_over_failing(family, 3) as (office, takeover):
        await until_over(takeover)
        (told,) = takeover.rows.values()
        assert (told.state, told.unreadable, told.refused, told.gaps) == (TakeoverState.ENDED, 0, 0, 0)
        assert (told.expected, told.lacking) == (len(CONTENTS) + 1, 0)
        assert await held(office, OFFICE, CONTENTS) == CONTENTS
        (versions,) = await office.store.reader.versions([b"\0" + b"t" * 32])
        assert [version.blob for version in versions] == [BlobId.of(b"tagged")]


async def test_a_place_that_never_gives_anything_ends_no_takeover(autojump_clock: trio.testing.MockClock) -> None:
    async with _taking_over_failing(Family.CHUNKS, 1 << 60) as (_, takeover):
        begun = trio.current_time()
        while not (told := next(iter(takeover.rows.values()))).unreadable:  # noqa: ASYNC110
            await trio.sleep(1)
        assert trio.current_time() - begun >= limits.TAKEOVER_TRIES_MAX * limits.TAKEOVER_WAIT_S
        assert told.state is TakeoverState.RUNNING


async def test_a_repeated_record_is_known_again_after_the_takeover(autojump_clock: trio.testing.MockClock) -> None:
    at, tag = box(OFFICE), b"\0" + b"t" * 32
    old = OwnBlob(BlobId.of(b"old"), Content(3, [b"old"]), 1, 0, tag, b"c" * 33)
    new = OwnBlob(BlobId.of(b"new"), Content(3, [b"new"]), 1, 0, tag, b"d" * 33)
    async with living(at) as office:
        await office.store.committer.commit(Job(own=[old]))
    aside, _ = await set_aside(at)
    async with living(at) as office:
        await office.store.committer.commit(Job(own=[new]))  # recorded before the takeover has come so far
        async with taking_over(office, aside) as takeover:
            await until_over(takeover)
        (versions,) = await office.store.reader.versions([tag])
        assert [version.blob for version in versions] == [old.blob, new.blob]
