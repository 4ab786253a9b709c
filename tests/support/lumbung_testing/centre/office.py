"""One office: the whole node as it runs everywhere, over gRPC with mutual TLS, but with a disk in memory, and deaf.

Nobody dials it, so it listens nowhere; it dials the centre as an office behind a router does.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

from lumbung_cluster.ids import BlobId, ClusterId, NodeNumber
from lumbung_cluster.inventory.fingerprint import InventoryKey
from lumbung_cluster.limits import CHUNK_SIZE_BYTES
from lumbung_cluster.schedule import ALWAYS_FREE
from lumbung_cluster.scrub_pace import ScrubSettings
from lumbung_cluster.wire import SPOKEN
from lumbung_node.adapters.grpc_transport.bridge import Bridge
from lumbung_node.adapters.grpc_transport.identity import TlsIdentity
from lumbung_node.adapters.grpc_transport.transport import GrpcTransport
from lumbung_node.adapters.keys.ed25519 import Ed25519Signer, Ed25519Verifier
from lumbung_node.adapters.world import SystemClock
from lumbung_node.ports.keystore import KeysAtHand
from lumbung_node.ports.keyvalue import KeyValue
from lumbung_node.ports.log import Unlogged
from lumbung_node.ports.metrics import Uncounted
from lumbung_node.ports.transport import (
    AccessCheck,
    Caller,
    Channel,
    Endpoint,
    Handler,
    LinkClass,
    Listener,
    Method,
    Transport,
)
from lumbung_node.services.core import Core
from lumbung_node.services.keyring import open_keyring
from lumbung_node.services.node import NodeParts, run_node
from lumbung_node.services.rosters import RosterKeeper
from lumbung_node.services.watches import DiskMarks
from lumbung_node.store.jobs import Content, Job, OwnBlob
from lumbung_testing.centre.country import OfficeKeys
from lumbung_testing.centre.light_disk import LightDisk
from lumbung_testing.virtual_aside import VirtualAside
from lumbung_testing.virtual_disk import VirtualDisk
from lumbung_testing.world import InlineWork, MemoryIdentity, MemoryKeys, SeededRandomness
from lumbung_tools.sealing import AGE_MAGIC

__all__ = ["Office", "Surroundings"]

_HEAD_BYTES = 64
_RECORDS_AT_ONCE = 64
_FOR_EVER_MS = 1 << 50
_NOWHERE = "127.0.0.1:0"
_MARKS = DiskMarks(foreign_free_bytes=1, own_free_bytes=1)
_SCRUB = ScrubSettings(period_s=7 * 24 * 3600.0, start_delay_s=24 * 3600.0)  # what lies in memory needs none


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all offices of one process share: the bridge to gRPC, the roster, and the long end of every record."""

    bridge: Bridge
    rosters: RosterKeeper
    cluster: ClusterId
    secret: InventoryKey
    trust_roots: bytes
    centre: NodeNumber
    body: bytes


class Office:
    """`run` lives until it is cancelled; `core` is there from its first "ready" on."""

    def __init__(self, keys: OfficeKeys, around: Surroundings) -> None:
        self._keys = keys
        self._around = around
        self._disk = VirtualDisk()
        self._luck = random.Random(keys.number)
        self.core: Core | None = None

    async def run(self) -> None:
        await run_node(await self._parts(), self._ready)

    def _ready(self, address: str, core: Core) -> None:
        self.core = core

    async def record(self, count: int) -> None:
        """So many new records, durable here when it returns."""
        assert self.core is not None
        for first in range(0, count, _RECORDS_AT_ONCE):
            blobs = [self._blob() for _ in range(min(_RECORDS_AT_ONCE, count - first))]
            await self.core.store.committer.commit(Job(own=blobs))

    def _blob(self) -> OwnBlob:
        content = AGE_MAGIC + self._luck.randbytes(_HEAD_BYTES) + self._around.body
        chunks = [content[at : at + CHUNK_SIZE_BYTES] for at in range(0, len(content), CHUNK_SIZE_BYTES)]
        return OwnBlob(BlobId.of(content), Content(len(content), chunks), 1, 0, b"", b"")

    def lacking(self) -> int:
        """How many of its records the centre has not proven yet."""
        if self.core is None:
            return 0
        store = self.core.store
        end = store.state.end(self._keys.number).number
        return end - store.proofs.ledger.account(self._around.centre).count_proven(end)

    async def _parts(self) -> NodeParts:
        around, keys = self._around, self._keys
        entry, receipt = Ed25519Signer.from_seed(keys.entry_seed), Ed25519Signer.from_seed(keys.receipt_seed)
        log = Unlogged()
        ring = await open_keyring(keys.number, around.rosters, MemoryKeys(KeysAtHand((entry,), (receipt,), ())), log)
        return NodeParts(
            number=keys.number,
            cluster=around.cluster,
            software="simulated",
            wire=SPOKEN,
            listen=_NOWHERE,
            open_keyvalue=self._open_keyvalue,
            aside=VirtualAside(self._disk),
            open_transport=self._open_transport,
            identity=MemoryIdentity(),
            fallback="",
            rosters=around.rosters,
            keys=ring,
            inventory_key=around.secret,
            verifier=Ed25519Verifier(),
            clock=SystemClock(),
            randomness=SeededRandomness(self._luck),
            blocking=InlineWork(),
            log=log,
            metrics=Uncounted(),
            disk=_MARKS,
            schedule=lambda: ALWAYS_FREE,
            scrub=_SCRUB,
            accept_unsealed=False,
            keys_together=False,
            certificate_expires_ms=lambda: _FOR_EVER_MS,
        )

    async def _open_keyvalue(self) -> KeyValue:
        return LightDisk(await self._disk.open(), self._around.body)

    @asynccontextmanager
    async def _open_transport(self, check: AccessCheck) -> AsyncIterator[Transport]:
        tls = TlsIdentity(self._keys.tls_chain, self._keys.tls_key, self._around.trust_roots)
        yield _Deaf(GrpcTransport(self._around.bridge, tls, check, LinkClass.WAN, Unlogged(), Uncounted()))


class _Deaf:
    """A transport that dials and does not listen."""

    def __init__(self, inner: Transport) -> None:
        self._inner = inner

    def dial(self, endpoint: Endpoint) -> Channel:
        return self._inner.dial(endpoint)

    def serve(self, address: str, handlers: Mapping[Method, Handler]) -> AbstractAsyncContextManager[Listener]:
        return _no_listener()


class _NoListener:
    @property
    def address(self) -> str:
        return _NOWHERE

    def revoke(self, may_stay: Callable[[Caller, Method], bool]) -> None:
        """Nobody has called."""

    async def stop(self, *, grace_s: float) -> None:
        """Nothing runs."""


@asynccontextmanager
async def _no_listener() -> AsyncIterator[Listener]:
    yield _NoListener()
