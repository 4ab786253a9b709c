"""What the processes of a cluster and its client use while a case runs."""

from __future__ import annotations

import os

from lumbung_cluster.limits import MIB
from lumbung_tools.bench.processes import cpu_s, forget_peak, peak_memory_bytes
from lumbung_tools.bench.suite.figures import Case
from lumbung_tools.localcluster.processes import LocalCluster

__all__ = ["Meter"]

_MS = 1_000


class Meter:
    """From its making to `figures`; only nodes that are up count."""

    def __init__(self, cluster: LocalCluster, roles: dict[str, str]) -> None:
        """`roles` gives each node's name in the figures."""
        self._nodes = {roles[name]: cluster.pid(name) for name in cluster.names if cluster.is_up(name)}
        self._processes = {**self._nodes, "client": os.getpid()}
        for pid in self._nodes.values():
            forget_peak(pid)
        self._before = {name: cpu_s(pid) for name, pid in self._processes.items()}

    def figures(self, blobs: int) -> Case:
        """Milliseconds of CPU a blob, in all and by process; the most memory of any node, and of each."""
        used = {name: (cpu_s(pid) - self._before[name]) * _MS / blobs for name, pid in self._processes.items()}
        peaks = {name: peak_memory_bytes(pid) / MIB for name, pid in self._nodes.items()}
        return {
            "cpu_ms": sum(used.values()),
            **{f"cpu_{name}_ms": value for name, value in used.items()},
            "peak_mib": max(peaks.values()),
            **{f"peak_{name}_mib": value for name, value in peaks.items()},
        }
