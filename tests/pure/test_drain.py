"""Drain reports: their bytes, and what would be lost if the node were gone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lumbung_cluster.canonical import Malformed
from lumbung_cluster.drain import (
    AtStake,
    DrainReport,
    LeftThere,
    SignedDrainReport,
    blobs_at_stake,
    judge_drain,
    sign_drain,
)
from lumbung_cluster.ids import ClusterId, Generation, NodeNumber, all_units
from lumbung_cluster.limits import RELEASE_AGE_MS_MAX, RELEASE_AHEAD_MS_MAX
from lumbung_cluster.receipt import UnitClaim
from lumbung_cluster.release import Release, SignedRelease, UnitVerdict, sign_release
from lumbung_cluster.roster import HolderAssignment, Roster, Share
from lumbung_testing.rosters import CLUSTER, SeededSigner, TestVerifier, founding

ORIGIN, LEFT, HOLDER, CENTRE = (NodeNumber(number) for number in range(1, 5))
NOW_MS = 1_795_500_000_000
CLAIMS = (UnitClaim(0, 3, bytes(32)), UnitClaim(63, 4, bytes([7]) * 32))
RELEASE = Release(CLUSTER, ORIGIN, Generation(2), 1, LEFT, 12, NOW_MS, (HOLDER, CENTRE), CLAIMS)
SIGNER = SeededSigner("receipt 2")


def released(release: Release = RELEASE, signer: str = "receipt 1") -> SignedRelease:
    return sign_release(release, SeededSigner(signer))


def report(*left: LeftThere, **changes: object) -> DrainReport:
    origins = left or (LeftThere(ORIGIN, CLAIMS, released()),)
    made = DrainReport(CLUSTER, LEFT, Generation(1), 1, bytes(32), NOW_MS, 5, 0, 0, origins)
    return replace(made, **changes)  # type: ignore[arg-type]


def roster(*, is_leaving: bool = True) -> Roster:
    stay, goes = (Share(HOLDER, all_units()), Share(CENTRE, all_units())), (Share(LEFT, all_units()),)
    assigned = HolderAssignment(ORIGIN, stay, goes) if is_leaving else HolderAssignment(ORIGIN, (*goes, *stay))
    return founding(assignments=[assigned])


def at_stake(found: DrainReport, held: Roster | None = None) -> list[tuple[int, int, str]]:
    stakes = blobs_at_stake(held or roster(), found, TestVerifier())
    return [(each.origin, each.blobs, each.reason) for each in stakes]


def test_a_report_comes_through_its_file_and_is_named_by_its_hash() -> None:
    signed = sign_drain(report(LeftThere(ORIGIN, CLAIMS, released()), LeftThere(HOLDER, CLAIMS[:1], None)), SIGNER)
    back = SignedDrainReport.decode(signed.encode())
    assert (back, back.proof) == (signed, signed.proof)
    assert judge_drain(roster(), back, TestVerifier()) is None


def test_every_changed_byte_of_a_report_is_noticed() -> None:
    signed = sign_drain(report(), SIGNER)
    raw = signed.encode()
    for at in range(0, len(raw), 7):
        changed = raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]
        try:
            found = SignedDrainReport.decode(changed)
        except Malformed:
            continue
        assert found.proof != signed.proof
        assert judge_drain(roster(), found, TestVerifier()) is not None


@pytest.mark.parametrize("cut", [0, 16, 40, -1])
def test_a_cut_or_longer_report_is_malformed(cut: int) -> None:
    raw = sign_drain(report(), SIGNER).encode()
    for bad in (raw[:cut], raw + b"\0"):
        with pytest.raises(Malformed):
            SignedDrainReport.decode(bad)


@pytest.mark.parametrize(
    "origins",
    [
        (LeftThere(HOLDER, (), None), LeftThere(ORIGIN, (), None)),
        (LeftThere(LEFT, (), None),),
        (LeftThere(ORIGIN, tuple(reversed(CLAIMS)), None),),
    ],
)
def test_a_report_out_of_order_is_malformed(origins: tuple[LeftThere, ...]) -> None:
    with pytest.raises(Malformed):
        DrainReport.parse(report(*origins).pack())


def test_nothing_is_at_stake_when_every_unit_is_released_by_its_origin() -> None:
    assert at_stake(report()) == []


@pytest.mark.parametrize(
    ("left", "blobs", "reason"),
    [
        (LeftThere(ORIGIN, CLAIMS, None), 7, UnitVerdict.NO_RELEASE),
        (LeftThere(ORIGIN, CLAIMS, released(signer="receipt 3")), 7, UnitVerdict.BAD_SIGNATURE),
        (LeftThere(ORIGIN, CLAIMS, released(replace(RELEASE, node=HOLDER))), 7, UnitVerdict.BAD_SIGNATURE),
        (LeftThere(ORIGIN, CLAIMS, released(replace(RELEASE, holders=(HOLDER,)))), 7, UnitVerdict.OTHER_HOLDERS),
        (LeftThere(ORIGIN, CLAIMS, released(replace(RELEASE, units=CLAIMS[:1]))), 4, UnitVerdict.NOT_IN_RELEASE),
        (LeftThere(ORIGIN, (UnitClaim(0, 9, bytes(32)), CLAIMS[1]), released()), 9, UnitVerdict.SET_DIFFERS),
        (
            LeftThere(ORIGIN, CLAIMS, released(replace(RELEASE, signed_ms=NOW_MS - RELEASE_AGE_MS_MAX - 1))),
            7,
            UnitVerdict.TOO_OLD,
        ),
        (
            LeftThere(ORIGIN, CLAIMS, released(replace(RELEASE, signed_ms=NOW_MS + RELEASE_AHEAD_MS_MAX + 1))),
            7,
            UnitVerdict.DATED_AHEAD,
        ),
    ],
)
def test_what_the_origin_has_not_released_is_at_stake(left: LeftThere, blobs: int, reason: str) -> None:
    assert at_stake(report(left)) == [(ORIGIN, blobs, reason)]


def test_a_node_that_still_holds_is_not_drained() -> None:
    assert at_stake(report(), roster(is_leaving=False)) == [(ORIGIN, 7, UnitVerdict.STILL_HELD)]


def test_its_own_recordings_need_two_copies_elsewhere() -> None:
    assert at_stake(report(own_without_copy=2, own_with_one_copy=1)) == [(LEFT, 3, AtStake.OWN)]


@pytest.mark.parametrize(
    ("changes", "signer"),
    [({}, "receipt 3"), ({"cluster": ClusterId(bytes(16))}, "receipt 2"), ({"node": NodeNumber(9)}, "receipt 2")],
)
def test_a_report_of_another_node_or_cluster_says_nothing(changes: dict[str, object], signer: str) -> None:
    signed = sign_drain(report(**changes), SeededSigner(signer))
    assert judge_drain(roster(), signed, TestVerifier()) is not None
