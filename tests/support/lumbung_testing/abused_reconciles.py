"""Sessions between two holders of which one lies about its set, or is cut off, and what the two hold in the end.

One story is one seed: two sets that differ on both sides, a session in which one side abuses reconcile in one way for a
while, and an honest one after it. A story ends well when both hold everything that any of them held, each of them knows
it, nothing else came into a store, and nobody was said to be equal before it was.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import trio

from lumbung_cluster.entry import Entry, EntryList, SignedList, sign_list
from lumbung_cluster.errors import LumbungError, PeerGone
from lumbung_cluster.feed import first_hash, next_hash
from lumbung_cluster.ids import BlobId, Generation
from lumbung_cluster.inventory.symbols import SYMBOL_SIZE_BYTES, Symbols, short_ids
from lumbung_cluster.limits import LIST_ENTRIES_MAX
from lumbung_node.services.core import Core, DoubtAboutOurselves
from lumbung_node.services.session.arrivals import Arrivals
from lumbung_node.services.session.link import FrameLink
from lumbung_node.services.session.session import Session
from lumbung_node.store.jobs import Content, ForeignBlob, Job
from lumbung_proto.v1 import peer_pb2
from lumbung_proto.v1 import reconcile_frames_pb2 as pb
from lumbung_testing.rosters import CLUSTER, SeededSigner
from lumbung_testing.session_pair import CENTRE, OFFICE, PEER, Pipe, box, living

__all__ = ["ABUSES", "Story", "Told", "live"]

_ABUSED_S = 150.0  # longer than an answer may take
_HONEST_S = 1200.0
_LOOK_S = 1.0
_MADE_UP_IDS = 20
Bend = Callable[[random.Random, peer_pb2.SessionFrame, bytes], bytes | None]
"""Changes a frame in place and returns its payload; None keeps it to itself."""


@dataclass(frozen=True, slots=True)
class Story:
    """The sizes of what both hold and of what only one holds, how one of them abuses, and which."""

    seed: int
    abuse: str
    common: int
    only: tuple[int, int]
    is_asker: bool

    @classmethod
    def of(cls, seed: int) -> Story:
        luck = random.Random(f"abused {seed}")
        abuse = list(ABUSES)[seed % len(ABUSES)]
        only = luck.choice([(5, 5), (40, 0), (0, 40), (30, 60), (150, 150), (3, 600)])
        return cls(seed, abuse, luck.choice([0, 50, 400]), only, luck.random() < 0.5)


@dataclass(frozen=True, slots=True)
class Told:
    """How a story ended; `wrong` is empty when it ended well."""

    story: Story
    wrong: str
    elapsed_s: float


async def live(story: Story) -> Told:
    """Live it through; under a clock that jumps."""
    luck, begun = random.Random(story.seed), trio.current_time()
    history = _History(luck)
    common, *only = (history.record(count) for count in (story.common, *story.only))
    async with living(box(PEER)) as peer, living(box(CENTRE)) as centre:
        for core, mine in zip((peer, centre), only, strict=True):
            await _hold(core, [*common, *mine])
        wrong = await _abused(story, luck, peer, centre)
        if not wrong:
            wrong = await _honest(peer, centre, history.ids)
    return Told(story, wrong, trio.current_time() - begun)


async def _abused(story: Story, luck: random.Random, peer: Core, centre: Core) -> str:
    """PEER has the lower number and asks by schedule. Nobody may take the two for equal before they are."""
    liar = 0 if story.is_asker else 1
    async with _met(peer, centre, {liar: _Bent(story.abuse, luck)}) as sessions:
        until = trio.current_time() + _ABUSED_S
        while trio.current_time() < until:
            await trio.sleep(_LOOK_S)
            honest = sessions[1 - liar].reconciling
            if honest is not None and honest.is_confirmed() and await _ids(peer) != await _ids(centre):
                return "the honest side took it for equal"
    return ""


async def _honest(peer: Core, centre: Core, all_ids: set[bytes]) -> str:
    async with _met(peer, centre, {}) as sessions:
        until = trio.current_time() + _HONEST_S
        while any(session.is_behind() for session in sessions):
            if trio.current_time() > until:
                return "the two were not seen to be equal"
            await trio.sleep(_LOOK_S)
    for core in (peer, centre):
        if await _ids(core) != all_ids:
            return f"node {core.number} holds other ids than were recorded"
    return ""


async def _ids(core: Core) -> set[bytes]:
    rows = await core.store.reader.feed(OFFICE, 0, 1 << 20)
    return {row.blob.raw for _, row in rows}


class _History:
    """What the office has recorded and signed."""

    def __init__(self, luck: random.Random) -> None:
        self._luck = luck
        self._signer = SeededSigner(f"entry {OFFICE}")
        self._count = 0
        self._hash = first_hash(CLUSTER, OFFICE, OFFICE)
        self.ids: set[bytes] = set()

    def record(self, count: int) -> list[tuple[SignedList, list[bytes]]]:
        parts = []
        for at in range(0, count, LIST_ENTRIES_MAX):
            contents = [self._luck.randbytes(20) for _ in range(min(LIST_ENTRIES_MAX, count - at))]
            entries = tuple(Entry(BlobId.of(content), len(content), 1, 0, 0) for content in contents)
            content = EntryList(CLUSTER, OFFICE, Generation(1), self._count + 1, self._hash, entries)
            for entry in entries:
                self._hash = next_hash(self._hash, entry)
                self.ids.add(entry.blob.raw)
            self._count += len(entries)
            parts.append((sign_list(content, self._signer), contents))
        return parts


async def _hold(core: Core, parts: Iterable[tuple[SignedList, list[bytes]]]) -> None:
    for signed, contents in parts:
        blobs = [
            ForeignBlob(signed, index, Content(len(content), [content]), OFFICE, Generation(1))
            for index, content in enumerate(contents)
        ]
        await core.store.committer.commit(Job(foreign=blobs))


# --- sessions ------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def _met(one: Core, other: Core, bent: dict[int, _Bent]) -> AsyncIterator[tuple[Session, Session]]:
    """A session between the two for the block, or until one of them ends it."""
    to_other, from_one = trio.open_memory_channel[bytes](8)
    to_one, from_other = trio.open_memory_channel[bytes](8)
    dialled = _link(Pipe(to_other, from_other), peer_pb2.SessionResponse, peer_pb2.SessionRequest, bent.get(0))
    served = _link(Pipe(to_one, from_one), peer_pb2.SessionRequest, peer_pb2.SessionResponse, bent.get(1))
    sessions = (
        Session(one, dialled, other.number, Arrivals(one)),
        Session(other, served, one.number, Arrivals(other)),
    )
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_run, sessions[0], to_other)
        nursery.start_soon(_run, sessions[1], to_one)
        yield sessions
        nursery.cancel_scope.cancel()


async def _run(session: Session, outgoing: trio.MemorySendChannel[bytes]) -> None:
    """To its end, whatever ends it: a refusal of the abuse, or the line."""
    try:
        await session.run()
    except* (LumbungError, DoubtAboutOurselves):
        pass
    finally:
        outgoing.close()


def _link(
    pipe: Pipe,
    incoming: type[peer_pb2.SessionRequest] | type[peer_pb2.SessionResponse],
    outgoing: type[peer_pb2.SessionRequest] | type[peer_pb2.SessionResponse],
    bent: _Bent | None,
) -> FrameLink:
    return FrameLink(pipe, incoming, outgoing) if bent is None else _BentLink(pipe, incoming, outgoing, bent)


class _Bent:
    """One way to abuse, with its luck."""

    def __init__(self, abuse: str, luck: random.Random) -> None:
        self._bend = ABUSES[abuse]
        self._luck = luck
        self._left = luck.randrange(1, 8) if abuse == "cut in the middle" else None

    def turn(self, frame: peer_pb2.SessionFrame, payload: bytes) -> bytes | None:
        if self._left is not None:
            self._left -= 1
            if self._left < 0:
                raise PeerGone("cut in the middle")
        return self._bend(self._luck, frame, payload)


class _BentLink(FrameLink):
    """What leaves it about reconcile is not what its node meant."""

    def __init__(
        self,
        pipe: Pipe,
        incoming: type[peer_pb2.SessionRequest] | type[peer_pb2.SessionResponse],
        outgoing: type[peer_pb2.SessionRequest] | type[peer_pb2.SessionResponse],
        bent: _Bent,
    ) -> None:
        super().__init__(pipe, incoming, outgoing)
        self._bent = bent

    async def send(self, frame: peer_pb2.SessionFrame, payload: Iterable[bytes | memoryview] = ()) -> None:
        parts: Iterable[bytes | memoryview] = payload
        if str(frame.WhichOneof("kind")).startswith("reconcile_"):
            turned = self._bent.turn(frame, b"".join(payload))
            if turned is None:
                return
            parts = [turned]
        await super().send(frame, parts)


# --- abuses --------------------------------------------------------------------------------------------------------


def _says_equal(luck: random.Random, frame: peer_pb2.SessionFrame, payload: bytes) -> bytes:
    if frame.WhichOneof("kind") == "reconcile_compared":
        frame.reconcile_compared.root = luck.randbytes(16)
    return payload


def _lying_digests(luck: random.Random, frame: peer_pb2.SessionFrame, payload: bytes) -> bytes:
    """Other roots, fingerprints and counts than its own."""
    match frame.WhichOneof("kind"):
        case "reconcile_compare":
            frame.reconcile_compare.root = luck.randbytes(16)
        case "reconcile_compared":
            count = len(frame.reconcile_compared.counts)
            frame.reconcile_compared.fingerprints = luck.randbytes(8 * count)
            frame.reconcile_compared.counts[:] = [luck.randrange(1 << 40) for _ in range(count)]
        case "reconcile_tell" if frame.reconcile_tell.HasField("symbols"):
            frame.reconcile_tell.symbols.root = luck.randbytes(16)
    return payload


def _wrong_symbols(luck: random.Random, frame: peer_pb2.SessionFrame, payload: bytes) -> bytes:
    return luck.randbytes(len(payload)) if _has_symbols(frame) else payload


def _endless_symbols(luck: random.Random, frame: peer_pb2.SessionFrame, payload: bytes) -> bytes:
    """Each answer is of yet another set, so that no number of symbols is ever enough."""
    if not _has_symbols(frame):
        return payload
    count = len(payload) // SYMBOL_SIZE_BYTES
    return Symbols.of(short_ids([luck.randbytes(32) for _ in range(4 * count)]), count).to_bytes()


def _ids_that_nobody_has(luck: random.Random, frame: peer_pb2.SessionFrame, payload: bytes) -> bytes:
    """Made-up ids in its symbols (of one stretch) and pages: there is nothing to fetch under them."""
    told = frame.reconcile_tell
    if frame.WhichOneof("kind") == "reconcile_tell" and told.HasField("ids"):
        unit = payload[0] & 0xFC if payload else 0
        made_up = [bytes([unit | luck.randrange(4)]) + luck.randbytes(31) for _ in range(_MADE_UP_IDS)]
        ids = [payload[at : at + 32] for at in range(0, len(payload), 32)]
        return b"".join(sorted({*ids, *made_up}))
    if not _has_symbols(frame) or len(_symbols(frame).counts) != 1:
        return payload
    made_up_ids = [luck.randbytes(32) for _ in range(_MADE_UP_IDS)]
    _symbols(frame).counts[0] += _MADE_UP_IDS
    honest = Symbols.from_bytes(payload)
    return honest.minus(Symbols.of(short_ids(made_up_ids), len(honest))).to_bytes()


def _false_settlements(luck: random.Random, frame: peer_pb2.SessionFrame, payload: bytes) -> bytes:
    match frame.WhichOneof("kind"):
        case "reconcile_settle":
            frame.reconcile_settle.root = luck.randbytes(16)
            frame.reconcile_settle.number, frame.reconcile_settle.running_hash = 1 << 40, luck.randbytes(32)
        case "reconcile_settled":
            frame.reconcile_settled.is_settled = True
    return payload


def _nothing_is_good(luck: random.Random, frame: peer_pb2.SessionFrame, payload: bytes) -> bytes:
    """Of what is fetched it never had anything."""
    if frame.WhichOneof("kind") == "reconcile_fetched":
        frame.reconcile_fetched.unknown = luck.randbytes(6 * luck.randrange(4))
    return payload


def _rubbish(luck: random.Random, frame: peer_pb2.SessionFrame, payload: bytes) -> bytes:
    return luck.randbytes(luck.randrange(1, 2000))


def _silence(luck: random.Random, frame: peer_pb2.SessionFrame, payload: bytes) -> bytes | None:
    is_answer = frame.WhichOneof("kind") in ("reconcile_compared", "reconcile_tell", "reconcile_fetched")
    return None if is_answer and luck.random() < 0.5 else payload


def _as_it_is(luck: random.Random, frame: peer_pb2.SessionFrame, payload: bytes) -> bytes:
    return payload


def _has_symbols(frame: peer_pb2.SessionFrame) -> bool:
    match frame.WhichOneof("kind"):
        case "reconcile_compared":
            return frame.reconcile_compared.HasField("eager")
        case "reconcile_tell":
            return frame.reconcile_tell.HasField("symbols")
    return False


def _symbols(frame: peer_pb2.SessionFrame) -> pb.ReconcileSymbols:
    is_eager = frame.WhichOneof("kind") == "reconcile_compared"
    return frame.reconcile_compared.eager if is_eager else frame.reconcile_tell.symbols


ABUSES: dict[str, Bend] = {
    "says equal": _says_equal,
    "lying digests": _lying_digests,
    "wrong symbols": _wrong_symbols,
    "endless symbols": _endless_symbols,
    "ids that nobody has": _ids_that_nobody_has,
    "false settlements": _false_settlements,
    "nothing is good": _nothing_is_good,
    "rubbish": _rubbish,
    "silence": _silence,
    "cut in the middle": _as_it_is,
}
