"""Bytes that came with an offer, and the memory that is lent to them meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from lumbung_node.services.budget import ByteBudget

__all__ = ["EagerLoan", "lend"]


class EagerLoan:
    """The contents of an offer's entries, in order: views of one payload until `copied`, memory until `give_back`."""

    def __init__(self, payload: memoryview, sizes: Sequence[int], budgets: Sequence[ByteBudget]) -> None:
        self._payload = payload
        self._size_bytes = len(payload)
        self._ends = list(accumulate(sizes))
        self._budgets = budgets

    def content(self, index: int) -> memoryview:
        return self._payload[self._ends[index - 1] if index else 0 : self._ends[index]]

    def copied(self) -> None:
        """What is wanted of it lies elsewhere now, and takes the memory that is lent: let go of the payload."""
        self._payload = memoryview(b"")

    def give_back(self) -> None:
        """Once."""
        self.copied()
        for budget in self._budgets:
            budget.give(self._size_bytes)


def lend(payload: memoryview, sizes: Sequence[int], budgets: Sequence[ByteBudget]) -> EagerLoan | None:
    """Memory of all these budgets for a payload that holds contents of these sizes; None when one is short of it."""
    taken: list[ByteBudget] = []
    for budget in budgets:
        if not budget.took_now(len(payload)):
            for earlier in taken:
                earlier.give(len(payload))
            return None
        taken.append(budget)
    return EagerLoan(payload, sizes, taken)
