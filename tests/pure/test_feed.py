"""Feeds and marks: a number is believed only with the generation and the history that it was taken under."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumbung_cluster.entry import Entry
from lumbung_cluster.feed import FeedEnd, Mark, MarkVerdict, first_hash, judge_mark, next_hash
from lumbung_cluster.ids import BlobId, Generation, NodeNumber
from lumbung_testing.rosters import CLUSTER

ORIGIN = NodeNumber(1)
NAMES = st.lists(st.integers(0, 5), max_size=12)


def entry(name: int) -> Entry:
    return Entry(BlobId.of(bytes([name])), 1, 0, 0)


def history(names: list[int]) -> list[bytes]:
    """h(0), h(1) ... of a feed with these entries."""
    hashes = [first_hash(CLUSTER, ORIGIN, ORIGIN)]
    for name in names:
        hashes.append(next_hash(hashes[-1], entry(name)))
    return hashes


def judged(names: list[int], mark: Mark | None, generation: int = 1) -> MarkVerdict:
    """What a sender with this feed says of a mark."""
    hashes = history(names)
    known = hashes[mark.number] if mark is not None and 0 < mark.number < len(hashes) else None
    return judge_mark(mark, Generation(generation), FeedEnd(len(names), hashes[-1]), known)


@given(NAMES, st.data())
def test_every_mark_on_the_own_history_is_believed(names: list[int], data: st.DataObject) -> None:
    number = data.draw(st.integers(0, len(names)))

    verdict = judged(names, Mark(Generation(1), number, history(names)[number]))

    assert verdict is (MarkVerdict.BELIEVED if number else MarkVerdict.NONE)


@given(NAMES, NAMES)
def test_a_mark_on_another_history_is_never_believed(own: list[int], seen: list[int]) -> None:
    verdict = judged(own, Mark(Generation(1), len(seen), history(seen)[-1]))

    assert verdict.is_believed == (bool(seen) and own[: len(seen)] == seen)
    assert verdict.is_doubt_about_sender == (own[: len(seen)] != seen)


@given(NAMES.filter(bool), st.integers(1, 9), st.integers(1, 9))
def test_a_mark_of_another_generation_is_no_doubt_and_never_believed(names: list[int], own: int, seen: int) -> None:
    verdict = judged(names, Mark(Generation(seen), len(names), history(names)[-1]), own)

    assert verdict is (MarkVerdict.BELIEVED if own == seen else MarkVerdict.OTHER_GENERATION)


def test_without_a_mark_the_feed_begins_anew() -> None:
    assert judged([1, 2], None) is MarkVerdict.NONE


def test_a_mark_past_the_end_tells_a_node_that_it_lost_rows() -> None:
    verdict = judged([1, 2], Mark(Generation(1), 3, history([1, 2, 3])[-1]))

    assert (verdict, verdict.is_doubt_about_sender) == (MarkVerdict.PAST_THE_END, True)


def test_the_same_number_with_another_hash_tells_a_node_that_its_history_changed() -> None:
    verdict = judged([1, 2], Mark(Generation(1), 2, history([2, 1])[-1]))

    assert (verdict, verdict.is_doubt_about_sender) == (MarkVerdict.OTHER_HISTORY, True)


@pytest.mark.parametrize(("holder", "origin"), [(1, 2), (2, 1), (2, 2)])
def test_no_two_feeds_begin_with_the_same_hash(holder: int, origin: int) -> None:
    assert first_hash(CLUSTER, NodeNumber(holder), NodeNumber(origin)) != first_hash(CLUSTER, ORIGIN, ORIGIN)


@given(st.sampled_from(["blob", "size_bytes", "time_ms", "seal_epoch", "flags"]))
def test_the_running_hash_covers_every_field_of_an_entry(field: str) -> None:
    plain = Entry(BlobId(b"\1" * 32), 1, 1, 1, 0)
    other = {"blob": BlobId(b"\2" * 32), "size_bytes": 2, "time_ms": 2, "seal_epoch": 2, "flags": 2}
    values = {name: getattr(plain, name) for name in other} | {field: other[field]}

    assert next_hash(bytes(32), Entry(**values)) != next_hash(bytes(32), plain)
