"""CPU time and peak memory of processes, from /proc."""

from __future__ import annotations

import os
from pathlib import Path

from lumbung_cluster.limits import KIB

__all__ = ["cpu_s", "forget_peak", "peak_memory_bytes", "resident_memory_bytes"]

_PEAK_FIELD = "VmHWM:"
# proc(5): fields 14 and 15 of stat; behind the command's closing bracket field 3 comes first.
_USER_FIELD, _SYSTEM_FIELD = 14 - 3, 15 - 3


def cpu_s(pid: int) -> float:
    """User and system time of a process since its start, all threads, children not counted."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[_USER_FIELD]) + int(fields[_SYSTEM_FIELD])) / os.sysconf("SC_CLK_TCK")


def peak_memory_bytes(pid: int) -> int:
    """The most that was ever resident (VmHWM)."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(_PEAK_FIELD):
            return int(line.split()[1]) * KIB
    raise ValueError(f"/proc/{pid}/status: expected a line {_PEAK_FIELD}, got none")


def forget_peak(pid: int) -> None:
    """Let the peak begin anew with what is resident now (proc(5): 5 in clear_refs)."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def resident_memory_bytes(pid: int) -> int:
    """What is resident now."""
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
