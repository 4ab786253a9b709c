"""A peer whose disk is full for others' blobs refuses what its partner offers, and has room again soon.

Nobody else can bring it meanwhile, and their session goes on: so it comes again from whoever offered it, or never.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import trio

from lumbung_cluster.ids import BlobId
from lumbung_cluster.limits import MIB, REFUSED_WAIT_S, RETRY_AFTER_S_MIN
from lumbung_node.services.core import Core
from lumbung_testing.simulation.content import Delivery, draw_delivery
from lumbung_testing.simulation.faults.stage import DISK_CAPACITY_BYTES, Fault, Stage
from lumbung_testing.simulation.node import USUAL_PACE, SimNode

__all__ = ["FAULTS"]

_FREE_BYTES = 3 * MIB  # below the first mark: nothing of others is taken; the own is recorded on
_LOOKS_S = 12.0  # a node has looked at its disk by then
_REFUSED_S_MAX = 5.0  # a new recording is offered at once
_UNDER_WAY_S = 1.0  # what was offered behind it is refused too
_SLACK_S = 5.0  # for all that was refused with it to be offered again and written
_COMES_S = max(REFUSED_WAIT_S, RETRY_AFTER_S_MIN) + _SLACK_S
_LIE_IN_WAIT_S = 60.0
_LOOK_S = 0.5
_DRAWS_MAX = 8
_TRIES = 6
_LIES = ("lossy", "boasting", "lying")  # what others do keeps no bytes away


@dataclass(slots=True)
class _Pair:
    """An office and a holder of its recordings that nobody else reaches, as they were when it began."""

    stage: Stage
    office: SimNode
    holder: SimNode
    cores: tuple[Core | None, ...] = ()
    ended: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        self.cores, self.ended = (self.office.core, self.holder.core), self._sessions_ended()

    def _sessions_ended(self) -> tuple[int, int]:
        one, other = self.office, self.holder
        return one.sessions_ended[other.number], other.sessions_ended[one.number]

    def stop(self, *, is_stopped: bool) -> None:
        """Between the holder and all but the office."""
        for node in self._others():
            self.stage.cluster.network.stop(node.host, self.holder.host, is_stopped=is_stopped)

    def _others(self) -> list[SimNode]:
        return [node for node in self.stage.cluster.nodes.values() if node not in (self.office, self.holder)]

    def is_undisturbed(self) -> bool:
        """Whether both live on as `is_fit` says, and one session has carried on."""
        is_same = all(node.core is core for node, core in zip((self.office, self.holder), self.cores, strict=True))
        return is_same and self._sessions_ended() == self.ended and self.is_fit()

    def is_in_touch(self) -> bool:
        """Whether both disks are quick, and the line carries all and is the holder's only one: others heal."""
        network, host = self.stage.cluster.network, self.holder.host
        is_alone = all(network.is_stopped(node.host, host) for node in self._others())
        is_quick = self.office.disk.pace == self.holder.disk.pace == USUAL_PACE
        return is_quick and is_alone and network.is_open(self.office.host, host)

    def is_fit(self) -> bool:
        """Whether both are up and honest, their line is no slow one, and the office can send what comes next."""
        is_quick = self.stage.cluster.network.is_quick(self.office.host, self.holder.host)
        return is_quick and self._is_well(self.office) and self._is_well(self.holder) and not self._is_office_damaged()

    def _is_well(self, node: SimNode) -> bool:
        misbehaviour = self.stage.cluster.misbehaviour
        is_liar = any(misbehaviour.does(node.number, how) for how in _LIES)
        return node.core is not None and not node.core.condition.stopped and not is_liar

    def _is_office_damaged(self) -> bool:
        """Behind the holder's mark: bytes that it cannot send hold the lane up once more, a lost row may end it."""
        damage, durable, number = self.stage.cluster.damage, self.office.durable, self.office.number
        mark = self.holder.durable.mark(number, number)
        upto = mark.mark.number if mark is not None else 0
        rotten = [blob for origin, blob in damage.rotten_before(number, trio.current_time()) if origin == number]
        numbers = [durable.number(number, blob) for blob in rotten if not durable.holds(number, blob)]
        if damage.has_gap(self.office, number):
            numbers += [missing for origin, missing in durable.feed_gaps() if origin == number]
        return any(found is None or found > upto for found in numbers)

    def refuses(self) -> bool:
        return self.holder.core is not None and self.holder.core.condition.refuses_foreign

    async def comes(self, is_so: Callable[[], bool], wait_s: float) -> bool | None:
        """Whether it was so in time; None when something else came in between.

        When they were out of touch the time runs anew: what has begun meanwhile may have to be given up first.
        """
        until = trio.current_time() + wait_s
        while self.is_undisturbed():
            if is_so():
                return True
            if not self.is_in_touch():
                self.stop(is_stopped=True)
                until = trio.current_time() + wait_s
            if trio.current_time() >= until:
                return False
            await trio.sleep(_LOOK_S)
        return None


