"""What a fault may use: the cluster, its own luck, and deeds that several faults share.

The rule of all of them stands here: the last intact durable copy of a blob is never destroyed, so whatever was
acknowledged must come through.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import trio

from lumbung_cluster.ids import BlobId, NodeNumber
from lumbung_cluster.limits import MIB
from lumbung_testing.simulation.cluster import OldMachine, SimCluster
from lumbung_testing.simulation.damage import Harm
from lumbung_testing.simulation.durable import DurableView
from lumbung_testing.simulation.node import SimNode
from lumbung_testing.virtual_disk import DiskImage

__all__ = ["DISK_CAPACITY_BYTES", "Fault", "Stage"]

DISK_CAPACITY_BYTES = 512 * MIB


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that befalls a cluster about `per_hour` times an hour; `heal` undoes what is left of it at the end."""

    name: str
    per_hour: float
    strike: Callable[[Stage, random.Random], Awaitable[None]]
    heal: Callable[[Stage], None] | None = None


@dataclass(slots=True)
class Stage:
    """Shared by the faults of one run; `images` are copies of folders, `old_machines` what wiped nodes ran on."""

    cluster: SimCluster
    images: dict[NodeNumber, DiskImage] = field(default_factory=dict)
    old_machines: dict[NodeNumber, OldMachine] = field(default_factory=dict)

    def some_node(self, draws: random.Random) -> SimNode:
        return draws.choice(list(self.cluster.nodes.values()))

    def pairs(self) -> list[tuple[str, str]]:
        hosts = [node.host for node in self.cluster.nodes.values()]
        return [(one, other) for one in hosts for other in hosts if one < other]

    def tell(self, node: SimNode, what: str, more: str = "") -> None:
        self.cluster.story.tell(node.host, what, more)

    def is_elsewhere(self, node: SimNode, origin: NodeNumber, blob: BlobId) -> bool:
        """Whether an intact durable copy would be left without this node's, at a node that the others get it from."""
        receivers = self.cluster.obeyed.receivers_of(origin, blob.unit)
        absent = {node.number, *self.cluster.gone}
        others = [self.cluster.nodes[number] for number in receivers if number not in absent]
        return any(other.durable.holds(origin, blob) for other in others)

    async def kill(self, node: SimNode, *, is_silent: bool = False) -> None:
        """End its process; the peers are told by its kernel, or (silently) by nobody."""
        if node.is_up:
            with trio.CancelScope(shield=True):  # the phase may end now: a node is never left half dead
                await self.cluster.kill(node.number, is_silent=is_silent)

    async def restart_after(self, node: SimNode, down_s: float) -> None:
        await trio.sleep(down_s)
        if not node.is_up and node.identity.record is not None:  # without an identity an operator has to recover it
            self.cluster.start(node.number)

    async def replace(self, node: SimNode, image: DiskImage | None) -> bool:
        """Kill the node and put an older folder, or an empty one, in the place of its own; False if too much is lost.

        Nothing waits between the judgement and the deed: no ack can slip in between.
        """
        if node.identity.record is None or node.disk.is_spoiled:
            return False  # what a store that does not open holds may be the last copy
        view = DurableView(lambda: image.tables) if image is not None else None
        after = view.held() if view is not None else {}
        named = view.named_by_feeds() if view is not None else set()
        lost = [key for key in node.durable.held() if key not in after]
        if not all(self.is_elsewhere(node, origin, blob) for origin, blob in lost):
            return False
        self.tell(node, "wipe" if image is None else "rollback", f"{len(lost)} gone")
        generation = node.generation
        killing = node.is_up
        if killing:
            node.die(self.cluster.network.kill_host)
        node.replace_disk(image)
        for origin, blob in lost:
            harm = Harm.ROTTEN if (origin, blob) in named else Harm.GONE
            self.cluster.damage.note(node, origin, blob, harm, generation)
        for origin, blob in view.rotten() if view is not None else ():  # it had rotted when the copy was made
            self.cluster.damage.note(node, origin, blob, Harm.ROTTEN, generation)
        if killing:
            with trio.CancelScope(shield=True):
                await node.buried()
        return True
