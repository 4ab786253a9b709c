"""How we stand, told to a DRC node, and what partners tell us when we are one; and how far away the other side is."""

from __future__ import annotations

from collections import deque

import trio

from lumbung_cluster import limits
from lumbung_cluster.canonical import Malformed
from lumbung_cluster.errors import Rejected, StatusCode
from lumbung_cluster.health import clock_offset_ms
from lumbung_cluster.ids import NodeNumber
from lumbung_cluster.report import SignedReport, report_interval_s
from lumbung_cluster.report_codec import report_objection, report_of_parts
from lumbung_cluster.roster_node import LinkClass, Role
from lumbung_node.services.core import Core
from lumbung_node.services.session.answering import Answering
from lumbung_node.services.session.link import FrameLink
from lumbung_proto.v1 import peer_pb2, report_frames_pb2

__all__ = ["Echoing", "Telling", "interval_s"]


class Telling:
    """`run` tells our reports to a peer that is a DRC node, until cancelled; `take` hears the peer's."""

    def __init__(self, core: Core, link: FrameLink, peer: NodeNumber) -> None:
        self._core = core
        self._link = link
        self._peer = peer
        self._has_complained = False

    async def run(self) -> None:
        book, told = self._core.reports, None
        if not _is_drc(self._core, self._peer):
            return
        while True:
            own = book.own
            if own is not None and own is not told and self._counts(own):
                told = own
                await self._link.send(peer_pb2.SessionFrame(report=self._word(own)))
            else:
                await book.made.wait()

    def _counts(self, own: SignedReport) -> bool:
        """Not one of an earlier life, and none any more when another machine lives as this node."""
        core = self._core
        return own.content.generation == core.store.state.generation and not core.condition.stopped

    def _word(self, own: SignedReport) -> report_frames_pb2.NodeReport:
        signature = own.signature
        return report_frames_pb2.NodeReport(
            body=own.body, public_key=signature.key_public, signature=signature.signature
        )

    def take(self, message: report_frames_pb2.NodeReport) -> None:
        """Keep the peer's word if it is its own, of its present life, and newer than the one held.

        Raises Rejected for bytes that are no report. What is not believed is passed over: the session goes on.
        """
        core = self._core
        try:
            signed = report_of_parts(message.body, message.public_key, message.signature)
        except Malformed as exc:
            raise Rejected(StatusCode.INVALID_ARGUMENT, f"report: {exc}") from exc
        held = core.reports.held.get(self._peer)
        if held is not None and held.signed.body == signed.body:
            return  # told again in a new session
        objection = self._objection(signed)
        if objection is not None:
            if not self._has_complained:  # once a session: a liar must not fill the log
                core.log.warning("report refused", peer=self._peer, reason=objection)
                self._has_complained = True
            return
        offset_ms = clock_offset_ms(signed.content.clock_ms, core.clock.now_ms())
        core.reports.keep(signed, trio.current_time(), offset_ms)

    def _objection(self, signed: SignedReport) -> str | None:
        core = self._core
        if not _is_drc(core, core.number):
            return "reports are for DRC nodes"
        if not core.reports.is_news(signed):
            return "older than the one held"
        present = core.store.state.generations_seen.get(self._peer, 0)
        if signed.content.generation != present:
            return f"expected one of generation {present}, got generation {signed.content.generation}"
        return report_objection(signed, self._peer, core.rosters.roster, core.verifier)


class Echoing:
    """`run` asks now and then; `round_trip_s` is the least of the last answers, None before the first."""

    def __init__(self, core: Core, link: FrameLink, answering: Answering, peer: NodeNumber) -> None:
        self._core = core
        self._link = link
        self._answering = answering
        self._peer = peer
        self._serial = 0
        self._asked_at = 0.0
        self._trips: deque[float] = deque(maxlen=limits.ECHOES_KEPT)

    @property
    def round_trip_s(self) -> float | None:
        return min(self._trips, default=None)

    async def run(self) -> None:
        while True:
            self._serial += 1
            self._asked_at = trio.current_time()
            await self._link.send(peer_pb2.SessionFrame(echo=report_frames_pb2.Echo(serial=self._serial)))
            await trio.sleep(interval_s(self._core, self._peer))

    def on_echo(self, echo: report_frames_pb2.Echo) -> None:
        """Answer a question, or take the answer to our last one. Raises Rejected for what was never asked."""
        if not echo.is_answer:
            answer = report_frames_pb2.Echo(serial=echo.serial, is_answer=True)
            self._answering.give(peer_pb2.SessionFrame(echo=answer))
        elif not 1 <= echo.serial <= self._serial:
            raise Rejected(StatusCode.INVALID_ARGUMENT, f"echo {echo.serial}, which was not asked")
        elif echo.serial == self._serial:
            self._trips.append(trio.current_time() - self._asked_at)


def interval_s(core: Core, *nodes: NodeNumber) -> float:
    """Between two reports or echoes: as the slowest of our line and theirs allows."""
    records = [core.rosters.roster.node(node) for node in (core.number, *nodes)]
    links = [record.link for record in records if record is not None]
    # A node that its roster does not name (an older one lies in its configuration) goes on recording, and looks on.
    return max(map(report_interval_s, links or (LinkClass.WAN,)))


def _is_drc(core: Core, node: NodeNumber) -> bool:
    record = core.rosters.roster.node(node)
    return record is not None and record.role is Role.DRC
