"""Which nodes a local cluster gets: names from what a person typed, facts from the regions, ports on loopback."""

from __future__ import annotations

import re
import socket
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from random import SystemRandom

from lumbung_cluster.errors import LumbungError
from lumbung_cluster.ids import NodeNumber
from lumbung_cluster.roster_node import Reach, Role
from lumbung_node.ports.transport import LinkClass
from lumbung_tools.regions import Region, expected_load_bytes, region_of_city, region_of_code

__all__ = ["LOOPBACK", "NoSuchPlan", "Site", "choose_sites", "free_ports"]

LOOPBACK = "127.0.0.1"
SITES_MAX = 32  # processes that one machine starts in reasonable time
_PORT_MAX = 65535
_CAPACITY_FACTOR = 4  # own records, a neighbour's, and as much room again
_PORT_RANGE = range(15_000, 32_000)
_DRC_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,40}[a-z0-9])?")


class NoSuchPlan(LumbungError, ValueError):
    """What was asked for cannot be a cluster; nothing was written."""


@dataclass(frozen=True, slots=True)
class Site:
    """One node to be made. `load_bytes` is what its own origin is expected to hold, by population; 0 for a DRC."""

    number: NodeNumber
    name: str
    role: Role
    region: Region
    port: int
    load_bytes: int
    capacity_bytes: int

    @property
    def address(self) -> str:
        return f"{LOOPBACK}:{self.port}"

    @property
    def reach(self) -> Reach:
        """Who can dial it."""
        return Reach(Reach.PUBLIC)

    @property
    def link(self) -> LinkClass:
        """Of the line that it is reached by."""
        return LinkClass.LAN


def choose_sites(offices: Sequence[str], drcs: Sequence[str], base_port: int | None) -> tuple[Site, ...]:
    """Offices by code, then DRC nodes by city, numbered from 1, on free ports (from `base_port` on, when given).

    Raises UnknownRegion, NoSuchPlan.
    """
    _check_names(offices, drcs)
    office_regions = [region_of_code(code) for code in offices]
    drc_regions = [region_of_city(name) for name in drcs]
    count = len(offices) + len(drcs)
    ports = free_ports(count) if base_port is None else _ports_from(base_port, count)
    loads = [expected_load_bytes(region) for region in office_regions]
    sites = [
        Site(NodeNumber(at + 1), code, Role.OFFICE, region, port, load, load * _CAPACITY_FACTOR)
        for at, (code, region, port, load) in enumerate(zip(offices, office_regions, ports, loads, strict=False))
    ]
    behind = len(offices)
    sites += [
        Site(NodeNumber(behind + at + 1), f"drc-{name}", Role.DRC, region, port, 0, sum(loads) * _CAPACITY_FACTOR)
        for at, (name, region, port) in enumerate(zip(drcs, drc_regions, ports[behind:], strict=True))
    ]
    return tuple(sites)


def _check_names(offices: Sequence[str], drcs: Sequence[str]) -> None:
    if not offices or not drcs:
        raise NoSuchPlan(f"expected at least one office and one DRC, got {len(offices)} and {len(drcs)}")
    if len(offices) + len(drcs) > SITES_MAX:
        raise NoSuchPlan(f"expected at most {SITES_MAX} nodes on one machine, got {len(offices) + len(drcs)}")
    for name in (*offices, *drcs):
        if [*offices, *drcs].count(name) > 1:
            raise NoSuchPlan(f"expected each node once, got {name} twice")
    for name in drcs:
        if not _DRC_NAME.fullmatch(name):
            raise NoSuchPlan(f"expected a DRC's city in small letters such as batam, got {name!r}")


def free_ports(count: int) -> list[int]:
    """Ports that nobody uses now, below those that Linux gives to outgoing connections (from 32,768 on).

    A node that restarts must find its own port again, not a neighbour's call on it.
    """
    found: list[int] = []
    with ExitStack() as stack:
        for port in SystemRandom().sample(_PORT_RANGE, len(_PORT_RANGE)):
            probe = stack.enter_context(socket.socket())
            if _can_bind(probe, port):
                found.append(port)
            if len(found) == count:
                return found
    raise NoSuchPlan(f"expected {count} free ports from {_PORT_RANGE.start} to {_PORT_RANGE.stop}, got {len(found)}")


def _ports_from(base_port: int, count: int) -> list[int]:
    if not 1 <= base_port <= _PORT_MAX - count + 1:
        raise NoSuchPlan(f"expected a base port from 1 to {_PORT_MAX - count + 1}, got {base_port}")
    ports = list(range(base_port, base_port + count))
    for port in ports:
        with socket.socket() as probe:
            if not _can_bind(probe, port):
                raise NoSuchPlan(f"port {port} is in use or needs more rights: choose another base port")
    return ports


def _can_bind(probe: socket.socket, port: int) -> bool:
    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        probe.bind((LOOPBACK, port))
    except OSError:
        return False
    return True
