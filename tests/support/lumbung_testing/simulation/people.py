"""What the people of an office do all day, at its node and at those that keep its recordings."""

from __future__ import annotations

import random

import trio

from lumbung_cluster.ids import NodeNumber
from lumbung_testing.simulation.cluster import SimCluster
from lumbung_testing.simulation.content import Delivery, draw_delivery
from lumbung_testing.simulation.stations import pick

__all__ = ["look", "work"]


async def work(cluster: SimCluster, office: NodeNumber, draws: random.Random) -> None:
    """A station's day: new recordings, repeats of old ones, and now and then the bytes of another office."""
    station, known = cluster.stations[office], cluster.deliveries
    while True:
        await trio.sleep(draws.expovariate(1 / 30))
        batch = [_draw(draws, known, office) for _ in range(draws.choice((1, 1, 2, 5)))]
        known += [(office, delivery) for delivery in batch]
        copies, wait_ms = draws.choice((1, 2, 3, 3)), draws.choice((0, 2000, 20_000))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(station.put, batch, copies, wait_ms)
            if draws.random() < 0.2:  # a client that lost patience sends the same bytes again beside the first call
                await trio.sleep(draws.uniform(0.0, 0.5))
                nursery.start_soon(station.put, batch, copies, wait_ms)


def _draw(draws: random.Random, known: list[tuple[NodeNumber, Delivery]], office: NodeNumber) -> Delivery:
    if not known or draws.random() < 0.7:
        return draw_delivery(draws)
    _, old = draws.choice(known)
    choice = draws.random()
    if choice < 0.6 or not old.record_tag:
        return old
    return old.sealed_again(draws) if choice < 0.8 else old.changed(draws)


async def look(cluster: SimCluster, office: NodeNumber, draws: random.Random) -> None:
    operator = cluster.operators[office]
    while True:
        await trio.sleep(draws.expovariate(1 / 20))
        blob = pick(draws, cluster.acked(), office)
        if blob is not None:
            await operator.get(draws.choice(cluster.holders(office, blob)), blob)
            if draws.random() < 0.3:
                others = [pick(draws, cluster.acked(), office) for _ in range(draws.randrange(1, 6))]
                await operator.read(draws.choice(cluster.holders(office, blob)), [other or blob for other in others])
        if draws.random() < 0.2:
            await operator.status()
            await operator.list_blobs()
