"""Data folders that are replaced: wiped, restored from an old copy, and what a wiped node ran on before."""

from __future__ import annotations

import random

import trio

from lumbung_testing.simulation.cluster import OldMachine
from lumbung_testing.simulation.faults.stage import Fault, Stage

__all__ = ["FAULTS"]

_LOOK_S = 0.1


async def _copy_folder(stage: Stage, draws: random.Random) -> None:
    node = stage.some_node(draws)
    stage.images[node.number] = node.disk.copy()
    stage.tell(node, "folder copied")


async def _wipe(stage: Stage, draws: random.Random) -> None:
    node = stage.some_node(draws)
    image, record, was_serving = node.disk.copy(), node.identity.record, node.core is not None
    if await stage.replace(node, None):
        if record is not None and was_serving:  # else its folder may be one that starts another generation by itself
            stage.old_machines[node.number] = OldMachine(node.number, image, record)
        await stage.restart_after(node, draws.uniform(0.5, 20.0))


async def _old_machine(stage: Stage, draws: random.Random) -> None:
    """Somebody switches on again what a wiped node ran on before: two machines, one identity."""
    if not stage.old_machines:
        return
    old = stage.old_machines.pop(draws.choice(list(stage.old_machines)))
    machine = stage.cluster.boot_old_machine(old)
    until = trio.current_time() + draws.uniform(10.0, 60.0)
    try:
        # One that doubts its history starts the very generation of the present machine: an operator's case.
        generation = old.record.generation
        while trio.current_time() < until and machine.generation == generation:  # noqa: ASYNC110 (polled)
            await trio.sleep(_LOOK_S)
    finally:
        machine.die(stage.cluster.network.kill_host)
        with trio.CancelScope(shield=True):
            await machine.buried()


async def _roll_back(stage: Stage, draws: random.Random) -> None:
    node = stage.some_node(draws)
    image = stage.images.get(node.number)
    if image is not None and await stage.replace(node, image):
        await stage.restart_after(node, draws.uniform(0.5, 20.0))


async def _roll_back_alone(stage: Stage, draws: random.Random) -> None:
    """A folder is put back while the office is cut off: people go on recording, and no peer can tell it anything."""
    node = stage.some_node(draws)
    image = node.disk.copy()
    await trio.sleep(draws.uniform(5.0, 40.0))
    others = [other for other in stage.cluster.nodes.values() if other is not node]
    if not await stage.replace(node, image):
        return
    for other in others:
        stage.cluster.network.stop(node.host, other.host, is_stopped=True)
    await stage.restart_after(node, draws.uniform(0.5, 5.0))
    await trio.sleep(draws.uniform(10.0, 60.0))
    for other in others:
        stage.cluster.network.stop(node.host, other.host, is_stopped=False)


FAULTS = (
    Fault("wipe", 18, _wipe),
    Fault("old machine", 12, _old_machine),
    Fault("copy of a folder", 24, _copy_folder),
    Fault("rollback", 18, _roll_back),
    Fault("rollback alone", 9, _roll_back_alone),
)
