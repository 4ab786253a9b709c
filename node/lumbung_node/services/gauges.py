"""How a node stands, as samples of metrics: what `lumbung status` shows, in numbers that a monitoring keeps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import trio

from lumbung_cluster import limits
from lumbung_cluster.health import HealthCode
from lumbung_cluster.mute import reported_mutes
from lumbung_cluster.roster_node import Role
from lumbung_node.ports.metrics import Metric, Sample
from lumbung_node.services.core import Core
from lumbung_node.services.operations import Operations
from lumbung_node.services.replicator import Replicator
from lumbung_proto.v1 import operations_pb2

__all__ = ["Gauges"]

_STATES = {
    "up": operations_pb2.LINK_CONDITION_UP,
    "behind": operations_pb2.LINK_CONDITION_BEHIND,
    "down": operations_pb2.LINK_CONDITION_DOWN,
    "refused": operations_pb2.LINK_CONDITION_REFUSED,
}


class Gauges:
    """Costs what `status` costs: it grows with what is out of order, not with the number of blobs."""

    def __init__(self, core: Core, operations: Operations, replicator: Replicator) -> None:
        self._core = core
        self._operations = operations
        self._replicator = replicator
        self._started = trio.current_time()

    async def read(self) -> Sequence[Sample]:
        status = await self._operations.response()
        return [
            Sample(Metric.SERVING, 1),
            *_node(status),
            *_health(status),
            *_copies(status),
            *_links(status),
            *_disk(status),
            *_checks(status),
            *_rebuild(status),
            *self._carried(status),
            *self._memory(),
            *self._reporters(),
        ]

    def _carried(self, status: operations_pb2.StatusResponse) -> Iterator[Sample]:
        """Bytes of blobs by link, since the node serves."""
        names = {link.node: _name(link) for link in status.links}
        for peer, link in sorted(self._replicator.links.items()):
            if peer in names:
                sent_bytes, received_bytes = link.carried_bytes()
                yield Sample(Metric.LINK_SENT, sent_bytes, (names[peer],))
                yield Sample(Metric.LINK_RECEIVED, received_bytes, (names[peer],))

    def _reporters(self) -> Iterator[Sample]:
        """REPORT_LATE for a monitoring: how many nodes this DRC node should hear of, by how it stands with them."""
        core, now = self._core, trio.current_time()
        record = core.rosters.roster.node(core.number)
        if record is None or record.role is not Role.DRC:
            return
        counts = dict.fromkeys(("heard", "late", "muted"), 0)
        for node in core.rosters.roster.partners_of(core.number):
            held = core.reports.held.get(node)
            quiet_s = now - (held.received_at if held is not None else self._started)
            mutes = reported_mutes(core.mutes, node, core.clock.now_ms())
            is_late = quiet_s >= limits.REPORT_LATE_S
            counts["heard" if not is_late else "muted" if HealthCode.REPORT_LATE.name in mutes else "late"] += 1
        for state, nodes in counts.items():
            yield Sample(Metric.REPORTERS, nodes, (state,))

    def _memory(self) -> Iterator[Sample]:
        core = self._core
        yield Sample(Metric.MEMORY_TAKEN, core.memory.taken_bytes, ("puts",))
        yield Sample(Metric.MEMORY_LIMIT, core.memory.bytes_max, ("puts",))
        yield Sample(Metric.MEMORY_TAKEN, core.foreign_memory.taken_bytes, ("peers",))
        yield Sample(Metric.MEMORY_LIMIT, limits.FOREIGN_MEMORY_BYTES_MAX, ("peers",))


def _node(status: operations_pb2.StatusResponse) -> Iterator[Sample]:
    yield Sample(Metric.NODE_INFO, 1, (status.name, str(status.node), status.software))
    yield Sample(Metric.TAKES_PUTS, status.takes_puts)
    yield Sample(Metric.GENERATION, status.generation)
    yield Sample(Metric.ROSTER_EPOCH, status.roster_epoch)
    yield from _when(Metric.ROSTER_CREATED, status.roster_created_ms)
    yield from _when(Metric.CERTIFICATE_END, status.certificate_expires_ms)
    yield from _when(Metric.CLOCK, status.clock_ms)


def _health(status: operations_pb2.StatusResponse) -> Iterator[Sample]:
    """Every code always has its sample: one that is fine must be told from one that nobody measures."""
    for code in (code.name for code in HealthCode):
        found = [item for item in status.health if item.code == code]
        loud = [int(item.severity) for item in found if not item.muted_until_ms]
        yield Sample(Metric.HEALTH, max((int(item.severity) for item in found), default=0), (code,))
        yield Sample(Metric.HEALTH_UNMUTED, max(loud, default=0), (code,))
        yield Sample(Metric.HEALTH_MUTED, len(found) - len(loud), (code,))


def _copies(status: operations_pb2.StatusResponse) -> Iterator[Sample]:
    own = status.own
    for copies, blobs in enumerate(own.by_copies, start=1):
        yield Sample(Metric.OWN_BLOBS, blobs, (str(copies),))
    yield Sample(Metric.ONLY_HERE, own.only_here)
    yield from _when(Metric.OLDEST_UNSAFE, own.oldest_unsafe_ms)
    yield from _when(Metric.OLDEST_ONLY_HERE, own.oldest_only_here_ms)


def _links(status: operations_pb2.StatusResponse) -> Iterator[Sample]:
    for link in status.links:
        peer = _name(link)
        for state, condition in _STATES.items():
            yield Sample(Metric.LINK_STATE, link.condition == condition, (peer, state))
        yield Sample(Metric.LINK_LAG, link.lag_blobs, (peer,))
        yield from _when(Metric.LINK_LAG_OLDEST, link.lag_oldest_ms, peer)
        yield Sample(Metric.LINK_PROVEN, link.proven_blobs, (peer,))
        yield from _when(Metric.LINK_PROOF, link.verified_since_ms, peer)
        yield Sample(Metric.LINK_CLOCK_OFFSET, link.clock_offset_ms / 1000, (peer,))


def _disk(status: operations_pb2.StatusResponse) -> Iterator[Sample]:
    disk = status.disk
    yield Sample(Metric.DISK_FREE, disk.free_bytes)
    yield Sample(Metric.DISK_SIZE, disk.total_bytes)
    yield Sample(Metric.DISK_REFUSES, disk.refuses_own, ("own",))
    yield Sample(Metric.DISK_REFUSES, disk.refuses_foreign, ("foreign",))
    foreign = [origin for origin in status.origins if origin.origin != status.node]
    own = [origin for origin in status.origins if origin.origin == status.node]
    for whose, origins in (("own", own), ("foreign", foreign)):
        yield Sample(Metric.STORED_BLOBS, sum(origin.blobs for origin in origins), (whose,))
        yield Sample(Metric.STORED_BYTES, sum(origin.size_bytes for origin in origins), (whose,))
    yield Sample(Metric.DAMAGED_BLOBS, sum(origin.damaged for origin in status.origins))


def _checks(status: operations_pb2.StatusResponse) -> Iterator[Sample]:
    scrub = status.scrub
    yield Sample(Metric.SCRUB_READ, scrub.read_bytes)
    yield Sample(Metric.SCRUB_PERIOD, scrub.period_s)
    yield Sample(Metric.SCRUB_PERIOD_WANTED, scrub.period_wanted_s)
    yield from _when(Metric.SCRUB_VERIFIED, scrub.verified_since_ms)
    yield Sample(Metric.SCRUB_PAUSED, scrub.is_paused)
    yield Sample(Metric.SCRUB_WRONG, scrub.wrong)
    yield Sample(Metric.SCRUB_MENDED, scrub.mended)
    yield Sample(Metric.EVIDENCE, scrub.evidence_bytes)
    yield Sample(Metric.INVENTORY_BEHIND, status.inventory.rows_behind)
    yield Sample(Metric.INVENTORY_DOUBTED, status.inventory.units_doubted)


def _rebuild(status: operations_pb2.StatusResponse) -> Iterator[Sample]:
    if status.HasField("rebuild"):
        yield Sample(Metric.REBUILD_KNOWN, status.rebuild.known_bytes)
        yield Sample(Metric.REBUILD_HERE, status.rebuild.here_bytes)


def _when(metric: Metric, time_ms: int, *labels: str) -> Iterator[Sample]:
    """A time, unless there is none to tell."""
    if time_ms:
        yield Sample(metric, time_ms / 1000, labels)


def _name(link: operations_pb2.LinkState) -> str:
    return link.name or str(link.node)
