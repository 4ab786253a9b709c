"""The reports that a node has: its own newest one, and at a DRC node the newest of each node that reports to it."""

from __future__ import annotations

from dataclasses import dataclass, field

from lumbung_cluster.ids import NodeNumber
from lumbung_cluster.report import SignedReport
from lumbung_node.store.state import Pulse

__all__ = ["HeldReport", "ReportBook"]


@dataclass(frozen=True, slots=True)
class HeldReport:
    """`received_at` is trio time; `serial` rises with each report that comes, so that a reader can go on."""

    signed: SignedReport
    received_at: float
    clock_offset_ms: int
    serial: int


@dataclass(slots=True)
class ReportBook:
    """`made` beats at each own report, `came` at each one that is kept. `unsaved` came since the last save."""

    own: SignedReport | None = None
    made: Pulse = field(default_factory=Pulse)
    held: dict[NodeNumber, HeldReport] = field(default_factory=dict)
    came: Pulse = field(default_factory=Pulse)
    unsaved: set[NodeNumber] = field(default_factory=set)
    serial: int = 0

    def is_news(self, signed: SignedReport) -> bool:
        """Whether it is newer than the one held of that node; a replay is not."""
        held = self.held.get(signed.content.node)
        return held is None or signed.content.order > held.signed.content.order

    def keep(self, signed: SignedReport, received_at: float, clock_offset_ms: int) -> None:
        """In place of the older one. Only for a report that is its node's own word, and news."""
        assert self.is_news(signed)
        node = signed.content.node
        self.serial += 1
        self.held[node] = HeldReport(signed, received_at, clock_offset_ms, self.serial)
        self.unsaved.add(node)
        self.came.beat()

    def make(self, signed: SignedReport) -> None:
        """Our own newest one: the sessions tell it."""
        self.own = signed
        self.made.beat()
