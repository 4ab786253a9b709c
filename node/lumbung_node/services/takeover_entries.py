"""One entry of a set-aside store after the other, brought in as from a peer: its signature first, then its bytes."""

from __future__ import annotations

from dataclasses import dataclass

import trio

from lumbung_cluster import limits
from lumbung_cluster.entry import Entry, SignedList
from lumbung_cluster.errors import LumbungError, Rejected
from lumbung_cluster.ids import BlobId, NodeNumber
from lumbung_node.ports.aside import Source
from lumbung_node.ports.keyvalue import Family
from lumbung_node.services.core import Core
from lumbung_node.services.session.arrivals import Arrival, Arrivals
from lumbung_node.services.session.lists import is_of_origin
from lumbung_node.store.jobs import Content
from lumbung_node.store.layout import BlobRow, list_key, place_key, unpack_list

__all__ = ["Found", "SourceEntries"]

_CHUNKS_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Found:
    """An entry of the source, its signature checked; `row` says where its bytes lie there."""

    blob: BlobId
    row: BlobRow
    signed: SignedList

    @property
    def entry(self) -> Entry:
        return self.signed.content.entries[self.row.signed.index]


class SourceEntries:
    """Those of one origin in one store. Nothing of it is believed."""

    def __init__(self, core: Core, arrivals: Arrivals, source: Source, origin: NodeNumber) -> None:
        self._core = core
        self._arrivals = arrivals
        self._source = source
        self._origin = origin

    async def check(self, blob: BlobId, value: bytes) -> Found | str:
        """The entry with its origin's valid signature, or why it is not believed."""
        try:
            row = BlobRow.unpack(value)
            (packed,) = await self._source.get(Family.LISTS, [list_key(self._origin, row.signed)])
            if packed is None:
                return "its signed list is missing"
            signed = SignedList.parse(*unpack_list(packed))
        except LumbungError as exc:
            return str(exc)
        entries = signed.content.entries
        if row.signed.index >= len(entries) or entries[row.signed.index].blob != blob:
            return "its signed list names another blob"
        is_valid = await self._core.blocking.run(lambda: is_of_origin(self._core, signed, self._origin))
        return Found(blob, row, signed) if is_valid else "its signature is not its origin's"

    async def content(self, each: Found) -> tuple[Content | None, str]:
        """The blob's content, or why it is not to be had."""
        arrival = await self._begin(each.entry)
        try:
            await self._read(each, arrival)
            return await self._verified(arrival), arrival.reason
        finally:
            with trio.CancelScope(shield=True):
                await arrival.keep_for_later()

    async def _read(self, each: Found, arrival: Arrival) -> None:
        """Give the bytes in as a peer's are: whoever asks for the content gets it only with the right hash."""
        at = 0
        while at < each.row.chunks and not arrival.ended:
            count = min(_CHUNKS_AT_ONCE, each.row.chunks - at)
            try:
                chunks = await self._source.get(
                    Family.CHUNKS, [place_key(each.row.place + at + i) for i in range(count)]
                )
            except LumbungError as exc:
                arrival.fail(str(exc))
                break
            for chunk in chunks:
                if chunk is None or arrival.received_bytes + len(chunk) > each.entry.size_bytes:
                    arrival.fail("its chunks are not those of its size")
                    return
                await arrival.append(memoryview(chunk))
            at += count
        if not arrival.ended:
            arrival.fail("its bytes are not all there")

    async def _begin(self, entry: Entry) -> Arrival:
        """Room for the blob; waits while too many large ones are under way."""
        while True:
            try:
                return await self._arrivals.begin(self._core.number, self._origin, entry)
            except Rejected:
                await trio.sleep(limits.TAKEOVER_WAIT_S)

    async def _verified(self, arrival: Arrival) -> Content | None:
        """The content to commit; None when the bytes are not those of the id."""
        return await arrival.content()
