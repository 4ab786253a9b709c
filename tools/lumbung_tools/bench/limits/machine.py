"""All limits together, measured in the folder and the minutes of a benchmark."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from lumbung_cluster.limits import GIB, KIB, MIB
from lumbung_tools.bench.limits.calls import call_rate
from lumbung_tools.bench.limits.copies import stream_copies, waiting_copies
from lumbung_tools.bench.limits.disk import append_rate, sequential_write_mb_s
from lumbung_tools.bench.limits.engine import engine_rate
from lumbung_tools.bench.limits.hashing import hash_mb_s
from lumbung_tools.bench.limits.interpreter import steps_per_s
from lumbung_tools.bench.limits.wire import grpc_rate, tcp_rate
from lumbung_tools.bench.refill_limit import Limit, measure_limit
from lumbung_tools.bench.suite.figures import latencies_ms

__all__ = ["MachineLimits", "measure_machine"]

_APPEND_S = 1.5
_WIRE_S = 1.0
_HASH_S = 0.5
_CALLS_S = 2.0
_SECONDS_MIN = 0.2
_MEGA = 1_000_000
_CLIENTS = 8
_SMALL, _USUAL, _LARGE = 4 * KIB, 300 * KIB, 64 * MIB


@dataclass(frozen=True, slots=True)
class MachineLimits:
    """Appends are one at a time, each with its fdatasync; the sequential write ends with one.

    `engine_*` are raw RocksDB batches of the shape of a node's commits; the wire is one way, between two processes. A
    bare hop is what carries blobs of 300 KiB from one process to another's disk with the node's packages and nothing
    else (refill_limit.py), a bare call what brings one back with grpc.aio alone, eight at a time. CPU is of both ends.
    Bare copies are three, by four such processes (copies.py), over one full stream or for eight clients that wait;
    their CPU is that of all four.
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
    python_m_steps_per_s: float
    bare_hop_mb_s: float
    bare_hop_cpu_ms: float
    bare_calls_per_s: float
    bare_call_cpu_ms: float
    bare_copies_mb_s: float
    bare_copies_cpu_ms: float
    bare_copies_4k_per_s: float
    bare_waiting_p50_ms: float
    bare_waiting_p99_ms: float
    bare_waiting_cpu_ms: float


def measure_machine(folder: Path, scale: float = 1.0) -> MachineLimits:
    """About 45 s and 2.5 GiB of disk at scale 1; everything is free again at the end."""
    grpc = grpc_rate(_seconds(_WIRE_S, scale))
    hop = _bare_hop(folder, _count(2_000, scale))
    calls = call_rate(_USUAL, _seconds(_CALLS_S, scale))
    copies = stream_copies(folder, _USUAL, _count(2_000, scale))
    waiting = waiting_copies(folder, _USUAL, _count(1_000, scale), _CLIENTS)
    waits = latencies_ms("wait", waiting.waits_s)
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
        python_m_steps_per_s=steps_per_s(_seconds(_HASH_S, scale)) / _MEGA,
        bare_hop_mb_s=hop.mb_s,
        bare_hop_cpu_ms=hop.cpu_ms_a_blob,
        bare_calls_per_s=calls.calls_per_s,
        bare_call_cpu_ms=calls.cpu_ms,
        bare_copies_mb_s=copies.mb_s,
        bare_copies_cpu_ms=copies.cpu_ms_a_blob,
        bare_copies_4k_per_s=stream_copies(folder, _SMALL, _count(20_000, scale)).per_s,
        bare_waiting_p50_ms=waits["wait_p50_ms"],
        bare_waiting_p99_ms=waits["wait_p99_ms"],
        bare_waiting_cpu_ms=waiting.cpu_ms_a_blob,
    )


def _bare_hop(folder: Path, count: int) -> Limit:
    file = folder / "bare-hop.bin"
    file.write_bytes(os.urandom(_USUAL))
    try:
        return measure_limit(folder / "bare-hop", [file] * count)
    finally:
        file.unlink()


def _seconds(full: float, scale: float) -> float:
    return max(_SECONDS_MIN, full * scale)


def _count(full: int, scale: float) -> int:
    return max(1, round(full * scale))
