"""Signed lists of a group commit: own entries wait for their list here, lists of others are kept with their blobs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lumbung_cluster.entry import Entry, EntryList, sign_list
from lumbung_cluster.feed import FeedEnd
from lumbung_cluster.ids import NodeNumber
from lumbung_cluster.limits import LIST_ENTRIES_MAX
from lumbung_node.ports.keyvalue import Batch, Family
from lumbung_node.ports.world import Signer
from lumbung_node.store.jobs import ForeignBlob, OwnBlob
from lumbung_node.store.layout import ListPlace, list_key, pack_list
from lumbung_node.store.state import StoreState

__all__ = ["GroupLists", "NewOwn"]


@dataclass(slots=True)
class NewOwn:
    """A new own entry that waits for its list's signature; `end` is its number and running hash."""

    item: OwnBlob
    entry: Entry
    place: int
    end: FeedEnd


class GroupLists:
    """Writes into its group's batch."""

    def __init__(self, state: StoreState, signer: Signer, batch: Batch) -> None:
        self._state = state
        self._signer = signer
        self._batch = batch
        self._kept: dict[tuple[NodeNumber, bytes], ListPlace] = {}
        self._unsigned: list[NewOwn] = []
        self._previous = state.end(state.node).running_hash

    def add(self, new: NewOwn) -> None:
        self._unsigned.append(new)

    def sign_all(self, write: Callable[[NewOwn, ListPlace], None]) -> None:
        """Sign what waits, in lists of 32; `write` is told where each entry stands."""
        for at in range(0, len(self._unsigned), LIST_ENTRIES_MAX):
            news = self._unsigned[at : at + LIST_ENTRIES_MAX]
            signed = self._sign(news[0].end.number, self._previous, tuple(new.entry for new in news))
            for index, new in enumerate(news):
                write(new, signed.at(index))
            self._previous = news[-1].end.running_hash
        self._unsigned.clear()

    def sign_alone(self, number: int, previous: bytes, entry: Entry) -> ListPlace:
        """A list of its own for an own entry that has lost its list: we are who signs for it."""
        return self._sign(number, previous, (entry,))

    def keep(self, item: ForeignBlob) -> ListPlace:
        """The list goes down with its first blob, and again with a repair: the one here may be what was lost."""
        signed, origin = item.signed, item.signed.content.origin
        # By its body: the print is made once for a list, not once for each of its blobs.
        place = self._kept.get((origin, signed.body))
        if place is None:
            place = self._kept[origin, signed.body] = ListPlace.of(signed, 0)
            self._batch.put(Family.LISTS, list_key(origin, place), pack_list(signed.body, signed.signature))
        return place.at(item.index)

    def _sign(self, first: int, previous: bytes, entries: tuple[Entry, ...]) -> ListPlace:
        """The place of the first entry in the list made of them."""
        state = self._state
        signed = sign_list(
            EntryList(state.cluster, state.node, state.generation, first, previous, entries), self._signer
        )
        place = ListPlace.of(signed, 0)
        self._batch.put(Family.LISTS, list_key(state.node, place), pack_list(signed.body, signed.signature))
        return place
