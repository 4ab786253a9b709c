"""The scrub's decisions: pace, brake, ages of proofs, and the running hashes of a feed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumbung_cluster.entry import FLAG_UNSEALED, Entry
from lumbung_cluster.feed import first_hash, next_hash
from lumbung_cluster.ids import BlobId, ClusterId, NodeNumber
from lumbung_cluster.limits import SCRUB_BUSY_SHARE_MAX, SCRUB_NAP_S_MAX
from lumbung_cluster.scrub_brake import BrakeSettings, is_mass_damage
from lumbung_cluster.scrub_chain import Link, LinkState, judge_links
from lumbung_cluster.scrub_entry import recover_entry
from lumbung_cluster.scrub_pace import PassTimes, ScrubSettings, nap_s, next_pass_in_s
from lumbung_cluster.scrub_progress import OriginProgress, verified_ms

DAY_S = 24 * 3600.0
TB = 10**12
FIRST = first_hash(ClusterId(bytes(16)), NodeNumber(1), NodeNumber(1))


def entry(n: int) -> Entry:
    return Entry(BlobId.of(b"%d" % n), 10 + n, 1000 + n, 1)


def chain(count: int) -> list[Link]:
    links, running_hash = [], FIRST
    for n in range(count):
        running_hash = next_hash(running_hash, entry(n))
        links.append(Link(running_hash, entry(n)))
    return links


# --- pace ------------------------------------------------------------------------------------------------------


def test_an_idle_node_is_read_at_full_pace() -> None:
    assert nap_s(0.05, is_busy=False, left_bytes=TB, work_rate_bytes_s=1e8, left_s=1.0) == 0.0


@given(st.floats(0.0001, 10.0), st.integers(0, 4 * TB), st.floats(1e6, 1e9), st.floats(-DAY_S, 7 * DAY_S))
def test_a_busy_node_is_never_worked_for_more_than_its_share(
    worked_s: float, left_bytes: int, rate: float, left_s: float
) -> None:
    pause_s = nap_s(worked_s, is_busy=True, left_bytes=left_bytes, work_rate_bytes_s=rate, left_s=left_s)

    assert pause_s == SCRUB_NAP_S_MAX or worked_s / (worked_s + pause_s) <= SCRUB_BUSY_SHARE_MAX * 1.0001


def test_two_terabytes_are_read_in_time_on_a_disk_that_is_busy_all_day() -> None:
    """Half a period for a pass, 150 MB/s of disk: what the share allows is enough."""
    rate, left_bytes, left_s, step_bytes = 150e6, 2 * TB, 3.5 * DAY_S, 10**9
    while left_bytes > 0:
        worked_s = step_bytes / rate
        pieces = 200  # a step of a busy node is one chunk; a nap is bounded, so it is told of small ones
        pause_s = pieces * nap_s(
            worked_s / pieces, is_busy=True, left_bytes=left_bytes, work_rate_bytes_s=rate, left_s=left_s
        )
        left_bytes, left_s = left_bytes - step_bytes, left_s - worked_s - pause_s
    assert left_s > 0


def test_a_small_store_leaves_a_busy_node_alone_nearly_all_the_time() -> None:
    pause_s = nap_s(0.005, is_busy=True, left_bytes=10**9, work_rate_bytes_s=1e8, left_s=3 * DAY_S)

    assert 0.005 / (0.005 + pause_s) == pytest.approx(0.01)


def test_a_pass_is_due_half_a_period_after_the_last_began_whatever_the_wall_clock_did() -> None:
    settings = ScrubSettings(period_s=7 * DAY_S)
    begun_ms = 1_790_000_000_000

    assert next_pass_in_s(begun_ms, begun_ms, settings) == 3.5 * DAY_S
    assert next_pass_in_s(begun_ms, begun_ms + 4 * 86_400_000, settings) == 0.0
    assert next_pass_in_s(begun_ms, begun_ms - 400 * 86_400_000, settings) == 3.5 * DAY_S


def test_times_tell_how_long_a_pass_takes_and_what_is_left() -> None:
    times = PassTimes(total_bytes=1000, read_bytes=250, active_s=5.0)

    assert (times.whole_s(), times.left_s(), times.is_telling) == (20.0, 15.0, True)
    assert PassTimes(1000, 0, 0.0).whole_s() == 0.0
    assert not PassTimes(1000, 5, 1.0).is_telling


# --- brake -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "blobs", "is_mass"),
    [(19, 19, False), (20, 20, True), (20, 2000, False), (21, 2000, True), (10_000, 1_000_000, False)],
)
def test_the_brake_needs_a_share_and_a_number(wrong: int, blobs: int, is_mass: bool) -> None:
    assert is_mass_damage(wrong, blobs, BrakeSettings(share=0.01, blobs_min=20)) is is_mass


# --- ages ------------------------------------------------------------------------------------------------------


def test_a_blob_is_as_fresh_as_the_walk_that_went_past_it() -> None:
    progress = OriginProgress(begun_ms=900, number=10, checked_begun_ms=500, checked_upto=20)

    assert verified_ms(100, 10, progress) == 900
    assert verified_ms(100, 11, progress) == 500
    assert verified_ms(100, 21, progress) == 100
    assert verified_ms(950, 10, progress) == 950
    assert verified_ms(100, 1, None) == 100


def test_a_walk_that_begins_anew_forgets_nothing_that_was_checked() -> None:
    walked = OriginProgress(begun_ms=900, number=20, checked_begun_ms=500, checked_upto=15, wrong=3).end()
    again = walked.begin(2000)

    assert (walked.checked_begun_ms, walked.checked_upto) == (900, 20)
    assert (again.number, again.wrong, verified_ms(1, 20, again)) == (0, 0, 900)


# --- running hashes --------------------------------------------------------------------------------------------


def test_a_whole_chain_holds() -> None:
    links = chain(5)

    assert [state for state, _ in judge_links(FIRST, links, None)] == [LinkState.HOLDS] * 5


def test_a_wrong_hash_is_told_and_what_belongs_there() -> None:
    links = chain(5)
    hurt = [*links[:2], replace(links[2], running_hash=bytes(32)), *links[3:]]

    found = judge_links(FIRST, hurt, None)

    assert [state for state, _ in found] == [
        LinkState.HOLDS,
        LinkState.HOLDS,
        LinkState.WRONG_HASH,
        LinkState.HOLDS,
        LinkState.HOLDS,
    ]
    assert found[2][1] == links[2].running_hash


def test_another_entry_for_the_same_number_breaks_its_own_link_only() -> None:
    links = chain(5)
    other = [*links[:2], replace(links[2], entry=entry(99)), *links[3:]]

    states = [state for state, _ in judge_links(FIRST, other, None)]

    assert states[2] is LinkState.OTHER_ENTRY
    assert states[3] is LinkState.HOLDS


def test_the_last_row_of_a_batch_is_confirmed_by_the_one_behind_it() -> None:
    links = chain(5)
    hurt = [*links[:3], replace(links[3], running_hash=bytes(32))]

    assert judge_links(FIRST, hurt, links[4])[3] == (LinkState.WRONG_HASH, links[3].running_hash)
    assert judge_links(FIRST, hurt, None)[3][0] is LinkState.BROKEN


def test_a_lost_row_is_made_again_and_a_lost_entry_leaves_the_rest_judged() -> None:
    links = chain(5)
    lost = [*links[:2], replace(links[2], running_hash=None), *links[3:]]
    unknown = [*links[:2], replace(links[2], entry=None), *links[3:]]

    assert judge_links(FIRST, lost, None)[2] == (LinkState.UNKNOWN, links[2].running_hash)
    assert [state for state, _ in judge_links(FIRST, unknown, None)][2:] == [
        LinkState.UNKNOWN,
        LinkState.HOLDS,
        LinkState.HOLDS,
    ]


def test_two_wrong_hashes_side_by_side_are_a_broken_history() -> None:
    links = chain(5)
    hurt = [links[0], replace(links[1], running_hash=bytes(32)), replace(links[2], running_hash=bytes(32)), *links[3:]]

    assert LinkState.BROKEN in [state for state, _ in judge_links(FIRST, hurt, None)]


@given(st.integers(0, 40), st.booleans())
def test_an_own_entry_is_recovered_from_its_row_and_the_hash(seal_epoch: int, unsealed: bool) -> None:
    lost = Entry(BlobId.of(b"x"), 77, 1234, seal_epoch, FLAG_UNSEALED if unsealed else 0)

    def recovered(epoch_max: int) -> Entry | None:
        return recover_entry(
            lost.blob, 77, 1234, previous=FIRST, running_hash=next_hash(FIRST, lost), epoch_max=epoch_max
        )

    assert recovered(40) == lost
    assert recovered(seal_epoch - 1) is None
