"""Faults drawn from the seed: what can befall the disks, the processes, the clocks, the lines and the honesty of nodes.

It never destroys the last intact durable copy of a blob: everything that was acknowledged must come through.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable

import trio

from lumbung_cluster.errors import LumbungError
from lumbung_cluster.ids import BlobId, NodeNumber
from lumbung_cluster.limits import MIB
from lumbung_node.store.layout import place_key
from lumbung_testing.rosters import signed, successor
from lumbung_testing.simulation.cluster import OldMachine, SimCluster
from lumbung_testing.simulation.damage import Harm
from lumbung_testing.simulation.durable import DurableView
from lumbung_testing.simulation.node import USUAL_PACE, SimNode
from lumbung_testing.virtual_disk import DiskImage, Pace

__all__ = ["Nemesis"]

_BETWEEN_S = 12.0
_ROSTERS_AT_ONCE = 8
_OLD_MACHINE_LOOK_S = 0.1
_CLOCK_JUMPS_MS = (-86_400_000, -3_600_000, -10_000, 10_000, 3_600_000, 86_400_000)
_DISK_CAPACITY_BYTES = 64 * MIB


class Nemesis:
    """`run` until cancelled, then `heal`."""

    def __init__(self, cluster: SimCluster, draws: random.Random) -> None:
        self._cluster = cluster
        self._draws = draws
        self._images: dict[NodeNumber, DiskImage] = {}
        self._old_machines: dict[NodeNumber, OldMachine] = {}
        self._faults: list[tuple[int, Callable[[], Awaitable[None]]]] = [
            (5, self._crash_one),
            (2, self._crash_some),
            (3, self._wipe),
            (2, self._old_machine),
            (4, self._copy_folder),
            (3, self._roll_back),
            (6, self._rot),
            (2, self._fail_sync),
            (2, self._fill_disk),
            (4, self._slow_disk),
            (2, self._jump_clock),
            (4, self._partition),
            (2, self._one_way),
            (3, self._cut),
            (2, self._slow_line),
            (2, self._lossy),
            (2, self._lying),
            (1, self._change_roster),
        ]

    async def run(self) -> None:
        weights = [weight for weight, _ in self._faults]
        strikes = [strike for _, strike in self._faults]
        async with trio.open_nursery() as nursery:
            while True:
                await trio.sleep(self._draws.expovariate(1 / _BETWEEN_S))
                nursery.start_soon(self._draws.choices(strikes, weights)[0])

    async def heal(self) -> None:
        """End all faults: every node runs on a quick disk with room, every line is open, everybody is honest."""
        cluster = self._cluster
        cluster.network.heal()
        cluster.misbehaviour.lossy.clear()
        cluster.misbehaviour.lying.clear()
        for one, other in self._pairs():
            cluster.network.slow(one, other, is_slow=False)
        for number, node in cluster.nodes.items():
            node.disk.pace = USUAL_PACE
            node.disk.capacity_bytes = _DISK_CAPACITY_BYTES
            node.disk.heal_sync()
            if not node.is_up:
                cluster.start(number)
        cluster.story.tell("all", "healed")

    # --- processes and disks -----------------------------------------------------------------------------------

    async def _crash_one(self) -> None:
        await self._crash([self._some_node()])

    async def _crash_some(self) -> None:
        nodes = list(self._cluster.nodes.values())
        await self._crash(self._draws.sample(nodes, self._draws.choice((2, 2, len(nodes)))))

    async def _crash(self, nodes: list[SimNode]) -> None:
        downs = [(node, self._draws.uniform(0.5, 40.0)) for node in nodes if node.is_up]
        async with trio.open_nursery() as nursery:
            for node, down_s in downs:
                nursery.start_soon(self._crash_for, node, down_s)

    async def _crash_for(self, node: SimNode, down_s: float) -> None:
        await self._kill(node)
        await self._restart_after(node, down_s)

    async def _kill(self, node: SimNode) -> None:
        if node.is_up:
            with trio.CancelScope(shield=True):  # the phase may end now: a node is never left half dead
                await self._cluster.kill(node.number)

    async def _restart_after(self, node: SimNode, down_s: float) -> None:
        await trio.sleep(down_s)
        if not node.is_up:
            self._cluster.start(node.number)

    async def _copy_folder(self) -> None:
        node = self._some_node()
        self._images[node.number] = node.disk.copy()
        self._tell(node, "folder copied")

    async def _wipe(self) -> None:
        node = self._some_node()
        image, record, was_serving = node.disk.copy(), node.identity.record, node.core is not None
        if await self._replace(node, None):
            if (
                record is not None and was_serving
            ):  # else its folder may be one that starts another generation by itself
                self._old_machines[node.number] = OldMachine(node.number, image, record)
            await self._restart_after(node, self._draws.uniform(0.5, 20.0))

    async def _old_machine(self) -> None:
        """Somebody switches on again what a wiped node ran on before: two machines, one identity."""
        if not self._old_machines:
            return
        old = self._old_machines.pop(self._draws.choice(list(self._old_machines)))
        machine = self._cluster.boot_old_machine(old)
        until = trio.current_time() + self._draws.uniform(10.0, 60.0)
        try:
            # One that doubts its history starts the very generation of the present machine: an operator's case.
            generation = old.record.generation
            while trio.current_time() < until and machine.generation == generation:  # noqa: ASYNC110 (polled)
                await trio.sleep(_OLD_MACHINE_LOOK_S)
        finally:
            machine.die(self._cluster.network.kill_host)
            with trio.CancelScope(shield=True):
                await machine.buried()

    async def _roll_back(self) -> None:
        node = self._some_node()
        image = self._images.get(node.number)
        if image is not None and await self._replace(node, image):
            await self._restart_after(node, self._draws.uniform(0.5, 20.0))

    async def _replace(self, node: SimNode, image: DiskImage | None) -> bool:
        """Kill the node and put an older folder, or an empty one, in the place of its own; False if too much is lost.

        Nothing waits between the judgement and the deed: no ack can slip in between.
        """
        after = DurableView(lambda: image.tables).held() if image is not None else {}
        lost = [key for key in node.durable.held() if key not in after]
        if not all(self._is_elsewhere(node, origin, blob) for origin, blob in lost):
            return False
        self._tell(node, "wipe" if image is None else "rollback", f"{len(lost)} gone")
        generation = node.generation
        killing = node.is_up
        if killing:
            node.die(self._cluster.network.kill_host)
        node.replace_disk(image)
        for origin, blob in lost:
            is_row = node.durable.row(origin, blob) is not None
            harm = Harm.ROTTEN if is_row else Harm.GONE
            self._cluster.damage.note(node.number, origin, blob, harm, generation)
        if killing:
            with trio.CancelScope(shield=True):
                await node.buried()
        return True

    async def _rot(self) -> None:
        """A bit flips under its checksum, or a write went astray and other bytes lie there."""
        node = self._some_node()
        held = node.durable.held()
        if not held:
            return
        (origin, blob), row = self._draws.choice(list(held.items()))
        if not self._is_elsewhere(node, origin, blob):
            return
        key = place_key(row.place + self._draws.randrange(row.chunks))
        node.disk.hurt_chunk(key, self._draws, damaged=self._draws.random() < 0.5)
        self._cluster.damage.note(node.number, origin, blob, Harm.ROTTEN, node.generation)
        self._tell(node, "rot", f"{blob.raw.hex()[:12]} of {origin}")
        if self._draws.random() < 0.7:  # somebody happens to read it, else it lies unnoticed
            await trio.sleep(self._draws.uniform(0.1, 5.0))
            await self._cluster.operators[origin].get(node.number, blob)

    async def _fail_sync(self) -> None:
        node = self._some_node()
        node.disk.fail_sync(self._draws, nth=self._draws.randint(1, 3))
        self._tell(node, "sync will fail")

    async def _fill_disk(self) -> None:
        node = self._some_node()
        left = self._draws.choice((200, 100_000, MIB, 3 * MIB))
        node.disk.capacity_bytes = node.disk.used_bytes + left
        self._tell(node, "disk full", f"{left} bytes left")
        await trio.sleep(self._draws.uniform(5.0, 60.0))
        node.disk.capacity_bytes = _DISK_CAPACITY_BYTES

    async def _slow_disk(self) -> None:
        node = self._some_node()
        node.disk.pace = Pace(0.02, self._draws.uniform(0.1, 2.0), 0.005)
        self._tell(node, "disk slow")
        await trio.sleep(self._draws.uniform(5.0, 60.0))
        node.disk.pace = USUAL_PACE

    async def _jump_clock(self) -> None:
        node = self._some_node()
        node.clock.offset_ms += self._draws.choice(_CLOCK_JUMPS_MS)
        self._tell(node, "clock jumps", str(node.clock.offset_ms))

    # --- lines -------------------------------------------------------------------------------------------------

    async def _partition(self) -> None:
        numbers = list(self._cluster.nodes)
        self._draws.shuffle(numbers)
        cut = self._draws.randrange(1, len(numbers))
        groups = [self._with_people(numbers[:cut]), self._with_people(numbers[cut:])]
        self._cluster.network.partition(groups)
        self._cluster.story.tell("all", "partition", str(groups))
        await self._heal_lines_after(self._draws.uniform(2.0, 60.0))

    async def _one_way(self) -> None:
        one, other = self._draws.sample(list(self._cluster.nodes.values()), 2)
        self._cluster.network.one_way(one.host, other.host)
        self._tell(one, "one way", other.host)
        await self._heal_lines_after(self._draws.uniform(2.0, 40.0))

    async def _cut(self) -> None:
        one, other = self._draws.choice(self._pairs())
        self._cluster.network.cut(one, other)
        self._cluster.story.tell(one, "cut", other)

    async def _slow_line(self) -> None:
        one, other = self._draws.choice(self._pairs())
        self._cluster.network.slow(one, other, is_slow=True)
        self._cluster.story.tell(one, "slow line", other)
        await trio.sleep(self._draws.uniform(5.0, 60.0))
        self._cluster.network.slow(one, other, is_slow=False)

    async def _heal_lines_after(self, seconds: float) -> None:
        await trio.sleep(seconds)
        self._cluster.network.heal()
        self._cluster.story.tell("all", "lines healed")

    # --- honesty and rosters -----------------------------------------------------------------------------------

    async def _lossy(self) -> None:
        await self._misbehave(self._cluster.misbehaviour.lossy, "lossy")

    async def _lying(self) -> None:
        await self._misbehave(self._cluster.misbehaviour.lying, "lying")

    async def _misbehave(self, who: set[NodeNumber], how: str) -> None:
        node = self._some_node()
        if who:
            return  # one at a time: two liars may keep the truth from a third
        who.add(node.number)
        self._tell(node, how)
        await trio.sleep(self._draws.uniform(5.0, 60.0))
        who.discard(node.number)

    async def _change_roster(self) -> None:
        cluster = self._cluster
        following = signed(successor(cluster.rosters[-1], created_ms=len(cluster.rosters)), "a", "b")
        cluster.rosters.append(following)
        cluster.story.tell("all", "roster", str(len(cluster.rosters)))
        operator = cluster.operators[self._draws.choice(cluster.offices)]
        try:
            await operator.publish([roster.encode() for roster in cluster.rosters[-_ROSTERS_AT_ONCE:]])
        except LumbungError:
            return

    # --- helpers -----------------------------------------------------------------------------------------------

    def _some_node(self) -> SimNode:
        return self._draws.choice(list(self._cluster.nodes.values()))

    def _pairs(self) -> list[tuple[str, str]]:
        hosts = [node.host for node in self._cluster.nodes.values()]
        return [(one, other) for one in hosts for other in hosts if one < other]

    def _with_people(self, numbers: list[NodeNumber]) -> list[str]:
        return [f"{kind}{number}" for number in sorted(numbers) for kind in "nso"]

    def _is_elsewhere(self, node: SimNode, origin: NodeNumber, blob: BlobId) -> bool:
        """Whether an intact durable copy would be left without this node's."""
        others = [other for other in self._cluster.nodes.values() if other is not node]
        return any(other.durable.holds(origin, blob) for other in others)

    def _tell(self, node: SimNode, what: str, more: str = "") -> None:
        self._cluster.story.tell(node.host, what, more)
