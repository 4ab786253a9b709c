"""Whole sessions in which one side's frames are mutated on the way: what the other side may do, and must not lose.

Both sides are the node's own code on virtual disks. The liar speaks honestly until its frames are changed; the victim
may refuse, end the session or go on, but nothing may escape as a bug, nothing wrong may lie in its store, nothing may
count as a copy that the other has not got, and no memory may stay taken.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass

import trio

from lumbung_cluster import limits
from lumbung_cluster.errors import LumbungError
from lumbung_cluster.ids import NodeNumber
from lumbung_node.services.core import Core, DoubtAboutOurselves
from lumbung_node.services.session.arrivals import Arrivals
from lumbung_node.services.session.link import FrameLink
from lumbung_node.services.session.session import Session
from lumbung_node.store.reads import is_intact
from lumbung_proto.codec import MalformedFrame, decode_frame, encode_frame
from lumbung_proto.v1 import peer_pb2
from lumbung_testing.fuzzing.mutation import mutated_bytes, mutated_message
from lumbung_testing.fuzzing.targets import Broken
from lumbung_testing.session_pair import OFFICE, PEER, Pipe, box, living, put

__all__ = ["fuzz_session"]

_SESSION_S = 200.0  # of virtual time: past every silence bound
_BLOBS = 6
_SESSIONS = 3
_SAMPLES_MAX = 64


class _Meddler(Pipe):
    """Sends on what it is given, and now and then something else."""

    def __init__(
        self,
        outgoing: trio.MemorySendChannel[bytes],
        incoming: trio.MemoryReceiveChannel[bytes],
        kind: type[peer_pb2.SessionRequest] | type[peer_pb2.SessionResponse],
        draws: random.Random,
        seen: Counter[str],
    ) -> None:
        super().__init__(outgoing, incoming)
        self._kind = kind
        self._draws = draws
        self._seen = seen
        self._samples: list[bytes] = []
        self._share = draws.choice((0.1, 0.3, 0.6))

    async def send(self, message: bytes) -> None:
        if len(self._samples) < _SAMPLES_MAX:
            self._samples.append(message)
        choice = self._draws.random()
        if choice >= self._share:
            await super().send(message)
            return
        for sent in self._instead_of(message):
            self._seen["mutated frames"] += 1
            await super().send(sent)

    def _instead_of(self, message: bytes) -> list[bytes]:
        choice = self._draws.random()
        if choice < 0.1:
            return []
        if choice < 0.2:
            return [message, self._draws.choice(self._samples)]
        if choice < 0.3:
            return [mutated_bytes(message, self._draws, self._samples)]
        return [self._with_other_fields(message)]

    def _with_other_fields(self, message: bytes) -> bytes:
        try:
            header, payload = decode_frame(self._kind, message, header_bytes_max=limits.FRAME_HEADER_SIZE_BYTES_MAX)
        except MalformedFrame:
            return message
        raw = mutated_message(header.SerializeToString(), self._kind, self._draws)
        content = bytes(payload)
        if content and self._draws.random() < 0.2:
            content = mutated_bytes(content, self._draws, self._samples)
        return encode_frame(self._kind.FromString(raw), [content])


@dataclass(slots=True)
class _Side:
    """One side of a session; its end is the end of its pipe."""

    session: Session
    pipe: Pipe
    failure: BaseException | None = None

    async def run(self) -> None:
        try:
            await self.session.run()
        except (LumbungError, DoubtAboutOurselves):
            pass
        except BaseExceptionGroup as group:
            rest = group.split((LumbungError, DoubtAboutOurselves))[1]
            if rest is not None and rest.split(trio.Cancelled)[1] is None:
                raise
            self.failure = rest
        except Exception as exc:  # noqa: BLE001 (whatever it is, it is what the run is for)
            self.failure = exc
        finally:
            await self.pipe.outgoing.aclose()
            await self.pipe.incoming.aclose()


async def fuzz_session(draws: random.Random, seen: Counter[str]) -> None:
    """Some sessions one after the other between an office and its peer, of which one lies. Raises Broken.

    Runs under an autojumping clock. `seen` counts what happened.
    """
    liar = draws.choice((OFFICE, PEER))
    async with living(box(OFFICE)) as office, living(box(PEER)) as peer:
        for _ in range(_SESSIONS):
            await put(office, _contents(draws))
            await put(peer, _contents(draws))
            await _talk(office, peer, liar, draws, seen)
            await _check_stores(office, peer)
            await _check_proofs(office, peer)


async def _talk(office: Core, peer: Core, liar: NodeNumber, draws: random.Random, seen: Counter[str]) -> None:
    to_peer, from_office = trio.open_memory_channel[bytes](4)
    to_office, from_peer = trio.open_memory_channel[bytes](4)
    office_pipe, peer_pipe = Pipe(to_peer, from_peer), Pipe(to_office, from_office)
    if liar == OFFICE:
        office_pipe = _Meddler(to_peer, from_peer, peer_pb2.SessionResponse, draws, seen)
    else:
        peer_pipe = _Meddler(to_office, from_office, peer_pb2.SessionRequest, draws, seen)
    office_link = FrameLink(office_pipe, peer_pb2.SessionResponse, peer_pb2.SessionRequest)
    peer_link = FrameLink(peer_pipe, peer_pb2.SessionRequest, peer_pb2.SessionResponse)
    sides = (
        _Side(Session(office, office_link, PEER, Arrivals(office)), office_pipe),
        _Side(Session(peer, peer_link, OFFICE, Arrivals(peer)), peer_pipe),
    )
    with trio.move_on_after(_SESSION_S):
        async with trio.open_nursery() as nursery:
            for side in sides:
                nursery.start_soon(side.run)
            nursery.start_soon(_trouble, office, peer, draws)
    for side in sides:
        if side.failure is not None:
            raise Broken(f"session: {side.failure!r}") from side.failure
    seen["sessions"] += 1


async def _trouble(office: Core, peer: Core, draws: random.Random) -> None:
    """News and damage meanwhile, so that all lanes and all frames are used."""
    for _ in range(4):
        await trio.sleep(draws.choice((0.01, 1.0, 20.0)))
        core = draws.choice((office, peer))
        await put(core, [draws.randbytes(draws.choice((10, 3000)))])
        origin = draws.choice((OFFICE, PEER))
        rows = await core.store.reader.feed(origin, 0, 1000)
        if rows and draws.random() < 0.5:
            await core.found_damage(origin, draws.choice(rows)[1].blob)


def _contents(draws: random.Random) -> list[bytes]:
    sizes = [draws.choice((1, 50, 4000, 70_000)) for _ in range(_BLOBS)]
    if draws.random() < 0.05:
        sizes.append(limits.MEMORY_BLOB_BYTES_MAX + 1)
    return [draws.randbytes(size) for size in sizes]


async def _check_stores(*cores: Core) -> None:
    """Whatever is called intact is right, nothing is taken any more, and the roster is the one that was signed."""
    for core in cores:
        if core.memory.taken_bytes or core.foreign_memory.taken_bytes:
            raise Broken(f"node {core.number}: memory stays taken")
        if core.rosters.roster.epoch != 1:
            raise Broken(f"node {core.number}: obeys another roster")
        for origin in (OFFICE, PEER):
            for _, feed_row in await core.store.reader.feed(origin, 0, 10_000):
                row = await core.store.reader.row(origin, feed_row.blob)
                if row is None:
                    raise Broken(f"node {core.number}: a feed row of {origin} without its blob row")
                if is_intact(row):
                    await core.store.reader.verify(feed_row.blob, row)


async def _check_proofs(office: Core, peer: Core) -> None:
    """What counts as a copy at the other was durable there. It may be damaged since, its withdrawal on its way."""
    for core, other in ((office, peer), (peer, office)):
        account = core.store.proofs.ledger.account(other.number)
        for number, feed_row in await core.store.reader.feed(core.number, 0, 10_000):
            if account.has(number) and await other.store.reader.row(core.number, feed_row.blob) is None:
                raise Broken(f"node {core.number} counts blob {number} at {other.number}, which never had it")
