"""The asker's end of the line: each question has its own answer, however late the answer to another one is."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
import trio
import trio.testing

from lumbung_cluster.limits import RECONCILE_ANSWER_S
from lumbung_node.services.session.link import FrameLink
from lumbung_node.services.session.reconcile_talk import Line, Refused
from lumbung_proto.v1 import peer_pb2
from lumbung_proto.v1 import reconcile_frames_pb2 as pb


class Mute(FrameLink):
    """Takes every frame; the test gives the answers."""

    def __init__(self) -> None:
        pass

    async def send(self, frame: peer_pb2.SessionFrame, payload: Iterable[bytes | memoryview] = ()) -> None:
        await trio.lowlevel.checkpoint()


async def at_once(_: pb.ReconcileSettled) -> None:
    await trio.lowlevel.checkpoint()


async def on_a_slow_disk(_: pb.ReconcileSettled) -> None:
    await trio.sleep(2.0)


async def test_an_answer_whose_mark_was_durable_too_late_is_not_taken_for_that_of_the_next_question(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """From then on each comparison had the answer to the one before, and nothing added up in this session any more."""
    line = Line(Mute())
    settle = peer_pb2.SessionFrame(reconcile_settle=pb.ReconcileSettle(origin=1))
    settled = peer_pb2.SessionFrame(reconcile_settled=pb.ReconcileSettled(origin=1))

    async with trio.open_nursery() as nursery:

        async def answer_late() -> None:
            await trio.sleep(RECONCILE_ANSWER_S - 1)
            await line.take(settled, memoryview(b""), on_a_slow_disk)

        nursery.start_soon(answer_late)
        with pytest.raises(Refused, match="no answer within"):
            await line.ask(settle, "reconcile_settled")

    async with trio.open_nursery() as nursery:
        serial = line.next_serial()
        compare = peer_pb2.SessionFrame(reconcile_compare=pb.ReconcileCompare(serial=serial))
        compared = peer_pb2.SessionFrame(reconcile_compared=pb.ReconcileCompared(serial=serial))

        async def answer() -> None:
            await trio.sleep(1)
            await line.take(compared, memoryview(b""), at_once)

        nursery.start_soon(answer)
        frame, _ = await line.ask(compare, "reconcile_compared")
        assert frame.reconcile_compared.serial == serial
