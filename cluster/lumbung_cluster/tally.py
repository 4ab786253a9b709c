"""Counting an origin's blobs by proven copies, without looking at each: intervals between the holders' cursors.

Between two neighbouring `upto`s of the ledger every blob has the same proofs, but for the few named exceptions (holes,
proofs out of order, own damage). So the cost is that of the exceptions, not of the blobs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from lumbung_cluster.ids import NodeNumber, all_units
from lumbung_cluster.ledger import Ledger
from lumbung_cluster.roster import Roster

__all__ = ["Tally", "holder_groups", "tally"]


@dataclass(frozen=True, slots=True)
class Tally:
    """`by_copies[c]` blobs have c proven copies (0 to 3). The oldest are feed numbers, 0 for none."""

    by_copies: tuple[int, int, int, int]
    oldest_unsafe: int
    oldest_only_here: int


def holder_groups(
    roster: Roster, origin: NodeNumber, in_force: Roster | None = None
) -> tuple[tuple[NodeNumber, ...], ...]:
    """The other receivers of an origin: each that takes all units alone, those that share the units as one group.

    A group counts as having a blob when all its members are through with it: a member's account passes over what it
    need not hold. So it is none where some unit is nobody's of them, as when one has been released and the others are
    still leaving: its blobs would be passed over by all, and count as a copy that nobody has.

    `roster` is that of the ledger. By the one `in_force`, where that is another, some node may be gone since: it has no
    copy any more, nor has its group.
    """
    others = sorted({n for unit in range(64) for n in roster.receivers_of(origin, unit)} - {origin})
    whole = [(n,) for n in others if roster.units_held(n, origin) == all_units()]
    parts = tuple(n for n in others if roster.units_held(n, origin) != all_units())
    covered = 0
    for node in parts:
        covered |= roster.units_held(node, origin)
    groups = (*whole, parts) if covered == all_units() else tuple(whole)
    if in_force is None:
        return groups
    return tuple(group for group in groups if all(in_force.is_present(node) for node in group))


def tally(
    ledger: Ledger,
    groups: Sequence[tuple[NodeNumber, ...]],
    end: int,
    damaged: Iterable[int],
    count: Callable[[bool, tuple[NodeNumber, ...]], int],
) -> Tally:
    """Count blobs 1 to `end`. `count(own intact, proven others)` gives the copies that count, by the roster's rules."""
    accounts = [[ledger.account(n) for n in group] for group in groups]
    uptos = [min(min(account.upto for account in group), end) for group in accounts]
    bad = {number for number in damaged if number <= end}
    exceptions = set(bad)
    for group in accounts:
        for account in group:
            exceptions.update(n for n in account.holes if n <= end)
            exceptions.update(n for n in account.beyond if n <= end)
            if len(group) > 1:  # members end at different places: what lies between is looked at one by one
                exceptions.update(range(min(a.upto for a in group) + 1, min(account.upto, end) + 1))
    totals = [0, 0, 0, 0]
    unsafe: list[int] = []
    alone: list[int] = []

    def add(copies: int, numbers: int, first: int) -> None:
        totals[copies] += numbers
        if copies < 3:
            unsafe.append(first)
        if copies <= 1:
            alone.append(first)

    for number in sorted(exceptions):
        proven = tuple(g[0] for g, members in zip(groups, accounts, strict=True) if all(m.has(number) for m in members))
        add(count(number not in bad, proven), 1, number)
    low = 0
    for high in sorted({*uptos, end}):
        inside = [n for n in exceptions if low < n <= high]
        if high - low > len(inside):
            proven = tuple(group[0] for group, upto in zip(groups, uptos, strict=True) if upto >= high)
            add(count(True, proven), high - low - len(inside), _first_free(low, set(inside)))
        low = high
    return Tally((totals[0], totals[1], totals[2], totals[3]), min(unsafe, default=0), min(alone, default=0))


def _first_free(low: int, taken: set[int]) -> int:
    number = low + 1
    while number in taken:
        number += 1
    return number
