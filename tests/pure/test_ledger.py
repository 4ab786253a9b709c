"""The ledger counts what a holder last said under its newest generation, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from lumbung_cluster.ids import Generation, NodeNumber
from lumbung_cluster.ledger import Cover, HolderAccount, Ledger

HOLDER, OTHER = NodeNumber(4), NodeNumber(2)
END = 12
NUMBERS = st.lists(st.integers(1, END), min_size=1, max_size=5)


@dataclass(slots=True)
class Model:
    """The same account in the plainest words: what was last said of each number, under the newest generation."""

    generation: int = 0
    proven: set[int] = field(default_factory=set)
    withdrawn: dict[int, int] = field(default_factory=dict)

    def live(self, generation: int) -> None:
        if generation > self.generation:
            self.generation, self.proven, self.withdrawn = generation, set(), {}

    def receipt(self, generation: int, nonce: int, numbers: list[int]) -> None:
        self.live(generation)
        if generation == self.generation:
            self.proven |= {n for n in numbers if self.withdrawn.get(n, -1) < nonce}

    def withdrawal(self, generation: int, nonce: int, numbers: list[int]) -> None:
        self.live(generation)
        if generation == self.generation:
            self.proven -= set(numbers)
            self.withdrawn |= {n: max(nonce, self.withdrawn.get(n, -1)) for n in numbers}


def proven_in(ledger: Ledger, holder: NodeNumber = HOLDER) -> set[int]:
    return {number for number in range(1, END + 1) if ledger.proven(number, [holder])}


def receive(ledger: Ledger, nonce: int, numbers: list[int], *, generation: int = 1, since_ms: int = 0) -> list[int]:
    return ledger.receive(HOLDER, Generation(generation), nonce, numbers, since_ms)


def withdraw(ledger: Ledger, nonce: int, numbers: list[int], *, generation: int = 1) -> list[int]:
    return ledger.withdraw(HOLDER, Generation(generation), nonce, numbers)


@given(st.data())
def test_whatever_a_holder_says_the_ledger_counts_its_last_word(data: st.DataObject) -> None:
    ledger, model, highest = Ledger(), Model(), 0
    for _ in range(data.draw(st.integers(1, 20))):
        generation, numbers = data.draw(st.integers(1, 3)), data.draw(NUMBERS)
        if data.draw(st.booleans()):
            nonce = data.draw(st.integers(0, 9))
            highest = max(highest, nonce)
            receive(ledger, nonce, numbers, generation=generation)
            model.receipt(generation, nonce, numbers)
        else:  # a withdrawal names the highest nonce that its holder has seen
            withdraw(ledger, highest, numbers, generation=generation)
            model.withdrawal(generation, highest, numbers)

        account = ledger.account(HOLDER)
        assert proven_in(ledger) == model.proven
        assert ledger.highest_proven() >= max(model.proven, default=0)
        assert account.unproven(END, END) == sorted(set(range(1, END + 1)) - model.proven)
        assert account.count_unproven(END) == END - len(model.proven)


@dataclass(slots=True)
class Words:
    """A holder's last word on each number by name, and its last cover: number n is in unit n modulo 3."""

    named: dict[int, tuple[int, bool]] = field(default_factory=dict)
    cover: tuple[int, int, int] = (-1, 0, 0)

    def is_covered(self, number: int) -> bool:
        _, upto, units = self.cover
        return number <= upto and bool(units >> number % 3 & 1)

    def is_proven(self, number: int) -> bool:
        nonce, proven = self.named.get(number, (-1, False))
        return proven or (self.is_covered(number) and nonce < self.cover[0])


def take_cover(ledger: Ledger, words: Words, nonce: int, upto: int, units: int) -> None:
    """As the store does: a smaller cover first builds the account anew from the words by name."""
    before, words.cover = words.cover, (nonce, upto, units)
    if upto < before[1] or before[2] & ~units:
        ledger.forget(HOLDER)
        for number, (named_nonce, proven) in sorted(words.named.items()):
            (receive if proven else withdraw)(ledger, named_nonce, [number])
    lacking = [number for number in range(1, upto + 1) if not units >> number % 3 & 1]
    assert ledger.cover(HOLDER, Generation(1), Cover(nonce, upto, 0), lacking, [])


