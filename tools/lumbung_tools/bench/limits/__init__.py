"""What this machine can do at all: the limits that every figure is held against, measured in the same run."""

from lumbung_tools.bench.limits.disk import append_rate, sequential_write_mb_s
from lumbung_tools.bench.limits.engine import EngineRate, engine_rate
from lumbung_tools.bench.limits.hashing import hash_mb_s
from lumbung_tools.bench.limits.machine import MachineLimits, measure_machine
from lumbung_tools.bench.limits.wire import WireRate, grpc_rate, tcp_rate

__all__ = [
    "EngineRate",
    "MachineLimits",
    "WireRate",
    "append_rate",
    "engine_rate",
    "grpc_rate",
    "hash_mb_s",
    "measure_machine",
    "sequential_write_mb_s",
    "tcp_rate",
]
