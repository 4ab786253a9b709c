"""Stakes in one session: what of the other side's blobs would be at stake if some node stopped."""

from __future__ import annotations

import trio

from lumbung_cluster import limits
from lumbung_cluster.errors import Rejected, StatusCode
from lumbung_cluster.ids import NodeNumber
from lumbung_cluster.stake import Stake, stake_of
from lumbung_node.services.core import Core
from lumbung_node.services.session.answering import Answering
from lumbung_node.services.session.link import FrameLink
from lumbung_proto.v1 import leaving_frames_pb2, peer_pb2

__all__ = ["Stakes", "own_stake"]


class Stakes:
    """Questions and answers; a question that the peer leaves open is given up after a while."""

    def __init__(self, core: Core, link: FrameLink, answering: Answering) -> None:
        self._core = core
        self._link = link
        self._answering = answering
        self._question = 0
        self._open: dict[int, tuple[trio.Event, list[Stake]]] = {}

    async def ask(self, node: NodeNumber) -> Stake | None:
        """The peer's answer about its own blobs; None when it gives none in time."""
        self._question += 1
        number, answered, answers = self._question, trio.Event(), list[Stake]()
        self._open[number] = (answered, answers)
        try:
            ask = leaving_frames_pb2.StakeAsk(question=number, node=node)
            await self._link.send(peer_pb2.SessionFrame(stake_ask=ask))
            with trio.move_on_after(limits.STAKE_ANSWER_S):
                await answered.wait()
        finally:
            del self._open[number]
        return answers[0] if answers else None

    def on_stake(self, message: leaving_frames_pb2.Stake) -> None:
        """An answer; one that came too late says nothing. Raises Rejected for a question that was never asked."""
        if not 1 <= message.question <= self._question:
            raise Rejected(StatusCode.INVALID_ARGUMENT, f"stake for question {message.question}, which was not asked")
        if message.question in self._open:
            answered, answers = self._open[message.question]
            answers.append(Stake(message.blobs, message.without_copy, message.with_one_copy, message.verified_since_ms))
            answered.set()

    def answer(self, ask: leaving_frames_pb2.StakeAsk) -> None:
        stake = own_stake(self._core, NodeNumber(ask.node))
        message = leaving_frames_pb2.Stake(
            question=ask.question,
            blobs=stake.blobs,
            without_copy=stake.without_copy,
            with_one_copy=stake.with_one_copy,
            verified_since_ms=stake.verified_since_ms,
        )
        self._answering.give(peer_pb2.SessionFrame(stake=message))


def own_stake(core: Core, node: NodeNumber) -> Stake:
    """What of our own blobs would be at stake without `node`. Who has what is told by the roster under which the ledger
    was read: what a holder passed over under another one is nobody's copy. What is a copy is told by the one in force.
    """
    state, origin = core.store.state, core.number
    damaged = [number for (of, _), number in state.damaged.items() if of == origin]
    roster, ledger, end = core.rosters.roster, core.store.proofs.ledger, state.end(origin).number
    return stake_of(roster, ledger, origin, node, end, damaged, core.ledger_roster)
