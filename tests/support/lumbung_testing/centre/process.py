"""One process of offices, and how the benchmark speaks with it: an order, an answer, one after the other."""

from __future__ import annotations

import multiprocessing
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection

import trio

from lumbung_cluster.ids import ClusterId, NodeNumber
from lumbung_cluster.inventory.fingerprint import InventoryKey
from lumbung_node.adapters.grpc_transport.bridge import open_bridge
from lumbung_node.adapters.keys.ed25519 import Ed25519Verifier
from lumbung_node.ports.log import Unlogged
from lumbung_node.services.rosters import open_rosters
from lumbung_testing.centre.country import Country, OfficeKeys
from lumbung_testing.centre.office import Office, Surroundings
from lumbung_testing.world import MemoryDocuments

__all__ = ["Offices", "offices_running"]

_LOOK_S = 0.05
_END_S = 20.0


@dataclass(frozen=True, slots=True)
class _Part:
    """What one process needs; `body` is the long end of every record."""

    cluster: ClusterId
    secret: InventoryKey
    centre: NodeNumber
    roster: bytes
    trust_roots: bytes
    offices: Sequence[OfficeKeys]
    body: bytes


class Offices:
    """All processes of offices, seen from the benchmark's."""

    def __init__(self, lines: Sequence[Connection]) -> None:
        self._lines = lines

    async def ready(self) -> int:
        """How many offices have come up so far."""
        return await self._ask("ready", 0)

    async def record(self, each: int) -> None:
        """Every office records so many; they are durable there when it returns."""
        await self._ask("record", each)

    async def lacking(self) -> int:
        """How many records of all offices the centre has not proven to them yet."""
        return await self._ask("lacking", 0)

    async def _ask(self, word: str, value: int) -> int:
        for line in self._lines:
            line.send((word, value))
        return sum([await trio.to_thread.run_sync(line.recv) for line in self._lines])


@asynccontextmanager
async def offices_running(country: Country, processes: int, body: bytes) -> AsyncIterator[Offices]:
    """Fresh interpreters, because gRPC does not survive a fork; they end with the block."""
    context = multiprocessing.get_context("spawn")
    children, lines = [], []
    for at in range(processes):
        ours, theirs = context.Pipe()
        part = _Part(
            country.cluster,
            country.secret,
            country.drc,
            country.roster,
            country.trust_roots,
            country.offices[at::processes],
            body,
        )
        child = context.Process(target=_run, args=(theirs, part), daemon=True)
        child.start()
        theirs.close()
        children.append(child)
        lines.append(ours)
    try:
        yield Offices(lines)
    finally:
        for line in lines:
            line.close()
        for child in children:
            child.join(_END_S)
            child.kill()
            child.join()


def _run(line: Connection, part: _Part) -> None:
    trio.run(_live, line, part)


async def _live(line: Connection, part: _Part) -> None:
    rosters = await open_rosters(MemoryDocuments([part.roster]), part.cluster, Ed25519Verifier(), Unlogged())
    async with open_bridge(Unlogged()) as bridge, trio.open_nursery() as nursery:
        around = Surroundings(bridge, rosters, part.cluster, part.secret, part.trust_roots, part.centre, part.body)
        offices = [Office(keys, around) for keys in part.offices]
        for office in offices:
            nursery.start_soon(office.run)
        await _obey(line, offices)
        nursery.cancel_scope.cancel()


async def _obey(line: Connection, offices: Sequence[Office]) -> None:
    """Until the benchmark lets go of its end."""
    while True:
        while not line.poll():  # noqa: ASYNC110 (a thread that waits in `recv` could not be cancelled)
            await trio.sleep(_LOOK_S)
        try:
            word, value = line.recv()
        except EOFError:
            return
        line.send(await _answer(word, value, offices))


async def _answer(word: str, value: int, offices: Sequence[Office]) -> int:
    match word:
        case "ready":
            return sum(office.core is not None for office in offices)
        case "record":
            async with trio.open_nursery() as nursery:
                for office in offices:
                    nursery.start_soon(office.record, value)
            return value * len(offices)
        case "lacking":
            return sum(office.lacking() for office in offices)
        case _:
            raise AssertionError(f"expected an order, got {word!r}")
