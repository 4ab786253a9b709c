"""What a scrub tells: its state for status and health, and its methods for operators."""

from __future__ import annotations

from lumbung_cluster.health import ScrubFacts
from lumbung_cluster.scrub_pace import PassTimes, true_period_s
from lumbung_node.ports.transport import ServerCall
from lumbung_node.services.core import Core
from lumbung_node.services.requests import read_request
from lumbung_node.services.scrub.brake import confirm
from lumbung_node.services.scrub.scrubber import Scrubber
from lumbung_node.store.events import NO_BLOB, Event, recent_events
from lumbung_proto.v1 import scrub_pb2

__all__ = ["ScrubDesk"]

_EVENTS_MAX = 1000


class ScrubDesk:
    """One for the node."""

    def __init__(self, core: Core, scrubber: Scrubber) -> None:
        self._core = core
        self._scrubber = scrubber

    def facts(self) -> ScrubFacts:
        """For the health codes."""
        state, book = self.state(), self._core.store.state.scrub
        return ScrubFacts(
            period_s=state.period_s,
            period_wanted_s=state.period_wanted_s,
            verified_since_ms=state.verified_since_ms,
            is_paused=state.is_paused,
            braked_origins=tuple(sorted(book.brakes)),
            evidence_bytes=book.evidence_bytes,
        )

    def state(self) -> scrub_pb2.ScrubState:
        core, book = self._core, self._core.store.state.scrub
        row, times = book.pass_row, self._scrubber.times()
        return scrub_pb2.ScrubState(
            is_paused=row.is_paused,
            is_going=row.is_going,
            begun_ms=row.begun_ms,
            ended_ms=row.ended_ms,
            total_bytes=times.total_bytes,
            read_bytes=row.read_bytes,
            blobs=row.blobs,
            wrong=row.wrong,
            mended=row.mended,
            mended_in_alarm=row.mended_in_alarm,
            rate_bytes_per_s=times.rate_bytes_s or float(row.last_rate_bytes_s),
            left_s=times.left_s() if row.is_going and times.is_telling else 0.0,
            period_s=true_period_s(self._telling(times), self._scrubber.settings),
            period_wanted_s=self._scrubber.settings.period_s,
            verified_since_ms=self._verified_since_ms(),
            braked_origins=sorted(book.brakes),
            evidence_bytes=book.evidence_bytes,
            damaged=len(core.store.state.damaged),
        )

    def _telling(self, times: PassTimes) -> PassTimes:
        """Of the pass under way once it says something, until then at the rate of the last one."""
        last = self._core.store.state.scrub.pass_row.last_rate_bytes_s
        return times if times.is_telling or not last else PassTimes(times.total_bytes, last, 1.0)

    def _verified_since_ms(self) -> int:
        """The oldest begin of a whole walk over all origins that have blobs; since the first pass began before that."""
        state = self._core.store.state
        origins = [origin for origin, counts in state.counts.items() if counts.blobs]
        return min((state.verified_since_ms.get(origin, 0) for origin in origins), default=0)

    async def status(self, call: ServerCall) -> None:
        request = await read_request(call, scrub_pb2.ScrubStatusRequest)
        limit = min(request.events, _EVENTS_MAX)
        events = await recent_events(self._core.store.kv, limit) if limit else []
        response = scrub_pb2.ScrubStatusResponse(
            state=self.state(), events=[_event(serial, event) for serial, event in events]
        )
        await call.send(response.SerializeToString())

    async def start(self, call: ServerCall) -> None:
        await read_request(call, scrub_pb2.StartScrubRequest)
        await self._scrubber.start()
        await call.send(scrub_pb2.StartScrubResponse(state=self.state()).SerializeToString())

    async def pause(self, call: ServerCall) -> None:
        await read_request(call, scrub_pb2.PauseScrubRequest)
        await self._scrubber.pause()
        await call.send(scrub_pb2.PauseScrubResponse(state=self.state()).SerializeToString())

    async def confirm(self, call: ServerCall) -> None:
        await read_request(call, scrub_pb2.ConfirmScrubRequest)
        origins, freed_bytes = await confirm(self._core)
        response = scrub_pb2.ConfirmScrubResponse(origins=origins, freed_bytes=freed_bytes, state=self.state())
        await call.send(response.SerializeToString())


def _event(serial: int, event: Event) -> scrub_pb2.ScrubEvent:
    return scrub_pb2.ScrubEvent(
        serial=serial,
        kind=event.kind.name,
        found_by=event.found_by.name,
        in_alarm=event.in_alarm,
        origin=event.origin,
        id=event.blob.raw if event.blob != NO_BLOB else b"",
        number=event.number,
        time_ms=event.time_ms,
        source=event.source,
    )
