"""What every kind of abuse knows and counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import trio

from lumbung_cluster.errors import LumbungError, Rejected
from lumbung_node.adapters.grpc_transport import TlsIdentity
from lumbung_node.ports.transport import Channel, ClientStream
from lumbung_testing.callers import dial
from lumbung_tools.localcluster.founding import Founded

__all__ = ["LIAR", "RETIRED", "Abuser", "drain"]

LIAR = "34.04"  # its node is down: the abuser speaks in its place, with its keys
RETIRED = "73.71"  # the same, and the roster in force says that it has left


@dataclass(slots=True)
class Abuser:
    """What one kind of abuse knows, and what became of it."""

    founded: Founded
    victim: str
    tries: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    under_way: trio.Event = field(default_factory=trio.Event)

    def address(self) -> str:
        return next(site.address for site in self.founded.sites if site.name == self.victim)

    @asynccontextmanager
    async def channel(self, tls: TlsIdentity) -> AsyncIterator[Channel]:
        async with dial(self.founded, tls, self.victim) as channel:
            yield channel

    async def attempt(self, work: Callable[[], Awaitable[None]], *, begins: bool = True) -> None:
        """One try; how it ended is counted. `begins` when the abuse is under way with it."""
        self.tries += 1
        if begins:
            self.under_way.set()
        try:
            await work()
            self.statuses["OK"] += 1
        except Rejected as exc:
            self.statuses[exc.code.name] += 1
        except LumbungError as exc:
            self.statuses[type(exc).__name__] += 1


async def drain(stream: ClientStream) -> None:
    while await stream.receive() is not None:
        pass
