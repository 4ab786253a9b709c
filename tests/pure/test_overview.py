"""The whole cluster from reports: who is green is known to be well, and a mute hides nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lumbung_cluster import limits
from lumbung_cluster.health import Severity
from lumbung_cluster.ids import Generation, NodeNumber
from lumbung_cluster.mute import MUTE_MS_MAX, Mute, own_mute, reported_mutes
from lumbung_cluster.overview import NodeColour, NodeView, by_badness, sums_of, troubles_by_code, view_of
from lumbung_cluster.report import (
    DiskReport,
    ForeignReport,
    NodeReport,
    OwnReport,
    ScrubReport,
    TroubleReport,
)
from lumbung_testing.rosters import CLUSTER

NOW_MS = 1_795_500_000_000
NODE, OTHER, THIRD = NodeNumber(1), NodeNumber(2), NodeNumber(3)
RED = TroubleReport("DISK_LOW", Severity.CRITICAL)
YELLOW = TroubleReport("LINK_DOWN", Severity.WARNING, OTHER)
NOTE = TroubleReport("REBUILDING", Severity.NOTE)


def report(*troubles: TroubleReport, own: OwnReport | None = None, node: NodeNumber = NODE) -> NodeReport:
    return NodeReport(
        cluster=CLUSTER,
        node=node,
        generation=Generation(1),
        sequence=1,
        roster_epoch=1,
        roster_hash=bytes(32),
        access_version=1,
        software="0.1.0",
        wire_low=0,
        wire_high=0,
        disk_format=0,
        uptime_s=100,
        clock_ms=NOW_MS,
        certificate_ends_ms=NOW_MS,
        takes_puts=True,
        own=own or OwnReport(),
        foreign=ForeignReport(),
        disk=DiskReport(1, 2),
        scrub=ScrubReport(),
        link_counts=(0, 0, 0, 0),
        links=(),
        troubles=troubles,
    )


def view(*troubles: TroubleReport, age_s: float = 5.0, muted_s: dict[str, int] | None = None) -> NodeView:
    return view_of(NODE, report(*troubles), age_s, known_s=1e6, muted_s=muted_s or {})


@pytest.mark.parametrize(
    ("troubles", "colour"),
    [
        ((), NodeColour.GREEN),
        ((NOTE,), NodeColour.GREEN),
        ((NOTE, YELLOW), NodeColour.YELLOW),
        ((YELLOW, RED), NodeColour.RED),
        ((replace(RED, muted_s=60), YELLOW), NodeColour.YELLOW),
        ((replace(RED, muted_s=60),), NodeColour.GREEN),
    ],
)
def test_a_node_has_the_colour_of_its_worst_trouble_that_is_not_muted(
    troubles: tuple[TroubleReport, ...], colour: NodeColour
) -> None:
    assert view(*troubles).colour is colour


def test_a_node_that_says_nothing_is_silent_whatever_it_said_last() -> None:
    late = view(age_s=limits.REPORT_LATE_S)

    assert view(age_s=limits.REPORT_LATE_S - 1).colour is NodeColour.GREEN
    assert late.colour is NodeColour.SILENT
    assert [(trouble.code, trouble.severity, trouble.reason) for trouble in late.troubles] == [
        ("REPORT_LATE", Severity.WARNING, "late")
    ]
    assert view(age_s=limits.REPORT_SILENT_S).troubles[0].severity is Severity.CRITICAL


def test_a_node_that_never_reported_is_silent_and_red_after_a_day() -> None:
    fresh = view_of(NODE, None, None, known_s=60.0, muted_s={})
    later = view_of(NODE, None, None, known_s=limits.REPORT_LATE_S, muted_s={})
    old = view_of(NODE, None, None, known_s=limits.REPORT_SILENT_S, muted_s={})

    assert fresh.colour is old.colour is NodeColour.SILENT
    assert (fresh.troubles[0].reason, fresh.troubles[0].severity) == ("never", Severity.NOTE)
    assert later.troubles[0].severity is Severity.WARNING
    assert old.troubles[0].severity is Severity.CRITICAL


def test_a_muted_silence_calls_nobody_and_is_not_green() -> None:
    muted = view_of(NODE, None, None, known_s=1e6, muted_s={"REPORT_LATE": 60})

    assert muted.colour is NodeColour.SILENT
    assert [trouble.is_muted for trouble in muted.troubles] == [True]


def test_what_the_centre_mutes_for_a_node_is_muted_in_its_view_only() -> None:
    assert view(RED, YELLOW, muted_s={"DISK_LOW": 60}).colour is NodeColour.YELLOW
    assert view(RED).colour is NodeColour.RED


def test_the_worst_stand_first_and_among_equals_who_waits_longest() -> None:
    views = [
        view_of(NodeNumber(1), report(), 1, known_s=1, muted_s={}),
        view_of(NodeNumber(2), report(YELLOW, own=OwnReport(oldest_short_s=5)), 1, known_s=1, muted_s={}),
        view_of(NodeNumber(3), report(YELLOW, own=OwnReport(oldest_short_s=50)), 1, known_s=1, muted_s={}),
        view_of(NodeNumber(4), None, None, known_s=1, muted_s={}),
        view_of(NodeNumber(5), report(RED), 1, known_s=1, muted_s={}),
    ]

    assert [each.node for each in by_badness(views)] == [5, 4, 3, 2, 1]


def test_sums_count_what_silent_nodes_said_last() -> None:
    own = OwnReport(10, 1000, (1, 2, 7), 1, 60, 30)
    views = [
        view_of(NODE, report(own=own), 1, known_s=1, muted_s={}),
        view_of(OTHER, report(own=replace(own, oldest_short_s=90)), limits.REPORT_LATE_S, known_s=1, muted_s={}),
        view_of(THIRD, None, None, known_s=1, muted_s={}),
    ]

    sums = sums_of(views)
    assert (sums.nodes, sums.blobs, sums.by_copies, sums.only_here) == (3, 20, (2, 4, 14), 2)
    assert sums.oldest_short_s == 90 + limits.REPORT_LATE_S
    assert sums.oldest_only_here_s == 30 + limits.REPORT_LATE_S
    assert sums.by_colour[NodeColour.SILENT] == 2


def test_troubles_are_gathered_by_code_and_muted_ones_told_apart() -> None:
    views = [
        view_of(NODE, report(YELLOW), 1, known_s=1, muted_s={}),
        view_of(OTHER, report(replace(YELLOW, count=3), RED), 1, known_s=1, muted_s={}),
        view_of(THIRD, report(replace(YELLOW, muted_s=60)), 1, known_s=1, muted_s={}),
    ]

    found = [(each.code, each.nodes, each.muted, each.count) for each in troubles_by_code(views)]
    assert found == [("DISK_LOW", (OTHER,), (), 1), ("LINK_DOWN", (NODE, OTHER), (THIRD,), 5)]


# --- mutes ---------------------------------------------------------------------------------------------------------

HOUR_MS = 3_600_000


def mute(code: str = "LINK_DOWN", node: int = 0, until_ms: int = NOW_MS + HOUR_MS) -> Mute:
    return Mute(code, NodeNumber(node), until_ms)


def test_a_mute_ends_by_itself_and_lasts_at_most_thirty_days() -> None:
    assert mute().is_active(NOW_MS)
    assert not mute().is_active(NOW_MS + HOUR_MS)
    assert mute(until_ms=NOW_MS + MUTE_MS_MAX).is_active(NOW_MS)
    assert not mute(until_ms=NOW_MS + MUTE_MS_MAX + 1).is_active(NOW_MS)  # also when the clock was set back


@pytest.mark.parametrize(
    ("held", "code", "about", "is_muted"),
    [
        (mute(), "LINK_DOWN", 2, True),
        (mute(), "LINK_DOWN", 0, True),
        (mute(node=2), "LINK_DOWN", 2, True),
        (mute(node=2), "LINK_DOWN", 3, False),
        (mute(node=2), "LINK_DOWN", 0, False),
        (mute(), "DISK_LOW", 0, False),
    ],
)
def test_an_own_trouble_is_muted_by_code_or_by_code_and_node(held: Mute, code: str, about: int, is_muted: bool) -> None:
    assert (own_mute([held], code, NodeNumber(about), NOW_MS) is not None) == is_muted


def test_a_reported_trouble_is_muted_for_its_reporter_only_and_never_for_the_whole_country() -> None:
    assert reported_mutes([mute(node=2)], OTHER, NOW_MS) == {"LINK_DOWN": 3600}
    assert reported_mutes([mute(node=2)], THIRD, NOW_MS) == {}
    assert reported_mutes([mute()], OTHER, NOW_MS) == {}
