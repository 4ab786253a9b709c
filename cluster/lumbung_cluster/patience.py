"""Patience with callers who break the protocol: the first mistakes are free, then each costs a wait.

A token bucket for each caller: `burst` at once, `refill_per_s` more every second. Nobody is shut out: a program with a
fault goes on to get its refusals, only slower, and a caller that is patched is served at full speed within a minute.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from lumbung_cluster import limits

__all__ = ["Bucket", "Patience"]


@dataclass(slots=True)
class Bucket:
    """Tokens that come back with time. Never more than `burst`."""

    burst: float
    refill_per_s: float
    tokens: float = field(init=False)
    at: float = field(init=False, default=0.0)

    def __post_init__(self) -> None:
        self.tokens = self.burst

    def take(self, now: float, count: float = 1.0) -> float:
        """Take `count` tokens and give the seconds to wait until they are there; 0 when they are."""
        self.tokens = min(self.burst, self.tokens + max(0.0, now - self.at) * self.refill_per_s) - count
        self.at = now
        return max(0.0, -self.tokens / self.refill_per_s)

    def wait_s(self, now: float) -> float:
        """The seconds until a whole token is there; nothing is taken, so that who gives up has not paid."""
        wait_s = self.take(now)
        self.tokens += 1.0
        return wait_s


class Patience:
    """One bucket for each caller, for at most `callers_max` of them: the one that erred longest ago is forgotten."""

    def __init__(self, *, burst: float, refill_per_s: float, wait_s_max: float, callers_max: int) -> None:
        self._burst = burst
        self._refill_per_s = refill_per_s
        self._wait_s_max = wait_s_max
        self._callers_max = callers_max
        self._buckets: dict[str, Bucket] = {}

    @classmethod
    def of_limits(cls) -> Patience:
        return cls(
            burst=limits.ERRORS_BURST,
            refill_per_s=limits.ERRORS_REFILL_PER_S,
            wait_s_max=limits.ERROR_WAIT_S_MAX,
            callers_max=limits.ERRING_CALLERS_MAX,
        )

    def erred(self, caller: str, now: float, count: float = 1.0) -> float:
        """`caller` broke the protocol once more: how long its refusal should wait, in seconds.

        `count` above 1 for what costs as much as so many of the usual mistakes.
        """
        bucket = self._buckets.pop(caller, None) or Bucket(self._burst, self._refill_per_s)
        self._buckets[caller] = bucket
        while len(self._buckets) > self._callers_max:
            del self._buckets[next(iter(self._buckets))]
        wait_s = min(self._wait_s_max, bucket.take(now, count))
        # A debt that grows for ever would punish long after the fault is mended.
        bucket.tokens = max(bucket.tokens, -self._wait_s_max * self._refill_per_s)
        return wait_s

    def owed_s(self, caller: str, now: float) -> float:
        """How long `caller` should wait before it costs us more."""
        bucket = self._buckets.get(caller)
        return min(self._wait_s_max, bucket.take(now, 0.0)) if bucket is not None else 0.0
