"""Health codes: what is wrong, how bad, and about whom. The codes never change; sentences live in the catalogue."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum

from lumbung_cluster.ids import NodeNumber
from lumbung_cluster.limits import CLOCK_MS_MAX

__all__ = [
    "AsideFacts",
    "Facts",
    "HealthCode",
    "LinkFacts",
    "LinkHealth",
    "ScrubFacts",
    "Severity",
    "Trouble",
    "clock_offset_ms",
    "entries_counting",
    "is_clock_confirmed",
    "judge_health",
    "offset_of_all",
]

_DAY_MS = 24 * 3600 * 1000
COPIES_SHORT_WARNING_MS = 10 * 60 * 1000  # a put waits 10 s; ten minutes on, something is in the way
COPIES_SHORT_CRITICAL_MS = 3 * _DAY_MS  # the law's term for telling of a loss
LINK_DOWN_WARNING_S = 120.0  # a restart or a reconnect takes less
LINK_DOWN_CRITICAL_S = 24 * 3600.0
CERT_NOTE_MS = 5 * 365 * _DAY_MS // 2  # half of a leaf's life: the timer renews it now
CERT_WARNING_MS = 60 * _DAY_MS
CERT_CRITICAL_MS = 7 * _DAY_MS
CLOCK_SKEW_MS = 5 * 60 * 1000  # certificates are dated back; more than this confuses people who compare times
DISK_LOW_SHARE = 0.1
NOT_OURS_TOLD_MS = 30 * _DAY_MS
_PARTNERS_MIN = 2  # one clock against one tells nothing


class HealthCode(Enum):
    COPIES_SHORT = "COPIES_SHORT"
    LINK_DOWN = "LINK_DOWN"
    LINK_BREAKS = "LINK_BREAKS"
    TRUST_FAILED = "TRUST_FAILED"
    DISK_LOW = "DISK_LOW"
    CERT_EXPIRES = "CERT_EXPIRES"
    ROSTER_FORK = "ROSTER_FORK"
    ROSTER_REFUSED = "ROSTER_REFUSED"
    CLOCK_SKEW = "CLOCK_SKEW"
    TWO_LIVES = "TWO_LIVES"
    KEYS_TOGETHER = "KEYS_TOGETHER"
    KEY_NOT_IN_FORCE = "KEY_NOT_IN_FORCE"
    ENTRY_NOT_OURS = "ENTRY_NOT_OURS"
    STORE_SET_ASIDE = "STORE_SET_ASIDE"
    DISK_UNMOUNTED = "DISK_UNMOUNTED"
    REBUILDING = "REBUILDING"
    INVENTORY_DOUBTED = "INVENTORY_DOUBTED"
    SCRUB_LATE = "SCRUB_LATE"
    MASS_DAMAGE = "MASS_DAMAGE"
    REPORT_LATE = "REPORT_LATE"  # told of a node by its DRC node, never by itself


class Severity(Enum):
    """The values stand on the wire."""

    NOTE = 1
    WARNING = 2
    CRITICAL = 3


class LinkHealth(Enum):
    UP = "up"
    BEHIND = "behind"
    DOWN = "down"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class LinkFacts:
    """One link; `has_met` when the peer was ever spoken to, `needs_patience` when its sessions broke over and over."""

    node: NodeNumber
    health: LinkHealth
    since_s: float
    clock_offset_ms: int
    has_met: bool
    needs_patience: bool = False

    @property
    def is_up(self) -> bool:
        return self.health in (LinkHealth.UP, LinkHealth.BEHIND)


@dataclass(frozen=True, slots=True)
class AsideFacts:
    """One store that was set aside; `lacking` blobs it counted once and could not give."""

    name: str
    refuses_to_open: bool
    ended: bool
    taken: int
    lacking: int


@dataclass(frozen=True, slots=True)
class ScrubFacts:
    """The check of everything that is kept. `period_s` is 0 while unknown, `verified_since_ms` 0 for never."""

    period_s: float = 0.0
    period_wanted_s: float = 0.0
    verified_since_ms: int = 0
    is_paused: bool = False
    braked_origins: Sequence[NodeNumber] = ()
    evidence_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known at `now_ms` (advisory wall time); ages are never an order of events."""

    now_ms: int
    blobs_unsafe: int
    blobs_only_here: int
    oldest_unsafe_ms: int
    damaged: int
    links: Sequence[LinkFacts]
    free_bytes: int
    total_bytes: int
    refuses_foreign: bool
    refuses_own: bool
    certificate_expires_ms: int
    clock_jump_ms: int
    fork: bool
    left_behind: bool
    stopped: bool
    keys_together: bool
    set_aside: Sequence[AsideFacts] = ()
    fallback: str = ""
    rebuilding: bool = False
    units_doubted: int = 0
    inventories_unknown: int = 0
    scrub: ScrubFacts = field(default_factory=ScrubFacts)
    keys_out_of_force: Sequence[str] = ()
    entries_not_ours: int = 0


