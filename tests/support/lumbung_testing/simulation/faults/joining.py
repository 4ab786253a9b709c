"""Who comes later: an office that joins, with what it keeps for others and they for it; and a van, until it goes.

The centre signs a roster for an office; the office itself names a van in its access list, and strikes it off again.
Another office copies a van's keys into its own list, before or after the van's office has named it.
Machines start as soon as they have their pack, whether anybody has heard of them yet or not.
"""

from __future__ import annotations

import random
from dataclasses import replace

import trio
from blake3 import blake3

from lumbung_cluster.ids import NodeNumber, all_units
from lumbung_cluster.joining import van_numbers
from lumbung_cluster.roster import HolderAssignment, Share
from lumbung_cluster.roster_node import LinkClass, Reach
from lumbung_cluster.van import VanRecord
from lumbung_testing.rosters import SeededSigner, successor
from lumbung_testing.simulation.cluster import OFFICE_NAMES, SimCluster, office_record
from lumbung_testing.simulation.faults.rosters import assignment, assignments, is_complete
from lumbung_testing.simulation.faults.stage import Fault, Stage
from lumbung_testing.simulation.node import address_of
from lumbung_testing.simulation.people import look, work

__all__ = ["FAULTS"]

_VANS_MAX = 2  # of a run: each is one more node
_HEARD_S_MAX = 20.0
_TRIP_S = (40.0, 150.0)
_LOOK_S = 2.0


async def _join(stage: Stage, draws: random.Random) -> None:
    """A new office; half the time it becomes one more holder of another's recordings, of those before it too."""
    cluster = stage.cluster
    if len(cluster.offices) >= len(OFFICE_NAMES):
        return
    number = NodeNumber(max(node.number for node in cluster.roster.nodes) + 1)
    peer, ward = draws.choice(cluster.offices), draws.choice(cluster.offices)
    await cluster.settle_people(number, number)
    record = office_record(number, cluster.roster.epoch + 1, len(cluster.offices) + 1)
    shares = [Share(holder, all_units()) for holder in sorted((peer, *cluster.roster.drc_numbers()))]
    changed = {ward: _beside(cluster, ward, number)} if draws.random() < 0.5 else {}
    held = (*assignments(cluster, changed), HolderAssignment(number, tuple(shares)))
    cluster.sign(successor(cluster.rosters[-1], nodes=(*cluster.roster.nodes, record), assignments=held))
    cluster.sign_in(number)
    stage.tell(cluster.nodes[number], "joins")
    await trio.sleep(draws.choice((0.0, draws.uniform(0.0, _HEARD_S_MAX))))
    await cluster.publish(draws.choice(cluster.offices))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(work, cluster, number, draws)
        nursery.start_soon(look, cluster, number, draws)


def _beside(cluster: SimCluster, origin: NodeNumber, newcomer: NodeNumber) -> HolderAssignment:
    before = assignment(cluster, origin)
    holders = sorted((*before.holders, Share(newcomer, all_units())), key=lambda share: share.node)
    return replace(before, holders=tuple(holders))


async def _van(stage: Stage, draws: random.Random) -> None:
    """Half of them are struck off again, when everything that they have recorded has come home; they go on dialling."""
    cluster = stage.cluster
    if len(cluster.vans) >= _VANS_MAX:
        return
    office = draws.choice(cluster.offices)
    van = _record(cluster, office)
    await cluster.settle_people(van.number, office)
    cluster.sign_access(office, (*cluster.access[office].content.vans, van))
    cluster.vans.append(van.number)
    cluster.set_up(van.number)
    stage.tell(cluster.nodes[van.number], "van", f"of {office}")
    await cluster.operators[office].publish_access(cluster.access[office])
    with trio.move_on_after(draws.uniform(*_TRIP_S)):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(work, cluster, van.number, draws)
            nursery.start_soon(look, cluster, van.number, draws)
    if draws.random() < 0.5:
        await _strike_off(stage, office, van.number)


async def _strike_off(stage: Stage, office: NodeNumber, van: NodeNumber) -> None:
    cluster = stage.cluster
    while not is_complete(cluster, van):  # noqa: ASYNC110 (polled)
        await trio.sleep(_LOOK_S)
    vans = cluster.access[office].content.vans
    cluster.gone.add(van)
    cluster.sign_access(office, tuple(replace(each, is_gone=each.is_gone or each.number == van) for each in vans))
    stage.tell(cluster.nodes[van], "struck off")
    await cluster.operators[office].publish_access(cluster.access[office])


async def _copy_keys(stage: Stage, draws: random.Random) -> None:
    """An office names as its own the newest van of another one, or the next that this one will name.

    No machine has the copy's number. Half the time it is gone at once: whatever ends with it must be the copy's alone.
    """
    cluster = stage.cluster
    thief, victim = draws.sample(cluster.offices, 2)
    copied = draws.choice((*cluster.access[victim].content.vans[-1:], _record(cluster, victim)))
    held = cluster.access[thief].content.vans
    if any(copied.entry_key in van.keys for van in held):
        return  # an office that names a key twice has signed nothing that is a list
    record = cluster.roster.node(thief)
    assert record is not None
    numbers = van_numbers(thief)
    # From the end of the range: true vans count from its beginning.
    place = numbers.count - 1 - sum(van.number in cluster.gone for van in held)
    copy = replace(copied, number=NodeNumber(numbers.first + place), name=f"{record.name}-van{place + 1}")
    copy = replace(copy, is_gone=draws.random() < 0.5, bound=None)
    cluster.gone.add(copy.number)
    cluster.sign_access(thief, (*held, copy))
    cluster.story.tell("all", "van copied", f"of {victim} by {thief}")
    await cluster.operators[thief].publish_access(cluster.access[thief])


def _record(cluster: SimCluster, office: NodeNumber) -> VanRecord:
    record = cluster.roster.node(office)
    assert record is not None
    at = len(cluster.access[office].content.vans) + 1
    number = NodeNumber(van_numbers(office).first + at - 1)
    tls_pin = blake3(f"tls {number}".encode()).digest()
    entry, receipt = (SeededSigner(f"{use} {number}").public_key for use in ("entry", "receipt"))
    address, reach = address_of(f"n{number}", number), Reach("public")
    return VanRecord(
        number,
        f"{record.name}-van{at}",
        False,
        (address,),
        reach,
        LinkClass.LAN,
        0,
        10**10,
        10**8,
        tls_pin,
        entry,
        receipt,
    )


FAULTS = (
    Fault("an office joins", 4, _join),
    Fault("a van", 6, _van),
    Fault("a van's keys copied", 8, _copy_keys),
)
