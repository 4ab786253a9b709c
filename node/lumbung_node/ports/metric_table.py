"""Every metric of a node: its name, kind, labels and what it says. Names never change; docs/monitoring has them too.

By Prometheus' conventions: base units in the name, `_total` at counters, times as UNIX timestamps in seconds (an age is
`time() - x`), and no sample at all where there is nothing to tell (no blob is unsafe, no proof has come).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

__all__ = ["Description", "Kind", "Metric"]


class Kind(Enum):
    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Description:
    """`labels` are label names; `buckets` are the upper bounds of a histogram, rising."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


_SYNC_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


def _counter(name: str, text: str, *labels: str) -> Description:
    return Description(f"lumbung_{name}_total", Kind.COUNTER, text, labels)


def _gauge(name: str, text: str, *labels: str) -> Description:
    return Description(f"lumbung_{name}", Kind.GAUGE, text, labels)


class Metric(Enum):
    __hash__ = object.__hash__  # an enum's own is a call into Python, and each count looks its metric up

    # the node
    SERVING = _gauge("serving", "1 while the node serves, 0 while it opens its store")
    NODE_INFO = _gauge("node_info", "Who this is; always 1", "node", "number", "software")
    TAKES_PUTS = _gauge("takes_puts", "1 while own recordings are taken")
    HEALTH = _gauge("health_severity", "Worst trouble under a code: 0 none, 1 note, 2 warning, 3 critical", "code")
    HEALTH_UNMUTED = _gauge(
        "health_unmuted_severity", "The same without what an operator has muted: what alerts ask for", "code"
    )
    HEALTH_MUTED = _gauge("health_muted_troubles", "Troubles under a code that an operator has muted", "code")
    REPORTERS = _gauge(
        "reporters",
        "At a DRC node, nodes that report to it: heard, late (not for 15 minutes), muted (late, and known)",
        "state",
    )
    GENERATION = _gauge("generation", "Life of the node's disk")
    ROSTER_EPOCH = _gauge("roster_epoch", "Epoch of the roster in force")
    ROSTER_CREATED = _gauge("roster_created_timestamp_seconds", "When the roster in force was signed")
    CERTIFICATE_END = _gauge("certificate_expiry_timestamp_seconds", "When the node's certificate ends")
    CLOCK = _gauge("clock_timestamp_seconds", "The node's wall clock")
    # puts and reads
    PUTS = _counter("puts", "Blobs of puts by their first answer", "outcome")
    PUT_BYTES = _counter("put_bytes", "Sealed bytes of puts that were made durable here")
    PUT_REFUSALS = _counter("put_refusals", "Blobs of puts that were refused or are unknown, by status", "status")
    PUT_ACKS = _counter("put_acks", "Blobs of puts by the proven copies that their last answer named", "copies")
    READ_BYTES = _counter("read_bytes", "Bytes of blobs that readers were given")
    REFUSALS = _counter("refusals", "Calls that ended with another status than OK", "status")
    # the disk
    SYNC = Description(
        "lumbung_sync_duration_seconds",
        Kind.HISTOGRAM,
        "Time that the disk took to make a group of commits durable",
        (),
        _SYNC_BUCKETS_S,
    )
    COMMITTED_BLOBS = _counter("committed_blobs", "Blobs made durable here, own ones and those of peers")
    DISK_FREE = _gauge("disk_free_bytes", "Free space under the store")
    DISK_SIZE = _gauge("disk_size_bytes", "All space under the store")
    DISK_REFUSES = _gauge("disk_refuses", "1 while a disk mark refuses blobs, own or foreign", "whose")
    STORED_BLOBS = _gauge("stored_blobs", "Blobs durable here, own or foreign", "whose")
    STORED_BYTES = _gauge("stored_bytes", "Their bytes", "whose")
    DAMAGED_BLOBS = _gauge("damaged_blobs", "Blobs whose bytes here are known to be wrong")
    # copies
    OWN_BLOBS = _gauge("own_blobs", "Own blobs by proven copies; 3 is safe", "copies")
    OLDEST_UNSAFE = _gauge("oldest_unsafe_timestamp_seconds", "When the oldest own blob below 3 copies was taken")
    ONLY_HERE = _gauge("only_here_blobs", "Own blobs that exist only here")
    OLDEST_ONLY_HERE = _gauge("oldest_only_here_timestamp_seconds", "When the oldest of those was taken")
    RECEIPTS = _counter("receipts", "Words of holders that were believed and counted, by kind", "kind")
    # links
    LINK_STATE = _gauge("link_state", "1 for the state in which a link is: up, behind, down, refused", "peer", "state")
    LINK_LAG = _gauge("link_lag_blobs", "Own blobs that a holder has not proven", "peer")
    LINK_LAG_OLDEST = _gauge("link_lag_oldest_timestamp_seconds", "When the oldest of those was taken", "peer")
    LINK_PROVEN = _gauge("link_proven_blobs", "Own blobs proven at a holder", "peer")
    LINK_PROOF = _gauge("link_proof_timestamp_seconds", "When the bytes of the oldest proof were last read", "peer")
    LINK_CLOCK_OFFSET = _gauge("link_clock_offset_seconds", "A partner's clock less ours at its last greeting", "peer")
    LINK_SENT = _counter("link_sent_bytes", "Bytes of blobs handed to a link", "peer")
    LINK_RECEIVED = _counter("link_received_bytes", "Bytes of blobs taken from a link", "peer")
    # checks
    SCRUB_READ = _gauge("scrub_read_bytes", "Bytes read by the pass under way, or by the last one")
    SCRUB_PERIOD = _gauge("scrub_period_seconds", "In what time each byte is truly read; 0 while unknown")
    SCRUB_PERIOD_WANTED = _gauge("scrub_period_wanted_seconds", "In what time each byte is to be read")
    SCRUB_VERIFIED = _gauge("scrub_verified_timestamp_seconds", "Since when every byte here has been read once")
    SCRUB_PAUSED = _gauge("scrub_paused", "1 while an operator has paused the scrub")
    SCRUB_WRONG = _gauge("scrub_wrong_blobs", "Blobs that the pass found to be wrong")
    SCRUB_MENDED = _gauge("scrub_mended_blobs", "Of them, mended so far")
    EVIDENCE = _gauge("scrub_evidence_bytes", "Replaced bytes that are kept until an operator confirms")
    RECONCILES = _counter("reconciles", "Comparisons of one origin with one peer, by how they ended", "outcome")
    RECONCILE_MENDED = _counter("reconcile_mended_blobs", "Blobs that reconcile moved, by where they lacked", "where")
    INVENTORY_BEHIND = _gauge("inventory_behind_rows", "Durable feed rows that inventories have not folded yet")
    INVENTORY_DOUBTED = _gauge("inventory_doubted_units", "Units of inventories that contradict the disk")
    # memory and refill
    MEMORY_TAKEN = _gauge("memory_budget_taken_bytes", "Memory lent to incoming bytes, of puts or of peers", "budget")
    MEMORY_LIMIT = _gauge("memory_budget_limit_bytes", "The bound of it", "budget")
    REBUILD_KNOWN = _gauge("rebuild_known_bytes", "While an empty store refills: bytes known at its holders")
    REBUILD_HERE = _gauge("rebuild_here_bytes", "Of them, here")
