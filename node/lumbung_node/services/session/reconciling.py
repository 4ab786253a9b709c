"""Reconcile in one session: when to compare, and what both sides know to be equal.

The node of the lower number compares: at the beginning, again when something was not equal, and every hour. Either side
compares when its rebuild lane has offered everything, and when somebody asks for it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import trio

from lumbung_cluster import limits
from lumbung_cluster.ids import NodeNumber
from lumbung_node.services.core import Core
from lumbung_node.services.reconcile_report import Outcome, Report, Result
from lumbung_node.services.session.greeting import Greeting
from lumbung_node.services.session.incoming import Incoming
from lumbung_node.services.session.link import FrameLink
from lumbung_node.services.session.outgoing import Outgoing
from lumbung_node.services.session.reconcile_asker import Asker
from lumbung_node.services.session.reconcile_teller import Teller
from lumbung_proto.v1 import peer_pb2

__all__ = ["Reconciling"]

_QUESTIONS = ("reconcile_compare", "reconcile_ask", "reconcile_fetch", "reconcile_settle")
_GOES_AT_ONCE_MAX = 8  # goes of one request in which each found something to mend


class Reconciling:
    """`run` until cancelled. An origin is confirmed when both sides were seen to hold the same in this session, under
    the generations of its Hellos."""

    def __init__(
        self,
        core: Core,
        link: FrameLink,
        peer: NodeNumber,
        greeting: Greeting,
        outgoing: Outgoing,
        incoming: Incoming,
        on_equal: Callable[[], None],
    ) -> None:
        """`on_equal` is called when our own origin was made equal there."""
        self._core = core
        self._on_equal = on_equal
        self._peer = peer
        self._outgoing = outgoing
        self._asker = Asker(core, link, peer, greeting, outgoing, incoming, self._confirm)
        self._teller = Teller(core, link, peer, greeting, outgoing, incoming, self._confirm)
        self._confirmed: dict[NodeNumber, None] = {}
        self.last: dict[NodeNumber, Result] = {}

    @property
    def origins(self) -> tuple[NodeNumber, ...]:
        """What both hold some unit of, rising."""
        return self._core.rosters.roster.origins_shared(self._core.number, self._peer)

    def is_confirmed(self) -> bool:
        """Whether every shared origin was seen to be equal."""
        return all(origin in self._confirmed for origin in self.origins)

    async def on_frame(self, frame: peer_pb2.SessionFrame, payload: memoryview) -> None:
        if frame.WhichOneof("kind") in _QUESTIONS:
            self._teller.take(frame, payload)
        else:
            await self._asker.take(frame, payload)

    async def run(self) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._teller.run)
            nursery.start_soon(self._keep_comparing)

    async def request(self, origins: Sequence[NodeNumber], report: Report) -> list[Result]:
        """Compare and mend now, again as long as something more is found."""
        await self._outgoing.started.wait()
        results: dict[NodeNumber, Result] = {}
        left = list(origins)
        for _ in range(_GOES_AT_ONCE_MAX):
            for result in await self._go(left, report, is_patient=False):
                results[result.origin] = _joined(results.get(result.origin), result)
            left = [origin for origin in left if results[origin].outcome is Outcome.PARTLY]
            if not left:
                break
        return [results[origin] for origin in origins]

    async def _keep_comparing(self) -> None:
        await self._outgoing.started.wait()
        retry_s = limits.RECONCILE_RETRY_S_MIN
        busy_goes = 0
        is_scheduled = self._core.number < self._peer
        wait_s = 0.0 if self._outgoing.waiting() else retry_s
        while True:
            await self._wait(wait_s if is_scheduled else None)
            is_patient = busy_goes < limits.RECONCILE_BUSY_GOES_MAX
            results = await self._go(self.origins, _say_nothing, is_patient=is_patient)
            busy_goes = busy_goes + 1 if any(result.outcome is Outcome.BUSY for result in results) else 0
            if all(result.is_whole for result in results):
                retry_s = limits.RECONCILE_RETRY_S_MIN
                wait_s = limits.RECONCILE_INTERVAL_S * self._core.randomness.uniform(0.9, 1.1)
                continue
            wait_s = retry_s
            is_progress = any(result.outcome is Outcome.PARTLY for result in results)
            retry_s = retry_s if is_progress else min(2 * retry_s, limits.RECONCILE_RETRY_S_MAX)

    async def _wait(self, wait_s: float | None) -> None:
        """Until it is time (None: never), or our rebuild lane has offered everything."""
        with trio.move_on_after(math.inf if wait_s is None else wait_s):
            await self._outgoing.rebuilt.wait()

    async def _go(self, origins: Sequence[NodeNumber], report: Report, *, is_patient: bool) -> list[Result]:
        results = await self._asker.go(origins, report, is_patient=is_patient)
        for result in results:
            self.last[result.origin] = result
            if not result.is_whole and result.outcome is not Outcome.BUSY:
                self._confirmed.pop(result.origin, None)
            self._log(result)
        return results

    def _log(self, result: Result) -> None:
        if result.outcome in (Outcome.EQUAL, Outcome.BUSY):
            return
        say = self._core.log.info if result.is_whole or result.outcome is Outcome.PARTLY else self._core.log.warning
        say(
            "reconciled",
            peer=self._peer,
            origin=result.origin,
            outcome=result.outcome.value,
            lacked_here=result.lacked_here,
            lacked_there=result.lacked_there,
            mended_here=result.mended_here,
            mended_there=result.mended_there,
            reason=result.sentence,
        )

    def _confirm(self, origin: NodeNumber, is_news: bool) -> None:
        """Both sides were seen to hold the same of `origin`; `is_news` when that took some mending."""
        self._confirmed[origin] = None
        if is_news and origin == self._core.number:
            self._on_equal()


def _say_nothing(_result: Result) -> None:
    """Nobody asked."""


def _joined(before: Result | None, result: Result) -> Result:
    """The sum of several goes over one origin; the last one says how it ended."""
    if before is None:
        return result
    whole = result.outcome
    if whole is Outcome.EQUAL and (before.lacked_here or before.lacked_there):
        whole = Outcome.MENDED
    return Result(
        result.peer,
        result.origin,
        whole,
        max(before.lacked_here, before.mended_here + result.lacked_here),
        max(before.lacked_there, before.mended_there + result.lacked_there),
        before.mended_here + result.mended_here,
        before.mended_there + result.mended_there,
        result.sentence,
    )
