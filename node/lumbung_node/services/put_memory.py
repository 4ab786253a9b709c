"""Memory for own puts: every caller has some that nobody else can take, and a bounded part of what all share.

A station that announces much and sends little, or sends it over a bad line, may hold all that is shared. It must not
stop another one from recording: each caller's reserve is larger than what one blob takes, so that one always goes on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import trio

from lumbung_cluster import limits

__all__ = ["PutLoan", "PutMemory"]


@dataclass(frozen=True, slots=True, eq=False)
class PutLoan:
    """Bytes lent to one blob of `caller`, from its reserve or from what all share."""

    caller: str
    size_bytes: int
    is_shared: bool


@dataclass(slots=True, eq=False)
class _Waiter:
    caller: str
    size_bytes: int
    turn: trio.Event = field(default_factory=trio.Event)
    loan: PutLoan | None = None


class PutMemory:
    """First come, first served within the bounds of each caller. One blob takes all that it needs at once."""

    def __init__(self, *, shared_bytes_max: int, caller_bytes_max: int, reserve_bytes: int, callers_max: int) -> None:
        """`caller_bytes_max` is of what is shared; `callers_max` have a reserve at once, later ones only share."""
        self._shared_bytes_max = shared_bytes_max
        self._caller_bytes_max = caller_bytes_max
        self._reserve_bytes = reserve_bytes
        self._callers_max = callers_max
        self._shared: dict[str, int] = {}  # bytes by caller, none at 0
        self._reserved: dict[str, int] = {}
        self._queue: list[_Waiter] = []

    @classmethod
    def of_limits(cls) -> PutMemory:
        return cls(
            shared_bytes_max=limits.INGEST_MEMORY_BYTES_MAX,
            caller_bytes_max=limits.PUT_MEMORY_CALLER_BYTES_MAX,
            reserve_bytes=limits.PUT_MEMORY_RESERVE_BYTES,
            callers_max=limits.PUT_RESERVES_MAX,
        )

    @property
    def taken_bytes(self) -> int:
        return sum(self._shared.values()) + sum(self._reserved.values())

    @property
    def bytes_max(self) -> int:
        return self._shared_bytes_max + self._callers_max * self._reserve_bytes

    def is_wanted(self, loan: PutLoan) -> bool:
        """Whether somebody waits whom it would help to have these bytes back."""
        return any(
            waiter.caller == loan.caller or (loan.is_shared and not self._is_capped(waiter.caller, waiter.size_bytes))
            for waiter in self._queue
        )

    async def take(self, caller: str, size_bytes: int) -> PutLoan:
        """Wait for so many bytes, at most a reserve; `give` them back."""
        waiter = self._join(caller, size_bytes)
        try:
            await waiter.turn.wait()
        except trio.Cancelled:
            self._leave(waiter)
            raise
        assert waiter.loan is not None
        return waiter.loan

    def take_at_once(self, caller: str, size_bytes: int) -> PutLoan | None:
        """The same without waiting; None when others are first or there is not enough."""
        if not self._queue:  # the usual case, for each of thousands of small blobs
            self._check_bounded(size_bytes)
            return self._loan_of(caller, size_bytes)
        waiter = self._join(caller, size_bytes)
        if waiter.loan is None:
            self._leave(waiter)
        return waiter.loan

    def give(self, loan: PutLoan) -> None:
        held = self._shared if loan.is_shared else self._reserved
        held[loan.caller] -= loan.size_bytes
        if not held[loan.caller]:
            del held[loan.caller]
        if self._queue:
            self._serve()

    def _join(self, caller: str, size_bytes: int) -> _Waiter:
        self._check_bounded(size_bytes)
        waiter = _Waiter(caller, size_bytes)
        self._queue.append(waiter)
        self._serve()
        return waiter

    def _check_bounded(self, size_bytes: int) -> None:
        assert size_bytes <= min(self._reserve_bytes, self._caller_bytes_max), "it would wait for ever"

    def _loan_of(self, caller: str, size_bytes: int) -> PutLoan | None:
        """What somebody gets before whom nobody waits."""
        if self._has_reserve(caller, size_bytes):
            return self._lend(self._reserved, caller, size_bytes)
        is_free = sum(self._shared.values()) + size_bytes <= self._shared_bytes_max
        if is_free and not self._is_capped(caller, size_bytes):
            return self._lend(self._shared, caller, size_bytes)
        return None

    def _leave(self, waiter: _Waiter) -> None:
        if waiter.loan is not None:  # the bytes were his already
            self.give(waiter.loan)
        else:
            self._queue.remove(waiter)
            self._serve()

    def _serve(self) -> None:
        for waiter, loan in list(self._grants()):
            self._queue.remove(waiter)
            waiter.loan = loan
            waiter.turn.set()

    def _grants(self) -> Iterator[tuple[_Waiter, PutLoan]]:
        """Who can be served now, in turn. Whoever waits for shared bytes lets nobody behind him have them."""
        is_shared_free = True
        for waiter in self._queue:
            caller, size_bytes = waiter.caller, waiter.size_bytes
            if self._has_reserve(caller, size_bytes):
                yield waiter, self._lend(self._reserved, caller, size_bytes)
            elif self._is_capped(caller, size_bytes):
                continue
            elif is_shared_free and sum(self._shared.values()) + size_bytes <= self._shared_bytes_max:
                yield waiter, self._lend(self._shared, caller, size_bytes)
            else:
                is_shared_free = False

    def _has_reserve(self, caller: str, size_bytes: int) -> bool:
        held = self._reserved.get(caller)
        if held is None:
            return len(self._reserved) < self._callers_max
        return held + size_bytes <= self._reserve_bytes

    def _is_capped(self, caller: str, size_bytes: int) -> bool:
        return self._shared.get(caller, 0) + size_bytes > self._caller_bytes_max

    def _lend(self, held: dict[str, int], caller: str, size_bytes: int) -> PutLoan:
        held[caller] = held.get(caller, 0) + size_bytes
        return PutLoan(caller, size_bytes, is_shared=held is self._shared)
