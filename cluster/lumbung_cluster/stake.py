"""What would be at stake if a node stopped: an origin's blobs counted without that node's copies."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from lumbung_cluster.copies import proven_copies
from lumbung_cluster.ids import NodeNumber
from lumbung_cluster.ledger import Ledger
from lumbung_cluster.roster import Roster
from lumbung_cluster.tally import holder_groups, tally

__all__ = ["Stake", "stake_of"]


@dataclass(frozen=True, slots=True)
class Stake:
    """Of one origin's own blobs, `blobs` have a copy at the node; without the node some would have no or one copy."""

    blobs: int
    without_copy: int
    with_one_copy: int
    verified_since_ms: int

    @property
    def is_safe(self) -> bool:
        """Whether two proven copies of everything are left."""
        return not (self.without_copy or self.with_one_copy)


def stake_of(
    roster: Roster,
    ledger: Ledger,
    origin: NodeNumber,
    node: NodeNumber,
    end: int,
    damaged: Iterable[int],
    of_ledger: Roster | None = None,
) -> Stake:
    """The stake of `origin`, whose ledger and durable feed end these are, if `node` stopped.

    `roster` says what counts as a copy; `of_ledger` is the one that the ledger is of, when that is another still.

    Holders that share the units of an origin are taken together: when one of them stops, none of the others counts, so
    that the answer may be a no where it could be a yes, never the other way.
    """
    damaged = list(damaged)
    groups = [group for group in holder_groups(of_ledger or roster, origin, roster) if node not in group]

    def count(own: bool, others: tuple[NodeNumber, ...]) -> int:
        own_copy = (origin,) if own and node != origin else ()
        return proven_copies(roster, origin, (*own_copy, *others)).count

    none, one, _, _ = tally(ledger, groups, end, damaged, count).by_copies
    account = ledger.account(node)
    blobs = end - len(damaged) if node == origin else account.count_proven(end)
    return Stake(blobs, none, one, account.verified_since_ms)
