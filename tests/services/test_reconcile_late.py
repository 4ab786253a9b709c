"""An answer that comes in the very moment in which its question is given up answers no later question."""

from __future__ import annotations

import trio
import trio.testing

from lumbung_cluster import limits
from lumbung_node.services.session.link import FrameLink
from lumbung_node.services.session.reconcile_talk import Line, Refused
from lumbung_proto.v1 import peer_pb2
from lumbung_proto.v1 import reconcile_frames_pb2 as pb
from lumbung_testing.session_pair import Pipe

_ASK = peer_pb2.SessionFrame(reconcile_ask=pb.ReconcileAsk(serial=1))


def _line() -> Line:
    send, receive = trio.open_memory_channel[bytes](100)
    return Line(FrameLink(Pipe(send, receive), peer_pb2.SessionResponse, peer_pb2.SessionRequest))


async def _tell(line: Line, origin: int, after_s: float) -> None:
    await trio.sleep(after_s)
    frame = peer_pb2.SessionFrame(reconcile_tell=pb.ReconcileTell(origin=origin))
    await line.take(frame, memoryview(b""), _adopt)


async def _adopt(settled: pb.ReconcileSettled) -> None:
    raise AssertionError("nothing is settled here")


async def test_an_answer_at_the_moment_of_giving_up_answers_no_later_question(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Which of the two comes first is chance: of twenty times it is the answer in some. Every later question of the
    session was then given the answer of the one before it."""
    for _ in range(20):
        line = _line()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_tell, line, 7, limits.RECONCILE_ANSWER_S)
            try:
                await line.ask(_ASK, "reconcile_tell")
            except Refused:
                await trio.sleep(1)
                nursery.start_soon(_tell, line, 9, 1.0)
                frame, _ = await line.ask(_ASK, "reconcile_tell")
                assert frame.reconcile_tell.origin == 9
