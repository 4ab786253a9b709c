"""The composition root of a real node: config, adapters, services, signals."""

from __future__ import annotations

import logging
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from importlib.metadata import version
from pathlib import Path

import structlog
import trio

from lumbung_cluster.errors import DiskFailed, DiskFull, KeyRefused
from lumbung_cluster.place import Place, choose_place
from lumbung_cluster.wire import SPOKEN
from lumbung_node.adapters.allocator import bound_allocator, give_back_when_idle, huge_pages_while_busy
from lumbung_node.adapters.ballast import ensure_ballast, release_ballast
from lumbung_node.adapters.grpc_transport import GrpcTransport, grpc_transport
from lumbung_node.adapters.identity_folder import DocumentFolder, IdentityFolder
from lumbung_node.adapters.keys.cluster_secret import load_cluster_secret
from lumbung_node.adapters.keys.ed25519 import Ed25519Verifier
from lumbung_node.adapters.keys.key_folder import KeyFolder
from lumbung_node.adapters.metrics.book import MetricBook
from lumbung_node.adapters.metrics.page_server import PageServer
from lumbung_node.adapters.node_tls import NodeTls, certified_node
from lumbung_node.adapters.rocks.aside import AsideFolders
from lumbung_node.adapters.rocks.keyvalue import open_rocks
from lumbung_node.adapters.service_manager import ServiceManager
from lumbung_node.adapters.stderr_log import LevelGate, LinePace, StderrLogger, write_or_drop
from lumbung_node.adapters.world import SystemClock, SystemRandomness, WorkerThreads
from lumbung_node.config import LogFormat, NodeConfig, load_config
from lumbung_node.own_words import say
from lumbung_node.ports.keyvalue import KeyValue
from lumbung_node.ports.log import Log
from lumbung_node.ports.transport import AccessCheck, Transport
from lumbung_node.reload import LiveConfig, Reload
from lumbung_node.services.core import Core
from lumbung_node.services.keyring import KeyRing, open_keyring
from lumbung_node.services.node import NodeParts, run_node
from lumbung_node.services.rosters import open_rosters
from lumbung_node.services.watches import DiskMarks
from lumbung_node.store.state import Pulse

__all__ = ["refuse_taken_port", "run"]

_CERTIFICATE_LOOK_S = 10.0
_AGE_SECRET = b"AGE-SECRET-KEY-"
_LOOKED_THROUGH_FILES_MAX = 200
_LOOKED_THROUGH_BYTES_MAX = 64 * 1024


def run(config_path: Path) -> None:
    """Run a node until SIGTERM or SIGINT. Prints `ready ADDRESS` each time that it serves.

    Raises, alone or in a group, ConfigError, KeyRefused, Malformed (a document), StoreLocked, StoreMisconfigured and
    OSError: a person has to change something before it can run.
    """
    bound_allocator()
    config = load_config(config_path)
    refuse_taken_port(config.listen)
    gate = LevelGate(config.log_level.value)
    trio.run(_run, config, gate, make_log(config, gate))


def refuse_taken_port(address: str) -> None:
    """Before anything is opened: a start that cannot serve changes no file. Raises OSError."""
    host, _, port = address.rpartition(":")
    family, kind, protocol, _, target = socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_STREAM)[0]
    with socket.socket(family, kind, protocol) as attempt:
        # Calls of a life just ended may still linger on our port; only a listener makes this bind fail.
        attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            attempt.bind(target)
        except OSError as exc:
            raise OSError(exc.errno, f"cannot listen on {address}: {exc.strerror}") from exc


