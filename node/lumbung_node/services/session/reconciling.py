"""Reconcile in one session: when to compare, and what both sides know to be equal.

The node of the lower number compares: at the beginning, again when something was not equal, and every hour. Either side
compares when its rebuild lane has offered everything, soon after its scrub has mended something, and when somebody asks
for it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import trio

from lumbung_cluster import limits
from lumbung_cluster.ids import NodeNumber
from lumbung_node.ports.metrics import Metric
from lumbung_node.services.core import Core
from lumbung_node.services.reconcile_report import Order, Outcome, Reason, Result
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
        self._nursery: trio.Nursery | None = None
        self._begun = trio.Event()
        self._orders_open = 0

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
        try:
            async with trio.open_nursery() as nursery:
                self._nursery = nursery
                self._begun.set()
                nursery.start_soon(self._teller.run)
                nursery.start_soon(self._keep_comparing)
                nursery.start_soon(self._keep_comparing_after_mends)
        finally:
            self._nursery = None

    async def request(self, order: Order) -> list[Result]:
        """Compare and mend now, again as long as something more is found.

        The work belongs to the session: whoever waits here may be cancelled at any time, and it ends at its next step.
        When the session ends before, the origins that were not done are NOT_CONNECTED.
        """
        results = {
            origin: Result(self._peer, origin).end(Outcome.NOT_CONNECTED, Reason.SESSION_ENDED)
            for origin in order.origins
        }
        if self._orders_open >= limits.RECONCILE_ORDERS_MAX:
            sentence = f"expected at most {limits.RECONCILE_ORDERS_MAX} orders at a time"
            return [result.end(Outcome.BUSY, Reason.PEER_BUSY, sentence) for result in results.values()]
        await self._begun.wait()
        if self._nursery is not None:
            done = trio.Event()
            self._nursery.start_soon(self._serve, order, results, done)
            try:
                await done.wait()
            finally:
                order.give_up()
        return [results[origin] for origin in order.origins]

    async def _serve(self, order: Order, results: dict[NodeNumber, Result], done: trio.Event) -> None:
        self._orders_open += 1
        try:
            await self._outgoing.started.wait()
            left = order.origins
            earlier: dict[NodeNumber, Result] = {}
            for _ in range(_GOES_AT_ONCE_MAX):
                for result in await self._go(order, left, is_patient=False):
                    earlier[result.origin] = results[result.origin] = result.after(earlier.get(result.origin))
                left = tuple(origin for origin in left if results[origin].outcome is Outcome.PARTLY)
                if not left or not order.goes_on():
                    break
        finally:
            self._orders_open -= 1
            done.set()

    async def _keep_comparing(self) -> None:
        await self._outgoing.started.wait()
        retry_s = limits.RECONCILE_RETRY_S_MIN
        busy_goes = 0
        is_scheduled = self._core.number < self._peer
        # Who refills an empty disk has nothing to offer, so that no lane of its own waits: the peer's do.
        is_empty = bool(self._core.store.state.rebuild_since_ms)
        wait_s = 0.0 if is_empty or self._outgoing.waiting() else retry_s
        while True:
            await self._wait(wait_s if is_scheduled else None)
            is_patient = busy_goes < limits.RECONCILE_BUSY_GOES_MAX
            results = await self._go(Order(self.origins), self.origins, is_patient=is_patient)
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

    async def _keep_comparing_after_mends(self) -> None:
        """What a scrub has mended is compared, gathered for a while, so that a bad day is not a comparison for each."""
        state = self._core.store.state
        seen = dict(state.mended)
        await self._outgoing.started.wait()
        while True:
            origins = [origin for origin in self.origins if state.mended.get(origin, 0) != seen.get(origin, 0)]
            if not origins:
                await state.was_mended.wait()
                continue
            for _ in range(limits.RECONCILE_AFTER_MEND_GOES_MAX):
                await trio.sleep(limits.RECONCILE_AFTER_MEND_S)
                seen.update(state.mended)
                results = await self._go(Order(tuple(origins)), origins, is_patient=True)
                origins = [result.origin for result in results if not result.is_whole]
                if not origins:
                    break

    async def _go(self, order: Order, origins: Sequence[NodeNumber], *, is_patient: bool) -> list[Result]:
        before, begun = replace(order.cost), trio.current_time()
        results = await self._asker.go(order, origins, is_patient=is_patient)
        for result in results:
            self._core.reconciles.note(result)
            if not result.is_whole and result.reason not in (Reason.ON_ITS_WAY, Reason.INVENTORY_REBUILT):
                self._confirmed.pop(result.origin, None)
            self._log(result)
            self._count(result)
        if any(result.outcome not in (Outcome.EQUAL, Outcome.BUSY) for result in results):
            cost = order.cost.since(before)
            self._core.log.info(
                "reconcile ended",
                peer=self._peer,
                origins=len(results),
                differing=sum(result.outcome is not Outcome.EQUAL for result in results),
                protocol_bytes=cost.size_bytes,
                questions=cost.questions,
                searches=cost.searches,
                elapsed_ms=round((trio.current_time() - begun) * 1000),
            )
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

    def _count(self, result: Result) -> None:
        metrics = self._core.metrics
        metrics.add(Metric.RECONCILES, 1, result.outcome.name.lower())
        metrics.add(Metric.RECONCILE_MENDED, result.mended_here, "here")
        metrics.add(Metric.RECONCILE_MENDED, result.mended_there, "there")

    def _confirm(self, origin: NodeNumber, is_news: bool) -> None:
        """Both sides were seen to hold the same of `origin`; `is_news` when that took some mending."""
        self._confirmed[origin] = None
        self._core.reconciles.confirm(self._peer, origin)
        if is_news and origin == self._core.number:
            self._on_equal()
