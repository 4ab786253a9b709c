"""Data folders that are replaced: wiped, restored from an old copy, and what a wiped node ran on before."""

from __future__ import annotations

import random

import trio

from lumbung_testing.simulation.cluster import OldMachine
from lumbung_testing.simulation.faults.stage import Fault, Stage
from lumbung_testing.simulation.node import SimNode

__all__ = ["FAULTS"]

_MEETING_S_MAX = 20.0


async def _copy_folder(stage: Stage, draws: random.Random) -> None:
    node = stage.some_node(draws)
    stage.images[node.number] = node.disk.copy()
    stage.tell(node, "folder copied")


async def _wipe(stage: Stage, draws: random.Random) -> None:
    node = stage.some_node(draws)
    image, record = node.disk.copy(), node.identity.record
    if await stage.replace(node, None):
        if record is not None:
            if draws.random() < 0.5:  # its folder was put back from a copy: it will doubt its history
                image = stage.images.get(node.number, image)
            stage.old_machines[node.number] = OldMachine(node.number, image, record)
        await stage.restart_after(node, draws.uniform(0.5, 20.0))


async def _old_machine(stage: Stage, draws: random.Random) -> None:
    """Somebody switches on again what a wiped node ran on before: two machines, one identity.

    It may doubt its history, and so come by itself to the very generation that the present machine lives in.
    """
    if not stage.old_machines:
        return
    old = stage.old_machines.pop(draws.choice(list(stage.old_machines)))
    machine = stage.cluster.boot_old_machine(old)
    try:
        await trio.sleep(draws.uniform(10.0, 60.0))
    finally:
        machine.die(stage.cluster.network.kill_host)
        with trio.CancelScope(shield=True):
            await machine.buried()
    await trio.sleep(draws.uniform(1.0, 30.0))
    with trio.CancelScope(shield=True):
        await stage.cluster.recover_stopped()


async def _old_machine_alone(stage: Stage, draws: random.Random) -> None:
    """The new machine is down again, as soon as a peer has met it, and somebody switches the old one on meanwhile.

    Its folder is a copy from within its last life, so that peers which have moved no mark yet show it what it lost; or
    one from before a restart, so that it comes by itself to the new machine's generation.
    """
    node = stage.some_node(draws)
    if not node.is_up:
        return
    image = node.disk.copy()
    await trio.sleep(draws.uniform(5.0, 40.0))
    if draws.random() < 0.5:
        await stage.kill(node)
        await stage.restart_after(node, 0.1)
        await trio.sleep(draws.uniform(1.0, 5.0))
    record, before = node.identity.record, node.generation
    if record is None or not await stage.replace(node, None):
        return
    await stage.restart_after(node, 0.1)
    if not await _is_met(stage, node, before):
        return
    await stage.kill(node, is_silent=draws.random() < 0.5)
    machine = stage.cluster.boot_old_machine(OldMachine(node.number, image, record))
    try:
        await trio.sleep(draws.uniform(10.0, 40.0))
    finally:
        machine.die(stage.cluster.network.kill_host)
        with trio.CancelScope(shield=True):
            await machine.buried()
    await stage.restart_after(node, draws.uniform(0.5, 20.0))
    await trio.sleep(draws.uniform(1.0, 30.0))
    with trio.CancelScope(shield=True):
        await stage.cluster.recover_stopped()


async def _is_met(stage: Stage, node: SimNode, generation: int) -> bool:
    """Wait a while until some peer knows the node in a later generation than this one."""
    with trio.move_on_after(_MEETING_S_MAX):
        while True:
            cores = [other.core for other in stage.cluster.nodes.values() if other is not node]
            if any(core.store.state.generations_seen.get(node.number, 0) > generation for core in cores if core):
                return True
            await trio.sleep(0.01)
    return False


async def _lose_identity(stage: Stage, draws: random.Random) -> None:
    """The system disk is gone with the identity and the data; keys come back from a backup, and nothing else."""
    node = stage.some_node(draws)
    if await stage.replace(node, None):
        node.identity.record, node.generation_least = None, 1
        stage.tell(node, "identity lost")
        with trio.CancelScope(shield=True):
            await stage.cluster.recover(node.number)


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
    Fault("old machine alone", 12, _old_machine_alone),
    Fault("identity lost", 6, _lose_identity),
    Fault("copy of a folder", 24, _copy_folder),
    Fault("rollback", 18, _roll_back),
    Fault("rollback alone", 9, _roll_back_alone),
)
