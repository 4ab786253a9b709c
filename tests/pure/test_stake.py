"""What is at stake when a node stops."""

from __future__ import annotations

from lumbung_cluster.ids import Generation, NodeNumber, all_units
from lumbung_cluster.ledger import Ledger
from lumbung_cluster.roster import HolderAssignment, Share
from lumbung_cluster.stake import Stake, stake_of
from lumbung_testing.rosters import founding

ORIGIN, PEER, OTHER, CENTRE = (NodeNumber(number) for number in range(1, 5))


def ledger(**proven: int) -> Ledger:
    """Blobs 1 to n proven at each holder."""
    found = Ledger()
    for name, count in proven.items():
        holder = {"peer": PEER, "other": OTHER, "centre": CENTRE}[name]
        found.receive(holder, Generation(1), 1, range(1, count + 1), 1000)
    return found


def stake(held: Ledger, node: NodeNumber, damaged: tuple[int, ...] = ()) -> Stake:
    return stake_of(founding(), held, ORIGIN, node, 10, damaged)


def test_with_three_proven_copies_each_node_may_stop() -> None:
    held = ledger(peer=10, centre=10)

    for node, blobs in ((ORIGIN, 10), (PEER, 10), (CENTRE, 10)):
        found = stake(held, node)
        assert (found.blobs, found.is_safe) == (blobs, True)


def test_a_node_that_holds_nothing_of_it_may_stop() -> None:
    assert stake(ledger(peer=10, centre=10), OTHER) == Stake(0, 0, 0, 0)


def test_blobs_that_only_the_origin_has_would_be_lost_with_it() -> None:
    found = stake(ledger(peer=8, centre=6), ORIGIN)

    assert (found.without_copy, found.with_one_copy) == (2, 2)
    assert not found.is_safe


def test_a_blob_damaged_at_the_origin_needs_both_others() -> None:
    found = stake(ledger(peer=10, centre=10), PEER, damaged=(4,))

    assert (found.without_copy, found.with_one_copy) == (0, 1)


def test_holders_that_share_the_units_are_taken_together_for_a_no() -> None:
    half = all_units() >> 32
    roster = founding(
        assignments=[
            HolderAssignment(ORIGIN, (Share(PEER, half), Share(OTHER, all_units() ^ half), Share(CENTRE, all_units())))
        ]
    )
    held = ledger(peer=10, other=10, centre=10)

    assert stake_of(roster, held, ORIGIN, CENTRE, 10, ()).is_safe
    assert stake_of(roster, held, ORIGIN, PEER, 10, ()).is_safe
    assert not stake_of(roster, ledger(peer=10, other=10), ORIGIN, PEER, 10, ()).is_safe
