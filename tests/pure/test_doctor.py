"""What the doctor makes of what it finds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lumbung_cluster.ids import NodeNumber
from lumbung_node.adapters.keys.certificates import CertificateFacts
from lumbung_testing.rosters import founding
from lumbung_tools.doctor.disk import SyncTimes, is_mounted, judge_sync, measure_sync
from lumbung_tools.doctor.finding import Colour, Finding, code_of, green, red, yellow
from lumbung_tools.doctor.machine import unmet
from lumbung_tools.doctor.reach import Answer, judge_clock, judge_dial_back, judge_partners
from lumbung_tools.doctor.trust import judge_certificate, judge_roster_age
from lumbung_tools.output.exit_codes import ExitCode

_DAY_MS = 24 * 3600 * 1000
_NOW_MS = 1_790_000_000_000
_URI, _PIN = "lumbung://00/node/1", b"p" * 32
_FACTS = CertificateFacts(_URI, (), _PIN, _NOW_MS - _DAY_MS, _NOW_MS + 100 * _DAY_MS)
_ADDRESS = founding().node(NodeNumber(1)).addresses[0]  # type: ignore[union-attr]


def _colours(findings: list[Finding]) -> list[Colour]:
    return [finding.colour for finding in findings]


@pytest.mark.parametrize(
    ("synced_s", "cached_s", "colour", "key"),
    [
        (0.004, 0.000_005, Colour.GREEN, "sync.good"),
        (0.000_030, 0.000_004, Colour.GREEN, "sync.good"),  # a drive with a protected cache
        (0.000_015, 0.000_002, Colour.YELLOW, "sync.too_quick"),
        (0.000_040, 0.000_030, Colour.YELLOW, "sync.too_quick"),  # no longer than a write to the cache
        (0.300, 0.000_005, Colour.YELLOW, "sync.slow"),
    ],
)
def test_a_sync_must_take_longer_than_the_cache_and_not_for_ever(
    synced_s: float, cached_s: float, colour: Colour, key: str
) -> None:
    finding = judge_sync(SyncTimes(synced_s, cached_s), "ext4", is_disk=True)
    assert (finding.colour, finding.key) == (colour, f"doctor.{key}")


def test_a_data_folder_in_memory_is_red_however_it_syncs() -> None:
    assert judge_sync(SyncTimes(0.004, 0.000_005), "tmpfs", is_disk=False).colour is Colour.RED


def test_measuring_leaves_nothing_behind(tmp_path: Path) -> None:
    times = measure_sync(tmp_path)
    assert times.synced_s > 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("facts", "colour", "key"),
    [
        (_FACTS, Colour.GREEN, "good"),
        (replace(_FACTS, not_after_ms=_NOW_MS + 50 * _DAY_MS), Colour.YELLOW, "ends"),
        (replace(_FACTS, not_after_ms=_NOW_MS + 3 * _DAY_MS), Colour.RED, "ends"),
        (replace(_FACTS, not_after_ms=_NOW_MS - 1000), Colour.RED, "ended"),
        (replace(_FACTS, not_before_ms=_NOW_MS + 1000), Colour.RED, "early"),
        (replace(_FACTS, pin=b"q" * 32), Colour.RED, "pin"),
        (replace(_FACTS, uri="lumbung://00/node/2"), Colour.RED, "other"),
    ],
)
def test_a_certificate_is_judged_by_name_pin_and_time(facts: CertificateFacts, colour: Colour, key: str) -> None:
    finding = judge_certificate(facts, _URI, (_PIN,), _NOW_MS)
    assert (finding.colour, finding.key) == (colour, f"doctor.certificate.{key}")


def test_a_roster_is_old_after_ninety_days() -> None:
    roster = founding()
    assert judge_roster_age(roster, roster.created_ms + 89 * _DAY_MS).colour is Colour.GREEN
    assert judge_roster_age(roster, roster.created_ms + 91 * _DAY_MS).colour is Colour.YELLOW


def test_an_address_is_good_when_one_partner_reached_it_and_red_when_all_failed() -> None:
    record = founding().node(NodeNumber(1))
    reached = Answer("61.01", results=[(_ADDRESS, True, "")])
    failed = Answer("34.04", results=[(_ADDRESS, False, "no answer")])
    assert _colours(list(judge_dial_back([failed, reached], record))) == [Colour.GREEN]
    (finding,) = judge_dial_back([failed], record)
    assert (finding.colour, dict(finding.values)["why"]) == (Colour.RED, "no answer")
    assert _colours(list(judge_dial_back([Answer("61.01", "down")], record))) == [Colour.YELLOW]


def test_of_partners_a_silent_one_is_yellow_a_distrusted_one_red_and_one_that_dials_us_fine() -> None:
    answers = [Answer("a", "no answer"), Answer("b", "not ours", is_trust=True), Answer("c", dials_us=True)]
    assert _colours(list(judge_partners(answers))) == [Colour.YELLOW, Colour.RED, Colour.GREEN]


@pytest.mark.parametrize(
    ("offsets", "colour", "key"),
    [
        ([0.5, -1.0, 2.0], Colour.GREEN, "good"),
        ([0.5, -9000.0, 2.0], Colour.GREEN, "good"),  # one wrong clock among the partners is theirs
        ([60.0, 61.0], Colour.YELLOW, "behind"),
        ([-86400.0, -86401.0], Colour.RED, "ahead"),
        ([], Colour.YELLOW, "nobody"),
    ],
)
def test_the_clock_is_judged_by_the_middle_of_the_partners(offsets: list[float], colour: Colour, key: str) -> None:
    (finding,) = judge_clock([Answer(str(place), offset_s=offset) for place, offset in enumerate(offsets)])
    assert (finding.colour, finding.key) == (colour, f"doctor.clock.{key}")


@pytest.mark.parametrize(
    ("requirement", "installed", "is_unmet"),
    [
        ("trio>=0.31", "0.35.0", False),
        ("trio>=0.31", "0.30.9", True),
        ("trio>=0.31", "", True),
        ("grpcio==1.85.1", "1.85.1", False),
        ("grpcio==1.85.1", "1.85.2", True),
        ("click>=8.20", "8.3", True),
        ("click>=8.2", "8.2.0", False),
        ("rich", "15.0.0", False),
    ],
)
def test_requirements_are_compared_by_number(requirement: str, installed: str, is_unmet: bool) -> None:
    assert unmet(requirement, installed) is is_unmet


def test_a_disk_is_missing_only_when_another_was_remembered_and_no_store_lies_there() -> None:
    assert is_mounted("fsid-1", "fsid-1", has_store=False)
    assert is_mounted("", "fsid-2", has_store=False)
    assert is_mounted("fsid-1", "fsid-2", has_store=True)
    assert not is_mounted("fsid-1", "fsid-2", has_store=False)


def test_the_code_is_that_of_the_worst() -> None:
    assert code_of([green("a", "x")]) is ExitCode.OK
    assert code_of([green("a", "x"), yellow("b", "y")]) is ExitCode.COPIES_SHORT
    assert code_of([red("c", "z"), yellow("b", "y")]) is ExitCode.DAMAGED