async def _run(config: NodeConfig, gate: LevelGate, log: Log) -> None:
    live, manager, metrics = LiveConfig(config), ServiceManager.of_environment(), MetricBook(log)
    async with trio.open_nursery() as nursery:
        asked_in, asked_out = trio.open_memory_channel[None](1)
        await nursery.start(_listen_to_signals, nursery.cancel_scope, asked_in, manager, log)
        nursery.start_soon(manager.watch)
        nursery.start_soon(give_back_when_idle)
        nursery.start_soon(huge_pages_while_busy)
        page = PageServer(nursery, metrics.page, log)
        await page.move(config.metrics_listen)
        parts, tls = await _make_parts(live, log, metrics)
        reload = Reload(live, tls, parts.keys, parts.rosters, page, gate, manager, log)
        nursery.start_soon(reload.run, asked_out)
        await run_node(parts, partial(_say_ready, live, manager, parts.fallback))


def _say_ready(live: LiveConfig, manager: ServiceManager, fallback: str, address: str, core: Core) -> None:
    write_or_drop(sys.stdout.fileno(), f"ready {address}")
    key, generation = "fallback" if fallback else "serving", core.store.state.generation
    manager.ready(say(live.config.language, key, address=address, generation=generation, folder=fallback))


async def _listen_to_signals(
    scope: trio.CancelScope,
    asked: trio.MemorySendChannel[None],
    manager: ServiceManager,
    log: Log,
    task_status: trio.TaskStatus[None],
) -> None:
    """SIGTERM and SIGINT end the node, SIGHUP asks for a reload; one that waits already stands for all that follow."""
    # A terminal that goes sends SIGHUP too, and whoever started a node there wants it to go with it.
    ending = {signal.SIGTERM, signal.SIGINT} | ({signal.SIGHUP} if sys.stdin.isatty() else set())
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT, signal.SIGHUP) as signals:
        task_status.started()
        async for number in signals:
            if number in ending:
                log.info("stopping", signal=signal.Signals(number).name)
                manager.stopping()
                scope.cancel()
                return
            with suppress(trio.WouldBlock):
                asked.send_nowait(None)


async def _choose_place(config: NodeConfig, log: Log) -> Place:
    """Is the data disk mounted? Decided once, at the start: whoever mounts it starts the node again."""
    identity = IdentityFolder(config.identity, config.data)
    record, has_store = await identity.load(), await trio.Path(config.data / "rocks").is_dir()
    remembered, found = record.file_system if record is not None else "", await identity.file_system_found()
    place = choose_place(remembered=remembered, found=found, has_store=has_store)
    if place is Place.FALLBACK:
        log.error("data disk not mounted", data=str(config.data), fallback=str(config.fallback))
    return place


async def _make_parts(live: LiveConfig, log: Log, metrics: MetricBook) -> tuple[NodeParts, NodeTls]:
    config = live.config
    cluster = certified_node(config).cluster  # first: nothing may be made or moved under another node's number
    place = await _choose_place(config, log)
    folder = config.data if place is Place.DATA else config.fallback
    aside = AsideFolders(folder, (config.fallback,) if place is Place.DATA else ())
    await aside.gather(SystemClock().now_ms())
    verifier = Ed25519Verifier()
    documents = DocumentFolder(config.identity, config.roster, config.access_lists)
    rosters = await open_rosters(documents, cluster, verifier, log)
    store = KeyFolder(config.keys, config.identity, log)
    keys = await open_keyring(config.number, rosters, store, log)
    tls = NodeTls(config.keys, keys.tls_pin)

    @asynccontextmanager
    async def open_transport(check: AccessCheck) -> AsyncIterator[Transport]:
        async with (
            grpc_transport(tls.held, access_check=check, link=config.link, log=log, metrics=metrics) as transport,
            trio.open_nursery() as nursery,
        ):
            nursery.start_soon(_renew_certificates, live, tls, keys, transport, log)
            yield transport
            nursery.cancel_scope.cancel()

    parts = NodeParts(
        number=config.number,
        cluster=cluster,
        software=version("lumbung"),
        wire=SPOKEN,
        listen=config.listen,
        open_keyvalue=lambda: _open_store(folder, log),
        aside=aside,
        open_transport=open_transport,
        identity=IdentityFolder(config.identity, config.data, place),
        fallback="" if place is Place.DATA else str(config.fallback),
        rosters=rosters,
        keys=keys,
        inventory_key=load_cluster_secret(config.keys.cluster_secret),
        verifier=verifier,
        clock=SystemClock(),
        randomness=SystemRandomness(),
        blocking=WorkerThreads(),
        log=log,
        metrics=metrics,
        disk=DiskMarks(config.disk.foreign_free_bytes, config.disk.own_free_bytes),
        accept_unsealed=config.accept_unsealed,
        schedule=lambda: live.config.bandwidth,
        keys_together=has_age_secret(config.data) or has_age_secret(config.file.parent),
        certificate_expires_ms=lambda: tls.expires_ms,
        scrub=config.scrub,
    )
    return parts, tls


