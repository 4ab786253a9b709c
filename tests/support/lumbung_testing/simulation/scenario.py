"""One run of one seed: people work while the nemesis strikes, then everything is healed and must converge."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count

import trio

from lumbung_cluster.ids import NodeNumber
from lumbung_cluster.roster import Roster
from lumbung_cluster.roster_codec import SignedRoster
from lumbung_testing.simulation.cluster import SimCluster, open_cluster
from lumbung_testing.simulation.content import draw_delivery
from lumbung_testing.simulation.nemesis import Nemesis
from lumbung_testing.simulation.patching import patched
from lumbung_testing.simulation.people import look, work
from lumbung_testing.simulation.seeding import luck, run_seeded
from lumbung_testing.simulation.story import Story

__all__ = ["CONVERGE_S", "Outcome", "Plan", "run_scenario"]

CONVERGE_S = 15 * 60.0
_TURNS_AT_ONCE_MAX = 100_000
_SWEEP_S = 10.0
_SWEEPS_UNTIL_GARBAGE = 60
_SETTLE_LOOK_S = 5.0
_READ_ALL_S = 60.0
_LAST_PUTS_MAX = 3
_SAFE_WAIT_MS = 50_000  # below the caller's own deadline


@dataclass(frozen=True, slots=True)
class Plan:
    """What one run is: `faults_s` of work under faults, on `nodes` nodes (the last one the DRC), `on_rocks` or not."""

    seed: int
    faults_s: float = 300.0
    nodes: int = 4
    has_faults: bool = True
    on_rocks: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one run was; raises nothing by itself: a violation ends `run_scenario`."""

    digest: str
    counts: dict[str, int]
    simulated_s: float
    wall_s: float


def run_scenario(plan: Plan) -> Outcome:
    """Raises Violation with the seed, the time and the story."""
    begun = time.perf_counter()
    story = Story(plan.seed)
    with _garbage_left(), _rosters_read_once():
        simulated_s = run_seeded(
            plan.seed,
            lambda: _run(plan, story),
            turns_max=_TURNS_AT_ONCE_MAX,
            on_still=lambda: story.broken("time goes on", "tasks run while nobody waits"),
        )
    if story.violation is not None:
        raise story.violation
    return Outcome(story.digest, dict(story.counts), simulated_s, time.perf_counter() - begun)


@contextmanager
def _garbage_left() -> Iterator[None]:
    """Collections of the cycles that trio leaves cost a fifth of a run; `_sweep` makes a few, at simulated times."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
        gc.collect()


@contextmanager
def _rosters_read_once() -> Iterator[None]:
    """All nodes read the same few rosters at each start and session: a tenth of a run, and equal bytes read equal."""
    parse, known = SignedRoster.parse, dict[bytes, Roster]()

    def read(self: SignedRoster) -> Roster:
        if self.body not in known:
            known[self.body] = parse(self)
        return known[self.body]

    with patched(SignedRoster, "parse", read):
        yield


async def _run(plan: Plan, story: Story) -> float:
    begun = trio.current_time()
    async with (
        open_cluster(plan.seed, plan.nodes, story, on_rocks=plan.on_rocks) as cluster,
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(_phases, plan, cluster, nursery.cancel_scope)
        nursery.start_soon(_sweep, cluster)
        await story.ended.wait()
        nursery.cancel_scope.cancel()
    return trio.current_time() - begun


async def _phases(plan: Plan, cluster: SimCluster, scope: trio.CancelScope) -> None:
    nemesis = Nemesis(cluster, plan.seed)
    async with trio.open_nursery() as nursery:
        with trio.move_on_after(plan.faults_s):
            async with trio.open_nursery() as working:
                for office in cluster.offices:
                    working.start_soon(work, cluster, office, luck(plan.seed, f"station {office}"))
                    working.start_soon(look, cluster, office, luck(plan.seed, f"operator {office}"))
                if plan.has_faults:
                    working.start_soon(nemesis.run)
        await nemesis.heal()
        await _converge(cluster)
        nursery.cancel_scope.cancel()
    scope.cancel()


async def _sweep(cluster: SimCluster) -> None:
    for turn in count(1):
        await trio.sleep(_SWEEP_S)
        cluster.promises.sweep()
        for bug in cluster.network.bugs():
            cluster.story.broken("no internal error", bug)
        if turn % _SWEEPS_UNTIL_GARBAGE == 0:
            gc.collect()


async def _converge(cluster: SimCluster) -> None:
    """Wait until nothing lags; silent damage and losses behind the index's back are found by the scrubs."""
    begun = trio.current_time()
    read_at = -_READ_ALL_S
    while True:
        if trio.current_time() - read_at >= _READ_ALL_S:
            read_at = trio.current_time()
            await _publish_everywhere(cluster)
            is_all_right = await _read_all(cluster)
        await cluster.recover_stopped()
        lagging = cluster.lagging()
        if not lagging and is_all_right:
            break
        if trio.current_time() - begun > CONVERGE_S:
            cluster.story.broken("all converges", "; ".join(lagging[:6]) or "some reads still fail")
            return
        await trio.sleep(_SETTLE_LOOK_S)
    async with trio.open_nursery() as nursery:
        for office in cluster.offices:
            nursery.start_soon(_put_safely, cluster, office)
    cluster.promises.sweep()
    cluster.story.tell("all", "converged", f"after {trio.current_time() - begun:.0f} s")


async def _put_safely(cluster: SimCluster, office: NodeNumber) -> None:
    """When all is well again a put gets its three copies; a disk that was full may not have been looked at yet."""
    delivery = draw_delivery(luck(cluster.story.seed, f"last put {office}"))
    for _ in range(_LAST_PUTS_MAX):
        answers = await cluster.stations[office].put([delivery], 3, _SAFE_WAIT_MS)
        if any(answer.final and answer.copies.safe for answer in answers):
            return
        await trio.sleep(_SETTLE_LOOK_S)
    told = [(answer.outcome, answer.final, list(answer.copies.holders)) for answer in answers]
    cluster.story.broken("a healed cluster is safe", f"office {office} put one blob and was told {told}")


async def _publish_everywhere(cluster: SimCluster) -> None:
    """Somebody brings the newest roster again to whoever has missed it, and each office its own newest list."""
    async with trio.open_nursery() as nursery:
        for office in cluster.offices:
            core = cluster.nodes[office].core
            if core is None or core.rosters.roster.epoch < cluster.roster.epoch:
                nursery.start_soon(cluster.publish, office)
            nursery.start_soon(cluster.operators[office].publish_access, cluster.access[office])


async def _read_all(cluster: SimCluster) -> bool:
    """Every acknowledged blob from one of its holders."""
    is_all_right = True
    for place, (origin, blob) in enumerate(cluster.acked()):
        holders = cluster.holders(origin, blob)
        is_all_right &= await cluster.operators[origin].get(holders[place % len(holders)], blob)
    return is_all_right
