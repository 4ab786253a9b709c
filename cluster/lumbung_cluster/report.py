"""Node reports: what a node says of itself to its DRC nodes, signed, small, and replaced by the next one.

Body (domain `lumbung/report/0`, signed with a receipt key of the node), canonical encoding, in the order of the fields
of `NodeReport`: `report_codec`. Ages are elapsed seconds at the moment of signing, so that no reader needs the node's
clock; `clock_ms` and `certificate_ends_ms` are its wall time. A report says what its node believes: it counts for
nothing but what people are shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from lumbung_cluster import limits
from lumbung_cluster.health import Severity
from lumbung_cluster.ids import ClusterId, Generation, NodeNumber
from lumbung_cluster.roster_node import LinkClass
from lumbung_cluster.signed import (
    PUBLIC_KEY_SIZE_BYTES,
    SIGNATURE_SIZE_BYTES,
    Signature,
)

__all__ = [
    "DiskReport",
    "ForeignReport",
    "LinkReport",
    "LinkWord",
    "NodeReport",
    "OwnReport",
    "ScrubReport",
    "SignedReport",
    "TroubleReport",
    "report_interval_s",
]

ITSELF = NodeNumber(0)
TAIL_SIZE_BYTES = PUBLIC_KEY_SIZE_BYTES + SIGNATURE_SIZE_BYTES


class LinkWord(IntEnum):
    """How a link stands; the value stands in signed bytes."""

    UP = 1
    BEHIND = 2
    DOWN = 3
    REFUSED = 4


@dataclass(frozen=True, slots=True)
class OwnReport:
    """The own origin. `by_copies`: blobs with at most one, two and three proven copies. Ages are 0 when none is short.

    `only_here`: of those with one copy, the ones that lie intact here and are proven nowhere else.
    """

    blobs: int = 0
    size_bytes: int = 0
    by_copies: tuple[int, int, int] = (0, 0, 0)
    only_here: int = 0
    oldest_short_s: int = 0
    oldest_only_here_s: int = 0
    damaged: int = 0

    @property
    def short(self) -> int:
        """Blobs with fewer than three proven copies."""
        return self.by_copies[0] + self.by_copies[1]


@dataclass(frozen=True, slots=True)
class ForeignReport:
    """What is kept for others, all origins together."""

    origins: int = 0
    blobs: int = 0
    size_bytes: int = 0
    damaged: int = 0


@dataclass(frozen=True, slots=True)
class DiskReport:
    free_bytes: int = 0
    total_bytes: int = 0
    refuses_foreign: bool = False
    refuses_own: bool = False


@dataclass(frozen=True, slots=True)
class ScrubReport:
    """`period_s`: each byte is truly read once in so many seconds, 0: unknown. `verified_age_s` None: never."""

    period_s: int = 0
    period_wanted_s: int = 0
    verified_age_s: int | None = None


@dataclass(frozen=True, slots=True)
class LinkReport:
    """One partner. `heard_s` since the last frame from it, `round_trip_us` of the line; None while unknown.

    `lag_*` and `proven_blobs` are own blobs that the partner should hold; `verified_age_s` is the age of the oldest
    reading under its proofs.
    """

    node: NodeNumber
    word: LinkWord
    since_s: int = 0
    heard_s: int | None = None
    lag_blobs: int = 0
    lag_s: int = 0
    proven_blobs: int = 0
    verified_age_s: int | None = None
    round_trip_us: int | None = None


@dataclass(frozen=True, slots=True)
class TroubleReport:
    """Troubles of one code, severity, reason and mute. `count` of them; `node` is the first that they are about.

    `node` is 0 for the reporting node itself; `muted_s` is how long they stay muted, 0 when they are not.
    """

    code: str
    severity: Severity
    node: NodeNumber = ITSELF
    count: int = 1
    reason: str = ""
    muted_s: int = 0

    @property
    def is_muted(self) -> bool:
        return self.muted_s > 0


@dataclass(frozen=True, slots=True)
class NodeReport:
    """One node at one moment. Order is (generation, sequence); the sequence rises over restarts.

    `links` are at most `limits.REPORT_LINKS_MAX`, the worst first; `link_counts` counts all of them by `LinkWord`.
    """

    cluster: ClusterId
    node: NodeNumber
    generation: Generation
    sequence: int
    roster_epoch: int
    roster_hash: bytes
    access_version: int
    software: str
    wire_low: int
    wire_high: int
    disk_format: int
    uptime_s: int
    clock_ms: int
    certificate_ends_ms: int
    takes_puts: bool
    own: OwnReport
    foreign: ForeignReport
    disk: DiskReport
    scrub: ScrubReport
    link_counts: tuple[int, int, int, int]
    links: tuple[LinkReport, ...]
    troubles: tuple[TroubleReport, ...]

    @property
    def order(self) -> tuple[int, int]:
        return self.generation, self.sequence

    @property
    def worst(self) -> Severity | None:
        """Of the troubles that are not muted."""
        return max(
            (trouble.severity for trouble in self.troubles if not trouble.is_muted),
            key=lambda severity: severity.value,
            default=None,
        )


@dataclass(frozen=True, slots=True)
class SignedReport:
    """A report with the bytes it came as; `to_bytes` is what is stored: the body, the public key, the signature."""

    content: NodeReport
    body: bytes
    signature: Signature

    def to_bytes(self) -> bytes:
        return self.body + self.signature.to_bytes()


def report_interval_s(link: LinkClass) -> float:
    """Between two reports over a line of this class; a change of colour is told at once."""
    match link:
        case LinkClass.LAN:
            return limits.REPORT_INTERVAL_LAN_S
        case LinkClass.WAN:
            return limits.REPORT_INTERVAL_WAN_S
        case LinkClass.SATELLITE:
            return limits.REPORT_INTERVAL_SATELLITE_S
