"""Bytes that were signed once stay readable and stay the same: vectors of format version 0.

The files in tests/golden are written by hand with a reason, together with a new format version, never by a test.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lumbung_cluster.access import AccessEntry, AccessList, Duty, SignedAccess, sign_access
from lumbung_cluster.ids import NodeNumber
from lumbung_cluster.roster_codec import SignedRoster, decode_roster, encode_roster
from lumbung_cluster.signed import Domain, Signature, is_signed_by, signing_input
from lumbung_testing.rosters import CLUSTER, SeededSigner, TestVerifier
from lumbung_tools.roster_toml import parse_roster_toml, render_roster_toml

GOLDEN = Path(__file__).parents[1] / "golden"
ACCESS = AccessList(
    CLUSTER,
    NodeNumber(1),
    7,
    1_795_500_000_000,
    (
        AccessEntry("loket-1", Duty.STATION, (b"\1" * 32,), 1_790_000_000_000, 1_950_000_000_000),
        AccessEntry("operator", Duty.OPERATOR, (b"\2" * 32, b"\3" * 32), 0, 2**64 - 1),
    ),
)


def vector(name: str) -> dict[str, bytes]:
    texts: dict[str, str] = json.loads((GOLDEN / name).read_text(encoding="utf-8"))
    return {key: bytes.fromhex(text) for key, text in texts.items()}


def test_the_roster_for_people_gives_the_bytes_that_were_signed() -> None:
    expected = vector("roster_v0.json")
    roster = parse_roster_toml((GOLDEN / "roster_v0.toml").read_text(encoding="utf-8"))

    assert encode_roster(roster) == expected["body"]
    assert SignedRoster(expected["body"], ()).hash == expected["hash"]
    assert SeededSigner("a").sign(signing_input(Domain.ROSTER, expected["body"])) == expected["signature"]


def test_the_signed_roster_is_read_as_it_was_written() -> None:
    written = (GOLDEN / "roster_v0.toml").read_text(encoding="utf-8")

    assert render_roster_toml(decode_roster(vector("roster_v0.json")["body"])) == written


def test_the_access_list_has_the_bytes_that_were_signed() -> None:
    expected = vector("access_v0.json")
    signed = sign_access(ACCESS, SeededSigner("access 1"))

    assert (signed.body, signed.hash) == (expected["body"], expected["hash"])
    assert signed.signature == Signature(expected["signed_by"], expected["signature"])
    assert SignedAccess.decode(signed.encode()).content == ACCESS


@pytest.mark.parametrize(("name", "domain"), [("roster_v0.json", Domain.ROSTER), ("access_v0.json", Domain.ACCESS)])
def test_signatures_of_the_vectors_are_valid_under_their_own_domain_only(name: str, domain: Domain) -> None:
    expected = vector(name)
    signature = Signature(expected["signed_by"], expected["signature"])

    valid = [each for each in Domain if is_signed_by(each, expected["body"], signature, TestVerifier())]

    assert valid == [domain]


def test_domains_are_what_they_were() -> None:
    names = {domain.name: domain.value.decode() for domain in Domain}

    assert names == {
        "ENTRY": "lumbung/entry/0",
        "RECEIPT": "lumbung/receipt/0",
        "INVENTORY": "lumbung/inventory/0",
        "WITHDRAWAL": "lumbung/withdrawal/0",
        "ROSTER": "lumbung/roster/0",
        "ACCESS": "lumbung/access/0",
        "LIFE": "lumbung/life/0",
        "JOIN": "lumbung/join/0",
        "PACK": "lumbung/pack/0",
        "REPORT": "lumbung/report/0",
        "BUNDLE": "lumbung/bundle/0",
        "RELEASE": "lumbung/release/0",
        "DRAINED": "lumbung/drained/0",
    }
