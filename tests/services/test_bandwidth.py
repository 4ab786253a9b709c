"""A link with a bandwidth window: the rate is kept, and new recordings do not wait for the backlog."""

from __future__ import annotations

import trio
import trio.testing

from lumbung_cluster.ids import BlobId
from lumbung_cluster.schedule import Schedule, TimeZone, Weekday, Window
from lumbung_testing.session_pair import LUCK, OFFICE, PEER, box, connected, living, put, until_proven

_RATE = 64_000.0
_BLOB_BYTES = 300_000


def _always(send: float | None, receive: float | None, backlog_percent: int) -> Schedule:
    window = Window(0, 24 * 60, tuple(Weekday), (), send, receive, backlog_percent)
    return Schedule(TimeZone.WIB, (window,))


async def _time_to_replicate(schedule_of_office: Schedule | None, schedule_of_peer: Schedule | None) -> float:
    office_box, peer_box = box(OFFICE), box(PEER)
    office_box.schedule = schedule_of_office or office_box.schedule
    peer_box.schedule = schedule_of_peer or peer_box.schedule
    async with living(office_box) as office, living(peer_box) as peer, connected(office, peer):
        await trio.sleep(1)
        begun = trio.current_time()
        await put(office, [LUCK.randbytes(_BLOB_BYTES) for _ in range(10)])
        await until_proven(office, PEER, 10)
        return trio.current_time() - begun


async def test_a_send_window_keeps_the_rate(autojump_clock: trio.testing.MockClock) -> None:
    elapsed_s = await _time_to_replicate(_always(_RATE, None, 100), None)

    due_s = 10 * _BLOB_BYTES / _RATE
    assert due_s - 2 < elapsed_s < due_s + 5


async def test_a_receive_window_is_kept_by_the_sender(autojump_clock: trio.testing.MockClock) -> None:
    elapsed_s = await _time_to_replicate(None, _always(None, _RATE, 100))

    due_s = 10 * _BLOB_BYTES / _RATE
    assert due_s - 2 < elapsed_s < due_s + 5


async def test_without_windows_nothing_waits(autojump_clock: trio.testing.MockClock) -> None:
    assert await _time_to_replicate(None, None) < 1


async def test_a_new_recording_passes_the_backlog_in_office_hours(autojump_clock: trio.testing.MockClock) -> None:
    """With a fifth for the backlog, 30 MB of it takes 40 minutes; a recording made meanwhile is proven in seconds."""
    office_box = box(OFFICE)
    office_box.schedule = _always(_RATE, None, 20)
    async with living(office_box) as office, living(box(PEER)) as peer:
        await put(office, [LUCK.randbytes(_BLOB_BYTES) for _ in range(100)])
        async with connected(office, peer):
            await trio.sleep(60)
            assert peer.store.state.count(OFFICE).blobs < 10
            fresh = LUCK.randbytes(_BLOB_BYTES)
            begun = trio.current_time()
            await put(office, [fresh])
            with trio.fail_after(60):
                while await peer.store.reader.row(OFFICE, BlobId.of(fresh)) is None:
                    await peer.store.state.grown.wait()
            assert trio.current_time() - begun < 3 * _BLOB_BYTES / _RATE
            assert peer.store.state.count(OFFICE).blobs < 20


async def test_windows_that_change_while_a_session_lives_hold_from_then_on(
    autojump_clock: trio.testing.MockClock,
) -> None:
    office_box = box(OFFICE)
    office_box.schedule = _always(_RATE, None, 100)
    async with living(office_box) as office, living(box(PEER)) as peer, connected(office, peer):
        await trio.sleep(1)
        await put(office, [LUCK.randbytes(_BLOB_BYTES) for _ in range(100)])
        await trio.sleep(60)
        assert peer.store.state.count(OFFICE).blobs < 20
        office_box.schedule = _always(None, _RATE, 100)
        begun = trio.current_time()
        await until_proven(office, PEER, 100)
        assert trio.current_time() - begun < 60, "80 blobs at the old rate would take six minutes"
