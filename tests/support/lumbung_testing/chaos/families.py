"""The families of faults by name, with the count of a full run."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from lumbung_testing.chaos.canaries import run_canaries
from lumbung_testing.chaos.cuts import run_cuts
from lumbung_testing.chaos.flips import run_flips
from lumbung_testing.chaos.full_disk import run_full_disk
from lumbung_testing.chaos.io_faults import run_io_faults
from lumbung_testing.chaos.kills import run_kills
from lumbung_testing.chaos.network import run_network
from lumbung_testing.chaos.report import Order, Report
from lumbung_testing.chaos.stops import run_stops

__all__ = ["FAMILIES", "Family"]


@dataclass(frozen=True, slots=True)
class Family:
    name: str
    full_count: int
    sentence: str
    run: Callable[[Order], Awaitable[Report]]
    needs_mounts: bool = False


_ALL = (
    Family("kills", 200, "SIGKILL at random moments, five nodes under load", run_kills),
    Family("stops", 5, "SIGSTOP for 30 s, each node in turn, five nodes under load", run_stops),
    Family("cuts", 50, "power cuts under load, with as many controls that do not sync", run_cuts, needs_mounts=True),
    Family(
        "full-disk", 10, "a disk that fills up under load and has room again later", run_full_disk, needs_mounts=True
    ),
    Family("io-faults", 200, "the N-th write, sync, rename, unlink or truncate of a node fails", run_io_faults),
    Family("flips", 200, "a flipped bit in a table, the log, MANIFEST or CURRENT of a closed node", run_flips),
    Family("network", 22, "a line with delay, loss, little rate, cuts of one way or both, reordering", run_network),
    Family("canaries", 50, "tokens in recordings, searched for in every file of every node", run_canaries),
)

FAMILIES: Final = {family.name: family for family in _ALL}