@dataclass(frozen=True, slots=True)
class Trouble:
    """`node` is 0 when it is about the node itself; `values` fill the catalogue's sentence."""

    code: HealthCode
    severity: Severity
    node: NodeNumber
    values: tuple[tuple[str, int | str], ...] = ()


def offset_of_all(offsets_ms: Sequence[int]) -> int | None:
    """By how much the clocks of all partners, at least two, are ahead of ours; None when they do not agree on that."""
    if len(offsets_ms) < _PARTNERS_MIN or max(offsets_ms) - min(offsets_ms) >= CLOCK_SKEW_MS:
        return None
    return offsets_ms[0] if min(abs(offset) for offset in offsets_ms) >= CLOCK_SKEW_MS else None


def clock_offset_ms(theirs_ms: int, ours_ms: int) -> int:
    """By how much a peer's wall clock is ahead of ours; small enough for every message that tells it on."""
    return min(theirs_ms, CLOCK_MS_MAX) - ours_ms


def is_clock_confirmed(offsets_ms: Sequence[int]) -> bool:
    """Whether more than half of the partners, at least two, have the time that we have."""
    near = sum(abs(offset) < CLOCK_SKEW_MS for offset in offsets_ms)
    return near >= _PARTNERS_MIN and 2 * near > len(offsets_ms)


def judge_health(facts: Facts) -> list[Trouble]:
    """The present troubles, the worst first."""
    found = [
        *_copies(facts),
        *_links(facts),
        *_clock(facts),
        *_disk(facts),
        *_identity(facts),
        *_aside(facts),
        *_inventories(facts),
        *_scrub(facts),
    ]
    return sorted(found, key=lambda trouble: -trouble.severity.value)


def _copies(facts: Facts) -> Iterator[Trouble]:
    if facts.damaged:
        yield _own(HealthCode.COPIES_SHORT, Severity.CRITICAL, blobs=facts.damaged, reason="damaged")
    if not facts.blobs_unsafe:
        return
    age_ms = max(0, facts.now_ms - facts.oldest_unsafe_ms)
    severity = Severity.NOTE
    if age_ms >= COPIES_SHORT_WARNING_MS:
        severity = Severity.WARNING
    if age_ms >= COPIES_SHORT_CRITICAL_MS and facts.blobs_only_here:
        severity = Severity.CRITICAL
    yield _own(
        HealthCode.COPIES_SHORT,
        severity,
        blobs=facts.blobs_unsafe,
        only_here=facts.blobs_only_here,
        age_s=age_ms // 1000,
        reason="unproven",
    )


def _links(facts: Facts) -> Iterator[Trouble]:
    for link in facts.links:
        since_s = int(link.since_s)
        if link.health is LinkHealth.REFUSED:
            yield Trouble(HealthCode.TRUST_FAILED, Severity.CRITICAL, link.node, (("age_s", since_s),))
        if link.health is LinkHealth.DOWN and link.since_s >= LINK_DOWN_WARNING_S:
            severity = Severity.CRITICAL if link.since_s >= LINK_DOWN_CRITICAL_S else Severity.WARNING
            yield Trouble(HealthCode.LINK_DOWN, severity, link.node, (("age_s", since_s),))
        if link.needs_patience:
            yield Trouble(HealthCode.LINK_BREAKS, Severity.WARNING, link.node)


