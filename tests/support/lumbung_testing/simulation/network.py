"""What the simulation asks of the virtual network, in its own words."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from lumbung_node.ports.transport import AccessCheck, Caller, Method, Transport
from lumbung_testing.simulation.failures import tell_failure
from lumbung_testing.virtual_network import LineShape, VirtualNetwork

__all__ = ["SimNetwork"]

_QUICK = LineShape(latency_s=0.002, jitter_s=0.004, bytes_per_s=20e6)


class SimNetwork:
    """Hosts are named as in their addresses: `n1:7001` is at host `n1`."""

    def __init__(self, luck: random.Random) -> None:
        self._network = VirtualNetwork(luck, shape=_QUICK)

    @asynccontextmanager
    async def transport(self, host: str, caller: Caller, check: AccessCheck | None = None) -> AsyncIterator[Transport]:
        yield self._network.transport(host, caller, check or _nobody_calls)

    def kill_host(self, host: str) -> None:
        self._network.kill_host(host)

    def partition(self, groups: Sequence[Sequence[str]]) -> None:
        self._network.partition(groups)

    def one_way(self, source: str, target: str) -> None:
        self._network.one_way(source, target)

    def cut(self, a: str, b: str) -> None:
        self._network.cut(a, b)

    def slow(self, a: str, b: str, *, is_slow: bool) -> None:
        shape = LineShape(latency_s=0.3, jitter_s=0.2, bytes_per_s=20e3) if is_slow else _QUICK
        self._network.shape(a, b, shape)
        self._network.shape(b, a, shape)

    def heal(self) -> None:
        self._network.heal()

    def bugs(self) -> list[str]:
        """What handlers raised that was no answer."""
        return [f"{bug.host} {bug.method.name}: {tell_failure(bug.error)}" for bug in self._network.bugs]


def _nobody_calls(caller: Caller, method: Method) -> None:
    """Clients serve nothing."""
