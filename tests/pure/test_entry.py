"""Entry lists: one value has one byte string, and only the origin's own bytes come through."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumbung_cluster.canonical import Malformed
from lumbung_cluster.entry import (
    ENTRY_SIZE_BYTES,
    FLAG_RETRACTION,
    FLAG_UNSEALED,
    Entry,
    EntryList,
    SignedList,
    entry_in,
    sign_list,
)
from lumbung_cluster.ids import BlobId, ClusterId, Generation, NodeNumber
from lumbung_cluster.limits import BLOB_SIZE_BYTES_MAX, LIST_ENTRIES_MAX
from lumbung_testing.rosters import CLUSTER, SeededSigner, TestVerifier

HEAD_SIZE = 16 + 4 + 4 + 8 + 32 + 1
U32_FROM_1 = st.integers(1, 2**32 - 1)
ENTRIES = st.builds(
    Entry,
    blob=st.binary(min_size=32, max_size=32).map(BlobId),
    size_bytes=st.integers(1, BLOB_SIZE_BYTES_MAX),
    time_ms=st.integers(0, 2**64 - 1),
    seal_epoch=st.integers(0, 2**32 - 1),
    flags=st.sampled_from([0, FLAG_UNSEALED]),
)
LISTS = st.builds(
    EntryList,
    cluster=st.binary(min_size=16, max_size=16).map(ClusterId),
    origin=U32_FROM_1.map(NodeNumber),
    generation=U32_FROM_1.map(Generation),
    first=st.integers(1, 2**64 - 1),
    previous=st.binary(min_size=32, max_size=32),
    entries=st.lists(ENTRIES, min_size=1, max_size=LIST_ENTRIES_MAX).map(tuple),
)
ENTRY = Entry(BlobId(b"\7" * 32), 300 * 1024, 1_795_500_000_000, 1)


def one(entry: Entry = ENTRY, *, origin: int = 1, generation: int = 1, first: int = 1) -> EntryList:
    return EntryList(CLUSTER, NodeNumber(origin), Generation(generation), first, bytes(32), (entry,))


def many(count: int) -> bytes:
    return EntryList(CLUSTER, NodeNumber(1), Generation(1), 1, bytes(32), (ENTRY,) * count).pack()


@given(LISTS)
def test_a_list_is_read_as_it_was_written(content: EntryList) -> None:
    body = content.pack()

    assert len(body) == HEAD_SIZE + len(content.entries) * ENTRY_SIZE_BYTES
    assert EntryList.parse(body) == content
    assert tuple(entry_in(body, index) for index in range(len(content.entries))) == content.entries
    for index in (-1, len(content.entries)):
        with pytest.raises(Malformed):
            entry_in(body, index)


@given(LISTS, st.data())
def test_a_list_that_is_cut_anywhere_is_refused(content: EntryList, data: st.DataObject) -> None:
    body = content.pack()

    with pytest.raises(Malformed):
        EntryList.parse(body[: data.draw(st.integers(0, len(body) - 1))])


@given(LISTS, st.binary(min_size=1, max_size=2 * ENTRY_SIZE_BYTES))
def test_a_list_with_bytes_behind_its_end_is_refused(content: EntryList, more: bytes) -> None:
    with pytest.raises(Malformed):
        EntryList.parse(content.pack() + more)


@given(st.binary(max_size=HEAD_SIZE + 3 * ENTRY_SIZE_BYTES))
def test_bytes_that_are_read_are_those_that_would_be_written(raw: bytes) -> None:
    try:
        content = EntryList.parse(raw)
    except Malformed:
        return
    assert content.pack() == raw


def test_a_list_holds_1_to_32_entries() -> None:
    assert len(EntryList.parse(many(LIST_ENTRIES_MAX)).entries) == LIST_ENTRIES_MAX
    for count in (0, LIST_ENTRIES_MAX + 1):
        with pytest.raises(Malformed, match="entry list count: expected 1 to 32"):
            EntryList.parse(many(count))


@pytest.mark.parametrize("content", [one(origin=0), one(generation=0), one(first=0)])
def test_nobody_signs_and_nothing_is_numbered_zero(content: EntryList) -> None:
    with pytest.raises(Malformed, match="from 1"):
        EntryList.parse(content.pack())


@pytest.mark.parametrize("size_bytes", [0, BLOB_SIZE_BYTES_MAX + 1])
def test_an_entry_of_an_impossible_size_is_refused(size_bytes: int) -> None:
    with pytest.raises(Malformed, match="entry size"):
        EntryList.parse(one(Entry(ENTRY.blob, size_bytes, 0, 0)).pack())


@pytest.mark.parametrize("flags", [FLAG_RETRACTION, FLAG_RETRACTION | FLAG_UNSEALED, 0x04, 0x80])
def test_a_flag_that_this_version_does_not_know_is_refused(flags: int) -> None:
    with pytest.raises(Malformed, match="entry flags"):
        EntryList.parse(one(Entry(ENTRY.blob, 1, 0, 0, flags)).pack())


def test_a_changed_bit_makes_the_signature_void() -> None:
    signed = sign_list(one(), SeededSigner("entry 1"))
    for at in range(len(signed.body)):
        body = bytearray(signed.body)
        body[at] ^= 0x01
        try:
            changed = SignedList.parse(bytes(body), signed.signature)
        except Malformed:
            continue
        assert not changed.is_valid(TestVerifier())
    assert signed.is_valid(TestVerifier())
