"""Sessions with all partners: dial with backoff, take those who dial us, keep one per pair, tell how links stand."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

import trio

from lumbung_cluster import limits
from lumbung_cluster.errors import (
    BlobDamaged,
    LumbungError,
    PeerGone,
    PeerUnreachable,
    Rejected,
    StatusCode,
    TrustRefused,
)
from lumbung_cluster.flow import FLIGHT_S, SHORT_FLIGHT_S
from lumbung_cluster.ids import BlobId, Generation, NodeNumber
from lumbung_cluster.roster_node import NodeRecord
from lumbung_node.ports.transport import CallKind, Channel, Dialer, Endpoint, LinkClass, Method, ServerCall
from lumbung_node.services.core import STORE_FAILURES, Core, DoubtAboutOurselves
from lumbung_node.services.links import Link, LinkState
from lumbung_node.services.roster_asking import ask_roster
from lumbung_node.services.session.arrivals import Arrivals
from lumbung_node.services.session.link import FrameLink, dialled_link, served_link
from lumbung_node.services.session.session import Session
from lumbung_node.store.jobs import Job

__all__ = ["SESSION", "Replicator"]

SESSION = Method(
    "/lumbung.v1.PeerService/Session",
    CallKind.BIDI,
    request_bytes_max=limits.SESSION_MESSAGE_SIZE_BYTES_MAX,
    answer_bytes_max=limits.SESSION_MESSAGE_SIZE_BYTES_MAX,
)
_SETTLED_S = 60.0  # a session that lived this long starts the backoff anew


class Replicator:
    """Runs as one task; `serve` handles the calls of partners that dialled us."""

    def __init__(self, core: Core, transport: Dialer) -> None:
        self._core = core
        self._transport = transport
        self.arrivals = Arrivals(core)
        self.links: dict[NodeNumber, Link] = {}
        self._life_turn = trio.Lock()
        self._ledger_turn = trio.Lock()

    async def run(self) -> None:
        """Keep a session with every partner until cancelled; starts anew when another roster is in force."""
        changed = self._core.rosters.roster_changed
        while True:
            async with trio.open_nursery() as nursery:
                self._meet_partners()
                for peer in sorted(self.links):
                    nursery.start_soon(self._keep, self.links[peer])
                while self._core.is_ledger_present:  # it may have changed while the ledger was read
                    await changed.wait()
                nursery.cancel_scope.cancel()
            async with self._ledger_turn:
                await self._end_sessions()
                await self._read_ledger()

    async def _read_ledger(self) -> None:
        """Count anew what the holders of the roster now in force have proven."""
        roster = self._core.rosters.roster
        # A receipt that an ended session has handed in may be written and not synced: what is read now is counted.
        await self._core.store.committer.commit(Job())
        await self._core.store.proofs.load()
        self._core.ledger_roster = roster
        await self._core.load_covers()

    async def sweep(self, begun_before_ms: int) -> None:
        """Take away pieces of blobs that cut streams left before, and that no session has gone on with."""
        await self.arrivals.sweep(begun_before_ms)

    def clock_offsets_ms(self) -> list[int]:
        """Of each partner that is there: its wall clock less ours when it greeted us."""
        up = [link.session for _, link in sorted(self.links.items()) if link.state is LinkState.UP]
        return [session.clock_offset_ms for session in up if session is not None]

    def hurry(self, blob: BlobId, number: int) -> None:
        """Somebody waits for copies of this own blob."""
        for link in self.links.values():
            if link.session is not None:
                link.session.hurry(blob, number)

    async def serve(self, call: ServerCall, peer: NodeNumber) -> None:
        """A partner dialled us. When both did, the call of the lower number stays."""
        # A call that the peer itself dialled is replaced: it dials again because it lost that one, and we may not have
        # noticed yet (a power cut says no goodbye).
        while (session := (link := await self._link_at_rest(peer)).session) is not None:
            if not (link.is_dialled and self._core.number < peer):
                link.has_lost_call = not link.is_dialled
                await _end(session)
                continue
            await session.settled.wait()  # our own call may reach nobody: then the peer's is the one that stays
            if link.session is session:
                raise Rejected(StatusCode.ALREADY_EXISTS, "a session is open: the lower number's call stays")
        try:
            await self._talk(link, served_link(call), is_dialled=False)
        except PeerGone as exc:
            link.become(LinkState.DOWN, str(exc))
            raise

    async def _link_at_rest(self, peer: NodeNumber) -> Link:
        """The link while nobody reads the ledger: a word that came meanwhile would be counted ahead of its sync.

        Raises Rejected. Nothing waits between the end of a reading and the return.
        """
        async with self._ledger_turn:
            link = self.links.get(peer)
        if link is None:
            raise Rejected(StatusCode.PERMISSION_DENIED, f"node {peer} shares no origin with node {self._core.number}")
        return link

    def _meet_partners(self) -> None:
        partners = self._core.rosters.roster.partners_of(self._core.number)
        self.links = {peer: self.links.get(peer) or Link(peer, since=trio.current_time()) for peer in partners}

    def _dials(self, peer: NodeNumber) -> bool:
        """Whether we can dial the peer at all (it has an address that we reach)."""
        roster = self._core.rosters.roster
        own, other = roster.node(self._core.number), roster.node(peer)
        return own is not None and other is not None and bool(other.addresses) and own.reach.can_dial(other.reach)

    async def _keep(self, link: Link) -> None:
        """Dial until there is a session, again when it ends; wait longer after each failure, with jitter."""
        backoff_s = limits.BACKOFF_S_MIN
        while True:
            if link.session is not None:
                await link.session.ended.wait()
                continue
            record = self._core.rosters.roster.node(link.peer)
            if record is not None and self._dials(link.peer):
                begun = trio.current_time()
                await self._dial_safely(link, record)
                if trio.current_time() - begun > _SETTLED_S:
                    backoff_s = limits.BACKOFF_S_MIN
            # Full jitter: a hundred offices whose line comes back at once do not knock at once.
            await trio.sleep(self._core.randomness.uniform(backoff_s / 2, backoff_s))
            backoff_s = min(backoff_s * 2, limits.BACKOFF_S_MAX)

    async def _dial_safely(self, link: Link, record: NodeRecord) -> None:
        """A bug met by one peer's bytes must not stop the other sessions, nor one met while a roster ends them all."""
        try:
            await self._dial(link, record)
        except STORE_FAILURES:
            raise  # the store is opened again, and all services with it
        except BaseExceptionGroup as group:
            bugs, cancelled = group.split(Exception)
            if bugs is None:
                raise
            self._note_bug(link, bugs)
            if (failure := bugs.split(STORE_FAILURES)[0]) is not None:
                raise failure from None
            if cancelled is not None:
                raise cancelled from None
        except Exception as exc:  # noqa: BLE001 (as above)
            self._note_bug(link, exc)

    def _note_bug(self, link: Link, exc: Exception) -> None:
        event_id = self._core.randomness.bytes(8).hex()
        self._core.log.error("session failed", peer=link.peer, event_id=event_id, error=repr(exc), exc_info=exc)
        link.become(LinkState.DOWN, "internal error")

    async def _dial(self, link: Link, record: NodeRecord) -> None:
        for address in record.addresses:
            channel = self._transport.dial(self._endpoint(record, address))
            try:
                async with channel.stream(SESSION) as stream:
                    while link.session is not None and self._core.number < link.peer:
                        await _end(link.session)  # both dialled: the lower number's call stays, and it is ours
                    if link.session is None:
                        await self._talk(link, dialled_link(stream), is_dialled=True)
            except PeerUnreachable as exc:
                link.become(LinkState.DOWN, str(exc))
                continue
            except TrustRefused as exc:
                link.become(LinkState.REFUSED, str(exc))
                await self._ask_roster(link, record, address)
            except Rejected as exc:
                self._note_rejection(link, exc)
            except PeerGone as exc:
                link.become(LinkState.DOWN, str(exc))
            finally:
                await _close(channel)
            return

    async def _ask_roster(self, link: Link, record: NodeRecord, address: str) -> None:
        """The peer may have been given another TLS key while we were away: its newer roster would say so."""
        if trio.current_time() - link.roster_asked >= limits.ROSTER_ASK_S:
            link.roster_asked = trio.current_time()
            await ask_roster(self._transport, self._endpoint(record, address), self._core.rosters)

    def _note_rejection(self, link: Link, exc: Rejected) -> None:
        if exc.code is StatusCode.ALREADY_EXISTS:
            return  # the peer's own call is on its way to us
        refused = exc.code in (StatusCode.PERMISSION_DENIED, StatusCode.UNAUTHENTICATED)
        link.become(LinkState.REFUSED if refused else LinkState.DOWN, exc.sentence)

    def _endpoint(self, record: NodeRecord, address: str) -> Endpoint:
        uri = f"lumbung://{self._core.cluster}/node/{record.number}"
        pins = self._core.rosters.roster.tls_pins(record.number)
        line = LinkClass(record.link.value)
        if line is LinkClass.LAN and self.links[record.number].patience.is_raised:
            line = LinkClass.WAN
        return Endpoint(address, uri, pins, line)

    async def _talk(self, link: Link, frames: FrameLink, *, is_dialled: bool) -> None:
        """One session to its end, on either side; the link must be free."""
        assert link.session is None
        lived = self._core.store.state.generation
        flight_s = SHORT_FLIGHT_S if link.patience.is_raised else FLIGHT_S
        session = Session(self._core, frames, link.peer, self.arrivals, flight_s)
        link.session, link.is_dialled, link.has_lost_call = session, is_dialled, False
        doubt: DoubtAboutOurselves | None = None
        is_broken = False
        try:
            await _flat(lambda: session.run(lambda: link.become(LinkState.UP, "")))
        except DoubtAboutOurselves as exc:
            doubt = exc
        except PeerGone:
            is_broken = True
            raise
        except BlobDamaged as exc:  # an index row of ours: the scrub mends it, and the next session goes on
            self._core.log.warning("own index damaged", peer=link.peer, reason=str(exc))
            raise PeerGone(f"own index damaged: {exc}") from exc
        finally:
            link.sent_bytes, link.received_bytes = link.carried_bytes()
            link.heard_at, link.session = link.last_heard_at, None
            if link.state is LinkState.UP:  # a call that nobody greeted leaves the link as long down as it was
                link.patience.ended(trio.current_time() - link.since, is_broken=is_broken or link.has_lost_call)
                link.become(LinkState.DOWN, session.goodbye)
            session.settled.set()
            session.ended.set()
            if session.greeting is not None:
                sent_bytes, received_bytes = session.blob_bytes
                self._core.log.info(
                    "session ended", peer=link.peer, sent_bytes=sent_bytes, received_bytes=received_bytes
                )
        if doubt is not None:  # only now: of two sessions that are told at once, neither may wait for the other's end
            await self._doubt(link.peer, str(doubt), lived, doubt.beyond)

    async def doubt_own_history(self, reason: str) -> None:
        """The node itself found that its feed is not what it was."""
        await self._doubt(self._core.number, reason, self._core.store.state.generation)

    async def start_new_life(self, reason: str) -> None:
        """Make all that was proven here so far void, everywhere: what we signed is about to become untrue.

        Raises Rejected when this machine has stopped.
        """
        if self._core.condition.stopped:
            raise Rejected(StatusCode.FAILED_PRECONDITION, "another machine lives under this node's identity")
        await self._begin_life(partial(self._core.log.warning, "new life", reason=reason))

    async def _doubt(self, peer: NodeNumber, reason: str, lived: Generation, beyond: int = 0) -> None:
        """The peer saw more of our feed than we have, or another machine in our generation: live in a new one.

        `lived` is the generation that is doubted: all partners may tell us of it at once, and one new life answers
        them all.
        """
        tell = partial(self._core.log.error, "own history doubted", told_by=peer, reason=reason)
        await self._begin_life(tell, beyond, unless_above=max(lived, beyond), doubted_by=peer)

    async def _begin_life(
        self,
        tell: Callable[..., object],
        beyond: int = 0,
        *,
        unless_above: int | None = None,
        doubted_by: NodeNumber | None = None,
    ) -> None:
        """Nothing is proven in a new life yet. A machine that is no longer this node begins none.

        Every peer that we met has shown the newest life that it knows of us, and a higher one would have stopped us: so
        the next generation is higher than any that was seen. `beyond` is one under a retired key of ours, which stops
        nobody.
        """
        async with self._life_turn:
            present = self._core.store.state.generation
            if self._core.condition.stopped or (unless_above is not None and present > unless_above):
                return  # another partner has told us of it already
            generation = Generation(max(present, beyond) + 1)
            tell(generation=generation)
            with trio.CancelScope(shield=True):  # what the disk has is what we live in
                await self._core.store.start_generation(generation)
                if doubted_by is not None:  # with it: a liar who hangs up, or calls again at once, gets no second one
                    self._core.has_doubted(doubted_by)
        await self._end_sessions()

    async def _end_sessions(self) -> None:
        sessions = [link.session for _, link in sorted(self.links.items()) if link.session]
        for session in sessions:
            session.close()
        for session in sessions:
            await _end(session)


async def _flat(work: Callable[[], Awaitable[None]]) -> None:
    """Run `work`; of several failures at once raise the one that says what to do next.

    A nursery wraps what its tasks raise: the first error of our own kinds is the cause, the rest are its echoes. When
    we are cancelled at the same time, nobody is left to be told: only the Cancelled goes on.
    """
    try:
        await work()
    except BaseExceptionGroup as group:
        ours, rest = group.split((LumbungError, DoubtAboutOurselves))
        if ours is not None and rest is not None and rest.split(trio.Cancelled)[1] is None:
            raise rest from None
        if rest is not None or ours is None:
            raise
        raise _first(ours) from None


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    flat: list[BaseException] = []
    pending: list[BaseException] = [group]
    while pending:
        exc = pending.pop(0)
        if isinstance(exc, BaseExceptionGroup):
            pending.extend(exc.exceptions)
        else:
            flat.append(exc)
    return min(flat, key=lambda exc: 0 if isinstance(exc, DoubtAboutOurselves) else isinstance(exc, PeerGone) + 1)


async def _end(session: Session) -> None:
    session.close()
    await session.ended.wait()


async def _close(channel: Channel) -> None:
    with trio.CancelScope(shield=True, deadline=trio.current_time() + 5):
        await channel.close()
