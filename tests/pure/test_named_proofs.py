"""What is proven by name, kept small, makes the same account that hearing every word again makes."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from lumbung_cluster.ids import Generation, NodeNumber
from lumbung_cluster.ledger import HolderAccount, Ledger
from lumbung_cluster.named_proofs import NamedProofs
from lumbung_node.store.named_rows import NamedRow

HOLDER = NodeNumber(4)
END = 20
NUMBERS = st.lists(st.integers(1, END), min_size=1, max_size=12)


@st.composite
def told(draw: st.DrawFn) -> tuple[Ledger, NamedProofs]:
    """A ledger and named proofs that have heard the same words; a withdrawal names the highest nonce."""
    ledger, named, highest = Ledger(), NamedProofs(Generation(0)), 0
    for _ in range(draw(st.integers(0, 15))):
        generation, numbers = Generation(draw(st.integers(1, 3))), draw(NUMBERS)
        if draw(st.booleans()):
            nonce, since_ms = draw(st.integers(0, 9)), draw(st.integers(0, 3))
            highest = max(highest, nonce)
            ledger.receive(HOLDER, generation, nonce, numbers, since_ms)
            named.receive(generation, nonce, numbers, since_ms)
        else:
            ledger.withdraw(HOLDER, generation, highest, numbers)
            named.withdraw(generation, highest, numbers)
    return ledger, named


def _proven(account: HolderAccount) -> set[int]:
    return {number for number in range(1, END + 1) if account.has(number)}


@given(told())
def test_its_account_proves_what_the_ledgers_does(heard: tuple[Ledger, NamedProofs]) -> None:
    ledger, named = heard
    theirs, ours = ledger.account(HOLDER), named.account()
    assert _proven(ours) == _proven(theirs)
    assert ours.count_proven(END) == theirs.count_proven(END)
    assert ours.unproven(END, END) == theirs.unproven(END, END)
    assert (ours.generation, ours.nonce_withdrawn) == (theirs.generation, theirs.nonce_withdrawn)
    assert ours.verified_since_ms == theirs.verified_since_ms


@given(told(), NUMBERS, st.integers(0, 12))
def test_what_comes_later_counts_in_its_account_as_in_the_ledgers(
    heard: tuple[Ledger, NamedProofs], numbers: list[int], nonce: int
) -> None:
    ledger, named = heard
    generation = named.generation or Generation(1)
    restored = Ledger()
    restored.restore(HOLDER, named.account())
    for each in (ledger, restored):
        each.receive(HOLDER, generation, nonce, numbers, 1)
    assert _proven(restored.account(HOLDER)) == _proven(ledger.account(HOLDER))


@given(told(), st.integers(0, 1 << 40))
def test_its_row_gives_it_back(heard: tuple[Ledger, NamedProofs], serial: int) -> None:
    _, named = heard
    again = NamedRow.unpack(NamedRow(serial, named).pack())
    assert again.serial == serial
    assert again.proofs.proven.to_bytes() == named.proven.to_bytes()
    assert replace(again.proofs, proven=named.proven) == named


def test_one_blob_without_proof_makes_one_exception() -> None:
    """It made one of each blob that came behind it, and every status walked over all of them."""
    named = NamedProofs(Generation(1))
    named.receive(Generation(1), 1, (number for number in range(1, 10_001) if number != 7), 1)
    account = named.account()
    assert account.holes == {7}
    assert account.beyond == set()
    assert account.count_proven(10_000) == 9_999


def test_an_account_of_an_older_life_is_not_restored() -> None:
    ledger, named = Ledger(), NamedProofs(Generation(1))
    named.receive(Generation(1), 1, [1], 1)
    ledger.meet(HOLDER, Generation(2))
    ledger.restore(HOLDER, named.account())
    assert not ledger.proven(1, [HOLDER])
