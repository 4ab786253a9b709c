"""What one node says of itself, at every extreme, hides nobody else's report from people."""

from __future__ import annotations

import io
import json
from dataclasses import replace

import pytest

from lumbung_cluster.health import Severity
from lumbung_cluster.ids import Generation, NodeNumber
from lumbung_cluster.overview import by_badness, sums_of, troubles_by_code, view_of
from lumbung_cluster.report import (
    DiskReport,
    ForeignReport,
    LinkReport,
    LinkWord,
    NodeReport,
    OwnReport,
    ScrubReport,
    TroubleReport,
)
from lumbung_cluster.report_codec import decode_report, encode_report, sign_report
from lumbung_node.config import Language
from lumbung_testing.rosters import CLUSTER, SeededSigner, TestVerifier, founding, signed
from lumbung_tools.catalogue.text import Catalogue, rfc3339
from lumbung_tools.client.reports import ClusterAnswer, Heard
from lumbung_tools.client.trust import VerifiedRoster
from lumbung_tools.output.cluster_page import node_row, print_cluster, sums_json
from lumbung_tools.output.console import Console
from lumbung_tools.output.node_json import node_json

_NODE = NodeNumber(1)


def _report(u32: int, u64: int) -> NodeReport:
    """With these as every number that the bytes of a report let through."""
    return NodeReport(
        cluster=CLUSTER,
        node=_NODE,
        generation=Generation(1),
        sequence=u64,
        roster_epoch=u32,
        roster_hash=bytes(32),
        access_version=u64,
        software="~",
        wire_low=u32,
        wire_high=u32,
        disk_format=u32,
        uptime_s=u64,
        clock_ms=u64,
        certificate_ends_ms=u64,
        takes_puts=True,
        own=OwnReport(u64, u64, (u64, u64, u64), u64, u64, u64, u64),
        foreign=ForeignReport(u32, u64, u64, u64),
        disk=DiskReport(u64, u64),
        scrub=ScrubReport(u64, u64, u64),
        link_counts=(u32, u32, u32, u32),
        links=(LinkReport(NodeNumber(max(2, u32)), LinkWord.DOWN, u64, u64, u64, u64, u64, u64, u64),),
        troubles=(TroubleReport("CLOCK_SKEW", Severity.CRITICAL, NodeNumber(u32), max(1, u32), "x", u32),),
    )


@pytest.mark.parametrize("age_s", [0.0, 1e300, float("inf"), float("nan")])
@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize(
    ("u32", "u64"), [(0, 0), (1, 1), (2**31, 2**63 - 1), (2**32 - 1, 2**63), (2**32 - 1, 2**64 - 1)]
)
def test_a_report_of_extreme_numbers_is_shown_beside_the_others(
    u32: int, u64: int, language: Language, age_s: float
) -> None:
    """`nodes --json` was an error for the whole cluster while one node said that its clock stood in a far year."""
    content = _report(u32, u64)
    told = decode_report(encode_report(content))
    assert told == content
    console = Console(Catalogue(language), io.StringIO(), io.StringIO(), is_json=False)
    view = view_of(_NODE, told, age_s, known_s=age_s, muted_s={})
    answer = ClusterAnswer(VerifiedRoster(signed(founding(), "a", "b"), founding()), TestVerifier())
    answer.heard[_NODE] = Heard(sign_report(told, SeededSigner("receipt 1")), 0.0, 2**50)
    views = by_badness([view, replace(view, node=NodeNumber(2), report=None)])
    print_cluster(console, answer, views, str)
    troubles_by_code(views)
    json.dumps(sums_json(sums_of(views)))
    json.dumps(node_json(view, answer, str))
    node_row(console, view, str)


def test_a_time_behind_the_last_year_is_shown_as_its_end() -> None:
    assert rfc3339(2**64 - 1) == "9999-12-31T23:59:59.000Z"
    assert rfc3339(1_000) == "1970-01-01T00:00:01.000Z"