async def _renew_certificates(
    live: LiveConfig, tls: NodeTls, keys: KeyRing, transport: GrpcTransport, log: Log
) -> None:
    """Take new certificate files, and the next TLS key, into use without a restart; half of them are left alone.

    At half of its life the certificate is renewed here, where the configuration names the office's authority.
    """
    clock, said = SystemClock(), ""
    while True:
        with trio.move_on_after(_CERTIFICATE_LOOK_S):
            await _first_of(live.tls_changed, keys.changed)
        try:
            await trio.to_thread.run_sync(tls.renew_when_due, keys.tls_pin, clock.now_ms())
            found = await trio.to_thread.run_sync(tls.checked, keys.tls_pin)
            if found != tls.held:
                transport.renew(found)
                tls.take(found)
                log.info("certificate renewed", pin=keys.tls_pin.hex()[:16])
            said = ""
        except (KeyRefused, OSError) as exc:  # half of the files are there, or the wrong ones: look again
            if str(exc) != said:
                log.warning("certificate not renewed", reason=str(exc))
            said = str(exc)


async def _first_of(*pulses: Pulse) -> None:
    """Until one of them beats."""
    async with trio.open_nursery() as nursery:

        async def wait(pulse: Pulse) -> None:
            await pulse.wait()
            nursery.cancel_scope.cancel()

        for pulse in pulses:
            nursery.start_soon(wait, pulse)


async def _open_store(data: Path, log: Log) -> KeyValue:
    """Open the engine; a disk too full to open gives the ballast up, once, and takes it back when space returns."""
    await trio.Path(data).mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        store = await open_rocks(data, create=True)
    except DiskFull:
        if not await trio.to_thread.run_sync(release_ballast, data):
            raise
        log.warning("ballast released to open the store")
        return await open_rocks(data, create=True)
    try:
        await trio.to_thread.run_sync(ensure_ballast, data)
    except DiskFailed as exc:  # no reason not to record; and nobody else would close what is open
        log.warning("ballast not laid down", reason=str(exc))
    return store


def has_age_secret(folder: Path) -> bool:
    """Whether a key that opens blobs lies where the node's account can read it (KEYS_TOGETHER)."""
    looked = 0
    for path in sorted(folder.rglob("*")):
        if looked >= _LOOKED_THROUGH_FILES_MAX:
            break
        # What this account may not read is safe from it, and no reason not to start: root's authority, for instance.
        with suppress(OSError):
            if path.is_file() and path.stat().st_size <= _LOOKED_THROUGH_BYTES_MAX and "rocks" not in path.parts:
                looked += 1
                if _AGE_SECRET in path.read_bytes():
                    return True
    return False


def make_log(config: NodeConfig, gate: LevelGate) -> Log:
    """Structured events on stderr, without personal data: ids and numbers only. `gate` says which."""
    last: structlog.types.Processor
    if config.log_format is LogFormat.JSON:
        last = structlog.processors.JSONRenderer()
    else:
        last = structlog.dev.ConsoleRenderer(colors=False)
    structlog.configure(
        processors=[
            gate,
            LinePace(),
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            last,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG),
        logger_factory=StderrLogger,
    )
    bound: Log = structlog.get_logger().bind(node=config.name)
    return bound
