"""The small ports on the real machine: wall clock, randomness, worker threads."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from typing import TypeVar

import trio

__all__ = ["SystemClock", "SystemRandomness", "WorkerThreads"]

T = TypeVar("T")
_WORKERS = 2  # hashing lets go of the GIL; more threads than cores only add waiting


class SystemClock:
    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000


class SystemRandomness:
    """`bytes` from the operating system; `uniform` needs no secrecy, only to differ between nodes."""

    def __init__(self) -> None:
        self._jitter = random.SystemRandom()

    def bytes(self, count: int) -> bytes:
        return os.urandom(count)

    def uniform(self, low: float, high: float) -> float:
        return self._jitter.uniform(low, high)


class WorkerThreads:
    def __init__(self) -> None:
        self._limiter = trio.CapacityLimiter(_WORKERS)

    async def run(self, work: Callable[[], T]) -> T:
        return await trio.to_thread.run_sync(work, limiter=self._limiter)
