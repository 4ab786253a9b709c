"""One running node: everything under one nursery, opened again as a whole when the store fails.

Crash-only: there is one way to recover from a failed write, sync or disk, and it is the way of every start. What is
durable then is the truth; whatever was waiting was answered "unknown, try again".
"""

from __future__ import annotations

import errno
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import partial

import trio

from lumbung_cluster.errors import BlobDamaged, DiskFailed, StoreDamaged, leaves_of
from lumbung_cluster.ids import ClusterId, NodeNumber
from lumbung_cluster.inventory.fingerprint import InventoryKey
from lumbung_cluster.limits import (
    FOREIGN_MEMORY_BYTES_MAX,
    SET_ASIDE_DAMAGES,
    SET_ASIDE_DAMAGES_KEPT,
    SET_ASIDE_SAME_DAMAGES,
)
from lumbung_cluster.schedule import Schedule
from lumbung_cluster.scrub_pace import ScrubSettings
from lumbung_cluster.wire import WireRange
from lumbung_node.ports.aside import AsideStores
from lumbung_node.ports.identity import IdentityState
from lumbung_node.ports.keyvalue import KeyValue
from lumbung_node.ports.log import Log
from lumbung_node.ports.metrics import Metrics
from lumbung_node.ports.transport import AccessCheck, Listener, Transport
from lumbung_node.ports.world import Blocking, Randomness, Verifier, WallClock
from lumbung_node.services.budget import ByteBudget
from lumbung_node.services.copies import CopyBook
from lumbung_node.services.core import STORE_FAILURES, Condition, Core
from lumbung_node.services.dial_back import DialBack
from lumbung_node.services.gauges import Gauges
from lumbung_node.services.going_on import going_on
from lumbung_node.services.keyring import KeyRing
from lumbung_node.services.opening import Opener
from lumbung_node.services.operations import Operations
from lumbung_node.services.put_memory import PutMemory
from lumbung_node.services.rebuild import Rebuild
from lumbung_node.services.replicator import Replicator
from lumbung_node.services.report_desk import ReportDesk
from lumbung_node.services.reporting import Reporter, load_report_rows
from lumbung_node.services.rosters import RosterKeeper
from lumbung_node.services.scrub.scrubber import Scrubber
from lumbung_node.services.scrub.view import ScrubDesk
from lumbung_node.services.server import AccessGate, Server
from lumbung_node.services.signing_again import SigningAgain
from lumbung_node.services.takeover import Takeover
from lumbung_node.services.watches import DiskMarks, look, watch_clock, watch_disk
from lumbung_node.store.formats import bring_to_format
from lumbung_node.store.store import Store, open_store

__all__ = ["STORE_FAILURES", "NodeParts", "run_node"]

_REOPEN_WAIT_S_MIN = 0.2
_REOPEN_WAIT_S_MAX = 30.0
_SETTLED_S = 60.0


@dataclass(frozen=True, slots=True)
class NodeParts:
    """Everything that a node is made of; `open_keyvalue` opens the store's engine, again after a failure."""

    number: NodeNumber
    cluster: ClusterId
    software: str
    wire: WireRange
    listen: str
    open_keyvalue: Callable[[], Awaitable[KeyValue]]
    aside: AsideStores
    open_transport: Callable[[AccessCheck], AbstractAsyncContextManager[Transport]]
    identity: IdentityState
    fallback: str
    rosters: RosterKeeper
    keys: KeyRing
    inventory_key: InventoryKey
    verifier: Verifier
    clock: WallClock
    randomness: Randomness
    blocking: Blocking
    log: Log
    metrics: Metrics
    disk: DiskMarks
    schedule: Callable[[], Schedule]
    accept_unsealed: bool
    keys_together: bool
    certificate_expires_ms: Callable[[], int]
    scrub: ScrubSettings


