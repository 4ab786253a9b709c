"""Some numbers of one origin's feed, each with its signed list and its blob row, whether they are there or not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from lumbung_cluster.canonical import Malformed
from lumbung_cluster.entry import Entry, SignedList
from lumbung_cluster.feed import first_hash
from lumbung_cluster.ids import NodeNumber
from lumbung_cluster.scrub_chain import Link, LinkState, judge_links
from lumbung_node.ports.keyvalue import Family
from lumbung_node.services.core import Core
from lumbung_node.store.known import unpack_number
from lumbung_node.store.layout import BlobRow, FeedRow, ListPlace, blob_key, feed_key, list_key, number_key, unpack_list
from lumbung_node.store.readable import read_rows
from lumbung_node.store.runs import chunk_count

__all__ = ["Looked", "links_of", "look", "previous_hash"]


@dataclass(frozen=True, slots=True)
class Looked:
    """One number. `signed` is a list whose signature is the origin's and that names the feed row's blob; None when
    there is none. `is_changing`: a commit is replacing the row just now."""

    number: int
    feed: FeedRow | None
    signed: SignedList | None = None
    row: BlobRow | None = None
    is_changing: bool = False
    indexed: int | None = None

    @property
    def lacks_number_row(self) -> bool:
        """Whether nothing leads from the id to this number, which is the blob's."""
        is_its = self.feed is not None and (self.row is None or self.row.number == self.number)
        return is_its and self.indexed != self.number

    @property
    def entry(self) -> Entry | None:
        if self.feed is None or self.signed is None:
            return None
        return self.signed.content.entries[self.feed.signed.index]

    @property
    def agrees(self) -> bool:
        """Whether row, feed row and list say the same of the blob."""
        row, feed, entry = self.row, self.feed, self.entry
        if row is None or feed is None or entry is None:
            return False
        told = (row.number, row.size_bytes, row.time_ms, row.signed)
        return told == (self.number, entry.size_bytes, entry.time_ms, feed.signed) and row.chunks in (
            0,
            chunk_count(entry.size_bytes),
        )


async def look(core: Core, origin: NodeNumber, first: int, last: int) -> list[Looked]:
    """Numbers `first` to `last` of the feed, as they lie on the disk now."""
    kv = core.store.kv
    numbers = range(first, last + 1)
    feeds = await read_rows(kv, Family.FEEDS, [feed_key(origin, number) for number in numbers], FeedRow.unpack)
    present = [feed for feed in feeds if feed is not None]
    lists = await _good_lists(core, origin, [feed.signed for feed in present])
    keys = [blob_key(origin, feed.blob) for feed in present]
    rows = dict(zip(keys, await read_rows(kv, Family.BLOBS, keys, BlobRow.unpack), strict=True))
    numbered = [number_key(origin, feed.blob) for feed in present]
    indexed = dict(zip(keys, await read_rows(kv, Family.FEEDS, numbered, unpack_number), strict=True))
    looked = []
    for number, feed in zip(numbers, feeds, strict=True):
        if feed is None:
            looked.append(Looked(number, None))
            continue
        key, signed = blob_key(origin, feed.blob), lists.get(feed.signed.list)
        vouches = signed is not None and _names(signed, feed)
        is_changing = bool({key, feed_key(origin, number)} & core.store.state.repairing)
        looked.append(Looked(number, feed, signed if vouches else None, rows[key], is_changing, indexed[key]))
    return looked


def links_of(looked: Sequence[Looked], previous: bytes | None, ahead: Looked | None) -> list[tuple[LinkState, bytes]]:
    """The running hashes of consecutive numbers, judged; `ahead` is the number behind them, None at the end."""
    return judge_links(previous, [_link(item) for item in looked], _link(ahead) if ahead is not None else None)


async def previous_hash(core: Core, origin: NodeNumber, number: int) -> bytes | None:
    """The running hash before `number`; None when that row is lost."""
    if number == 1:
        return first_hash(core.cluster, core.number, origin)
    (row,) = await read_rows(core.store.kv, Family.FEEDS, [feed_key(origin, number - 1)], FeedRow.unpack)
    return row.running_hash if row is not None else None


def _link(item: Looked) -> Link:
    return Link(item.feed.running_hash if item.feed is not None else None, item.entry)


def _names(signed: SignedList, feed: FeedRow) -> bool:
    entries = signed.content.entries
    return feed.signed.index < len(entries) and entries[feed.signed.index].blob == feed.blob


async def _good_lists(
    core: Core, origin: NodeNumber, places: Sequence[ListPlace]
) -> dict[tuple[int, int, int], SignedList]:
    """The lists at these places that are what their key says and that the origin has signed."""
    wanted = {place.list: place for place in places}
    keys = [list_key(origin, place) for place in wanted.values()]
    found = await read_rows(core.store.kv, Family.LISTS, keys, _parsed_list)
    there = {key: signed for key, signed in zip(wanted, found, strict=True) if signed is not None}
    signers = {record.key for record in core.rosters.roster.entry_keys(origin)}
    return await core.blocking.run(partial(_vouched, core, origin, signers, there))


def _vouched(
    core: Core, origin: NodeNumber, signers: set[bytes], lists: dict[tuple[int, int, int], SignedList]
) -> dict[tuple[int, int, int], SignedList]:
    """A retired key is good here: whether it might sign was decided when the list came."""
    return {
        place: signed
        for place, signed in lists.items()
        if (signed.content.cluster, signed.content.origin) == (core.cluster, origin)
        and ListPlace.of(signed, 0).list == place
        and signed.signature.key_public in signers
        and signed.is_valid(core.verifier)
    }


def _parsed_list(value: bytes) -> SignedList:
    try:
        return SignedList.parse(*unpack_list(value))
    except Malformed as exc:
        raise ValueError(str(exc)) from exc
