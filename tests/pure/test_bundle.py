"""Parts of a bundle: whole ones are read as they were written, damaged ones give what is good and name the rest."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumbung_cluster.bundle import (
    BATCH_START_SIZE_BYTES,
    END_SIZE_BYTES,
    HEAD_SIZE_BYTES,
    Batch,
    BatchStart,
    PartEnd,
    PartHead,
)
from lumbung_cluster.bundle_scan import FoundBatch, Gap, scan_part
from lumbung_cluster.canonical import Malformed
from lumbung_cluster.ids import ClusterId, NodeNumber
from lumbung_testing.bundle_parts import made_part, read_blobs, reader_of

SIZES = ([40, 1, 700], [3000], [5] * 20)
PART = made_part(SIZES)
SMALL = st.integers(1, 2**32 - 1)


def test_a_whole_part_gives_every_blob_and_no_gap() -> None:
    blobs, gaps, events = read_blobs(PART.raw)

    assert blobs == PART.blobs
    assert gaps == []
    assert events[0] == PART.head
    assert isinstance(events[-1], PartEnd)
    assert (events[-1].batches, events[-1].entries, events[-1].blob_bytes) == (3, 24, 3841)


def test_sizes_are_those_of_the_printed_format() -> None:
    assert (HEAD_SIZE_BYTES, BATCH_START_SIZE_BYTES, END_SIZE_BYTES) == (100, 52, 80)


@given(
    st.builds(
        PartHead,
        cluster=st.binary(min_size=16, max_size=16).map(ClusterId),
        bundle=st.binary(min_size=16, max_size=16),
        exporter=SMALL.map(NodeNumber),
        holder=SMALL.map(NodeNumber),
        disk=SMALL,
        part=SMALL,
    )
)
def test_a_head_is_read_as_it_was_written(head: PartHead) -> None:
    assert PartHead.parse(head.pack()) == head


@given(st.integers(0, HEAD_SIZE_BYTES - 1), st.integers(1, 255))
def test_a_head_with_one_byte_changed_is_refused(at: int, change: int) -> None:
    raw = bytearray(PART.raw[:HEAD_SIZE_BYTES])
    raw[at] ^= change

    with pytest.raises(Malformed):
        PartHead.parse(bytes(raw))


def test_a_part_of_a_later_version_is_refused_with_what_to_do() -> None:
    raw = PART.raw[:16] + (1).to_bytes(4, "big") + PART.raw[20:HEAD_SIZE_BYTES]

    with pytest.raises(Malformed, match="install a newer lumbung"):
        PartHead.parse(raw)


def test_a_batch_is_read_as_it_was_written() -> None:
    found = [event for event in read_blobs(PART.raw)[2] if isinstance(event, FoundBatch)]

    assert [Batch.parse(one.batch.pack()) for one in found] == [one.batch for one in found]


def test_an_index_that_claims_to_be_huge_is_refused_before_it_is_read() -> None:
    asked: list[int] = []
    start = PART.batch_starts[0]
    raw = PART.raw[: start + 40] + (2**32 - 1).to_bytes(4, "big") + PART.raw[start + 44 :]

    def read(offset: int, size: int) -> bytes:
        asked.append(size)
        return raw[offset : offset + size]

    assert any(isinstance(event, Gap) for event in scan_part(read, len(raw), None))
    assert max(asked) < 2**21


@given(st.integers(0, len(PART.raw) - 1), st.integers(1, 255))
def test_one_changed_byte_never_gives_other_bytes_and_costs_at_most_one_batch(at: int, change: int) -> None:
    raw = bytearray(PART.raw)
    raw[at] ^= change

    blobs, _, _ = read_blobs(bytes(raw), PART.head)

    assert blobs.items() <= PART.blobs.items()
    assert len(PART.blobs) - len(blobs) <= max(len(sizes) for sizes in SIZES)


@given(st.integers(HEAD_SIZE_BYTES, len(PART.raw) - 1), st.integers(1, 255))
def test_a_changed_byte_is_always_noticed(at: int, change: int) -> None:
    raw = bytearray(PART.raw)
    raw[at] ^= change

    blobs, gaps, events = read_blobs(bytes(raw), PART.head)
    whole = read_blobs(PART.raw, PART.head)[2]

    assert gaps or blobs != PART.blobs or events[-1] != whole[-1]


@given(st.integers(0, len(PART.raw) - 1))
def test_a_cut_part_gives_all_that_came_whole_before_the_cut(cut: int) -> None:
    blobs, gaps, _ = read_blobs(PART.raw[:cut], PART.head)

    assert blobs.items() <= PART.blobs.items()
    assert gaps
    assert gaps[-1].is_cut
    whole_batches = [at for at in PART.batch_starts[1:] if at <= cut]
    if cut >= HEAD_SIZE_BYTES:
        assert len(blobs) >= (3 if whole_batches else 0)


@given(st.integers(0, len(PART.raw)), st.binary(min_size=1, max_size=200))
def test_bytes_pushed_in_never_give_others_and_are_noticed(at: int, extra: bytes) -> None:
    blobs, gaps, events = read_blobs(PART.raw[:at] + extra + PART.raw[at:], PART.head)

    assert blobs.items() <= PART.blobs.items()
    assert gaps or blobs != PART.blobs or PART.raw[:at] + extra + PART.raw[at:] == PART.raw, events


@given(st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 4000)), min_size=1, max_size=6))
def test_pieces_in_any_order_never_give_others(pieces: list[tuple[int, int]]) -> None:
    raw = b"".join(PART.raw[min(a, b) : max(a, b)] for a, b in pieces)

    assert read_blobs(raw, PART.head)[0].items() <= PART.blobs.items()


def test_damage_in_a_batch_head_is_survived_behind_it() -> None:
    raw = bytearray(PART.raw)
    raw[PART.batch_starts[1] + 10] ^= 1

    blobs, gaps, events = read_blobs(bytes(raw))

    assert [(gap.first, gap.behind, gap.is_cut) for gap in gaps] == [
        (PART.batch_starts[1], PART.batch_starts[2], False)
    ]
    assert len(blobs) == 23
    assert isinstance(events[-1], PartEnd)


def test_a_part_of_another_bundle_is_one_gap() -> None:
    other = replace(PART.head, bundle=bytes(16))

    (gap,) = scan_part(reader_of(PART.raw), len(PART.raw), other)

    assert isinstance(gap, Gap)
    assert "another bundle" in gap.why


def test_a_lost_head_is_survived_when_the_manifest_says_whose_it_is() -> None:
    raw = bytes(HEAD_SIZE_BYTES) + PART.raw[HEAD_SIZE_BYTES:]

    assert read_blobs(raw, PART.head)[0] == PART.blobs
    assert read_blobs(raw, None)[0] == {}


def test_batches_of_another_part_are_not_given_out() -> None:
    second = made_part([[10, 20]], part=2, seed=9)
    start = second.batch_starts[0]
    raw = PART.raw[:-END_SIZE_BYTES] + second.raw[start:]

    assert read_blobs(raw)[0] == PART.blobs


def test_an_entry_twice_in_a_batch_is_refused() -> None:
    (first, *_) = (event for event in read_blobs(PART.raw)[2] if isinstance(event, FoundBatch))
    twice = replace(first.batch, places=((0, 0), (0, 0)))

    with pytest.raises(Malformed, match="each entry once"):
        Batch.parse(twice.pack())


def test_a_batch_start_is_bounded() -> None:
    raw = bytearray(PART.raw[PART.batch_starts[0] :][:BATCH_START_SIZE_BYTES])
    raw[36:38] = (33).to_bytes(2, "big")

    with pytest.raises(Malformed, match="1 to 32 lists"):
        BatchStart.parse(bytes(raw))
