"""What one holder has proven by name, apart from inventory receipts, in a form that is small enough to be saved.

The ledger counts both kinds together. When an inventory receipt comes to say less, or another roster is in force, its
account is made anew from this, and a start reads it instead of a row for every blob.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from lumbung_cluster.ids import Generation
from lumbung_cluster.ledger import HolderAccount
from lumbung_cluster.number_set import NumberSet

__all__ = ["NamedProofs"]


@dataclass(slots=True)
class NamedProofs:
    """The last word by name on each own number, under the holder's newest generation. A word of an older one is void.

    `withdrawn` has the nonce of the withdrawal: a receipt counts again only with a higher one.
    """

    generation: Generation
    verified_since_ms: int = 0
    proven: NumberSet = field(default_factory=NumberSet)
    withdrawn: dict[int, int] = field(default_factory=dict)

    def receive(self, generation: Generation, nonce: int, numbers: Iterable[int], verified_since_ms: int) -> None:
        if not self._is_heard(generation):
            return
        for number in numbers:
            if self.withdrawn.get(number, -1) < nonce:
                self.withdrawn.pop(number, None)
                self.proven.add(number)
        if verified_since_ms and (not self.verified_since_ms or verified_since_ms < self.verified_since_ms):
            self.verified_since_ms = verified_since_ms

    def withdraw(self, generation: Generation, nonce: int, numbers: Iterable[int]) -> None:
        if not self._is_heard(generation):
            return
        for number in numbers:
            self.withdrawn[number] = max(nonce, self.withdrawn.get(number, -1))
            self.proven.discard(number)

    def account(self) -> HolderAccount:
        """As the ledger counts it, with as few exceptions as may be: one blob that lacks its proof must not make an
        exception of each that came behind it."""
        account = HolderAccount(self.generation, verified_since_ms=self.verified_since_ms)
        account.nonce_withdrawn = dict(self.withdrawn)
        whole, last = self.proven.whole_to(), self.proven.last()
        if last - self.proven.count < self.proven.count - whole:
            account.upto, account.holes = last, set(self.proven.missing(whole))
        else:
            account.upto, account.beyond = whole, set(self.proven.members(whole))
        return account

    def _is_heard(self, generation: Generation) -> bool:
        if generation > self.generation:
            self.generation, self.verified_since_ms = generation, 0
            self.proven, self.withdrawn = NumberSet(), {}
        return generation == self.generation