def _clock(facts: Facts) -> Iterator[Trouble]:
    if abs(facts.clock_jump_ms) >= CLOCK_SKEW_MS:
        yield _own(HealthCode.CLOCK_SKEW, Severity.CRITICAL, offset_s=facts.clock_jump_ms // 1000)
    elif (offset_ms := offset_of_all([link.clock_offset_ms for link in facts.links if link.is_up])) is not None:
        yield _own(HealthCode.CLOCK_SKEW, Severity.CRITICAL, offset_s=-offset_ms // 1000)
    for link in facts.links:
        if abs(link.clock_offset_ms) >= CLOCK_SKEW_MS:
            offset = (("offset_s", link.clock_offset_ms // 1000),)
            yield Trouble(HealthCode.CLOCK_SKEW, Severity.WARNING, link.node, offset)
    left_ms = facts.certificate_expires_ms - facts.now_ms
    if facts.certificate_expires_ms and left_ms < CERT_NOTE_MS:
        severity = Severity.WARNING if left_ms < CERT_WARNING_MS else Severity.NOTE
        severity = Severity.CRITICAL if left_ms < CERT_CRITICAL_MS else severity
        yield _own(HealthCode.CERT_EXPIRES, severity, left_s=left_ms // 1000)


def _disk(facts: Facts) -> Iterator[Trouble]:
    if facts.fallback:
        yield _own(HealthCode.DISK_UNMOUNTED, Severity.CRITICAL, folder=facts.fallback)
    if facts.refuses_own:
        yield _own(HealthCode.DISK_LOW, Severity.CRITICAL, free_bytes=facts.free_bytes, refuses="own")
    elif facts.refuses_foreign and not facts.fallback:
        yield _own(HealthCode.DISK_LOW, Severity.CRITICAL, free_bytes=facts.free_bytes, refuses="foreign")
    elif facts.total_bytes and facts.free_bytes < DISK_LOW_SHARE * facts.total_bytes:
        yield _own(HealthCode.DISK_LOW, Severity.WARNING, free_bytes=facts.free_bytes, refuses="nothing")


def _identity(facts: Facts) -> Iterator[Trouble]:
    if facts.fork:
        yield _own(HealthCode.ROSTER_FORK, Severity.CRITICAL)
    if facts.left_behind:
        yield _own(HealthCode.ROSTER_REFUSED, Severity.CRITICAL)
    if facts.rebuilding:
        yield _own(HealthCode.REBUILDING, Severity.NOTE)
    if facts.stopped:
        yield _own(HealthCode.TWO_LIVES, Severity.CRITICAL)
    if facts.keys_together:
        yield _own(HealthCode.KEYS_TOGETHER, Severity.WARNING)
    if facts.keys_out_of_force:  # what it signs, or how it speaks, is refused by the others
        yield _own(HealthCode.KEY_NOT_IN_FORCE, Severity.CRITICAL, keys=", ".join(facts.keys_out_of_force))
    if facts.entries_not_ours:
        yield _own(HealthCode.ENTRY_NOT_OURS, Severity.CRITICAL, blobs=facts.entries_not_ours)


def entries_counting(came_ms: Iterable[int], now_ms: int) -> int:
    """How many entries under our number, which we never signed, came lately: people look into it, and it is known."""
    return sum(now_ms - NOT_OURS_TOLD_MS < came for came in came_ms)


def _aside(facts: Facts) -> Iterator[Trouble]:
    """Yellow until all of it is here: the holders offer what it lacks, and COPIES_SHORT tells what nobody has."""
    for store in facts.set_aside:
        is_whole = store.ended and not store.lacking
        severity = Severity.NOTE if is_whole else Severity.WARNING
        state = "refuses" if store.refuses_to_open else "ended" if store.ended else "running"
        yield _own(
            HealthCode.STORE_SET_ASIDE,
            severity,
            folder=store.name,
            taken=store.taken,
            lacking=store.lacking,
            state=state,
        )


def _inventories(facts: Facts) -> Iterator[Trouble]:
    """A doubt is over within minutes, when the units are made anew; rows that cannot be read stay until mended."""
    if facts.inventories_unknown:
        yield _own(HealthCode.INVENTORY_DOUBTED, Severity.CRITICAL, origins=facts.inventories_unknown)
    elif facts.units_doubted:
        yield _own(HealthCode.INVENTORY_DOUBTED, Severity.WARNING, units=facts.units_doubted)


def _scrub(facts: Facts) -> Iterator[Trouble]:
    scrub = facts.scrub
    for origin in scrub.braked_origins:
        values = (("evidence_bytes", scrub.evidence_bytes), ("origin", int(origin)))
        yield Trouble(HealthCode.MASS_DAMAGE, Severity.CRITICAL, NodeNumber(0), values)
    age_s = max(0, facts.now_ms - scrub.verified_since_ms) // 1000 if scrub.verified_since_ms else 0
    if scrub.period_wanted_s and (scrub.period_s > scrub.period_wanted_s or age_s > scrub.period_wanted_s):
        reason = "paused" if scrub.is_paused else "slow" if scrub.period_s > scrub.period_wanted_s else "behind"
        yield _own(HealthCode.SCRUB_LATE, Severity.WARNING, age_s=age_s, period_s=int(scrub.period_s), reason=reason)


def _own(code: HealthCode, severity: Severity, **values: int | str) -> Trouble:
    return Trouble(code, severity, NodeNumber(0), tuple(sorted(values.items())))