@given(st.data())
def test_covers_and_words_by_name_count_together_and_the_last_wins(data: st.DataObject) -> None:
    ledger, words = Ledger(), Words()
    for nonce in range(1, data.draw(st.integers(1, 12)) + 1):
        numbers = data.draw(NUMBERS)
        match data.draw(st.sampled_from(["receipt", "withdrawal", "cover"])):
            case "receipt":
                receive(ledger, nonce, numbers)
                words.named |= dict.fromkeys(numbers, (nonce, True))
            case "withdrawal":
                withdraw(ledger, nonce, numbers)
                words.named |= dict.fromkeys(numbers, (nonce, False))
            case _:
                take_cover(ledger, words, nonce, data.draw(st.integers(0, END)), data.draw(st.integers(0, 7)))

        expected = {number for number in range(1, END + 1) if words.is_proven(number)}
        assert proven_in(ledger) == expected
        assert ledger.account(HOLDER).unproven(END, END) == sorted(set(range(1, END + 1)) - expected)


def test_a_cover_of_everything_costs_no_memory() -> None:
    ledger = Ledger()
    for number in (3, 5, 9):
        receive(ledger, 1, [number])
    ledger.cover(HOLDER, Generation(1), Cover(2, 1_000_000, 0), [], [])
    account = ledger.account(HOLDER)

    assert (account.upto, account.holes, account.beyond) == (1_000_000, set(), set())


def test_a_cover_was_signed_before_a_withdrawal_that_names_its_nonce() -> None:
    ledger = Ledger()
    withdraw(ledger, 7, [1])

    ledger.cover(HOLDER, Generation(1), Cover(7, 2, 0), [], [])
    assert proven_in(ledger) == {2}
    ledger.cover(HOLDER, Generation(1), Cover(8, 2, 0), [], [])
    assert proven_in(ledger) == {1, 2}


def test_a_cover_of_an_older_life_or_an_earlier_question_counts_for_nothing() -> None:
    ledger = Ledger()
    assert ledger.cover(HOLDER, Generation(2), Cover(5, 4, 0), [], [])

    assert not ledger.cover(HOLDER, Generation(1), Cover(9, 8, 0), [], [])
    assert not ledger.cover(HOLDER, Generation(2), Cover(4, 8, 0), [], [])
    assert proven_in(ledger) == {1, 2, 3, 4}


def test_a_whole_cover_says_anew_when_the_bytes_were_last_read() -> None:
    ledger = Ledger()
    receive(ledger, 1, [1, 2, 3], since_ms=100)

    ledger.cover(HOLDER, Generation(1), Cover(2, 3, 700), [], [])
    assert ledger.account(HOLDER).verified_since_ms == 700
    ledger.cover(HOLDER, Generation(1), Cover(3, 3, 900), [2], [])
    assert ledger.account(HOLDER).verified_since_ms == 700


@given(st.sets(st.integers(1, END)), st.sets(st.integers(1, END)), st.integers(0, END))
def test_a_cover_passes_over_what_a_holder_need_not_hold(proven: set[int], foreign: set[int], upto: int) -> None:
    ledger = Ledger()
    receive(ledger, 1, sorted(proven - foreign))
    for nonce in (2, 3):  # the next cover passes over them again
        ledger.cover(HOLDER, Generation(1), Cover(nonce, upto, 0), [], sorted(n for n in foreign if n <= upto))
    account = ledger.account(HOLDER)

    reached = set(range(1, upto + 1)) - foreign | (proven - foreign)
    assert account.count_proven(END) == len(reached)
    assert account.unproven(END, END) == [n for n in range(1, END + 1) if n > upto and n not in reached]


@given(st.lists(st.integers(1, END)), st.integers(0, END), st.integers(1, END))
def test_the_unproven_are_listed_page_by_page(proven: list[int], after: int, limit: int) -> None:
    account = HolderAccount(Generation(1))
    for number in proven:
        account.add(number)

    expected = [n for n in range(after + 1, END + 1) if n not in proven]

    assert account.unproven(END, limit, after=after) == expected[:limit]


def test_receipts_in_any_order_cost_no_memory_once_they_are_complete() -> None:
    ledger = Ledger()
    for number in (3, 1, 5, 2, 4):
        receive(ledger, 1, [number])
    account = ledger.account(HOLDER)

    assert (account.upto, account.holes, account.beyond) == (5, set(), set())


