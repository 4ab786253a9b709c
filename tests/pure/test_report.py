"""Node reports: their bytes, whose word is believed, and which is the newest."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumbung_cluster import limits
from lumbung_cluster.canonical import Malformed
from lumbung_cluster.health import Severity
from lumbung_cluster.ids import Generation, NodeNumber
from lumbung_cluster.report import (
    DiskReport,
    ForeignReport,
    LinkReport,
    LinkWord,
    NodeReport,
    OwnReport,
    ScrubReport,
    TroubleReport,
    report_interval_s,
)
from lumbung_cluster.report_codec import (
    decode_report,
    encode_report,
    report_objection,
    report_of_bytes,
    report_of_parts,
    sign_report,
)
from lumbung_cluster.roster_node import LinkClass
from lumbung_cluster.signed import Domain, is_signed_by, signed_hash
from lumbung_testing.rosters import CLUSTER, SeededSigner, TestVerifier, founding

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "report_v0.json").read_text(encoding="utf-8"))
OFFICE, PEER, CENTRE = NodeNumber(1), NodeNumber(2), NodeNumber(4)
KEY = SeededSigner("receipt 1")
REPORT = NodeReport(
    cluster=CLUSTER,
    node=OFFICE,
    generation=Generation(2),
    sequence=(2 << 40) + 7,
    roster_epoch=6,
    roster_hash=bytes(range(32)),
    access_version=3,
    software="0.1.0",
    wire_low=0,
    wire_high=1,
    disk_format=0,
    uptime_s=86_400,
    clock_ms=1_795_500_000_000,
    certificate_ends_ms=1_827_036_000_000,
    takes_puts=True,
    own=OwnReport(812, 250_000_000, (3, 9, 800), 2, 7200, 600, 1),
    foreign=ForeignReport(2, 1500, 460_000_000, 0),
    disk=DiskReport(10**11, 10**12, refuses_foreign=True),
    scrub=ScrubReport(500_000, 604_800, 90_000),
    link_counts=(1, 0, 1, 0),
    links=(
        LinkReport(PEER, LinkWord.DOWN, 300, 310, 9, 7200, 803, 90_000),
        LinkReport(CENTRE, LinkWord.UP, 86_000, 1, 0, 0, 812, 3600, 41_250),
    ),
    troubles=(
        TroubleReport("COPIES_SHORT", Severity.CRITICAL, reason="damaged"),
        TroubleReport("LINK_DOWN", Severity.WARNING, PEER, muted_s=86_400),
    ),
)


def test_the_bytes_are_those_of_the_golden_vector() -> None:
    """The file is written from the table of docs/protocol.md by other code than ours."""
    vector = {name: bytes.fromhex(text) for name, text in GOLDEN.items()}
    signed = sign_report(REPORT, KEY)

    assert signed.body == vector["body"]
    assert signed.to_bytes() == vector["body"] + vector["signed_by"] + vector["signature"]
    assert signed_hash(Domain.REPORT, signed.body) == vector["hash"]
    assert report_of_bytes(signed.to_bytes()) == signed
    valid = [each for each in Domain if is_signed_by(each, signed.body, signed.signature, TestVerifier())]
    assert valid == [Domain.REPORT]


def test_no_other_bytes_mean_the_same() -> None:
    body = encode_report(REPORT)

    assert decode_report(body) == REPORT
    for broken in (body[:-1], body + b"\0", body[:20], b""):
        with pytest.raises(Malformed):
            decode_report(broken)


@pytest.mark.parametrize(
    "wrong",
    [
        replace(REPORT, node=NodeNumber(0)),
        replace(REPORT, generation=Generation(0)),
        replace(REPORT, software="\x1b[2J"),
        replace(REPORT, software=""),
        replace(REPORT, links=(LinkReport(PEER, LinkWord.UP), LinkReport(PEER, LinkWord.DOWN))),
        replace(REPORT, links=(LinkReport(OFFICE, LinkWord.UP),)),
        replace(REPORT, links=(LinkReport(NodeNumber(0), LinkWord.UP),)),
        replace(REPORT, troubles=(TroubleReport("link down", Severity.NOTE),)),
        replace(REPORT, troubles=(TroubleReport("LINK_DOWN", Severity.NOTE, reason="\n"),)),
        replace(REPORT, troubles=(TroubleReport("LINK_DOWN", Severity.NOTE, count=0),)),
    ],
)
def test_what_would_spoil_a_page_is_neither_written_nor_read(wrong: NodeReport) -> None:
    with pytest.raises(Malformed):
        encode_report(wrong)


def test_a_full_report_stays_within_its_bound_and_one_more_is_refused() -> None:
    links = tuple(
        LinkReport(NodeNumber(n + 2), LinkWord.UP, 1, 1, 1, 1, 1, 1, 1) for n in range(limits.REPORT_LINKS_MAX)
    )
    troubles = tuple(
        TroubleReport("C" * 32, Severity.NOTE, PEER, 1, "r" * 24) for _ in range(limits.REPORT_TROUBLES_MAX)
    )
    full = replace(REPORT, software="s" * 64, links=links, troubles=troubles)

    assert len(encode_report(full)) <= limits.REPORT_SIZE_BYTES_MAX
    for more in (
        replace(full, links=(*links, LinkReport(NodeNumber(99), LinkWord.UP))),
        replace(full, troubles=(*troubles, troubles[0])),
    ):
        with pytest.raises(Malformed):
            encode_report(more)
    with pytest.raises(Malformed):
        decode_report(bytes(limits.REPORT_SIZE_BYTES_MAX + 1))


@given(st.integers(0, len(encode_report(REPORT)) - 1), st.integers(1, 255))
def test_a_changed_byte_is_refused_or_is_another_report(place: int, change: int) -> None:
    body = bytearray(encode_report(REPORT))
    body[place] ^= change
    try:
        found = decode_report(bytes(body))
    except Malformed:
        return
    assert found != REPORT
    assert encode_report(found) == bytes(body)


def objection(report: NodeReport = REPORT, signer: SeededSigner = KEY, node: NodeNumber = OFFICE) -> str | None:
    return report_objection(sign_report(report, signer), node, founding(), TestVerifier())


def test_a_node_speaks_for_itself() -> None:
    assert objection() is None


@pytest.mark.parametrize(
    ("node", "signer", "said"),
    [
        (PEER, KEY, "expected one of node 2"),
        (OFFICE, SeededSigner("receipt 2"), "expected a receipt key of node 1"),
        (OFFICE, SeededSigner("entry 1"), "expected a receipt key of node 1"),
    ],
)
def test_nobody_speaks_for_another(node: NodeNumber, signer: SeededSigner, said: str) -> None:
    assert said in str(objection(signer=signer, node=node))


def test_a_broken_signature_is_nobodys_word() -> None:
    signed = sign_report(REPORT, KEY)
    other = sign_report(replace(REPORT, uptime_s=1), KEY)
    mixed = report_of_parts(signed.body, KEY.public_key, other.signature.signature)

    assert "valid signature" in str(report_objection(mixed, OFFICE, founding(), TestVerifier()))


def test_order_is_by_generation_then_sequence() -> None:
    older_life = replace(REPORT, generation=Generation(1), sequence=REPORT.sequence + 1)

    assert older_life.order < REPORT.order < replace(REPORT, sequence=REPORT.sequence + 1).order


def test_the_colour_is_that_of_the_worst_trouble_that_is_not_muted() -> None:
    muted = replace(REPORT.troubles[0], muted_s=60)

    assert REPORT.worst is Severity.CRITICAL
    assert replace(REPORT, troubles=(muted, REPORT.troubles[1])).worst is None


def test_a_line_that_is_paid_by_the_byte_carries_fewer_reports() -> None:
    intervals = [report_interval_s(link) for link in (LinkClass.LAN, LinkClass.WAN, LinkClass.SATELLITE)]

    assert intervals == sorted(intervals)
    assert 3 * intervals[-1] <= limits.REPORT_LATE_S
