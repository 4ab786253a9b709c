"""Where the bytes of a group commit lie: chunk rows to be written, runs that were written ahead, runs to let go."""

from __future__ import annotations

from lumbung_node.ports.keyvalue import Batch, Family
from lumbung_node.store.jobs import Content
from lumbung_node.store.layout import BlobRow, place_key
from lumbung_node.store.state import StoreState

__all__ = ["GroupPlaces"]


class GroupPlaces:
    """`chunk_rows` go to the disk before the batch."""

    def __init__(self, state: StoreState, batch: Batch) -> None:
        self.chunk_rows: list[tuple[bytes, bytes]] = []
        self._state = state
        self._batch = batch

    def take(self, content: Content) -> int:
        """The first place: a run that is written already gets its row now, bytes in memory get places."""
        if content.chunk_count:
            self._batch.delete(Family.PENDING, place_key(content.place))
            return content.place
        first = self._state.take_places(len(content.chunks))
        for place, chunk in enumerate(content.chunks, first):
            self.chunk_rows.append((place_key(place), chunk))
        return first

    def drop(self, content: Content, row: BlobRow) -> None:
        """The blob is here already: a run that was written for it goes, unless it is the very run that holds it."""
        if content.chunk_count and content.place != row.place:
            self._batch.delete(Family.PENDING, place_key(content.place))
            behind = place_key(content.place + content.chunk_count)
            self._batch.delete_range(Family.CHUNKS, place_key(content.place), behind)
