"""The small ports: wall clock, randomness, blocking work and keys."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

__all__ = ["Blocking", "Randomness", "Signer", "Verifier", "WallClock"]

T = TypeVar("T")


class WallClock(Protocol):
    def now_ms(self) -> int:
        """UTC in milliseconds since 1970. Advisory: never an order, never a decision of safety."""
        ...


class Randomness(Protocol):
    def bytes(self, count: int) -> bytes:
        """Unpredictable bytes (seeded ones in the simulator)."""
        ...

    def uniform(self, low: float, high: float) -> float:
        """For jitter."""
        ...


class Blocking(Protocol):
    async def run(self, work: Callable[[], T]) -> T:
        """Run CPU-heavy or blocking `work` off the event loop (inline in the simulator)."""
        ...


class Signer(Protocol):
    @property
    def public_key(self) -> bytes:
        """32 bytes, Ed25519."""
        ...

    def sign(self, message: bytes) -> bytes:
        """64 bytes. Callers put the domain prefix in front (`lumbung_cluster.signed`)."""
        ...


class Verifier(Protocol):
    def verify(self, public_key: bytes, message: bytes, signature: bytes) -> bool:
        """True only for a valid Ed25519 signature of `message` by `public_key`; never raises for bad bytes."""
        ...