async def run_node(parts: NodeParts, on_ready: Callable[[str, Core], None]) -> None:
    """Serve until cancelled. `on_ready(address, core)` is called each time that the node serves.

    Store failures open everything again, with a growing wait; a store that is found damaged again soon after it was
    opened, or again and again in the same place, is set aside. An address in use ends a node that has not served yet.
    Anything else that is raised is fatal.
    """
    has_served = False

    def tell_ready(address: str, core: Core) -> None:
        nonlocal has_served
        has_served = True
        on_ready(address, core)

    opener = Opener(parts.open_keyvalue, partial(_load, parts), parts.aside, parts.clock, parts.log)
    wait_s, damages = _REOPEN_WAIT_S_MIN, _Damages()
    while True:
        begun, found = trio.current_time(), ""
        try:
            await _live(parts, opener, tell_ready)
        except* OSError as failures:
            # Our own listener may end a moment behind the store that failed, and a caller may have our port as his end
            # of a connection meanwhile: recording must not stop for that until somebody starts us.
            if not has_served or not _is_address_in_use(failures):
                raise
            parts.log.error("address in use, opening again", address=parts.listen)
        except* (*STORE_FAILURES, BlobDamaged) as failures:
            # A block of the index that nobody expected to be damaged is damage of the store: a bare restart would read
            # it again, and end again.
            reasons = leaves_of(failures)
            parts.log.error("store failed, opening again", reason="; ".join(dict.fromkeys(map(str, reasons))))
            found = next((str(each) for each in reasons if isinstance(each, StoreDamaged | BlobDamaged)), "")
        has_settled = trio.current_time() - begun > _SETTLED_S
        if has_settled:
            wait_s = _REOPEN_WAIT_S_MIN
        if damages.are_enough(found, is_first=has_settled):
            damages = _Damages()
            await _set_aside(parts, opener, found)
        await trio.sleep(wait_s)
        wait_s = min(wait_s * 2, _REOPEN_WAIT_S_MAX)


class _Damages:
    """What lives of one store have ended with, and when it is enough.

    Two damages that follow each other within a minute are: the store is of no use. So are three of the same words,
    which name file and place, however much time lies between: whoever meets a block once an hour would open the store
    again for ever, and never get past it.
    """

    def __init__(self) -> None:
        self._in_a_row = 0
        self._words: deque[str] = deque(maxlen=SET_ASIDE_DAMAGES_KEPT)

    def are_enough(self, words: str, *, is_first: bool) -> bool:
        """A life has ended with `words`, empty for no damage; `is_first` when it had lasted."""
        if not words:
            self._in_a_row = 0
            return False
        self._in_a_row = 1 if is_first else self._in_a_row + 1
        self._words.append(words)
        return self._in_a_row >= SET_ASIDE_DAMAGES or self._words.count(words) >= SET_ASIDE_SAME_DAMAGES


def _is_address_in_use(failures: BaseExceptionGroup[OSError]) -> bool:
    return failures.split(lambda exc: isinstance(exc, OSError) and exc.errno == errno.EADDRINUSE)[1] is None


async def _set_aside(parts: NodeParts, opener: Opener, reason: str) -> None:
    try:
        await opener.set_aside(reason)
    except (StoreDamaged, DiskFailed) as exc:
        parts.log.error("store not set aside", reason=str(exc))


async def _load(parts: NodeParts, kv: KeyValue) -> Store:
    level = parts.rosters.roster.format_level
    await bring_to_format(kv, level, parts.software, parts.clock.now_ms(), parts.log)
    return await open_store(
        kv,
        parts.identity,
        cluster=parts.cluster,
        node=parts.number,
        signer=parts.keys.entry,
        life_signer=parts.keys.receipt,
        clock=parts.clock,
        randomness=parts.randomness,
        blocking=parts.blocking,
        inventory_key=parts.inventory_key,
        metrics=parts.metrics,
    )


