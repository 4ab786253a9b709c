"""The methods about reports and mutes: who may see which node, and what operators mute."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import trio

from lumbung_cluster import limits
from lumbung_cluster.errors import Rejected, StatusCode
from lumbung_cluster.health import HealthCode
from lumbung_cluster.ids import NodeNumber
from lumbung_cluster.mute import MUTE_MS_MAX, MUTES_MAX, Mute
from lumbung_cluster.roster_node import Role
from lumbung_node.ports.keyvalue import Family
from lumbung_node.ports.transport import CallKind, Method, ServerCall
from lumbung_node.services.core import Core
from lumbung_node.services.report_book import HeldReport
from lumbung_node.services.requests import read_request
from lumbung_node.store.jobs import Job
from lumbung_node.store.report_rows import mute_key, pack_mute
from lumbung_proto.v1 import peer_pb2, reports_pb2

__all__ = ["MUTE", "MUTES", "REPORTS", "MaySee", "ReportDesk"]

REPORTS = Method("/lumbung.v1.ReportService/Reports", CallKind.SERVER_STREAM)
MUTE = Method("/lumbung.v1.ReportService/Mute", CallKind.UNARY)
MUTES = Method("/lumbung.v1.ReportService/Mutes", CallKind.UNARY)
MaySee = Callable[[NodeNumber], bool] | None
"""Of which nodes a caller may see the reports; None for all."""


class ReportDesk:
    """One for the node."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._started = trio.current_time()
        self._readers = 0
        self._turn = trio.Lock()

    # --- reports -----------------------------------------------------------------------------------------------

    async def reports(self, call: ServerCall, may_see: MaySee) -> None:
        """Everything that is held, then what comes, until the caller goes. Raises Rejected at a node that is no DRC."""
        request = await read_request(call, reports_pb2.ReportsRequest)
        record = self._core.rosters.roster.node(self._core.number)
        if record is None or record.role is not Role.DRC:
            raise Rejected(StatusCode.FAILED_PRECONDITION, "reports are kept by DRC nodes, and this node is none")
        if request.follow and self._readers >= limits.REPORT_READERS_MAX:
            expected = f"expected at most {limits.REPORT_READERS_MAX} readers of reports at once"
            raise Rejected(StatusCode.RESOURCE_EXHAUSTED, f"{expected}, got one more")
        self._readers += 1
        try:
            await self._tell(call, may_see, follow=request.follow)
        finally:
            self._readers -= 1

    async def _tell(self, call: ServerCall, may_see: MaySee, *, follow: bool) -> None:
        book, told, head = self._core.reports, 0, b""
        is_first = True
        while True:
            head = await self._tell_head(call, may_see, head)
            came, upto, expected = book.came, book.serial, self._expected(may_see)
            news = [held for node, held in book.held.items() if held.serial > told and node in expected]
            news.sort(key=lambda held: held.serial)
            await self._tell_reports(call, news, is_last_of_first=is_first)
            told, is_first = upto, False
            if not follow:
                return
            if book.serial == upto:
                with trio.move_on_after(limits.REPORT_INTERVAL_LAN_S):  # a mute or a roster may have come
                    await came.wait()
            await trio.sleep(limits.REPORT_FOLLOW_PAUSE_S)

    async def _tell_head(self, call: ServerCall, may_see: MaySee, told: bytes) -> bytes:
        """Say who we are, if it is not what was told; what identifies that."""
        core = self._core
        head = reports_pb2.ReportsHead(
            node=core.number,
            roster_epoch=core.rosters.roster.epoch,
            expected=sorted(self._expected(may_see)),
            is_restricted=may_see is not None,
            mutes=_mute_rows(self._active()),
        )
        known = head.SerializeToString(deterministic=True)
        if known != told:
            head.clock_ms, head.uptime_s = core.clock.now_ms(), trio.current_time() - self._started
            await call.send(reports_pb2.ReportsResponse(head=head).SerializeToString())
        return known

    def _expected(self, may_see: MaySee) -> set[NodeNumber]:
        """Whose reports a caller is told."""
        core = self._core
        reporters = {core.number, *core.rosters.roster.partners_of(core.number)}
        return {node for node in reporters if may_see is None or may_see(node)}

    async def _tell_reports(self, call: ServerCall, news: Sequence[HeldReport], *, is_last_of_first: bool) -> None:
        batches = [news[at : at + limits.REPORT_BATCH_MAX] for at in range(0, len(news), limits.REPORT_BATCH_MAX)]
        if is_last_of_first and not batches:
            batches = [[]]
        for place, batch in enumerate(batches):
            response = reports_pb2.ReportsResponse(is_complete=is_last_of_first and place == len(batches) - 1)
            response.reports.extend(_held_messages(batch))
            await call.send(response.SerializeToString())

    # --- mutes -------------------------------------------------------------------------------------------------

    async def mute(self, call: ServerCall) -> None:
        """Durable before it is answered. Raises Rejected for what is no mute."""
        request = await read_request(call, reports_pb2.MuteRequest)
        mute = Mute(request.mute.code, NodeNumber(request.mute.node), request.mute.until_ms)
        async with self._turn:
            self._check(mute)
            job, ended = Job(), [held for held in self._core.mutes if held not in self._active()]
            for held in ended:  # their rows would lie there for ever
                job.extra.delete(Family.SYSTEM, mute_key(held.node, held.code))
            if mute.until_ms:
                job.extra.put(Family.SYSTEM, mute_key(mute.node, mute.code), pack_mute(mute))
            else:
                job.extra.delete(Family.SYSTEM, mute_key(mute.node, mute.code))
            with trio.CancelScope(shield=True):  # an operator who hangs up must not leave disk and memory apart
                await self._core.store.committer.commit(job)
                others = [held for held in self._active() if (held.node, held.code) != (mute.node, mute.code)]
                self._core.mutes = [*others, mute] if mute.until_ms else others
        self._core.log.info("muted", code=mute.code, about=mute.node, until_ms=mute.until_ms)
        await call.send(reports_pb2.MuteResponse(mutes=_mute_rows(self._active())).SerializeToString())

    async def mutes(self, call: ServerCall) -> None:
        await read_request(call, reports_pb2.MutesRequest)
        response = reports_pb2.MutesResponse(mutes=_mute_rows(self._active()), clock_ms=self._core.clock.now_ms())
        await call.send(response.SerializeToString())

    def _check(self, mute: Mute) -> None:
        now_ms = self._core.clock.now_ms()
        if mute.code not in HealthCode.__members__:
            raise Rejected(StatusCode.INVALID_ARGUMENT, "mute: expected a health code of this version, got another")
        if mute.node and self._core.rosters.roster.node(mute.node) is None:
            raise Rejected(StatusCode.INVALID_ARGUMENT, f"mute: expected a node of the roster, got {mute.node}")
        if mute.until_ms and not mute.is_active(now_ms):
            expected = f"expected an end from {now_ms} to {now_ms + MUTE_MS_MAX} ms UTC"
            raise Rejected(StatusCode.INVALID_ARGUMENT, f"mute: {expected}, got {mute.until_ms}")
        is_new = all((held.node, held.code) != (mute.node, mute.code) for held in self._active())
        if mute.until_ms and is_new and len(self._active()) >= MUTES_MAX:
            raise Rejected(StatusCode.RESOURCE_EXHAUSTED, f"mute: expected at most {MUTES_MAX} mutes, got one more")

    def _active(self) -> list[Mute]:
        now_ms = self._core.clock.now_ms()
        return [mute for mute in self._core.mutes if mute.is_active(now_ms)]


def _held_messages(batch: Sequence[HeldReport]) -> Iterator[reports_pb2.HeldReport]:
    now = trio.current_time()
    for held in batch:
        signed = held.signed
        report = peer_pb2.SignedBytes(
            body=signed.body, public_key=signed.signature.key_public, signature=signed.signature.signature
        )
        age_s = max(0.0, now - held.received_at)
        yield reports_pb2.HeldReport(report=report, age_s=age_s, clock_offset_ms=held.clock_offset_ms)


def _mute_rows(mutes: Sequence[Mute]) -> list[reports_pb2.MuteRow]:
    ordered = sorted(mutes, key=lambda mute: (mute.node, mute.code))
    return [reports_pb2.MuteRow(code=mute.code, node=mute.node, until_ms=mute.until_ms) for mute in ordered]
