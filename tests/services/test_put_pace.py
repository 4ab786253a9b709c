"""What a put stream does with its room of blobs that wait for copies."""

from __future__ import annotations

import pytest
import trio
import trio.testing

from lumbung_cluster.ids import BlobId
from lumbung_node.services.copies import CopyBook
from lumbung_node.services.putting import PutStream
from lumbung_node.services.waiting import Waiting, WaitingRoom
from lumbung_proto.codec import encode_frame
from lumbung_proto.v1 import blobs_pb2
from lumbung_testing.put_stations import PutStation
from lumbung_testing.sealed_files import looking_sealed
from lumbung_testing.session_pair import LUCK, OFFICE, box, living

_FRAMES_A_BLOB = 3
_WAIT_S = 5.0


def _frames(ticket: int) -> list[bytes]:
    """One blob in three frames, whose client waits for three copies."""
    content = looking_sealed(LUCK.randbytes(_FRAMES_A_BLOB * 1000))
    size = len(content) // _FRAMES_A_BLOB + 1
    start = blobs_pb2.PutStart(
        size_bytes=len(content), id=BlobId.of(content).raw, copies=3, wait_ms=int(_WAIT_S * 1000)
    )
    pieces = [content[at : at + size] for at in range(0, len(content), size)]
    parts = [blobs_pb2.PutPart(ticket=ticket, length_bytes=len(piece)) for piece in pieces]
    parts[0].start.CopyFrom(start)
    framed = zip(parts, pieces, strict=True)
    return [encode_frame(blobs_pb2.PutRequest(parts=[part]), [piece]) for part, piece in framed]


async def test_a_stream_may_be_held_back_between_blobs_and_its_waits_begin_when_they_are_stored(
    autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Inside a blob a stream that is not read would look as if it crawled."""
    station = PutStation("a", [*_frames(1), *_frames(2)], pause_s=1.0)
    holds: list[bool] = []
    waits: list[tuple[float, Waiting]] = []
    add = WaitingRoom.add

    async def keep_close(room: WaitingRoom) -> None:
        await trio.lowlevel.checkpoint()
        holds.append(stream._current is None)

    async def noted(room: WaitingRoom, waiting: Waiting) -> None:
        waits.append((trio.current_time(), waiting))
        await add(room, waiting)

    monkeypatch.setattr(WaitingRoom, "keep_close", keep_close)
    monkeypatch.setattr(WaitingRoom, "add", noted)
    async with living(box(OFFICE)) as core:
        stream = PutStream(core, CopyBook(core), lambda _blob, _number: None, station)
        await stream.run()
    assert holds.count(True) >= 2  # before the first blob, and behind it
    assert False not in holds
    assert [waiting.since for _, waiting in waits] == [now for now, _ in waits]
    assert [waiting.deadline - waiting.since for _, waiting in waits] == [_WAIT_S] * 2
