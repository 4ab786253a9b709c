"""One session from Hello to its end: the parts put together over one link."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn

import trio

from lumbung_cluster import limits
from lumbung_cluster.errors import LumbungError, PeerGone, Rejected, StatusCode
from lumbung_cluster.flow import FLIGHT_S
from lumbung_cluster.health import clock_offset_ms
from lumbung_cluster.ids import BlobId, NodeNumber
from lumbung_cluster.schedule import FREE
from lumbung_cluster.stake import Stake
from lumbung_node.services.core import Core
from lumbung_node.services.pace import LinkPace, read_takes, takes_message
from lumbung_node.services.session.answering import Answering
from lumbung_node.services.session.arrivals import Arrivals
from lumbung_node.services.session.frames import KINDS_OF_RECONCILE, Takers, read_frames
from lumbung_node.services.session.gossip import Gossip
from lumbung_node.services.session.greeting import Greeting, judge_greeting, make_hello, read_hello
from lumbung_node.services.session.incoming import Incoming
from lumbung_node.services.session.link import FrameLink
from lumbung_node.services.session.lives import LifeUnknown
from lumbung_node.services.session.outgoing import Outgoing
from lumbung_node.services.session.proving import Proving
from lumbung_node.services.session.reclaiming import Reclaiming
from lumbung_node.services.session.reconciling import Reconciling
from lumbung_node.services.session.releasing import Releasing
from lumbung_node.services.session.stakes import Stakes
from lumbung_node.services.session.telling import Echoing, Telling
from lumbung_node.services.session.void_lists import VoidLists
from lumbung_proto.v1 import peer_pb2

__all__ = ["Session"]

_PACE_LOOK_S = 30.0
_HELLO_WAIT_S = 20.0  # as the handshake: a satellite line needs 5 s


class Session:
    """`run` returns when the peer ends it; it raises what ended it otherwise: Rejected, PeerGone, a store's failure.

    `flight_s` is how many seconds of the link our blob bytes may fill. `settled` is set when the peer's hello was taken
    or when the session is over without one, `ended` when it is over.
    """

    def __init__(
        self, core: Core, link: FrameLink, peer: NodeNumber, arrivals: Arrivals, flight_s: float = FLIGHT_S
    ) -> None:
        self.peer = peer
        self.flight_s = flight_s
        self.greeting: Greeting | None = None
        self.clock_offset_ms = 0
        self.goodbye = ""
        self._core = core
        self._link = link
        self._arrivals = arrivals
        self._answering = Answering(link)
        self.stakes = Stakes(core, link, self._answering)
        self._gossip = Gossip(core, link, peer)
        self._releasing = Releasing(core, link, peer)
        self._telling = Telling(core, link, peer)
        self._echoing = Echoing(core, link, self._answering, peer)
        self._outgoing: Outgoing | None = None
        self._incoming: Incoming | None = None
        self.reconciling: Reconciling | None = None
        self._scope = trio.CancelScope()
        self.settled = trio.Event()
        self.ended = trio.Event()

    def close(self) -> None:
        """End it from our side; `ended` is set when it is over."""
        self._scope.cancel()

    def hurry(self, blob: BlobId, number: int) -> None:
        if self._outgoing is not None:
            self._outgoing.hurry(blob, number)

    async def ask_stake(self, node: NodeNumber) -> Stake | None:
        """What of the peer's own blobs would be at stake without `node`; None when it does not answer."""
        with trio.move_on_after(limits.STAKE_ANSWER_S):
            try:
                return await self.stakes.ask(node)
            except PeerGone:
                return None
        return None

    @property
    def heard_at(self) -> float | None:
        """Trio time of the last frame from the peer."""
        return self._link.heard_at

    @property
    def round_trip_s(self) -> float | None:
        """Of the line to the peer; None while unknown."""
        return self._echoing.round_trip_s

    @property
    def blob_bytes(self) -> tuple[int, int]:
        """Bytes of blobs handed to the link and taken from it so far; those sent may not have arrived."""
        sent = self._outgoing.flow.sent_bytes if self._outgoing is not None else 0
        return sent, self._incoming.received.total if self._incoming is not None else 0

    def is_behind(self) -> bool:
        """Whether the peer has not applied everything that we have, or was not yet seen to hold the same."""
        if self._outgoing is None or self.reconciling is None:
            return True
        return self._outgoing.is_behind() or not self.reconciling.is_confirmed()

    async def run(self, on_greeted: Callable[[], None] = lambda: None) -> None:
        """`on_greeted` is called when the peer's hello was taken: until then nobody may be there."""
        with self._scope:
            try:
                greeting = await self._greet()
                on_greeted()
                self.settled.set()
                await self._talk(greeting)
            finally:
                if trio.current_effective_deadline() == -math.inf:  # cancelled: it is we who end it
                    await self._say_goodbye()

    async def _say_goodbye(self) -> None:
        """We end it: so the peer need not find out that nobody is there any more.

        What is under way on a stream that is cancelled may never arrive: so we wait a moment for the peer to hang up.
        """
        if self.greeting is None:
            return
        words = peer_pb2.Goodbye(status_code=StatusCode.UNAVAILABLE.value, sentence="it ended the session")
        with trio.CancelScope(shield=True, deadline=trio.current_time() + limits.GOODBYE_S), suppress(LumbungError):
            await self._link.send(peer_pb2.SessionFrame(goodbye=words))
            while await self._link.receive() is not None:
                pass

    async def _greet(self) -> Greeting:
        await self._link.send(peer_pb2.SessionFrame(hello=make_hello(self._core, self.peer)))
        with trio.move_on_after(_HELLO_WAIT_S) as waiting:
            received = await self._link.receive()
        if waiting.cancelled_caught:
            raise Rejected(StatusCode.DEADLINE_EXCEEDED, f"expected a hello within {_HELLO_WAIT_S:.0f} s")
        if received is None:
            raise PeerGone(f"node {self.peer} ended the session before its hello")
        if received[0].WhichOneof("kind") == "goodbye":
            raise _rejection_of(received[0].goodbye)
        greeting = read_hello(received[0], self._core.wire)
        self._link.wire = greeting.wire
        self.clock_offset_ms = clock_offset_ms(greeting.clock_ms, self._core.clock.now_ms())
        self.greeting = greeting
        await self._gossip.greet(greeting)
        try:
            await judge_greeting(self._core, self.peer, greeting)
        except LifeUnknown as exc:
            await self._learn_roster(greeting, str(exc))
        self._core.rosters.saw_epoch(self.peer, greeting.roster_epoch)
        return greeting

    async def _learn_roster(self, greeting: Greeting, reason: str) -> NoReturn:
        """The peer may have a key that only its newer roster names: take the roster, which starts all sessions anew."""
        with trio.move_on_after(_HELLO_WAIT_S):
            while greeting.roster_epoch > self._core.rosters.roster.epoch:
                received = await self._link.receive()
                if received is None:
                    break
                if received[0].WhichOneof("kind") == "roster":
                    await self._gossip.take_roster(bytes(received[1]))
        raise Rejected(StatusCode.FAILED_PRECONDITION, reason)

    async def _talk(self, greeting: Greeting) -> None:
        core, link, peer = self._core, self._link, self.peer
        pace = core.pace(peer)
        outgoing = Outgoing(core, link, peer, greeting, pace, self.flight_s)
        incoming = Incoming(core, link, peer, greeting, self._arrivals)
        proving = Proving(core, link, self._answering, peer, greeting, outgoing)
        reconciling = Reconciling(core, link, peer, greeting, outgoing, incoming, proving.covering.hurry)
        self._outgoing, self._incoming, self.reconciling = outgoing, incoming, reconciling
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._answering.run)
            nursery.start_soon(outgoing.run)
            nursery.start_soon(proving.run)
            nursery.start_soon(incoming.received.run)
            nursery.start_soon(reconciling.run)
            nursery.start_soon(self._tell_pace, pace)
            nursery.start_soon(self._releasing.run)
            nursery.start_soon(Reclaiming(core, link, peer).run)
            nursery.start_soon(VoidLists(core, link, peer).run)
            nursery.start_soon(self._gossip.pass_on_access)
            if self._link.speaks("report"):
                nursery.start_soon(self._telling.run)
                nursery.start_soon(self._echoing.run)
            takers = self._takers(outgoing, incoming, proving, reconciling, pace, nursery)
            goodbye = await read_frames(self._link, takers, greeting.wire)
            if goodbye is not None:
                self.goodbye = _rejection_of(goodbye).sentence
            nursery.cancel_scope.cancel()

    async def _tell_pace(self, pace: LinkPace) -> None:
        """Tell the peer what our windows let us receive, again when a window opens or closes."""
        told = FREE
        while True:
            takes = pace.takes()
            if takes != told:
                await self._link.send(peer_pb2.SessionFrame(takes=takes_message(takes)))
                told = takes
            await trio.sleep(_PACE_LOOK_S)

    def _takers(
        self,
        outgoing: Outgoing,
        incoming: Incoming,
        proving: Proving,
        reconciling: Reconciling,
        pace: LinkPace,
        nursery: trio.Nursery,
    ) -> Takers:
        """Which part takes which frame. What only takes note of one gives nothing to wait for."""

        def take_offer(frame: peer_pb2.SessionFrame, payload: memoryview) -> None:
            proving.see_nonce(frame.offer.nonce)
            incoming.on_offer(frame.offer, payload, nursery)

        def take_takes(frame: peer_pb2.SessionFrame, _: memoryview) -> None:
            pace.peer_takes = read_takes(frame.takes)

        return {
            "offer": take_offer,
            "want": lambda frame, _: outgoing.on_want(frame.want),
            "pieces": lambda frame, payload: incoming.on_pieces(frame.pieces, payload),
            "received": lambda frame, _: outgoing.flow.count(frame.received.bytes),
            "applied": lambda frame, _: self._on_applied(frame.applied, outgoing, proving),
            "prove": lambda frame, _: proving.answer(frame.prove),
            "proof": lambda frame, _: proving.take_proof(frame.proof),
            "inventory_ask": lambda frame, _: proving.answer_inventory(frame.inventory_ask),
            "inventory_word": lambda frame, _: proving.take_inventory(frame.inventory_word),
            "withdraw": lambda frame, _: proving.take_withdrawal(frame.withdraw),
            "need": lambda frame, _: proving.take_need(frame.need),
            "takes": take_takes,
            "release": lambda frame, _: self._releasing.take(frame.release),
            "stake_ask": lambda frame, _: self.stakes.answer(frame.stake_ask),
            "stake": lambda frame, _: self.stakes.on_stake(frame.stake),
            "report": lambda frame, _: self._telling.take(frame.report),
            "echo": lambda frame, _: self._echoing.on_echo(frame.echo),
            "roster": lambda _, payload: self._gossip.take_roster(bytes(payload)),
            "access": lambda frame, _: self._gossip.take_access(frame.access),
            **dict.fromkeys(KINDS_OF_RECONCILE, reconciling.on_frame),
        }

    async def _on_applied(self, applied: peer_pb2.Applied, outgoing: Outgoing, proving: Proving) -> None:
        outgoing.flow.count(applied.received_bytes)
        offer = outgoing.on_applied(applied)
        if offer is None:
            raise Rejected(StatusCode.INVALID_ARGUMENT, f"applied for offer {applied.offer}, which is not open")
        if applied.status_code:
            self._core.log.warning("offer refused", peer=self.peer, reason=offer.refusal)
        if offer.origin == self._core.number and applied.HasField("receipt"):
            await proving.take_receipt(applied.receipt, offer.nonce, [item.blob for item in offer.items])


def _rejection_of(goodbye: peer_pb2.Goodbye) -> Rejected:
    """What a peer says at its end, fit for a page: a known status and at most 200 printable characters."""
    try:
        code = StatusCode(goodbye.status_code)
    except ValueError:
        code = StatusCode.UNKNOWN
    return Rejected(code, "".join(c for c in goodbye.sentence[:200] if c.isprintable()))
