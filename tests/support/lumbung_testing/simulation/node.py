"""One simulated node: what outlives its process (disk, identity, documents, clock), and the process itself."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import lru_cache

import trio
from blake3 import blake3

from lumbung_cluster.errors import DiskFailed
from lumbung_cluster.identity_uri import NodeIdentity
from lumbung_cluster.ids import BlobId, NodeNumber
from lumbung_cluster.limits import MIB
from lumbung_cluster.schedule import ALWAYS_FREE
from lumbung_cluster.scrub_pace import ScrubSettings
from lumbung_cluster.wire import SPOKEN
from lumbung_node.ports.aside import Source
from lumbung_node.ports.identity import IdentityRecord
from lumbung_node.ports.keystore import KeysAtHand, KeysInUse
from lumbung_node.ports.keyvalue import Family
from lumbung_node.ports.transport import AccessCheck, Caller, Transport
from lumbung_node.services.core import Core
from lumbung_node.services.keyring import open_keyring
from lumbung_node.services.node import NodeParts, run_node
from lumbung_node.services.rosters import open_rosters
from lumbung_node.services.watches import DiskMarks
from lumbung_node.store.state import KEY_TOKEN
from lumbung_testing.counted import CountedMetrics
from lumbung_testing.rosters import CLUSTER, SeededSigner, TestVerifier
from lumbung_testing.simulation.durable import DurableView
from lumbung_testing.simulation.failures import tell_failure
from lumbung_testing.simulation.story import Story
from lumbung_testing.virtual_aside import VirtualAside
from lumbung_testing.virtual_disk import DiskImage, Pace, VirtualDisk
from lumbung_testing.world import (
    INVENTORY_KEY,
    InlineWork,
    MemoryDocuments,
    MemoryIdentity,
    MemoryKeys,
    SeededRandomness,
    VirtualClock,
)

__all__ = [
    "KEY_CHANGES_MAX",
    "USUAL_PACE",
    "Life",
    "OpenTransport",
    "SimNode",
    "address_of",
    "entry_keys_ever",
    "keys_of",
    "node_caller",
    "receipt_keys_ever",
]

_PORT = 7000
_PORTS = 1000  # vans have numbers above all ports
KEY_CHANGES_MAX = 8
USUAL_PACE = Pace(write_s=0.0002, sync_s=0.004)  # a sync that takes no time hides what happens before it returns
_SCRUB = ScrubSettings(period_s=60.0, start_delay_s=3.0)
_MARKS = DiskMarks(foreign_free_bytes=4 * MIB, own_free_bytes=2 * MIB)

OpenTransport = Callable[["SimNode", "Life", AccessCheck], AbstractAsyncContextManager[Transport]]


def address_of(host: str, number: NodeNumber) -> str:
    """Where the node of this number listens at a host."""
    return f"{host}:{_PORT + number % _PORTS}"


def keys_of(number: NodeNumber, *, following: int = 0) -> KeysAtHand:
    """The keys of the test rosters; with `following` the pair of that change lies beside the one before it."""
    names = [f" {at}" if at else "" for at in range(max(0, following - 1), following + 1)]
    entry = tuple(SeededSigner(f"entry {number}{name}") for name in names)
    receipt = tuple(SeededSigner(f"receipt {number}{name}") for name in names)
    return KeysAtHand(entry, receipt, ())


@lru_cache
def entry_keys_ever(number: NodeNumber) -> frozenset[bytes]:
    """Every entry key that a node may come to have in one run."""
    keys = [keys_of(number, following=change).entry[-1].public_key for change in range(KEY_CHANGES_MAX + 1)]
    return frozenset(keys)


@lru_cache
def receipt_keys_ever(number: NodeNumber) -> frozenset[bytes]:
    """Every receipt key that a node may come to have in one run."""
    keys = [keys_of(number, following=change).receipt[-1].public_key for change in range(KEY_CHANGES_MAX + 1)]
    return frozenset(keys)


def node_caller(number: NodeNumber) -> Caller:
    """Whom the others see; the pin is the one of the test rosters."""
    return Caller(NodeIdentity(CLUSTER, number).uri, blake3(f"tls {number}".encode()).digest())


@dataclass(slots=True, eq=False)
class Life:
    """One process of a node. After its death nothing of it reaches the outside, whatever its tasks still do."""

    number: int
    scope: trio.CancelScope
    ended: trio.Event
    is_dead: bool = False


@dataclass(slots=True)
class ScrubPasses:
    """Of one node, in trio time: what was wrong before `seen_since`, a pass within one life has looked at since."""

    begun_at: float = -math.inf
    is_going: bool = False
    seen_since: float = -math.inf

    def hear(self, event: str) -> None:
        if event == "scrub pass begins":
            self.begun_at, self.is_going = trio.current_time(), True
        elif event == "scrub pass ended" and self.is_going:
            self.seen_since, self.is_going = self.begun_at, False

    def forget(self) -> None:
        """Another life, or another folder: a pass that goes on was begun by somebody else."""
        self.is_going, self.seen_since = False, -math.inf


class _LivingIdentity:
    """The identity folder as one life sees it: a dead process writes no files."""

    def __init__(self, inner: MemoryIdentity, life: Life) -> None:
        self._inner = inner
        self._life = life

    async def load(self) -> IdentityRecord | None:
        return await self._inner.load()

    async def save(self, record: IdentityRecord) -> None:
        await trio.lowlevel.checkpoint()
        if not self._life.is_dead:
            await self._inner.save(record)

    async def file_system(self) -> str:
        return await self._inner.file_system()


class _LivingKeys:
    """The key store as one life sees it."""

    def __init__(self, inner: MemoryKeys, life: Life) -> None:
        self._inner = inner
        self._life = life

    async def at_hand(self) -> KeysAtHand:
        return await self._inner.at_hand()

    async def in_use(self) -> KeysInUse:
        return await self._inner.in_use()

    async def remember(self, keys: KeysInUse) -> None:
        if not self._life.is_dead:
            await self._inner.remember(keys)


class _LivingAside:
    """The set-aside stores as one life sees them: a dead process renames no folders."""

    def __init__(self, inner: VirtualAside, life: Life) -> None:
        self._inner = inner
        self._life = life

    async def set_aside(self, now_ms: int) -> str:
        if self._life.is_dead:
            raise DiskFailed("the process is dead")
        return await self._inner.set_aside(now_ms)

    async def names(self) -> list[str]:
        return await self._inner.names()

    async def open(self, name: str) -> Source:
        return await self._inner.open(name)


class SimNode:
    """Start it, kill it, replace its disk. `core` is the inside of the present life, None while it does not serve.

    `epoch_obeyed`, `rows_checked`, `chains_checked`, `words_checked` (copy rows) and `stopped_at` are what the
    invariants remember of it; `slow_until` is when the last slowness of its disk ends. `sessions_ended` counts by peer.
    """

    def __init__(
        self,
        number: NodeNumber,
        host: str,
        documents: MemoryDocuments,
        luck: random.Random,
        story: Story,
        disk: VirtualDisk,
    ) -> None:
        self.number = number
        self.host = host
        self.disk = disk
        self.disk.pace = USUAL_PACE
        self.durable = DurableView(lambda: self.disk.durable)
        self.aside = VirtualAside(self.disk)
        self.identity = MemoryIdentity()
        self.keys = MemoryKeys(keys_of(number))
        self.key_changes = 0
        self.wire = SPOKEN
        self.documents = documents
        self.clock = VirtualClock()
        self.metrics = CountedMetrics()
        self.core: Core | None = None
        self.life: Life | None = None
        self.generation_least = 1
        self.epoch_obeyed = 0
        self.stopped_at: float | None = None
        self.stopped_in: tuple[int, bytes] = (0, b"")
        self.slow_until = -math.inf
        self.chains_checked: dict[NodeNumber, tuple[int, bytes]] = {}
        self.words_checked: dict[bytes, bytes] = {}
        self.scrub = ScrubPasses()
        self.sessions_ended: Counter[object] = Counter()
        self._highest_wall_ms = 0
        self.rows_checked: dict[tuple[NodeNumber, BlobId], bytes] = {}
        self._luck = luck
        self._story = story
        self._lives = 0

    @property
    def is_up(self) -> bool:
        return self.life is not None

    @property
    def highest_wall_ms(self) -> int:
        """The highest wall time that this node has seen so far."""
        return max(self._highest_wall_ms, self.clock.now_ms())

    def set_clock(self, offset_ms: int) -> None:
        self._highest_wall_ms = self.highest_wall_ms
        self.clock.offset_ms = offset_ms

    def was_quick_since(self, at: float) -> bool:
        """Whether its disk was not slow at any time since then."""
        return self.slow_until < at

    @property
    def generation(self) -> int:
        """What the identity outside the data folder says; 0 before the first start."""
        return self.identity.record.generation if self.identity.record is not None else 0

    def start(self, nursery: trio.Nursery, open_transport: OpenTransport) -> None:
        assert self.life is None
        self._lives += 1
        self.life = Life(self._lives, trio.CancelScope(), trio.Event())
        self._story.tell(self.host, "starts", f"life {self._lives}")
        nursery.start_soon(self._run, self.life, open_transport)

    def forget_disk(self) -> None:
        """Another folder lies there: its rows need not follow on those that were looked at."""
        self.chains_checked.clear()
        self.words_checked.clear()
        self.scrub.forget()

    def replace_disk(self, image: DiskImage | None) -> None:
        """Another folder lies there at the next start. Unless it is of the very last opening, that is a new life."""
        self.forget_disk()
        if image is None:
            self.disk.wipe()
        else:
            self.disk.restore(image)
        record, token = self.identity.record, self.disk.durable.get(Family.SYSTEM, KEY_TOKEN)
        if record is not None:
            is_known = token in (record.token, record.token_next)
            self.generation_least = record.generation + (0 if is_known else 1)

    def die(self, kill_host: Callable[[str], None]) -> None:
        """A power cut: the disk and the network go first, so that no `finally` of a dying task changes anything."""
        assert self.life is not None
        self.life.is_dead = True
        self.disk.crash(self._luck)
        kill_host(self.host)
        self.core = None
        self.life.scope.cancel()

    async def buried(self) -> None:
        """Wait until the dying life's tasks are gone; then the node may start again."""
        assert self.life is not None
        await self.life.ended.wait()
        self.life = None

    async def _run(self, life: Life, open_transport: OpenTransport) -> None:
        try:
            with life.scope:
                await run_node(await self._parts(life, open_transport), self._on_ready)
        except Exception as exc:  # noqa: BLE001 (a node that ends by itself broke its promise to go on)
            if not life.is_dead:
                self._story.broken("a node goes on", f"{self.host} ended: {tell_failure(exc)}")
        finally:
            self.core = None
            life.ended.set()

    def _on_ready(self, address: str, core: Core) -> None:
        self.core = core
        self.stopped_at = None
        self.scrub.forget()
        if core.store.state.generation < self.generation_least:
            generation = core.store.state.generation
            self._story.broken(
                "a new disk is a new life", f"{self.host} serves another disk in generation {generation}"
            )
        self._story.tell(self.host, "serves", f"{address} generation {core.store.state.generation}")

    async def _parts(self, life: Life, open_transport: OpenTransport) -> NodeParts:
        @asynccontextmanager
        async def transport(check: AccessCheck) -> AsyncIterator[Transport]:
            async with open_transport(self, life, check) as opened:
                yield opened

        verifier = TestVerifier()
        log = NodeLog(self.host, life, self._story, self.scrub, self.sessions_ended)
        rosters = await open_rosters(self.documents, CLUSTER, verifier, log)
        return NodeParts(
            number=self.number,
            cluster=CLUSTER,
            software="simulated",
            wire=self.wire,
            listen=address_of(self.host, self.number),
            open_keyvalue=self.disk.open,
            aside=_LivingAside(self.aside, life),
            open_transport=transport,
            identity=_LivingIdentity(self.identity, life),
            fallback="",
            rosters=rosters,
            keys=await open_keyring(self.number, rosters, _LivingKeys(self.keys, life), log),
            inventory_key=INVENTORY_KEY,
            verifier=verifier,
            clock=self.clock,
            randomness=SeededRandomness(self._luck),
            blocking=InlineWork(),
            log=log,
            metrics=self.metrics,
            disk=_MARKS,
            schedule=lambda: ALWAYS_FREE,
            scrub=_SCRUB,
            accept_unsealed=False,
            keys_together=False,
            certificate_expires_ms=lambda: 1 << 50,
        )


class NodeLog:
    """Tells the story what a node logs; some events are bugs wherever they are said."""

    def __init__(
        self, host: str, life: Life, story: Story, scrub: ScrubPasses, sessions_ended: Counter[object]
    ) -> None:
        self._host = host
        self._life = life
        self._story = story
        self._scrub = scrub
        self._sessions_ended = sessions_ended

    def info(self, event: str, /, **values: object) -> None:
        self._say(event, values)

    def warning(self, event: str, /, **values: object) -> None:
        self._say(event, values)

    def error(self, event: str, /, **values: object) -> None:
        self._say(event, values)
        if event in ("session failed", "takeover failed", "task failed, begins again"):
            self._story.broken("no internal error", f"{self._host}: {values}")

    def _say(self, event: str, values: dict[str, object]) -> None:
        if not self._life.is_dead:
            self._scrub.hear(event)
            if event == "session ended":
                self._sessions_ended[values["peer"]] += 1
            self._story.tell(self._host, event, " ".join(f"{name}={value}" for name, value in values.items()))
