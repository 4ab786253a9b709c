"""The origin's account of proven copies: receipts in, counts out. Marks never enter here.

Blobs are named by their number in the origin's own feed (1, 2, 3 ...), so that the account costs memory only for what
is out of order. For each holder: under its newest generation, everything up to `upto` is proven except `holes`, and
`beyond` is proven too. A word under an older generation is void; among words of one generation the higher nonce wins,
also when it is smaller (a withdrawal).

A commit receipt names its blobs. An inventory receipt that the origin believes is a *cover*: everything up to a number,
but for the units that it leaves out. Each cover replaces the one before; when it is smaller, the caller builds the
account anew from the commit receipts first (`forget`), because what only the older cover proved is proven no more.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from lumbung_cluster.ids import Generation, NodeNumber
from lumbung_cluster.number_set import NumberSet

__all__ = ["Cover", "HolderAccount", "Ledger"]


@dataclass(frozen=True, slots=True)
class Cover:
    """A believed inventory receipt: own numbers 1 to `number` are there, but for the units that it leaves out."""

    nonce: int
    number: int
    verified_since_ms: int


@dataclass(slots=True)
class HolderAccount:
    """What one holder has proven. `passed` are numbers that it need not hold: done with, never proven."""

    generation: Generation
    upto: int = 0
    holes: set[int] = field(default_factory=set)
    beyond: set[int] = field(default_factory=set)
    nonce_withdrawn: dict[int, int] = field(default_factory=dict)
    verified_since_ms: int = 0
    passed: NumberSet = field(default_factory=NumberSet)
    cover: Cover | None = None

    def has(self, number: int) -> bool:
        return number in self.beyond or (number <= self.upto and number not in self.holes)

    def add(self, number: int) -> None:
        self.holes.discard(number)
        if number > self.upto:
            self.beyond.add(number)
        self._advance()

    def _advance(self) -> None:
        while self.upto + 1 in self.beyond:
            self.upto += 1
            self.beyond.discard(self.upto)

    def take_cover(self, cover: Cover, lacking: Sequence[int], foreign: Sequence[int]) -> None:
        """Everything up to `cover.number` counts but for `lacking`, and what the holder took back since.

        `lacking` are the numbers of units that the cover leaves out, `foreign` those that are not the holder's to hold:
        they are passed over. What is proven by name stays so. Costs the exceptions, not the numbers.
        """
        for number in foreign:
            if not self.has(number):
                self.passed.add(number)
        back = [n for n, nonce in self.nonce_withdrawn.items() if nonce >= cover.nonce and n <= cover.number]
        # What was taken back and need not be held is passed over all the same, and not counted twice.
        kept = {number for number in (*lacking, *back) if not self.has(number) and number not in self.passed}
        self.holes = {number for number in self.holes if number > cover.number} | kept
        for number in [n for n in self.nonce_withdrawn if n <= cover.number and n not in kept]:
            if self.nonce_withdrawn[number] < cover.nonce:
                del self.nonce_withdrawn[number]
        if cover.number > self.upto:
            self.upto = cover.number
            self.beyond = {number for number in self.beyond if number > self.upto}
            self._advance()
        self._refresh(cover, is_whole=not lacking)
        self.cover = cover

    def _refresh(self, cover: Cover, *, is_whole: bool) -> None:
        """A whole cover says anew when its bytes were last read; otherwise older words still stand beside it."""
        if is_whole or not self.verified_since_ms:
            self.verified_since_ms = cover.verified_since_ms
        else:
            self.verified_since_ms = min(self.verified_since_ms, cover.verified_since_ms)

    def pass_over(self, number: int) -> None:
        """The holder need not hold it: the cursor may go on, and nobody may count it as a copy there."""
        if not self.has(number):
            self.passed.add(number)
            self.add(number)

    def count_proven(self, last: int) -> int:
        """Numbers up to `last` that the holder has really proven."""
        return last - self.count_unproven(last) - self.passed.count

    def remove(self, number: int) -> None:
        """It counts no longer, neither as proven nor as passed over: a holder may take back what it need not hold."""
        self.passed.discard(number)
        self.beyond.discard(number)
        if number <= self.upto:
            self.holes.add(number)

    def unproven(self, last: int, limit: int, *, after: int = 0) -> list[int]:
        """At most `limit` numbers behind `after` and up to `last` without proof, rising."""
        found = sorted(number for number in self.holes if after < number <= last)[:limit]
        number = max(self.upto, after) + 1
        while number <= last and len(found) < limit:
            if number not in self.beyond:
                found.append(number)
            number += 1
        return found

    def count_unproven(self, last: int) -> int:
        return last - self.upto - len(self.beyond) + len(self.holes)


class Ledger:
    """Proofs by holder for one origin's own feed."""

    def __init__(self) -> None:
        self._accounts: dict[NodeNumber, HolderAccount] = {}

    def account(self, holder: NodeNumber) -> HolderAccount:
        known = self._accounts.get(holder)
        if known is None:
            known = self._accounts[holder] = HolderAccount(Generation(0))
        return known

    def meet(self, holder: NodeNumber, generation: Generation) -> bool:
        """The holder lives in `generation` now. True when that voids what it had proven before."""
        account = self.account(holder)
        if generation <= account.generation:
            return False
        voids = account.generation != 0 and (account.upto > 0 or bool(account.beyond))
        self._accounts[holder] = HolderAccount(generation)
        return voids

    def receive(
        self, holder: NodeNumber, generation: Generation, nonce: int, numbers: Iterable[int], verified_since_ms: int
    ) -> list[int]:
        """A receipt came: the numbers that are newly proven. A word of an old generation counts for nothing."""
        if generation < self.account(holder).generation:
            return []
        self.meet(holder, generation)
        account = self.account(holder)
        fresh = []
        for number in numbers:
            if account.nonce_withdrawn.get(number, -1) >= nonce:
                continue  # the holder took this back after it had signed: the later word wins
            account.nonce_withdrawn.pop(number, None)
            if not account.has(number):
                account.add(number)
                fresh.append(number)
        if verified_since_ms and (not account.verified_since_ms or verified_since_ms < account.verified_since_ms):
            account.verified_since_ms = verified_since_ms
        return fresh

    def cover(
        self, holder: NodeNumber, generation: Generation, cover: Cover, lacking: Sequence[int], foreign: Sequence[int]
    ) -> bool:
        """A believed inventory receipt came; false when it is not the latest word of the newest generation.

        The caller has built the account anew when the cover is smaller than the one before.
        """
        if generation < self.account(holder).generation:
            return False
        self.meet(holder, generation)
        account = self.account(holder)
        if account.cover is not None and account.cover.nonce > cover.nonce:
            return False
        account.take_cover(cover, lacking, foreign)
        return True

    def restore(self, holder: NodeNumber, account: HolderAccount) -> None:
        """Put an account that was made anew in the place of what is known; not one of an older life of the holder."""
        if account.generation >= self.account(holder).generation:
            self._accounts[holder] = account

    def forget(self, holder: NodeNumber) -> None:
        """Empty one account under its generation: nothing of it is proven by name."""
        self._accounts[holder] = HolderAccount(self.account(holder).generation)

    def withdraw(self, holder: NodeNumber, generation: Generation, nonce: int, numbers: Iterable[int]) -> list[int]:
        """A withdrawal came: the numbers that no longer count there. It does nothing to anybody's set of blobs.

        Its nonce is the highest that the holder has seen, so it is the later word about all that was proven before;
        the caller leaves out numbers on which it holds a word of a still higher nonce.
        """
        account = self.account(holder)
        if generation < account.generation:
            return []
        self.meet(holder, generation)
        account = self.account(holder)
        lost = []
        for number in numbers:
            account.nonce_withdrawn[number] = max(nonce, account.nonce_withdrawn.get(number, -1))
            if account.has(number):
                account.remove(number)
                lost.append(number)
        return lost

    def proven(self, number: int, holders: Sequence[NodeNumber]) -> tuple[NodeNumber, ...]:
        """Those of `holders` that have proven blob `number`, in the given order."""
        # A list of its own: a generator costs more than all that it does here, twice for each put.
        return tuple([h for h in holders if (account := self._accounts.get(h)) is not None and account.has(number)])

    def highest_proven(self) -> int:
        """Nobody has proven a number above this one."""
        return max((max(a.upto, max(a.beyond, default=0)) for a in self._accounts.values()), default=0)

    def lowest_upto(self, holders: Sequence[NodeNumber]) -> int:
        """Everything up to this number is proven at all of `holders`, but for their holes."""
        return min((self.account(h).upto for h in holders), default=0)