def test_only_what_is_newly_proven_is_reported() -> None:
    ledger = Ledger()

    assert receive(ledger, 1, [1, 2]) == [1, 2]
    assert receive(ledger, 2, [2, 3]) == [3]


def test_a_later_word_wins_also_when_it_is_smaller() -> None:
    ledger = Ledger()
    receive(ledger, 1, [1, 2, 3])

    assert withdraw(ledger, 2, [2]) == [2]
    assert proven_in(ledger) == {1, 3}


def test_a_receipt_that_was_signed_before_a_withdrawal_does_not_bring_the_copy_back() -> None:
    ledger = Ledger()
    withdraw(ledger, 7, [1])

    assert receive(ledger, 6, [1]) == []
    assert receive(ledger, 7, [1]) == []
    assert receive(ledger, 8, [1]) == [1]


def test_a_word_of_an_older_life_counts_for_nothing() -> None:
    ledger = Ledger()
    receive(ledger, 1, [1], generation=2)

    assert receive(ledger, 9, [2], generation=1) == []
    assert withdraw(ledger, 9, [1], generation=1) == []
    assert proven_in(ledger) == {1}


def test_a_new_life_has_proven_nothing_yet() -> None:
    ledger = Ledger()
    receive(ledger, 1, [1, 2], generation=1)

    assert ledger.meet(HOLDER, Generation(2))
    assert proven_in(ledger) == set()


def test_meeting_a_holder_in_the_life_that_is_known_voids_nothing() -> None:
    ledger = Ledger()
    receive(ledger, 1, [1, 2])

    assert not ledger.meet(HOLDER, Generation(1))
    assert not ledger.meet(OTHER, Generation(3))
    assert proven_in(ledger) == {1, 2}


def test_taking_back_what_was_passed_over_counts_nothing_twice() -> None:
    ledger = Ledger()
    receive(ledger, 1, [1])
    account = ledger.account(HOLDER)
    for nonce in (2, 3):
        account.pass_over(2)
        withdraw(ledger, nonce, [2])
    account.pass_over(2)

    assert (account.count_proven(2), account.count_unproven(2)) == (1, 0)


def test_what_was_taken_back_and_need_not_be_held_is_counted_once_by_a_ledger_made_anew() -> None:
    """Simulation seed 168: it was passed over and missing too, and the status had a negative number of copies."""
    ledger = Ledger()
    withdraw(ledger, 5, [1, 2])
    ledger.cover(HOLDER, Generation(1), Cover(4, 3, 0), [], [1, 2, 3])

    account = ledger.account(HOLDER)
    assert (account.count_proven(3), account.count_unproven(3)) == (0, 0)


def test_a_withdrawal_of_one_holder_says_nothing_about_another() -> None:
    ledger = Ledger()
    receive(ledger, 1, [1])
    ledger.receive(OTHER, Generation(1), 1, [1], 0)
    withdraw(ledger, 2, [1])

    assert ledger.proven(1, [OTHER, HOLDER]) == (OTHER,)


def test_the_age_of_a_proof_is_that_of_the_oldest_bytes_under_it() -> None:
    ledger = Ledger()
    for nonce, since_ms in enumerate((500, 300, 400, 0)):
        receive(ledger, nonce, [nonce + 1], since_ms=since_ms)

    assert ledger.account(HOLDER).verified_since_ms == 300


def test_what_all_holders_have_proven_ends_with_the_slowest() -> None:
    ledger = Ledger()
    receive(ledger, 1, [1, 2, 3])
    ledger.receive(OTHER, Generation(1), 1, [1, 3], 0)

    assert ledger.lowest_upto([HOLDER, OTHER]) == 1
    assert ledger.lowest_upto([HOLDER, NodeNumber(9)]) == 0


@given(st.sets(st.integers(1, END)), st.sets(st.integers(1, END)))
def test_what_a_holder_need_not_hold_is_done_with_and_never_counted_as_proven(
    proven: set[int], passed: set[int]
) -> None:
    ledger = Ledger()
    receive(ledger, 1, sorted(proven))
    account = ledger.account(HOLDER)
    for number in sorted(passed) * 2:  # a question that comes again passes over it again
        account.pass_over(number)

    assert account.unproven(END, END) == sorted(set(range(1, END + 1)) - proven - passed)
    assert account.count_proven(END) == len(proven)
