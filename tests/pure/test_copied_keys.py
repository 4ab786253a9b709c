"""A key that two offices name for their vans speaks under the number of him who has it, and for nobody else.

That a list may name whatever keys it likes (decision 0026) rests on this: what a node signs has its number in it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from lumbung_cluster.access import AccessList, SignedAccess, sign_access
from lumbung_cluster.bundle_manifest import Manifest, OriginSpan, PartRecord
from lumbung_cluster.caller_role import NodeRole, Refused, role_of
from lumbung_cluster.drain import DrainReport
from lumbung_cluster.entry import Entry, EntryList
from lumbung_cluster.identity_uri import NodeIdentity
from lumbung_cluster.ids import BlobId, Generation, NodeNumber
from lumbung_cluster.joining import van_numbers
from lumbung_cluster.life import Life
from lumbung_cluster.receipt import Statement, StatementKind, UnitClaim
from lumbung_cluster.release import Release
from lumbung_cluster.report import DiskReport, ForeignReport, NodeReport, OwnReport, ScrubReport
from lumbung_cluster.report_codec import decode_report, encode_report, report_objection, sign_report
from lumbung_cluster.roster import Roster
from lumbung_cluster.signed import Domain
from lumbung_cluster.with_vans import van_doubts, with_vans
from lumbung_testing.joining import van_record
from lumbung_testing.rosters import CLUSTER, SeededSigner, TestVerifier, drc, founding, office, signed
from lumbung_tools.client.reports import ClusterAnswer
from lumbung_tools.client.trust import VerifiedRoster

G1 = Generation(1)
ONE, TWO, CENTRE = NodeNumber(1), NodeNumber(2), NodeNumber(4)
THEIRS, OURS = (van_numbers(number).first for number in (ONE, TWO))
VAN = van_record(1)
BLOBS = (BlobId.of(b"one"),)
CLAIMS = (UnitClaim(0, 1, bytes(32)),)


def held() -> Roster:
    offices = [replace(office(at, name), vans=van_numbers(NodeNumber(at))) for at, name in ((1, "36.02"), (2, "34.04"))]
    return founding((*offices, drc(4)))


def listed(number: NodeNumber, **changes: object) -> SignedAccess:
    """The office's list with a van that has the keys of the same machine."""
    name = f"{'36.02' if number == ONE else '34.04'}-van1"
    van = replace(VAN, number=van_numbers(number).first, name=name, **changes)  # type: ignore[arg-type]
    return sign_access(AccessList(CLUSTER, number, 1, 1, (), (van,)), SeededSigner(f"access {number}"))


def obeyed(**changes: object) -> Roster:
    """With a van of 34.04, whose keys 36.02 names too."""
    return with_vans(held(), {ONE: listed(ONE, **changes), TWO: listed(TWO)})


# --- what a node signs ------------------------------------------------------------------------------------------


def entries(node: NodeNumber) -> bytes:
    return EntryList(CLUSTER, node, G1, 1, bytes(32), (Entry(BLOBS[0], 9, 0, 0),)).pack()


def word(kind: StatementKind) -> Callable[[NodeNumber], bytes]:
    is_inventory = kind is StatementKind.INVENTORY_RECEIPT
    blobs, claims = ((), CLAIMS) if is_inventory else (BLOBS, ())
    return lambda node: Statement(kind, CLUSTER, node, G1, 1, CENTRE, 5, 9, 0, blobs, claims).pack()


def report(node: NodeNumber) -> NodeReport:
    return NodeReport(
        cluster=CLUSTER,
        node=node,
        generation=G1,
        sequence=1,
        roster_epoch=1,
        roster_hash=bytes(32),
        access_version=1,
        software="0.1.0",
        wire_low=0,
        wire_high=0,
        disk_format=0,
        uptime_s=1,
        clock_ms=1,
        certificate_ends_ms=1,
        takes_puts=True,
        own=OwnReport(0, 0, (0, 0, 0)),
        foreign=ForeignReport(0, 0, 0, 0),
        disk=DiskReport(5, 6),
        scrub=ScrubReport(7, 8, None),
        link_counts=(0, 0, 0, 0),
        links=(),
        troubles=(),
    )


def manifest(node: NodeNumber) -> bytes:
    spans, parts = (OriginSpan(node, 17, 0, 40),), (PartRecord(1, 900, 3, 700, bytes(32)),)
    return Manifest(CLUSTER, bytes(16), node, G1, 1, CENTRE, 1, 1, True, spans, parts).encode()


