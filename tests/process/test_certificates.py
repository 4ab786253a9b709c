"""Certificates: what they say, and a real TLS 1.3 handshake with them."""

from __future__ import annotations

import ssl
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from lumbung_cluster.errors import KeyRefused
from lumbung_cluster.identity_uri import AccessIdentity, Identity, NodeIdentity
from lumbung_cluster.ids import ClusterId, NodeNumber
from lumbung_node.adapters.keys.certificates import (
    Authority,
    is_renewal_due,
    make_authority,
    make_tls_key,
    pin_of_public_key,
    public_key_of,
    read_certificate,
)
from lumbung_node.adapters.keys.key_files import write_public, write_secret
from lumbung_node.adapters.keys.tls_proofs import is_issued_by
from lumbung_testing.real_clusters import lumbung

CLUSTER = ClusterId(bytes(range(16)))
NODE = NodeIdentity(CLUSTER, NodeNumber(7))
STATION = AccessIdentity(CLUSTER, NodeNumber(7), "loket-1")
DAY_MS = 24 * 3600 * 1000
NOW_MS = int(time.time()) * 1000  # the handshakes look at the machine's clock


@dataclass(frozen=True, slots=True)
class Leaf:
    certificate: Path
    key: Path


def leaf(folder: Path, authority: Authority, identity: Identity, name: str) -> Leaf:
    key = make_tls_key()
    write_secret(folder / f"{name}.key", key)
    write_secret(folder / f"{name}.pem", authority.issue(identity, public_key_of(key), now_ms=NOW_MS))
    return Leaf(folder / f"{name}.pem", folder / f"{name}.key")


@pytest.mark.parametrize(
    ("identity", "dns_name"),
    [(NODE, f"n7.{CLUSTER}.lumbung"), (STATION, f"a7.{CLUSTER}.lumbung")],
)
def test_a_leaf_says_who_it_is_and_pins_its_key(identity: Identity, dns_name: str) -> None:
    key = make_tls_key()
    public_key = public_key_of(key)
    authority = make_authority(CLUSTER, "ca", now_ms=NOW_MS)

    facts = read_certificate(authority.issue(identity, public_key, now_ms=NOW_MS))

    assert (facts.uri, facts.dns_names) == (identity.uri, (dns_name,))
    assert facts.pin == pin_of_public_key(public_key)
    assert facts.not_before_ms == 0, "a clock that was reset to any year still sees it as valid"
    assert facts.not_after_ms == NOW_MS + 5 * 365 * DAY_MS


def test_a_renewed_certificate_of_the_same_key_keeps_its_pin() -> None:
    public_key = public_key_of(make_tls_key())
    authority = make_authority(CLUSTER, "ca", now_ms=NOW_MS)

    first = read_certificate(authority.issue(NODE, public_key, now_ms=NOW_MS))
    second = read_certificate(authority.issue(NODE, public_key, now_ms=NOW_MS + 900 * DAY_MS))

    assert first.pin == second.pin
    assert first.not_after_ms < second.not_after_ms


def test_an_authority_does_not_issue_with_another_authoritys_key() -> None:
    mixed = Authority(
        make_authority(CLUSTER, "a", now_ms=NOW_MS).certificate_pem, make_authority(CLUSTER, "b", now_ms=NOW_MS).key_pem
    )

    with pytest.raises(KeyRefused, match="expected the key of its certificate"):
        mixed.issue(NODE, public_key_of(make_tls_key()), now_ms=NOW_MS)


