"""A node whose data folder is wiped, refilled by its holders: how fast, and what a SIGKILL in the middle costs.

Whoever calls founds the cluster and says how nodes are run, so that the same works over loopback and over a thin line.
Bytes are those of blobs, as the senders count them: each node's log says at the end of a session what it sent.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path

import trio

from lumbung_cluster.errors import LumbungError
from lumbung_cluster.ids import NodeNumber
from lumbung_node.adapters.keys.ed25519 import Ed25519Verifier
from lumbung_tools.bench.load import Load, LoadFailed, put_full
from lumbung_tools.bench.processes import cpu_s
from lumbung_tools.client.ask import status
from lumbung_tools.client.over_grpc import open_grpc
from lumbung_tools.client.profile import load_profile
from lumbung_tools.client.session import Session, open_session
from lumbung_tools.localcluster.founding import Founded
from lumbung_tools.localcluster.processes import Death, LocalCluster, run_cluster

__all__ = ["Refill", "measure_refills", "sent_to"]

_MEGA = 1_000_000
_LOOK_S = 0.2  # each look costs the node some milliseconds: at 20 a second they were a tenth of what a refill took
_PATIENCE_S = 900.0
_SESSION_ENDED = "session ended"


@dataclass(frozen=True, slots=True)
class Refill:
    """One refill. Seconds count from the moment when the wiped node says that it is ready, until all is durable there.

    `first_s` is when the first blob was there. `sent_bytes` is what the holders sent to it in all. `killed_at` is how
    many blobs were durable just before the SIGKILL; 0 for a refill that nobody disturbed.
    """

    blobs: int
    needed_bytes: int
    first_s: float
    elapsed_s: float
    sent_bytes: int
    killed_at: int
    cpu_s: Mapping[str, float]

    @property
    def mb_s(self) -> float:
        return self.needed_bytes / self.elapsed_s / _MEGA

    @property
    def flowing_mb_s(self) -> float:
        """Without the wait for the first blob."""
        return self.needed_bytes / max(self.elapsed_s - self.first_s, _LOOK_S) / _MEGA

    @property
    def cpu_ms_a_blob(self) -> float:
        """Of all three nodes; the start of the wiped one, about 0.7 s, is in it."""
        return sum(self.cpu_s.values()) * 1000 / self.blobs

    @property
    def resent_bytes(self) -> int:
        return self.sent_bytes - self.needed_bytes


async def measure_refills(
    founded: Founded,
    office: str,
    load: Load,
    command: Callable[[Path], list[str]],
    on_filled: Callable[[], Awaitable[None]],
) -> tuple[Refill, Refill]:
    """Put the load at the office, wipe it, refill it undisturbed; wipe it again and kill it in the middle.

    `on_filled` is called when three copies of everything are there, before the first wipe. Raises LoadFailed.
    """
    async with run_cluster(founded.folder, _complain, command) as cluster:
        await cluster.start(cluster.names)
        async with _session(founded, office) as session:
            await put_full(session, load)
        await on_filled()
        undisturbed = await _refill(cluster, founded, office, load, is_killed=False)
        return undisturbed, await _refill(cluster, founded, office, load, is_killed=True)


def sent_to(node: NodeNumber, log_lines: Iterable[str]) -> int:
    """Bytes of blobs that a node sent to this peer, by the ends of sessions in its log."""
    entries = [json.loads(line) for line in log_lines if _SESSION_ENDED in line]
    return sum(entry["sent_bytes"] for entry in entries if entry["event"] == _SESSION_ENDED and entry["peer"] == node)


async def _refill(cluster: LocalCluster, founded: Founded, office: str, load: Load, *, is_killed: bool) -> Refill:
    (number,) = (site.number for site in founded.sites if site.name == office)
    holders = [name for name in cluster.names if name != office]
    await cluster.stop([office])
    cluster.wipe_data(office)
    await cluster.stop(holders)  # what they sent before stands in their logs then
    before = {name: _sent(cluster, name, number) for name in holders}
    await cluster.start(holders)
    used = {name: cpu_s(cluster.pid(name)) for name in holders} | {office: 0.0}
    await cluster.start([office])
    begun, killed_at = trio.current_time(), 0
    async with _session(founded, office) as session:
        await _until(session, 1)
        first_s = trio.current_time() - begun
        if is_killed:
            killed_at = await _until(session, len(load.items) // 2)
            await cluster.kill(office)
    if is_killed:
        await cluster.start([office])
    async with _session(founded, office) as session:
        await _until(session, len(load.items))
    elapsed_s = trio.current_time() - begun
    after = {name: cpu_s(cluster.pid(name)) for name in used}
    await cluster.stop(cluster.names)
    sent_bytes = sum(_sent(cluster, name, number) - before[name] for name in holders)
    await cluster.start(cluster.names)
    return Refill(
        blobs=len(load.items),
        needed_bytes=len(load.items) * load.size_bytes,
        first_s=first_s,
        elapsed_s=elapsed_s,
        sent_bytes=sent_bytes,
        killed_at=killed_at,
        cpu_s={name: after[name] - used[name] for name in used},
    )


async def _until(session: Session, blobs: int) -> int:
    """Return when so many of the office's own blobs are durable at it: how many there are. Raises LoadFailed."""
    with trio.move_on_after(_PATIENCE_S):
        while True:
            try:
                answer = await status(session.own)
            except LumbungError:  # it may have said "ready" and not listen on this channel yet
                await trio.sleep(_LOOK_S)
                continue
            here = sum(each.blobs for each in answer.origins if each.origin == session.profile.node)
            if here >= blobs:
                return here
            await trio.sleep(_LOOK_S)
    raise LoadFailed(f"expected {blobs} blobs within {_PATIENCE_S:.0f} s of the wipe")


def _session(founded: Founded, office: str) -> AbstractAsyncContextManager[Session]:
    return open_session(load_profile(founded.client_home(office)), open_grpc, Ed25519Verifier())


def _sent(cluster: LocalCluster, name: str, number: NodeNumber) -> int:
    with cluster.log_file(name).open(encoding="utf-8", errors="replace") as lines:
        return sent_to(number, lines)


def _complain(death: Death) -> None:
    sys.stderr.write(f"{death}\n")