async def _live(parts: NodeParts, opener: Opener, on_ready: Callable[[str, Core], None]) -> None:
    """One life of the store: from opening it to its failure, or to our cancellation."""
    store = await opener.open()
    try:
        parts.log.info("store open", generation=store.state.generation)
        await _serve(parts, store, on_ready)
    finally:
        with trio.CancelScope(shield=True):
            await store.kv.close()


def _core_of(parts: NodeParts, store: Store) -> Core:
    return Core(
        number=parts.number,
        cluster=parts.cluster,
        software=parts.software,
        wire=parts.wire,
        store=store,
        rosters=parts.rosters,
        receipt_signer=parts.keys.receipt,
        verifier=parts.verifier,
        clock=parts.clock,
        randomness=parts.randomness,
        blocking=parts.blocking,
        log=parts.log,
        metrics=parts.metrics,
        memory=PutMemory.of_limits(),
        foreign_memory=ByteBudget(FOREIGN_MEMORY_BYTES_MAX),
        ledger_roster=parts.rosters.roster,
        accept_unsealed=parts.accept_unsealed,
        schedule=parts.schedule,
        condition=Condition(stopped=store.stopped_by is not None, fallback=parts.fallback),
    )


async def _serve(parts: NodeParts, store: Store, on_ready: Callable[[str, Core], None]) -> None:
    core = _core_of(parts, store)
    await core.load_covers()
    await load_report_rows(core)
    await look(core, parts.disk)
    gate = AccessGate(parts.rosters, parts.number, parts.clock)
    copies = CopyBook(core)
    async with parts.open_transport(gate.check) as transport:
        replicator = Replicator(core, transport)
        store.state.scrub.brake = parts.scrub.brake
        scrubber = Scrubber(core, parts.scrub, replicator.doubt_own_history)
        desk = ScrubDesk(core, scrubber)
        takeover = Takeover(core, parts.aside, replicator.arrivals)
        await takeover.load()
        rebuild = Rebuild(core, replicator)
        operations = Operations(
            core,
            replicator,
            takeover,
            rebuild,
            desk,
            keys=parts.keys,
            keys_together=parts.keys_together,
            certificate_expires_ms=parts.certificate_expires_ms,
        )
        server = Server(core, gate, copies, replicator, operations, desk, DialBack(core, transport), ReportDesk(core))
        gauges = Gauges(core, operations, replicator)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(store.committer.run)
            nursery.start_soon(going_on, core, "inventories", partial(store.inventories.run, parts.log))
            nursery.start_soon(going_on, core, "keys", partial(parts.keys.run, store.sign_life_again))
            nursery.start_soon(going_on, core, "documents", parts.rosters.save_again)
            async with transport.serve(parts.listen, server.handlers()) as listener:
                nursery.start_soon(replicator.run)
                nursery.start_soon(watch_disk, core, parts.disk, replicator.sweep)
                nursery.start_soon(takeover.run)
                beside: dict[str, Callable[[], Awaitable[None]]] = {
                    "clock": partial(watch_clock, core, replicator.clock_offsets_ms),
                    "scrub": scrubber.run,
                    "rebuild": rebuild.run,
                    "signing again": SigningAgain(core, parts.keys).run,
                    "report": Reporter(core, operations.response).run,
                }
                for name, run in beside.items():
                    nursery.start_soon(going_on, core, name, run)
                nursery.start_soon(_revoke_on_change, parts.rosters, gate, listener)
                nursery.start_soon(_show, parts.metrics, gauges)
                on_ready(listener.address, core)
                await trio.sleep_forever()


async def _show(metrics: Metrics, gauges: Gauges) -> None:
    """Let whoever asks for metrics see how this life of the store stands, until it ends."""
    with metrics.reading(gauges.read):
        await trio.sleep_forever()


async def _revoke_on_change(rosters: RosterKeeper, gate: AccessGate, listener: Listener) -> None:
    """Another roster or access list in force: judge every open call anew, at once."""
    while True:
        await rosters.changed.wait()
        listener.revoke(gate.may_stay)
