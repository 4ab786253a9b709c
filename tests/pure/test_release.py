"""Releases: their bytes, and when a node that left may let go of a unit."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lumbung_cluster.canonical import Malformed
from lumbung_cluster.ids import Generation, NodeNumber, all_units
from lumbung_cluster.limits import RELEASE_AGE_MS_MAX, RELEASE_AHEAD_MS_MAX
from lumbung_cluster.receipt import UnitClaim
from lumbung_cluster.release import Release, SignedRelease, UnitVerdict, judge_release, sign_release
from lumbung_cluster.roster import HolderAssignment, Roster, Share
from lumbung_testing.rosters import CLUSTER, SeededSigner, TestVerifier, founding

ORIGIN, LEFT, HOLDER, CENTRE = (NodeNumber(number) for number in range(1, 5))
NOW_MS = 1_795_500_000_000
CLAIMS = (UnitClaim(0, 3, bytes(32)), UnitClaim(63, 0, bytes([7]) * 32))
RELEASE = Release(CLUSTER, ORIGIN, Generation(2), 1, LEFT, 12, NOW_MS, (HOLDER, CENTRE), CLAIMS)
SIGNER = SeededSigner("receipt 1")


def roster(*holders: NodeNumber, leaving: tuple[NodeNumber, ...] = ()) -> Roster:
    def shares(nodes: tuple[NodeNumber, ...]) -> tuple[Share, ...]:
        return tuple(Share(node, all_units()) for node in nodes)

    return founding(assignments=[HolderAssignment(ORIGIN, shares(holders), shares(leaving))])


def verdicts(
    release: SignedRelease | None, held: Roster, claims: tuple[UnitClaim, ...] = CLAIMS, *, now_ms: int = NOW_MS
) -> dict[int, str]:
    return judge_release(held, LEFT, ORIGIN, claims, release, TestVerifier(), now_ms)


def test_bytes_come_back_and_only_canonical_ones_are_read() -> None:
    signed = sign_release(RELEASE, SIGNER)

    assert SignedRelease.from_bytes(signed.to_bytes()) == signed
    for broken in (signed.body[:-1], signed.body + b"\0", signed.body[:20]):
        with pytest.raises(Malformed):
            Release.parse(broken)
    for wrong in (
        replace(RELEASE, holders=(CENTRE, HOLDER)),
        replace(RELEASE, holders=()),
        replace(RELEASE, units=tuple(reversed(CLAIMS))),
        replace(RELEASE, units=()),
        replace(RELEASE, node=ORIGIN),
        replace(RELEASE, units=(UnitClaim(64, 0, bytes(32)),)),
    ):
        with pytest.raises(Malformed):
            Release.parse(wrong.pack())


def test_a_unit_may_go_when_all_present_holders_proved_exactly_what_lies_here() -> None:
    assert verdicts(sign_release(RELEASE, SIGNER), roster(HOLDER, CENTRE)) == dict.fromkeys((0, 63), UnitVerdict.MAY_GO)


def test_a_unit_that_the_roster_still_gives_to_the_node_stays() -> None:
    release = sign_release(RELEASE, SIGNER)

    for held in (roster(HOLDER, CENTRE, leaving=(LEFT,)), roster(LEFT, CENTRE)):
        assert set(verdicts(release, held).values()) == {UnitVerdict.STILL_HELD}


def test_without_a_release_nothing_goes() -> None:
    assert set(verdicts(None, roster(HOLDER, CENTRE)).values()) == {UnitVerdict.NO_RELEASE}


def test_a_holder_that_came_since_and_proved_nothing_keeps_the_unit_here() -> None:
    release = sign_release(replace(RELEASE, holders=(CENTRE,)), SIGNER)

    assert set(verdicts(release, roster(HOLDER, CENTRE)).values()) == {UnitVerdict.OTHER_HOLDERS}


def test_an_origin_without_any_other_holder_keeps_the_unit_here() -> None:
    assert set(verdicts(sign_release(RELEASE, SIGNER), roster()).values()) == {UnitVerdict.OTHER_HOLDERS}


def test_one_blob_more_here_than_was_proven_keeps_its_unit() -> None:
    mine = (UnitClaim(0, 4, bytes([1]) * 32), CLAIMS[1])

    found = verdicts(sign_release(RELEASE, SIGNER), roster(HOLDER, CENTRE), mine)

    assert found == {0: UnitVerdict.SET_DIFFERS, 63: UnitVerdict.MAY_GO}


def test_a_unit_that_the_release_leaves_out_stays() -> None:
    release = sign_release(replace(RELEASE, units=CLAIMS[1:]), SIGNER)

    assert verdicts(release, roster(HOLDER, CENTRE))[0] == UnitVerdict.NOT_IN_RELEASE


def test_a_release_of_more_than_a_week_ago_is_no_longer_fresh() -> None:
    release, held = sign_release(RELEASE, SIGNER), roster(HOLDER, CENTRE)

    assert set(verdicts(release, held, now_ms=NOW_MS + RELEASE_AGE_MS_MAX).values()) == {UnitVerdict.MAY_GO}
    assert set(verdicts(release, held, now_ms=NOW_MS + RELEASE_AGE_MS_MAX + 1).values()) == {UnitVerdict.TOO_OLD}


def test_a_release_that_is_dated_ahead_of_what_clocks_differ_lets_nothing_go() -> None:
    release, held = sign_release(RELEASE, SIGNER), roster(HOLDER, CENTRE)

    assert set(verdicts(release, held, now_ms=NOW_MS - RELEASE_AHEAD_MS_MAX).values()) == {UnitVerdict.MAY_GO}
    assert set(verdicts(release, held, now_ms=NOW_MS - RELEASE_AHEAD_MS_MAX - 1).values()) == {UnitVerdict.DATED_AHEAD}


@pytest.mark.parametrize(
    "release",
    [
        sign_release(RELEASE, SeededSigner("receipt 2")),
        sign_release(RELEASE, SeededSigner("entry 1")),
        sign_release(replace(RELEASE, node=HOLDER), SIGNER),
        sign_release(replace(RELEASE, origin=HOLDER), SeededSigner("receipt 3")),
    ],
    ids=["another node's key", "another key of the origin", "for another node", "of another origin"],
)
def test_a_release_that_is_not_the_origins_word_for_this_node_counts_for_nothing(release: SignedRelease) -> None:
    assert set(verdicts(release, roster(HOLDER, CENTRE)).values()) == {UnitVerdict.BAD_SIGNATURE}