@pytest.mark.parametrize("pem", [b"", b"nothing", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_what_is_no_certificate_is_refused(pem: bytes) -> None:
    with pytest.raises(KeyRefused, match="certificate: expected one in PEM"):
        read_certificate(pem)


def test_two_leaves_of_one_authority_shake_hands_under_tls_1_3(tmp_path: Path) -> None:
    authority = make_authority(CLUSTER, "ca", now_ms=NOW_MS)
    server, client = leaf(tmp_path, authority, NODE, "server"), leaf(tmp_path, authority, STATION, "client")

    seen = handshake(authority, server, authority, client, NODE.dns_name)

    assert (seen.version, seen.uri) == ("TLSv1.3", STATION.uri)


def test_a_leaf_of_another_authority_is_not_trusted(tmp_path: Path) -> None:
    ours, theirs = (make_authority(CLUSTER, name, now_ms=NOW_MS) for name in ("ours", "theirs"))
    server, stranger = leaf(tmp_path, ours, NODE, "server"), leaf(tmp_path, theirs, STATION, "stranger")

    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(ours, server, ours, stranger, NODE.dns_name)


def test_a_leaf_issues_no_leaves(tmp_path: Path) -> None:
    authority = make_authority(CLUSTER, "ca", now_ms=NOW_MS)
    key = make_tls_key()
    office = Authority(authority.issue(NODE, public_key_of(key), now_ms=NOW_MS), key)
    server, forged = leaf(tmp_path, authority, NODE, "server"), leaf(tmp_path, office, STATION, "forged")
    forged.certificate.write_bytes(forged.certificate.read_bytes() + office.certificate_pem)

    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(authority, server, authority, forged, NODE.dns_name)


def test_an_office_issues_below_the_root_and_is_trusted_by_whoever_trusts_the_root(tmp_path: Path) -> None:
    root = make_authority(CLUSTER, "ca", now_ms=NOW_MS)
    office = root.issue_authority(CLUSTER, "36.02", now_ms=NOW_MS)
    server, client = leaf(tmp_path, office, NODE, "server"), leaf(tmp_path, root, STATION, "client")

    assert handshake(root, server, root, client, NODE.dns_name).version == "TLSv1.3"
    assert handshake(root, client, root, server, STATION.dns_name).uri == NODE.uri
    with pytest.raises(KeyRefused, match="expected a root"):
        office.issue_authority(CLUSTER, "36.03", now_ms=NOW_MS)


def test_a_certificate_is_due_at_half_of_its_life() -> None:
    authority = make_authority(CLUSTER, "ca", now_ms=NOW_MS)
    facts = read_certificate(authority.issue(NODE, public_key_of(make_tls_key()), now_ms=NOW_MS))
    half_ms = 5 * 365 * DAY_MS // 2

    assert not is_renewal_due(facts, NOW_MS + half_ms)
    assert is_renewal_due(facts, NOW_MS + half_ms + 1)


def test_nothing_is_issued_by_a_clock_that_was_reset() -> None:
    """It would end five years after 2017, and cut the office off once the clock is right again."""
    authority = make_authority(CLUSTER, "ca", now_ms=NOW_MS)
    public_key, year_2017_ms = public_key_of(make_tls_key()), 1_483_228_800_000
    facts = read_certificate(authority.issue(NODE, public_key, now_ms=NOW_MS))

    with pytest.raises(KeyRefused, match="set the clock"):
        authority.issue(NODE, public_key, now_ms=year_2017_ms)
    with pytest.raises(KeyRefused, match="set the clock"):
        is_renewal_due(facts, year_2017_ms)


def test_the_command_renews_in_place_under_the_same_key_once_it_is_due(tmp_path: Path) -> None:
    authority, key = make_authority(CLUSTER, "ca", now_ms=NOW_MS - 1500 * DAY_MS), make_tls_key()
    write_secret(tmp_path / "authority.key", authority.key_pem)
    write_public(tmp_path / "authority.crt", authority.certificate_pem)
    for name, age_days in (("old.crt", 1000), ("young.crt", 100)):
        issued_ms = NOW_MS - age_days * DAY_MS
        write_public(tmp_path / name, authority.issue(NODE, public_key_of(key), now_ms=issued_ms))
    before = {name: read_certificate((tmp_path / name).read_bytes()) for name in ("old.crt", "young.crt")}

    for name in before:
        done = lumbung("cert", "renew", tmp_path / name, "--authority", tmp_path)
        assert done.returncode == 0, done.stderr
    after = {name: read_certificate((tmp_path / name).read_bytes()) for name in before}

    assert after["young.crt"] == before["young.crt"]
    assert (after["old.crt"].uri, after["old.crt"].pin) == (NODE.uri, before["old.crt"].pin)
    assert after["old.crt"].not_after_ms > NOW_MS + 1800 * DAY_MS


@dataclass(frozen=True, slots=True)
class Seen:
    version: str | None
    uri: str


def handshake(server_trusts: Authority, server: Leaf, client_trusts: Authority, client: Leaf, name: str) -> Seen:
    """Both sides in memory; what the server learnt of the client. Raises what either side raises."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    server_side = context(ssl.PROTOCOL_TLS_SERVER, server_trusts, server)
    client_side = context(ssl.PROTOCOL_TLS_CLIENT, client_trusts, client)
    at_server = server_side.wrap_bio(to_server, to_client, server_side=True)
    at_client = client_side.wrap_bio(to_client, to_server, server_hostname=name)
    for _ in range(4):
        for side in (at_client, at_server):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    found = at_server.getpeercert()
    assert found is not None
    (uri,) = [str(name[1]) for name in found["subjectAltName"] if name[0] == "URI"]
    return Seen(at_server.version(), uri)


def context(protocol: int, trusts: Authority, own: Leaf) -> ssl.SSLContext:
    made = ssl.SSLContext(protocol)
    made.minimum_version = ssl.TLSVersion.TLSv1_3
    made.verify_mode = ssl.CERT_REQUIRED
    made.verify_flags |= ssl.VERIFY_X509_STRICT
    made.load_verify_locations(cadata=trusts.certificate_pem.decode())
    made.load_cert_chain(own.certificate, own.key)
    return made


def test_a_chain_leads_to_its_root_through_an_offices_authority_and_through_nobody_else() -> None:
    root, other = (make_authority(CLUSTER, name, now_ms=NOW_MS) for name in ("root", "other"))
    office = root.issue_authority(CLUSTER, "36.02", now_ms=NOW_MS)
    key = make_tls_key()
    own = root.issue(NODE, public_key_of(key), now_ms=NOW_MS)
    by_office = office.issue(NODE, public_key_of(make_tls_key()), now_ms=NOW_MS)
    # Whoever has a leaf can sign with its key, and is no authority by that.
    by_leaf = Authority(own, key).issue(NODE, public_key_of(make_tls_key()), now_ms=NOW_MS)

    assert is_issued_by(own, root.certificate_pem)
    assert is_issued_by(by_office, other.certificate_pem + root.certificate_pem)
    assert not is_issued_by(by_leaf, root.certificate_pem)
    assert not is_issued_by(own, other.certificate_pem)
    assert not is_issued_by(by_office, other.certificate_pem)
    with pytest.raises(KeyRefused):
        is_issued_by(b"no certificate", root.certificate_pem)
