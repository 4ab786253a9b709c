"""Counting by intervals gives what looking at every single blob gives."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lumbung_cluster.copies import proven_copies
from lumbung_cluster.ids import Generation, NodeNumber, all_units
from lumbung_cluster.ledger import Ledger
from lumbung_cluster.roster import HolderAssignment, Share
from lumbung_cluster.tally import Tally, holder_groups, tally
from lumbung_testing.rosters import drc, founding, office

END = 16
ORIGIN = NodeNumber(1)
ROSTER = founding()  # of origin 1: office 2 and DRC 4
Group = tuple[NodeNumber, ...]
ONE, TWO, PARTS = (NodeNumber(2),), (NodeNumber(4),), (NodeNumber(5), NodeNumber(6))


def count(own: bool, others: Group) -> int:
    return proven_copies(ROSTER, ORIGIN, (*((ORIGIN,) if own else ()), *others)).count


def by_slots(own: bool, others: Group) -> int:
    """Copies for groups that the roster does not know: each counts."""
    return own + len(others)


def brute_force(ledger: Ledger, groups: list[Group], end: int, damaged: set[int], counting: object) -> Tally:
    """Blob by blob."""
    assert callable(counting)
    totals, unsafe, alone = [0, 0, 0, 0], [], []
    for number in range(1, end + 1):
        proven = tuple(group[0] for group in groups if len(ledger.proven(number, group)) == len(group))
        copies = counting(number not in damaged, proven)
        totals[copies] += 1
        unsafe += [number] * (copies < 3)
        alone += [number] * (copies <= 1)
    return Tally((totals[0], totals[1], totals[2], totals[3]), min(unsafe, default=0), min(alone, default=0))


def draw_ledger(data: st.DataObject, groups: list[Group]) -> Ledger:
    ledger = Ledger()
    for holder in (node for group in groups for node in group):
        upto = data.draw(st.integers(0, END))
        ledger.receive(holder, Generation(1), 1, range(1, upto + 1), 0)
        ledger.receive(holder, Generation(1), 1, data.draw(st.sets(st.integers(1, END), max_size=4)), 0)
        ledger.withdraw(holder, Generation(1), 2, data.draw(st.sets(st.integers(1, END), max_size=4)))
    return ledger


@given(st.data(), st.integers(0, END), st.sets(st.integers(1, END), max_size=4))
def test_the_tally_of_whole_holders_is_what_counting_each_blob_gives(
    data: st.DataObject, end: int, damaged: set[int]
) -> None:
    groups: list[Group] = [ONE, TWO]
    ledger = draw_ledger(data, groups)

    assert tally(ledger, groups, end, damaged, count) == brute_force(ledger, groups, end, damaged, count)


@given(st.data(), st.integers(0, END), st.sets(st.integers(1, END), max_size=4))
def test_the_tally_of_holders_that_share_the_units_is_what_counting_each_blob_gives(
    data: st.DataObject, end: int, damaged: set[int]
) -> None:
    groups: list[Group] = [TWO, PARTS]
    ledger = draw_ledger(data, groups)

    assert tally(ledger, groups, end, damaged, by_slots) == brute_force(ledger, groups, end, damaged, by_slots)


def test_a_million_blobs_are_counted_by_their_exceptions() -> None:
    ledger, million = Ledger(), 1_000_000
    for holder in (*ONE, *TWO):
        ledger.account(holder).upto = million
    ledger.withdraw(TWO[0], Generation(1), 1, [])  # a new generation: nothing of the old one counts
    ledger.account(TWO[0]).upto = million - 37

    assert tally(ledger, [ONE, TWO], million, [5], count) == Tally((0, 0, 38, million - 38), 5, 0)


def test_without_any_receipt_every_blob_exists_only_here() -> None:
    assert tally(Ledger(), [ONE, TWO], 37, (), count) == Tally((0, 37, 0, 0), 1, 1)


def test_without_a_blob_there_is_nothing_to_worry_about() -> None:
    assert tally(Ledger(), [ONE, TWO], 0, (), count) == Tally((0, 0, 0, 0), 0, 0)


def test_a_holder_of_all_units_is_a_group_of_its_own_and_sharers_are_one() -> None:
    half = (1 << 32) - 1
    nodes = (office(1, "36.02"), office(2, "34.04"), office(3, "51.71"), drc(4))
    shares = (Share(NodeNumber(2), half), Share(NodeNumber(3), all_units() ^ half), Share(NodeNumber(4), all_units()))
    roster = founding(nodes, assignments=[HolderAssignment(ORIGIN, shares)])

    assert holder_groups(roster, ORIGIN) == ((4,), (2, 3))
    assert holder_groups(ROSTER, ORIGIN) == ((2,), (4,))


def test_what_a_holder_of_some_units_passes_over_is_nobodys_copy() -> None:
    """One of two peers that shared the units has been released, and the other one leaves still: status told three
    copies of what it never had to hold, and that it is safe to stop the node with the only other one."""
    upper = all_units() & ~((1 << 32) - 1)
    holders = (Share(NodeNumber(3), all_units()), Share(NodeNumber(4), all_units()))
    assignment = HolderAssignment(ORIGIN, holders, (Share(NodeNumber(2), upper),))
    offices = [office(1, "36.02"), office(2, "61.01"), office(3, "34.04")]
    roster = founding((*offices, drc(4)), assignments=[assignment])
    ledger = Ledger()
    ledger.receive(NodeNumber(4), Generation(1), 1, [1], 0)
    ledger.account(NodeNumber(2)).pass_over(1)  # its unit is a lower one

    def count_by_roster(own: bool, others: Group) -> int:
        return proven_copies(roster, ORIGIN, (*((ORIGIN,) if own else ()), *others)).count

    assert tally(ledger, holder_groups(roster, ORIGIN), 1, [], count_by_roster).by_copies == (0, 0, 1, 0)
