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
    make_authority,
    make_tls_key,
    pin_of_public_key,
    public_key_of,
    read_certificate,
)
from lumbung_node.adapters.keys.key_files import write_secret

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
    assert facts.not_before_ms == NOW_MS - 30 * DAY_MS
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