async def _refuse(stage: Stage, draws: random.Random) -> None:
    """Again with whoever is fit then, when another fault came in between."""
    for _ in range(_TRIES):
        pair = await _fit_pair(stage, draws)
        if pair is None:
            return
        pair.stop(is_stopped=True)
        try:
            blob = await _refused(pair, draws)
            has_come = await _comes_again(pair, blob) if blob is not None else None
        finally:
            pair.holder.disk.capacity_bytes = DISK_CAPACITY_BYTES
            pair.stop(is_stopped=False)
        if has_come is not None:
            return


async def _refused(pair: _Pair, draws: random.Random) -> BlobId | None:
    """A new recording that the holder has refused for want of room, which it has again."""
    stage, office, holder = pair.stage, pair.office, pair.holder
    holder.disk.capacity_bytes = holder.disk.used_bytes + _FREE_BYTES
    stage.tell(holder, "disk full", f"{_FREE_BYTES} bytes left")
    delivery = _delivery(pair, draws)
    if delivery is None or not await pair.comes(pair.refuses, _LOOKS_S):
        return None
    full_at, blob = trio.current_time(), delivery.blob
    stage.cluster.deliveries.append((office.number, delivery))
    await stage.cluster.stations[office.number].put([delivery], 1, 0)
    was_refused = partial(stage.cluster.promises.was_refused, office, holder.number, office.number, blob)
    if not await pair.comes(was_refused, _REFUSED_S_MAX):
        return None
    await trio.sleep(_UNDER_WAY_S)
    holder.disk.capacity_bytes = DISK_CAPACITY_BYTES
    has_room = await pair.comes(lambda: not pair.refuses(), _LOOKS_S)
    is_brief = trio.current_time() - full_at < RETRY_AFTER_S_MIN  # after that it asks for more patience
    return blob if has_room and is_brief else None


async def _comes_again(pair: _Pair, blob: BlobId) -> bool | None:
    """The holder has room from now on; None when another fault came in between."""
    office, holder = pair.office, pair.holder
    pair.stage.tell(holder, "has room again", f"refused {blob.raw.hex()[:12]} of {office.number}")
    has_come = await pair.comes(lambda: pair.refuses() or holder.durable.holds(office.number, blob), _COMES_S)
    is_harmed = pair.stage.cluster.damage.was_ever(holder.number, office.number, blob)
    pair.stage.tell(holder, "came again", str(has_come))
    if has_come is False and not is_harmed:
        pair.stage.cluster.story.broken(
            "what was refused comes again",
            f"{holder.host} refused {blob} of {office.number}, has had room for {_COMES_S:.0f} s, and lacks it",
        )
    return has_come


async def _fit_pair(stage: Stage, draws: random.Random) -> _Pair | None:
    """As soon as there is one; None when there is none for long."""
    until = trio.current_time() + _LIE_IN_WAIT_S
    while trio.current_time() < until:
        nodes = list(stage.cluster.nodes.values())
        offices = [node for node in nodes if node.number in stage.cluster.offices]
        pairs = [(office, holder) for office in offices for holder in nodes if holder is not office]
        for office, holder in draws.sample(pairs, len(pairs)):
            pair = _Pair(stage, office, holder)
            if _is_free(pair):
                return pair
        await trio.sleep(_LOOK_S)
    return None


def _is_free(pair: _Pair) -> bool:
    """Whether the holder holds for the office, and no other fault has begun with its lines or its room."""
    cluster, office, holder = pair.stage.cluster, pair.office, pair.holder
    is_stopped = any(cluster.network.is_stopped(one, other) for one, other in pair.stage.pairs())
    is_stopped |= not cluster.network.is_open(office.host, holder.host)
    is_full = holder.disk.capacity_bytes != DISK_CAPACITY_BYTES or pair.refuses()
    if is_stopped or is_full or not cluster.obeyed.units_held(holder.number, office.number):
        return False
    epochs = {core.rosters.roster.epoch if core is not None else 0 for core in pair.cores}
    return epochs == {cluster.roster.epoch} and holder.number not in cluster.gone and pair.is_fit()


def _delivery(pair: _Pair, draws: random.Random) -> Delivery | None:
    """One that the holder has to keep."""
    units = pair.stage.cluster.obeyed.units_held(pair.holder.number, pair.office.number)
    drawn = (draw_delivery(draws) for _ in range(_DRAWS_MAX))
    return next((delivery for delivery in drawn if units >> delivery.blob.unit & 1), None)


FAULTS = (Fault("refused offer", 36, _refuse),)
