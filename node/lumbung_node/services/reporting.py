"""Makes the node's own report, again and again, and at a DRC node keeps what came over a restart."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from dataclasses import replace

import trio

from lumbung_cluster import limits
from lumbung_cluster.errors import BlobDamaged
from lumbung_cluster.health import clock_offset_ms
from lumbung_cluster.report import NodeReport
from lumbung_cluster.report_codec import report_objection, sign_report
from lumbung_cluster.roster_node import Role
from lumbung_node.ports.keyvalue import Family
from lumbung_node.services.core import Core
from lumbung_node.services.report_making import make_report
from lumbung_node.services.session.telling import interval_s
from lumbung_node.store.jobs import Job
from lumbung_node.store.report_rows import load_mutes, load_reports, pack_report, report_key
from lumbung_proto.v1 import operations_pb2

__all__ = ["Reporter", "load_report_rows", "save_reports"]

AskStatus = Callable[[], Awaitable[operations_pb2.StatusResponse]]


class Reporter:
    """`run` until cancelled: a report each interval of the node's line, and at once when its colour changes."""

    def __init__(self, core: Core, ask: AskStatus) -> None:
        self._core = core
        self._ask = ask

    async def run(self) -> None:
        told: NodeReport | None = None
        told_at, saved_at = -math.inf, trio.current_time()
        await trio.sleep(limits.REPORT_FIRST_S)
        while True:
            found = await self._look()
            now = trio.current_time()
            is_due = now - told_at >= interval_s(self._core)
            if found is not None and (told is None or is_due or _is_news(found, told)):
                self._tell(found)
                told, told_at = found, now
            if now - saved_at >= limits.REPORT_SAVE_INTERVAL_S:
                await save_reports(self._core)
                saved_at = now
            await trio.sleep(limits.REPORT_LOOK_S)

    async def _look(self) -> NodeReport | None:
        """How the node stands now; None when it may not sign, or cannot read what it would say."""
        if self._core.condition.stopped:
            return None
        try:
            return make_report(self._core, await self._ask(), 0)
        except BlobDamaged as exc:  # an index row: the scrub mends it
            self._core.log.warning("report not made", reason=str(exc))
            return None

    def _tell(self, found: NodeReport) -> None:
        core = self._core
        if core.condition.stopped or found.generation != core.store.state.generation:
            return  # what was looked at is another life's
        signed = sign_report(replace(found, sequence=core.store.state.take_nonce()), core.receipt_signer)
        core.reports.make(signed)
        record = core.rosters.roster.node(core.number)
        if record is not None and record.role is Role.DRC and core.reports.is_news(signed):
            core.reports.keep(signed, trio.current_time(), 0)


def _is_news(found: NodeReport, told: NodeReport) -> bool:
    """Another colour, or another life."""
    return found.worst is not told.worst or found.generation != told.generation


async def save_reports(core: Core) -> None:
    """One commit for all that came since the last one; a crash before it costs only their newness."""
    unsaved = sorted(core.reports.unsaved)
    if not unsaved:
        return
    core.reports.unsaved.clear()
    now, now_ms, job = trio.current_time(), core.clock.now_ms(), Job()
    for node in unsaved:
        held = core.reports.held[node]
        received_ms = max(0, now_ms - round((now - held.received_at) * 1000))
        job.extra.put(Family.SYSTEM, report_key(node), pack_report(held.signed, received_ms))
    await core.store.committer.commit(job)


async def load_report_rows(core: Core) -> None:
    """What was kept before the start. The ages go on by the wall clock; a report that no longer counts stays away."""
    nodes = [record.number for record in core.rosters.roster.nodes]
    core.mutes = await load_mutes(core.store.kv, nodes)
    for signed, received_ms in await load_reports(core.store.kv, nodes):
        node = signed.content.node
        if report_objection(signed, node, core.rosters.roster, core.verifier) is None:
            age_s = max(0, core.clock.now_ms() - received_ms) / 1000
            offset_ms = clock_offset_ms(signed.content.clock_ms, received_ms)
            core.reports.keep(signed, trio.current_time() - age_s, offset_ms)
    core.reports.unsaved.clear()
