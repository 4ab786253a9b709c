"""What a round's figures are beside the machine's limits of the same round, and beside the marks set for them."""

from __future__ import annotations

from dataclasses import dataclass

from lumbung_tools.bench.suite.cases import A4K, A64M, A300K, PUT_CASES, PutCase
from lumbung_tools.bench.suite.figures import Case, Round

__all__ = ["LIMITS", "MARKS", "Mark", "add_ratios"]

LIMITS = "limits"
_RSYNC = "rsync/a300k"
_MEGA = 1_000_000
_COPIES = 3
_ENGINE = {A300K: "engine_300k_mb_s", A64M: "engine_64m_mb_s"}


@dataclass(frozen=True, slots=True)
class Mark:
    """A figure and the bound that it shall keep: the least where `is_floor`, else the most.

    `bare` is the figure of the same case that processes with the same packages and nothing of ours have reached in the
    same round, where it was measured.
    """

    text: str
    case: str
    figure: str
    bound: float
    is_floor: bool
    others: str
    bare: str = ""

    def is_met(self, value: float) -> bool:
        return value >= self.bound if self.is_floor else value <= self.bound


_COPIES_RSYNC = "rsync took 13 to 14 s there, Ceph RGW 28.9 s, Syncthing 37 s, Swift 140 s"
MARKS = (
    Mark(
        "a300k, one node, 32 clients, of raw RocksDB batches",
        "a300k/1/32",
        "of_engine",
        0.8,
        True,
        "",
        "bare_of_engine",
    ),
    Mark(
        "a300k, three copies: wall of 1.84 GB in sequence",
        "a300k/3/stream",
        "walls_of_disk",
        1.5,
        False,
        "",
        "bare_walls_of_disk",
    ),
    Mark(
        "a300k, three copies: wall of rsync --fsync",
        "a300k/3/stream",
        "walls_of_rsync",
        1.0,
        False,
        _COPIES_RSYNC,
        "bare_walls_of_rsync",
    ),
    Mark(
        "a300k, three copies, 8 clients, p50 ms",
        "a300k/3/8",
        "safe_p50_ms",
        60,
        False,
        "Ceph RGW 102, Swift 481",
        "bare_wait_ms",
    ),
    Mark(
        "a300k, three copies, 8 clients, p99 ms",
        "a300k/3/8",
        "safe_p99_ms",
        200,
        False,
        "Ceph RGW 211, Swift 1,360",
        "bare_wait_p99_ms",
    ),
    Mark(
        "a4k, three copies, blobs/s",
        "a4k/3/stream",
        "per_s",
        3_000,
        True,
        "rsync --fsync 494, Swift 27",
        "bare_per_s",
    ),
    Mark(
        "CPU a 300 KiB blob, all processes, ms",
        "a300k/3/stream",
        "cpu_ms",
        15,
        False,
        "Ceph RGW 19, Swift 91",
        "bare_cpu_ms",
    ),
    Mark("VmHWM of the largest node, a300k, MiB", "a300k/3/stream", "peak_mib", 200, False, "Ceph RGW 432 in all"),
    Mark("get 300 KiB, warm, 8 clients, MB/s", "get/own", "mb_s", 250, True, "", "bare_mb_s"),
)


def add_ratios(found: Round) -> None:
    """Put the ratios into the cases of a round. Whatever has three copies is carried three times by this machine."""
    limits = found[LIMITS]
    for case in PUT_CASES:
        figures = found[case.name]
        carried_mb_s, carried_per_s = figures["mb_s"] * case.nodes, figures["per_s"] * case.nodes
        figures["of_disk"] = carried_mb_s / limits["sequential_write_mb_s"]
        figures["walls_of_disk"] = 1 / figures["of_disk"]
        figures["of_engine"] = _of_engine(case, carried_mb_s, carried_per_s, limits)
        figures["of_grpc"] = carried_mb_s / limits["grpc_mtls_mb_s"]
        figures["of_tcp"] = carried_mb_s / limits["tcp_mb_s"]
        figures["of_blake3"] = carried_mb_s / limits["blake3_300k_mb_s"]
        if case.workload is not A64M:
            appends = "append_4k_per_s" if case.workload is A4K else "append_300k_per_s"
            figures["of_appends"] = carried_per_s / limits[appends]
    _add_bare(found, limits)
    if _RSYNC in found:
        figures = found["a300k/3/stream"]
        figures["walls_of_rsync"] = found[_RSYNC]["mb_s"] / figures["mb_s"]
        figures["bare_walls_of_rsync"] = found[_RSYNC]["mb_s"] / figures["bare_mb_s"]


def _add_bare(found: Round, limits: Case) -> None:
    """What processes without anything of ours made of the same load in the same round."""
    found["a300k/1/32"]["bare_of_engine"] = limits["bare_hop_mb_s"] / limits["engine_300k_mb_s"]
    if "get/own" in found:
        found["get/own"]["bare_mb_s"] = limits["bare_calls_per_s"] * A300K.size_bytes / _MEGA
    copies = found["a300k/3/stream"]
    copies["bare_cpu_ms"], copies["bare_mb_s"] = limits["bare_copies_cpu_ms"], limits["bare_copies_mb_s"]
    copies["bare_walls_of_disk"] = limits["sequential_write_mb_s"] / (_COPIES * copies["bare_mb_s"])
    waiting = found["a300k/3/8"]
    waiting["bare_wait_ms"], waiting["bare_wait_p99_ms"] = limits["bare_waiting_p50_ms"], limits["bare_waiting_p99_ms"]
    found["a4k/3/stream"]["bare_per_s"] = limits["bare_copies_4k_per_s"]


def _of_engine(case: PutCase, mb_s: float, per_s: float, limits: Case) -> float:
    if case.workload is A4K:
        return per_s / limits["engine_4k_per_s"]
    return mb_s / limits[_ENGINE[case.workload]]
