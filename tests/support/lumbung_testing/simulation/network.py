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

    def kill_host_silently(self, host: str) -> None:
        """As a power cut: no kernel is left to tell the peers."""
        self._network.kill_host(host, silently=True)

    def partition(self, groups: Sequence[Sequence[str]]) -> None:
        self._network.partition(groups)

    def one_way(self, source: str, target: str) -> None:
        self._network.one_way(source, target)

    def stop(self, one: str, other: str, *, is_stopped: bool) -> None:
        """Stop or release the link between the two, both ways."""
        self._network.one_way(one, other, is_held=is_stopped)
        self._network.one_way(other, one, is_held=is_stopped)

    def is_stopped(self, one: str, other: str) -> bool:
        return self._network.is_one_way(one, other) and self._network.is_one_way(other, one)

    def stall(self, source: str, target: str, seconds: float) -> None:
        self._network.stall(source, target, seconds)

    def refuse_dials(self, source: str, target: str, *, is_refused: bool) -> None:
        self._network.refuse_dials(source, target, is_refused=is_refused)

    def is_busy(self, one: str, other: str) -> bool:
        return self._network.is_busy(one, other)

    def is_open(self, one: str, other: str) -> bool:
        """Whether nothing holds up what the two send each other."""
        return self._network.is_open(one, other)

    def is_quick(self, one: str, other: str) -> bool:
        """Whether the line between the two is no slow one."""
        return self._network.is_quick(one, other)

    def kill_streams(self, host: str) -> None:
        """End all streams of one host."""
        self._network.cut_host(host)

    def cut(self, a: str, b: str) -> None:
        self._network.cut(a, b)

    def slow(self, a: str, b: str, bytes_per_s: float) -> None:
        """A line of this rate and a satellite's delay, both ways."""
        self._shape(a, b, LineShape(latency_s=0.3, jitter_s=0.2, bytes_per_s=bytes_per_s))

    def quicken(self, a: str, b: str) -> None:
        self._shape(a, b, _QUICK)

    def _shape(self, a: str, b: str, shape: LineShape) -> None:
        self._network.shape(a, b, shape)
        self._network.shape(b, a, shape)

    def heal(self) -> None:
        self._network.heal()

    def bugs(self) -> list[str]:
        """What handlers raised that was no answer."""
        return [f"{bug.host} {bug.method.name}: {tell_failure(bug.error)}" for bug in self._network.bugs]


def _nobody_calls(caller: Caller, method: Method) -> None:
    """Clients serve nothing."""
