"""Health: each code comes when its threshold is reached, not before, and the worst comes first."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumbung_cluster.health import (
    AsideFacts,
    Facts,
    HealthCode,
    LinkFacts,
    LinkHealth,
    ScrubFacts,
    Severity,
    entries_counting,
    is_clock_confirmed,
    judge_health,
    offset_of_all,
)
from lumbung_cluster.ids import NodeNumber

NOW_MS = 1_795_500_000_000
MINUTE_MS, DAY_MS = 60_000, 24 * 3600 * 1000
GIB = 1 << 30
PEER = NodeNumber(2)
WELL = Facts(
    now_ms=NOW_MS,
    blobs_unsafe=0,
    blobs_only_here=0,
    oldest_unsafe_ms=0,
    damaged=0,
    links=(),
    free_bytes=100 * GIB,
    total_bytes=200 * GIB,
    refuses_foreign=False,
    refuses_own=False,
    certificate_expires_ms=NOW_MS + 4 * 365 * DAY_MS,
    clock_jump_ms=0,
    fork=False,
    left_behind=False,
    stopped=False,
    keys_together=False,
    units_doubted=0,
    inventories_unknown=0,
)
Found = list[tuple[HealthCode, Severity, int]]


def found(facts: Facts) -> Found:
    return [(trouble.code, trouble.severity, trouble.node) for trouble in judge_health(facts)]


def own(code: HealthCode, severity: Severity) -> Found:
    return [(code, severity, 0)]


def linked(health: LinkHealth, since_s: float = 0.0, offset_ms: int = 0) -> Facts:
    return replace(WELL, links=(LinkFacts(PEER, health, since_s, offset_ms, has_met=True),))


def test_a_node_that_is_well_has_no_trouble() -> None:
    assert found(WELL) == []
    assert found(linked(LinkHealth.UP)) == []
    assert found(linked(LinkHealth.BEHIND, since_s=10.0**6)) == []


@pytest.mark.parametrize(
    ("age_ms", "only_here", "severity"),
    [
        (0, 1, Severity.NOTE),
        (10 * MINUTE_MS - 1, 1, Severity.NOTE),
        (10 * MINUTE_MS, 1, Severity.WARNING),
        (3 * DAY_MS - 1, 1, Severity.WARNING),
        (3 * DAY_MS, 1, Severity.CRITICAL),
        (3 * DAY_MS, 0, Severity.WARNING),
        (-MINUTE_MS, 1, Severity.NOTE),  # a clock that was set back
    ],
)
def test_copies_short_grows_worse_with_the_age_of_what_is_unsafe(
    age_ms: int, only_here: int, severity: Severity
) -> None:
    facts = replace(WELL, blobs_unsafe=3, blobs_only_here=only_here, oldest_unsafe_ms=NOW_MS - age_ms)

    assert found(facts) == own(HealthCode.COPIES_SHORT, severity)


def test_damaged_bytes_are_critical_from_the_first_moment() -> None:
    (trouble,) = judge_health(replace(WELL, damaged=2))

    assert (trouble.code, trouble.severity) == (HealthCode.COPIES_SHORT, Severity.CRITICAL)
    assert dict(trouble.values) == {"blobs": 2, "reason": "damaged"}


@pytest.mark.parametrize(
    ("since_s", "severity"),
    [
        (119.9, None),
        (120.0, Severity.WARNING),
        (86_399.9, Severity.WARNING),
        (86_400.0, Severity.CRITICAL),
    ],
)
def test_a_link_is_down_after_two_minutes_and_critical_after_a_day(since_s: float, severity: Severity | None) -> None:
    expected = [(HealthCode.LINK_DOWN, severity, 2)] if severity else []

    assert found(linked(LinkHealth.DOWN, since_s)) == expected


def test_a_link_that_breaks_again_and_again_is_told_while_it_is_up() -> None:
    links = (LinkFacts(PEER, LinkHealth.UP, 5.0, 0, has_met=True, needs_patience=True),)

    assert found(replace(WELL, links=links)) == [(HealthCode.LINK_BREAKS, Severity.WARNING, 2)]


def test_refused_trust_is_critical_at_once_and_is_not_called_down() -> None:
    assert found(linked(LinkHealth.REFUSED)) == [(HealthCode.TRUST_FAILED, Severity.CRITICAL, 2)]


@pytest.mark.parametrize(
    ("left_ms", "severity"),
    [
        (5 * 365 * DAY_MS // 2, None),
        (5 * 365 * DAY_MS // 2 - 1, Severity.NOTE),
        (60 * DAY_MS, Severity.NOTE),
        (60 * DAY_MS - 1, Severity.WARNING),
        (7 * DAY_MS, Severity.WARNING),
        (7 * DAY_MS - 1, Severity.CRITICAL),
        (-DAY_MS, Severity.CRITICAL),
    ],
)
def test_a_certificate_is_noted_at_half_life_warns_two_months_and_alarms_a_week_before_its_end(
    left_ms: int, severity: Severity | None
) -> None:
    facts = replace(WELL, certificate_expires_ms=NOW_MS + left_ms)

    assert found(facts) == (own(HealthCode.CERT_EXPIRES, severity) if severity else [])


@pytest.mark.parametrize("sign", [1, -1])
def test_a_clock_is_skewed_from_five_minutes_on_in_either_direction(sign: int) -> None:
    limit_ms = 5 * MINUTE_MS

    assert found(replace(WELL, clock_jump_ms=sign * (limit_ms - 1))) == []
    assert found(replace(WELL, clock_jump_ms=sign * limit_ms)) == own(HealthCode.CLOCK_SKEW, Severity.CRITICAL)
    assert found(linked(LinkHealth.UP, offset_ms=sign * (limit_ms - 1))) == []
    assert found(linked(LinkHealth.UP, offset_ms=sign * limit_ms)) == [(HealthCode.CLOCK_SKEW, Severity.WARNING, 2)]


def test_a_clock_that_differs_from_all_partners_alike_is_the_own_one() -> None:
    nine_years = 9 * 365 * DAY_MS

    assert offset_of_all([nine_years, nine_years + MINUTE_MS]) == nine_years
    assert offset_of_all([nine_years]) is None, "one clock against one tells nothing"
    assert offset_of_all([nine_years, 0]) is None
    assert offset_of_all([nine_years, -nine_years]) is None


def test_a_clock_is_confirmed_by_more_than_half_of_at_least_two_partners() -> None:
    assert is_clock_confirmed([0, MINUTE_MS])
    assert is_clock_confirmed([0, MINUTE_MS, DAY_MS])
    assert not is_clock_confirmed([0])
    assert not is_clock_confirmed([0, DAY_MS])
    assert not is_clock_confirmed([0, MINUTE_MS, DAY_MS, DAY_MS])


def test_entries_that_were_never_signed_here_are_red_for_a_month() -> None:
    assert found(replace(WELL, entries_not_ours=3)) == own(HealthCode.ENTRY_NOT_OURS, Severity.CRITICAL)
    assert entries_counting([0, 29 * DAY_MS, 30 * DAY_MS], 30 * DAY_MS) == 2


def test_a_key_that_the_roster_does_not_name_is_red() -> None:
    assert found(replace(WELL, keys_out_of_force=("entry",))) == own(HealthCode.KEY_NOT_IN_FORCE, Severity.CRITICAL)


@pytest.mark.parametrize(
    ("free_gib", "foreign", "own_too", "expected"),
    [
        (20, False, False, []),
        (19, False, False, own(HealthCode.DISK_LOW, Severity.WARNING)),
        (2, True, False, own(HealthCode.DISK_LOW, Severity.CRITICAL)),
        (1, True, True, own(HealthCode.DISK_LOW, Severity.CRITICAL)),
    ],
)
def test_a_disk_warns_at_a_tenth_and_alarms_when_it_refuses(
    free_gib: int, foreign: bool, own_too: bool, expected: Found
) -> None:
    facts = replace(WELL, free_bytes=free_gib * GIB, refuses_foreign=foreign, refuses_own=own_too)

    assert found(facts) == expected


@pytest.mark.parametrize(
    ("facts", "refuses"),
    [
        (replace(WELL, refuses_foreign=True), "foreign"),
        (replace(WELL, refuses_foreign=True, refuses_own=True), "own"),
        (replace(WELL, free_bytes=GIB), "nothing"),
    ],
)
def test_a_low_disk_says_what_it_refuses(facts: Facts, refuses: str) -> None:
    (trouble,) = judge_health(facts)

    assert dict(trouble.values)["refuses"] == refuses


def test_two_lives_and_a_forked_roster_are_critical_and_keys_together_warns() -> None:
    assert found(replace(WELL, stopped=True)) == own(HealthCode.TWO_LIVES, Severity.CRITICAL)
    assert found(replace(WELL, fork=True)) == own(HealthCode.ROSTER_FORK, Severity.CRITICAL)
    assert found(replace(WELL, left_behind=True)) == own(HealthCode.ROSTER_REFUSED, Severity.CRITICAL)
    assert found(replace(WELL, keys_together=True)) == own(HealthCode.KEYS_TOGETHER, Severity.WARNING)


def test_a_doubted_unit_warns_and_a_feed_that_cannot_be_read_is_critical() -> None:
    assert found(replace(WELL, units_doubted=2)) == own(HealthCode.INVENTORY_DOUBTED, Severity.WARNING)
    both = replace(WELL, units_doubted=2, inventories_unknown=1)
    assert found(both) == own(HealthCode.INVENTORY_DOUBTED, Severity.CRITICAL)


@given(st.booleans(), st.booleans(), st.booleans(), st.integers(0, 4 * DAY_MS), st.sampled_from(LinkHealth))
def test_the_worst_comes_first(stopped: bool, keys: bool, low: bool, age_ms: int, link: LinkHealth) -> None:
    facts = replace(
        linked(link, since_s=300.0),
        stopped=stopped,
        keys_together=keys,
        free_bytes=GIB if low else 100 * GIB,
        blobs_unsafe=1,
        oldest_unsafe_ms=NOW_MS - age_ms,
    )

    severities = [trouble.severity.value for trouble in judge_health(facts)]

    assert severities == sorted(severities, reverse=True)


def test_every_code_can_come() -> None:
    links = (
        LinkFacts(PEER, LinkHealth.DOWN, 300.0, 0, True, needs_patience=True),
        LinkFacts(PEER, LinkHealth.REFUSED, 0.0, 0, True),
    )
    everything = replace(
        WELL,
        damaged=1,
        links=links,
        refuses_own=True,
        certificate_expires_ms=NOW_MS,
        clock_jump_ms=DAY_MS,
        fork=True,
        left_behind=True,
        stopped=True,
        keys_together=True,
        keys_out_of_force=("tls",),
        entries_not_ours=1,
        set_aside=[AsideFacts("aside-20261125T215921Z", False, True, 7, 0)],
        fallback="/var/lib/lumbung/fallback",
        rebuilding=True,
        units_doubted=1,
        scrub=ScrubFacts(period_s=9.0, period_wanted_s=7.0, braked_origins=(PEER,)),
    )

    told_by_the_drc = {HealthCode.REPORT_LATE}
    assert {trouble.code for trouble in judge_health(everything)} == set(HealthCode) - told_by_the_drc


@pytest.mark.parametrize(
    ("refuses", "ended", "lacking", "severity"),
    [
        (False, True, 0, Severity.NOTE),
        (False, False, 0, Severity.WARNING),
        (False, True, 3, Severity.WARNING),
        (True, False, 0, Severity.WARNING),
    ],
)
def test_a_set_aside_store_is_yellow_until_all_of_it_is_here(
    refuses: bool, ended: bool, lacking: int, severity: Severity
) -> None:
    facts = replace(WELL, set_aside=[AsideFacts("aside-20261125T215921Z", refuses, ended, 7, lacking)])

    (trouble,) = judge_health(facts)

    assert (trouble.code, trouble.severity) == (HealthCode.STORE_SET_ASIDE, severity)


def scrub_codes(scrub: ScrubFacts) -> list[tuple[HealthCode, Severity]]:
    return [(trouble.code, trouble.severity) for trouble in judge_health(replace(WELL, scrub=scrub))]


def test_a_scrub_that_keeps_its_period_is_no_trouble() -> None:
    assert scrub_codes(ScrubFacts(3.5 * 86_400, 7 * 86_400, NOW_MS - 6 * DAY_MS)) == []
    assert scrub_codes(ScrubFacts(0.0, 7 * 86_400, 0)) == []


def test_a_scrub_is_late_when_it_takes_longer_or_when_it_does_not_run() -> None:
    late = [(HealthCode.SCRUB_LATE, Severity.WARNING)]

    assert scrub_codes(ScrubFacts(8 * 86_400, 7 * 86_400, NOW_MS)) == late
    assert scrub_codes(ScrubFacts(3.5 * 86_400, 7 * 86_400, NOW_MS - 8 * DAY_MS, is_paused=True)) == late


def test_mass_damage_is_red_until_it_is_confirmed() -> None:
    assert scrub_codes(ScrubFacts(braked_origins=(PEER,))) == [(HealthCode.MASS_DAMAGE, Severity.CRITICAL)]
