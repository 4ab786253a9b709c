"""Builds of different age: on one line they speak what both know, and a disk is brought up without a way back."""

from __future__ import annotations

import random

import pytest
import trio
import trio.testing

from lumbung_cluster.errors import OutcomeUnknown, Rejected, StatusCode, StoreMisconfigured
from lumbung_cluster.wire import SPOKEN, WireRange
from lumbung_node.ports.keyvalue import Batch, Family, KeyValue
from lumbung_node.services.session.greeting import make_hello, read_hello
from lumbung_node.store.formats import UPGRADES, Upgrade, bring_to_format, history_key
from lumbung_node.store.state import KEY_FORMAT
from lumbung_proto.v1 import peer_pb2
from lumbung_testing.session_pair import OFFICE, PEER, Box, box, connected, living, put, until_proven
from lumbung_testing.virtual_disk import VirtualDisk
from lumbung_testing.world import ListLog

NOW_MS = 1_795_500_000_000
OLD, BEFORE, NEWER = WireRange(0, 0), WireRange(0, 1), WireRange(4, 5)


def speaking(wire: WireRange, number_box: Box) -> Box:
    number_box.wire = wire
    return number_box


# --- the line --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("theirs", "spoken"), [(OLD, 0), (BEFORE, 1), (WireRange(0, 2), 2), (SPOKEN, 3), (WireRange(0, 7), 3)]
)
async def test_two_builds_replicate_under_the_highest_version_that_both_know(
    autojump_clock: trio.testing.MockClock, theirs: WireRange, spoken: int
) -> None:
    async with living(box(OFFICE)) as office, living(speaking(theirs, box(PEER))) as peer:
        await put(office, [b"one", b"two"])
        async with connected(office, peer) as (ours, _):
            await until_proven(office, PEER, 2)
            assert ours.greeting is not None
            assert ours.greeting.wire == spoken


async def test_a_build_that_is_too_new_is_refused_with_a_sentence_on_either_side() -> None:
    async with living(box(OFFICE)) as office, living(speaking(NEWER, box(PEER))) as peer:
        for speaker, listener, told in ((peer, office, "ours"), (office, peer, "yours")):
            hello = peer_pb2.SessionFrame(hello=make_hello(speaker, listener.number))
            with pytest.raises(Rejected, match=f"no common wire version.*update the older lumbung, {told}") as refused:
                read_hello(hello, listener.wire)
            assert refused.value.code is StatusCode.FAILED_PRECONDITION


async def test_a_frame_of_tomorrow_is_passed_over_and_the_session_goes_on(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with living(box(OFFICE)) as office, living(box(PEER)) as peer, connected(office, peer) as (ours, theirs):
        await theirs.settled.wait()
        await ours.settled.wait()
        unknown = peer_pb2.SessionFrame()
        unknown.ParseFromString(b"\xc2\x3e\x02hi")  # field 1000, which no version has yet
        await theirs._link.send(unknown)
        await put(office, [b"after it"])
        await until_proven(office, PEER, 1)
        assert not ours.ended.is_set()


# --- the disk --------------------------------------------------------------------------------------------------


async def format_of(kv: KeyValue) -> int:
    (row,) = await kv.get(Family.SYSTEM, [KEY_FORMAT])
    return int.from_bytes(row or b"", "big")


async def bring(kv: KeyValue, level: int, log: ListLog | None = None) -> int:
    return await bring_to_format(kv, level, "9.9", NOW_MS, log or ListLog())


async def test_a_new_build_goes_on_writing_the_old_format_until_the_roster_asks_for_more() -> None:
    disk = VirtualDisk()
    kv = await disk.open()

    assert await bring(kv, 0) == 0
    assert await format_of(kv) == 0
    assert await bring(kv, 1) == 1
    assert await format_of(kv) == 1
    (stamp,) = await kv.get(Family.SYSTEM, [history_key(1)])
    assert stamp == NOW_MS.to_bytes(8, "big") + b"9.9"


async def test_an_upgrade_says_first_what_cannot_be_undone() -> None:
    log = ListLog()
    kv = await VirtualDisk().open()

    await bring(kv, 1, log)
    await bring(kv, 1, log)

    assert log.said("disk upgraded, an older lumbung can no longer open it") == [{"before": 0, "after": 1}]


async def test_a_disk_stays_upgraded_when_the_roster_is_an_older_one_again() -> None:
    disk = VirtualDisk()
    await bring(await disk.open(), 1)
    disk.crash(random.Random(1))

    assert await bring(await disk.open(), 0) == 1


@pytest.mark.parametrize("seed", range(8))
async def test_a_crash_inside_an_upgrade_leaves_the_old_format_or_the_new_one_whole(seed: int) -> None:
    disk = VirtualDisk()
    kv = await disk.open()
    batch = Batch()
    batch.put(Family.SYSTEM, KEY_FORMAT, bytes(4))
    batch.put(Family.SYSTEM, b"row", b"old shape")
    await kv.write(batch)
    await kv.sync()

    async def reshape(_kv: KeyValue, _stamp: bytes) -> Batch:
        changed = Batch()
        changed.put(Family.SYSTEM, b"row", b"new shape")
        return changed

    async def no_sync() -> None:
        raise OutcomeUnknown("the power went")

    kv.sync = no_sync  # type: ignore[method-assign]
    with pytest.raises(OutcomeUnknown):
        await bring_to_format(kv, 1, "9.9", NOW_MS, ListLog(), (Upgrade(1, reshape),))
    disk.crash(random.Random(seed))
    kv = await disk.open()
    (row,) = await kv.get(Family.SYSTEM, [b"row"])

    assert (await format_of(kv), row) in ((0, b"old shape"), (1, b"new shape"))
    assert await bring_to_format(kv, 1, "9.9", NOW_MS, ListLog(), (Upgrade(1, reshape),)) == 1
    (row,) = await kv.get(Family.SYSTEM, [b"row"])
    assert row == b"new shape"


async def test_a_newer_disk_is_refused_with_a_sentence_and_nothing_is_written() -> None:
    disk = VirtualDisk()
    kv = await disk.open()
    batch = Batch()
    batch.put(Family.SYSTEM, KEY_FORMAT, (UPGRADES[-1].reaches + 1).to_bytes(4, "big"))
    await kv.write(batch)
    await kv.sync()
    before = await kv.scan(Family.SYSTEM, b"", b"\xff" * 40, 100)

    with pytest.raises(StoreMisconfigured, match="this lumbung reads up to 1, the folder has 2; install the newer"):
        await bring(kv, 1)

    assert await kv.scan(Family.SYSTEM, b"", b"\xff" * 40, 100) == before
