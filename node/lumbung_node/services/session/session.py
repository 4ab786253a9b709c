"""One session from Hello to its end: the parts put together over one link."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn

import trio

from lumbung_cluster import limits
from lumbung_cluster.errors import LumbungError, PeerGone, Rejected, StatusCode
from lumbung_cluster.ids import BlobId, NodeNumber
from lumbung_cluster.patience import Bucket
from lumbung_cluster.schedule import FREE
from lumbung_cluster.stake import Stake
from lumbung_cluster.wire import passes_over_unknown
from lumbung_node.services.core import Core
from lumbung_node.services.pace import LinkPace, read_takes, takes_message
from lumbung_node.services.session.arrivals import Arrivals
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
from lumbung_proto.v1 import peer_pb2

__all__ = ["Session"]

_FRAMES_OF_BLOBS = ("offer", "want", "pieces", "applied", "received")
_PACE_LOOK_S = 30.0
_HELLO_WAIT_S = 20.0  # as the handshake: a satellite line needs 5 s


class Session:
    """`run` returns when the peer ends it; it raises what ended it otherwise: Rejected, PeerGone, a store's failure.

    `settled` is set when the peer's hello was taken, or when the session is over without one; `ended` when it is over.
    """

    def __init__(self, core: Core, link: FrameLink, peer: NodeNumber, arrivals: Arrivals) -> None:
        self.peer = peer
        self.greeting: Greeting | None = None
        self.clock_offset_ms = 0
        self.goodbye = ""
        self._core = core
        self._link = link
        self._arrivals = arrivals
        self.stakes = Stakes(core, link)
        self._releasing = Releasing(core, link, peer)
        self._telling = Telling(core, link, peer)
        self._echoing = Echoing(core, link, peer)
        self._outgoing: Outgoing | None = None
        self._incoming: Incoming | None = None
        self._access_known: dict[NodeNumber, int] = {}  # versions of access lists that the peer holds
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
        self.clock_offset_ms = greeting.clock_ms - self._core.clock.now_ms()
        self.greeting = greeting
        self._access_known.update(greeting.access_versions)
        await self._pass_on(greeting)
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
                    await self._take_roster(bytes(received[1]))
        raise Rejected(StatusCode.FAILED_PRECONDITION, reason)

    async def _pass_on(self, greeting: Greeting) -> None:
        """Rosters travel with every session: whoever is behind gets them. A new one starts all sessions anew."""
        rosters = self._core.rosters.newer_than(greeting.roster_epoch)
        if greeting.roster_epoch == self._core.rosters.roster.epoch:
            fork = greeting.roster_hash != self._core.rosters.signed.hash
            rosters = [self._core.rosters.signed.encode()] if fork else []
        for raw in rosters:  # one a frame: a roster may fill it
            await self._link.send(peer_pb2.SessionFrame(roster=peer_pb2.RosterGossip()), [raw])

    async def _pass_on_access(self) -> None:
        """Access lists travel too, also those that come while the session lives: a name that an office strikes off
        must be gone everywhere at once.
        """
        rosters, known = self._core.rosters, self._access_known
        while True:
            news = [
                (office, signed)
                for office, signed in sorted(rosters.access_lists.items())
                if signed.content.version > known.get(office, 0)
            ]
            for office, signed in news:
                known[office] = signed.content.version
                gossip = peer_pb2.AccessGossip(lists=[signed.encode()])
                await self._link.send(peer_pb2.SessionFrame(access=gossip))
            if not news:
                await rosters.changed.wait()

    async def _talk(self, greeting: Greeting) -> None:
        core, link, peer = self._core, self._link, self.peer
        pace = core.pace(peer)
        outgoing = Outgoing(core, link, peer, greeting, pace)
        incoming = Incoming(core, link, peer, greeting, self._arrivals)
        proving = Proving(core, link, peer, greeting, outgoing)
        reconciling = Reconciling(core, link, peer, greeting, outgoing, incoming, proving.covering.hurry)
        self._outgoing, self._incoming, self.reconciling = outgoing, incoming, reconciling
        async with trio.open_nursery() as nursery:
            nursery.start_soon(outgoing.run)
            nursery.start_soon(proving.run)
            nursery.start_soon(incoming.received.run)
            nursery.start_soon(reconciling.run)
            nursery.start_soon(self._tell_pace, pace)
            nursery.start_soon(self._releasing.run)
            nursery.start_soon(Reclaiming(core, link, peer).run)
            nursery.start_soon(self._pass_on_access)
            if self._link.speaks("report"):
                nursery.start_soon(self._telling.run)
                nursery.start_soon(self._echoing.run)
            await self._read(outgoing, incoming, proving, pace, greeting, nursery)
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

    async def _read(
        self,
        outgoing: Outgoing,
        incoming: Incoming,
        proving: Proving,
        pace: LinkPace,
        greeting: Greeting,
        nursery: trio.Nursery,
    ) -> None:
        """Dispatch frames until the peer ends the stream."""
        words = Bucket(limits.WORDS_BURST, limits.WORDS_PER_S)
        while (received := await self._link.receive()) is not None:
            frame, payload = received
            kind = frame.WhichOneof("kind")
            if kind not in _FRAMES_OF_BLOBS:  # each costs us a signature, reads or a write, and the peer nothing
                await trio.sleep(words.take(trio.current_time()))
            match kind:
                case "offer":
                    proving.see_nonce(frame.offer.nonce)
                    incoming.on_offer(frame.offer, nursery)
                case "want":
                    outgoing.on_want(frame.want)
                case "pieces":
                    await incoming.on_pieces(frame.pieces, payload)
                case "received":
                    outgoing.flow.count(frame.received.bytes)
                case "applied":
                    await self._on_applied(frame.applied, outgoing, proving)
                case "prove":
                    await proving.answer(frame.prove)
                case "proof":
                    await proving.take_proof(frame.proof)
                case "inventory_ask":
                    proving.answer_inventory(frame.inventory_ask)
                case "inventory_word":
                    await proving.take_inventory(frame.inventory_word)
                case "withdraw":
                    await proving.take_withdrawal(frame.withdraw)
                case "need":
                    proving.take_need(frame.need)
                case "takes":
                    pace.peer_takes = read_takes(frame.takes)
                case "release":
                    await self._releasing.take(frame.release)
                case "stake_ask":
                    await self.stakes.answer(frame.stake_ask)
                case "stake":
                    self.stakes.on_stake(frame.stake)
                case "report":
                    self._telling.take(frame.report)
                case "echo":
                    await self._echoing.on_echo(frame.echo)
                case "roster":
                    await self._take_roster(bytes(payload))
                case "access":
                    await self._take_access(frame.access)
                case "goodbye":
                    self.goodbye = _rejection_of(frame.goodbye).sentence
                    return
                case str(kind) if kind.startswith("reconcile_") and self.reconciling is not None:
                    await self.reconciling.on_frame(frame, payload)
                case None if passes_over_unknown(greeting.wire):
                    pass  # a newer lumbung says something that we do not know
                case other:
                    raise Rejected(StatusCode.INVALID_ARGUMENT, f"unexpected frame {other}")

    async def _on_applied(self, applied: peer_pb2.Applied, outgoing: Outgoing, proving: Proving) -> None:
        outgoing.flow.count(applied.received_bytes)
        offer = outgoing.on_applied(applied)
        if offer is None:
            raise Rejected(StatusCode.INVALID_ARGUMENT, f"applied for offer {applied.offer}, which is not open")
        if applied.status_code:
            self._core.log.warning("offer refused", peer=self.peer, reason=applied.sentence)
        if offer.origin == self._core.number and applied.HasField("receipt"):
            await proving.take_receipt(applied.receipt, offer.nonce)

    async def _take_roster(self, raw: bytes) -> None:
        try:
            await self._core.rosters.offer([raw])
        except Rejected as exc:  # the peer may be older than we are, or forked: the session itself goes on
            self._core.log.warning("roster refused", peer=self.peer, reason=exc.sentence)

    async def _take_access(self, gossip: peer_pb2.AccessGossip) -> None:
        rosters, brought = self._core.rosters, gossip.lists[: limits.HELLO_MARKS_MAX]
        try:
            await rosters.offer_access(brought)
        except Rejected as exc:
            self._core.log.warning("access list refused", peer=self.peer, reason=exc.sentence)
        for office, signed in rosters.access_lists.items():
            if signed.encode() in brought:  # it need not come back
                self._access_known[office] = signed.content.version


def _rejection_of(goodbye: peer_pb2.Goodbye) -> Rejected:
    """What a peer says at its end, fit for a page: a known status and at most 200 printable characters."""
    try:
        code = StatusCode(goodbye.status_code)
    except ValueError:
        code = StatusCode.UNKNOWN
    return Rejected(code, "".join(c for c in goodbye.sentence[:200] if c.isprintable()))