SIGNED_BY_NODES: dict[Domain, tuple[Callable[[NodeNumber], bytes], Callable[[bytes], int]]] = {
    Domain.ENTRY: (entries, lambda body: EntryList.parse(body).origin),
    Domain.RECEIPT: (word(StatementKind.COMMIT_RECEIPT), lambda body: Statement.parse(body).holder),
    Domain.INVENTORY: (word(StatementKind.INVENTORY_RECEIPT), lambda body: Statement.parse(body).holder),
    Domain.WITHDRAWAL: (word(StatementKind.WITHDRAWAL), lambda body: Statement.parse(body).holder),
    Domain.LIFE: (lambda node: Life(CLUSTER, node, G1, bytes(16), 1).pack(), lambda body: Life.parse(body).node),
    Domain.REPORT: (lambda node: encode_report(report(node)), lambda body: decode_report(body).node),
    Domain.BUNDLE: (manifest, lambda body: Manifest.decode(body).exporter),
    Domain.RELEASE: (
        lambda node: Release(CLUSTER, node, G1, 1, CENTRE, 1, 1, (ONE,), CLAIMS).pack(),
        lambda body: Release.parse(body).origin,
    ),
    Domain.DRAINED: (
        lambda node: DrainReport(CLUSTER, node, G1, 1, bytes(32), 1, 0, 0, 0, ()).pack(),
        lambda body: DrainReport.parse(body).node,
    ),
}
# By custodians, by an office's access key, by keys that are no node's yet (their request names who asks), by nobody.
OTHERS = {Domain.ROSTER, Domain.ACCESS, Domain.JOIN, Domain.PACK}


def test_no_kind_of_word_is_forgotten_here() -> None:
    assert set(SIGNED_BY_NODES) | OTHERS == set(Domain)


@pytest.mark.parametrize("domain", SIGNED_BY_NODES)
def test_whatever_a_node_signs_has_its_number_in_it(domain: Domain) -> None:
    pack, signer = SIGNED_BY_NODES[domain]
    assert (signer(pack(OURS)), signer(pack(THEIRS))) == (OURS, THEIRS)


# --- what the copy is worth -------------------------------------------------------------------------------------


def test_each_van_has_the_key_under_its_own_number() -> None:
    roster = obeyed()
    for number in (THEIRS, OURS):
        assert roster.is_present(number)
        assert roster.tls_pins(number) == (VAN.tls_pin,)
    assert roster == with_vans(held(), {TWO: listed(TWO), ONE: listed(ONE)})


def test_the_certificate_says_under_which_number_a_key_calls() -> None:
    """Whoever has no certificate of the other number calls as the van that he is."""
    for number in (THEIRS, OURS):
        uri = NodeIdentity(CLUSTER, number).uri
        role = role_of(uri, VAN.tls_pin, obeyed(), {}, now_ms=1)
        assert isinstance(role, NodeRole)
        assert role.number == number


def test_what_the_other_office_says_of_its_van_is_said_of_its_number_alone() -> None:
    gone = obeyed(is_gone=True)
    uri = NodeIdentity(CLUSTER, OURS).uri
    assert isinstance(role_of(uri, VAN.tls_pin, gone, {}, now_ms=1), NodeRole)
    assert gone.entry_keys(OURS)[0].covers(9, 9)
    theirs = NodeIdentity(CLUSTER, THEIRS).uri
    assert isinstance(role_of(theirs, VAN.tls_pin, gone, {}, now_ms=1), Refused)


def test_a_vans_report_is_nobody_elses() -> None:
    told = sign_report(report(OURS), SeededSigner("receipt 36.02-van1"))
    assert report_objection(told, OURS, obeyed(), TestVerifier()) is None
    assert report_objection(told, THEIRS, obeyed(), TestVerifier()) is not None


def test_an_answer_about_the_cluster_learns_a_van_whose_keys_another_one_has_that_is_known_already() -> None:
    """The profile has the list of one office, a DRC node shows that of the other."""
    for known, shown in ((ONE, TWO), (TWO, ONE)):
        before = with_vans(held(), {known: listed(known)})
        answer = ClusterAnswer(VerifiedRoster(signed(held(), "a", "b"), before), TestVerifier())

        answer.learn_vans([listed(shown).encode()])

        assert answer.roster.roster == obeyed()


# --- what people are told ---------------------------------------------------------------------------------------


def test_people_are_told_of_a_key_that_is_named_twice() -> None:
    assert van_doubts(held(), {TWO: listed(TWO)}) == ()
    assert van_doubts(held(), {TWO: listed(TWO), ONE: listed(ONE)}) == ("34.04-van1 has a key that 36.02-van1 has too",)
    another = listed(ONE, tls_pin=b"\7" * 32, entry_key=b"\6" * 32, receipt_key=b"\5" * 32)
    assert van_doubts(held(), {TWO: listed(TWO), ONE: another}) == ()


def test_a_list_that_does_not_count_raises_no_doubt() -> None:
    content = listed(ONE).content
    assert van_doubts(held(), {ONE: sign_access(content, SeededSigner("thief")), TWO: listed(TWO)}) == ()
