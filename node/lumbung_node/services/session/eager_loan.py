"""Bytes that came with an offer, and the memory that is lent to them meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from lumbung_node.services.budget import ByteBudget

__all__ = ["EagerLoan", "lend"]


class EagerLoan:
    """The contents of an offer's entries, in order, as views of one payload, until `give_back`."""

    def __init__(self, payload: memoryview, sizes: Sequence[int], budgets: Sequence[ByteBudget]) -> None:
        self._payload = payload
        self._ends = list(accumulate(sizes))
        self._budgets = budgets

    def content(self, index: int) -> memoryview:
        return self._payload[self._ends[index - 1] if index else 0 : self._ends[index]]

    def give_back(self) -> None:
        """Once."""
        for budget in self._budgets:
            budget.give(len(self._payload))


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
