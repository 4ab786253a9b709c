"""All limits together, measured in the folder and the minutes of a benchmark."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lumbung_cluster.limits import GIB, KIB, MIB
from lumbung_tools.bench.limits.disk import append_rate, sequential_write_mb_s
from lumbung_tools.bench.limits.engine import engine_rate
from lumbung_tools.bench.limits.hashing import hash_mb_s
from lumbung_tools.bench.limits.wire import grpc_rate, tcp_rate

__all__ = ["MachineLimits", "measure_machine"]

_APPEND_S = 1.5
_WIRE_S = 1.0
_HASH_S = 0.5
_SECONDS_MIN = 0.2
_SMALL, _USUAL, _LARGE = 4 * KIB, 300 * KIB, 64 * MIB


@dataclass(frozen=True, slots=True)
class MachineLimits:
    """Appends are one at a time, each with its fdatasync; the sequential write ends with one.

    `engine_*` are raw RocksDB batches of the shape of a node's commits; the wire is one way, between two processes.
    """

    sequential_write_mb_s: float
    append_4k_per_s: float
    append_300k_per_s: float
    engine_4k_per_s: float
    engine_300k_mb_s: float
    engine_64m_mb_s: float
    tcp_mb_s: float
    grpc_mtls_mb_s: float
    grpc_mtls_cpu_s_per_gb: float
    blake3_300k_mb_s: float


def measure_machine(folder: Path, scale: float = 1.0) -> MachineLimits:
    """About 15 s and 1.5 GiB of disk at scale 1; everything is free again at the end."""
    grpc = grpc_rate(_seconds(_WIRE_S, scale))
    return MachineLimits(
        sequential_write_mb_s=sequential_write_mb_s(folder, round(GIB * scale)),
        append_4k_per_s=append_rate(folder, _SMALL, _seconds(_APPEND_S, scale)),
        append_300k_per_s=append_rate(folder, _USUAL, _seconds(_APPEND_S, scale)),
        engine_4k_per_s=engine_rate(folder, _SMALL, _count(20_000, scale)).blobs_per_s,
        engine_300k_mb_s=engine_rate(folder, _USUAL, _count(2_000, scale)).mb_s,
        engine_64m_mb_s=engine_rate(folder, _LARGE, _count(6, scale)).mb_s,
        tcp_mb_s=tcp_rate(_seconds(_WIRE_S, scale)).mb_s,
        grpc_mtls_mb_s=grpc.mb_s,
        grpc_mtls_cpu_s_per_gb=grpc.sender_cpu_s_per_gb + grpc.receiver_cpu_s_per_gb,
        blake3_300k_mb_s=hash_mb_s(_USUAL, _seconds(_HASH_S, scale)),
    )


def _seconds(full: float, scale: float) -> float:
    return max(_SECONDS_MIN, full * scale)


def _count(full: int, scale: float) -> int:
    return max(1, round(full * scale))
