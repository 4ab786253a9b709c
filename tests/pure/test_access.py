"""Access lists and the roles of callers."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumbung_cluster.access import AccessEntry, AccessList, Duty, SignedAccess, access_objection, sign_access
from lumbung_cluster.caller_role import AccessRole, NodeRole, Refused, role_of
from lumbung_cluster.canonical import Malformed
from lumbung_cluster.identity_uri import AccessIdentity, NodeIdentity, parse_identity
from lumbung_cluster.ids import ClusterId, NodeNumber
from lumbung_cluster.roster import Roster
from lumbung_cluster.roster_node import Departure, KeyRecord, KeyUse, NodeState
from lumbung_testing.rosters import CLUSTER, SeededSigner, TestVerifier, founding

N1 = NodeNumber(1)
STATION = AccessEntry("loket-1", Duty.STATION, (b"\1" * 32,), 1000, 2000)
OPERATOR = AccessEntry("operator", Duty.OPERATOR, (b"\2" * 32, b"\3" * 32), 0, 5000)
LIST = AccessList(CLUSTER, N1, 3, 900, (STATION, OPERATOR))
ACCESS_KEY = SeededSigner("access 1")
SIGNED = sign_access(LIST, ACCESS_KEY)
ROSTER = founding()
NODE_URI, STATION_URI = NodeIdentity(CLUSTER, N1).uri, AccessIdentity(CLUSTER, N1, "loket-1").uri
NODE_PIN = ROSTER.tls_pins(N1)[0]


def objection(offered: SignedAccess, held: SignedAccess | None = None, roster: Roster = ROSTER) -> str | None:
    return access_objection(roster, held, offered, TestVerifier())


def with_first(**changes: object) -> Roster:
    """The roster with fields of node 1 changed; assignments do not matter here."""
    first = replace(ROSTER.nodes[0], **changes)  # type: ignore[arg-type]
    return replace(ROSTER, nodes=(first, *ROSTER.nodes[1:]), assignments=())


def with_retired_access_key() -> Roster:
    keys = [replace(key, last_epoch=1) if key.use is KeyUse.ACCESS else key for key in ROSTER.nodes[0].keys]
    return with_first(keys=(*keys, KeyRecord(KeyUse.ACCESS, SeededSigner("new access").public_key, 1)))


def with_departed_office() -> Roster:
    return with_first(state=NodeState.GONE, departure=Departure(1, None, "Sri", "kebakaran"))


def sentence(uri: str, pin: bytes, roster: Roster = ROSTER, now_ms: int = 1500) -> str:
    role = role_of(uri, pin, roster, {N1: SIGNED}, now_ms=now_ms)
    assert isinstance(role, Refused), role
    return role.sentence


# --- lists ---


def test_a_list_survives_its_bytes() -> None:
    assert SignedAccess.decode(SIGNED.encode()) == SIGNED


@given(at=st.integers(0, 1000), flip=st.integers(1, 255))
def test_a_changed_byte_of_a_list_breaks_its_form_or_its_signature(at: int, flip: int) -> None:
    raw = bytearray(SIGNED.encode())
    raw[at % len(raw)] ^= flip
    try:
        changed = SignedAccess.decode(bytes(raw))
    except Malformed:
        return
    assert objection(changed) is not None


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ((OPERATOR, STATION), "rising names"),
        ((STATION, STATION), "rising names"),
        ((replace(STATION, name="Loket 1"),), "access name"),
        ((replace(STATION, pins=()),), "pins of loket-1"),
        ((replace(STATION, valid_until_ms=1000),), "validity of loket-1"),
        ((STATION, replace(OPERATOR, pins=STATION.pins)), "each key for one name"),
    ],
)
def test_an_ambiguous_list_is_not_signed(entries: tuple[AccessEntry, ...], message: str) -> None:
    with pytest.raises(Malformed, match=message):
        sign_access(replace(LIST, entries=entries), ACCESS_KEY)


def test_a_newer_version_replaces_an_older_one_and_never_the_reverse() -> None:
    newer = sign_access(replace(LIST, version=4), ACCESS_KEY)

    assert objection(newer, SIGNED) is None
    assert objection(SIGNED, newer) == "access list of 36.02: expected a version above 4, got 3"


def test_the_same_list_again_is_no_error_and_another_of_its_version_is() -> None:
    other = sign_access(replace(LIST, created_ms=901), ACCESS_KEY)

    assert objection(SIGNED, SIGNED) is None
    assert objection(other, SIGNED) == "access list of 36.02: expected a version above 3, got 3"


def test_only_the_office_itself_signs_its_list() -> None:
    assert "expected an access-list key in force" in str(objection(sign_access(LIST, SeededSigner("access 2"))))
    assert "expected an access-list key in force" in str(objection(sign_access(LIST, SeededSigner("entry 1"))))


def test_a_list_of_another_cluster_or_of_a_gone_office_is_refused() -> None:
    stranger = sign_access(replace(LIST, cluster=ClusterId(bytes(16))), ACCESS_KEY)

    assert "another cluster" in str(objection(stranger))
    assert "expected an office that is present" in str(objection(SIGNED, roster=with_departed_office()))
    nobodys = sign_access(replace(LIST, office=NodeNumber(9)), ACCESS_KEY)
    assert "expected an office that is present" in str(objection(nobodys))


def test_a_thiefs_highest_version_falls_with_the_stolen_key() -> None:
    thief = sign_access(replace(LIST, version=2**64 - 1), ACCESS_KEY)
    honest = sign_access(replace(LIST, version=4), SeededSigner("new access"))

    assert objection(honest, thief, with_retired_access_key()) is None


# --- roles ---


def test_a_node_with_a_pinned_key_has_the_role_of_its_number() -> None:
    assert role_of(NODE_URI, NODE_PIN, ROSTER, {}, now_ms=0) == NodeRole(N1, ROSTER.nodes[0])


def test_a_node_with_another_key_is_refused() -> None:
    assert sentence(NODE_URI, bytes(32)) == (
        "node 1 (36.02): expected a TLS key that epoch 1 pins, got 0000000000000000"
    )


def test_a_pin_of_another_node_does_not_help() -> None:
    assert "expected a TLS key" in sentence(NODE_URI, ROSTER.tls_pins(NodeNumber(2))[0])


def test_a_node_that_left_is_refused() -> None:
    assert sentence(NODE_URI, NODE_PIN, with_departed_office()) == (
        "node 1 (36.02): expected a present node, got one that left the cluster"
    )


def test_a_retired_tls_key_is_refused_and_the_next_one_is_not() -> None:
    keys = [replace(key, last_epoch=1) if key.use is KeyUse.TLS else key for key in ROSTER.nodes[0].keys]
    roster = with_first(keys=(*keys, KeyRecord(KeyUse.TLS, b"\7" * 32, 1)))

    assert "expected a TLS key" in sentence(NODE_URI, NODE_PIN, roster)
    assert isinstance(role_of(NODE_URI, b"\7" * 32, roster, {}, now_ms=0), NodeRole)


def test_a_stranger_and_another_cluster_are_refused() -> None:
    elsewhere = NodeIdentity(ClusterId(bytes(16)), N1).uri

    assert "got a stranger" in sentence(NodeIdentity(CLUSTER, NodeNumber(99)).uri, NODE_PIN)
    assert "caller of another cluster" in sentence(elsewhere, NODE_PIN)


def test_a_station_and_an_operator_have_the_duties_of_their_list() -> None:
    operator = AccessIdentity(CLUSTER, N1, "operator").uri

    assert role_of(STATION_URI, b"\1" * 32, ROSTER, {N1: SIGNED}, now_ms=1500) == AccessRole(
        N1, "loket-1", Duty.STATION
    )
    for pin in OPERATOR.pins:
        assert role_of(operator, pin, ROSTER, {N1: SIGNED}, now_ms=1500) == AccessRole(N1, "operator", Duty.OPERATOR)


@pytest.mark.parametrize(("now_ms", "is_allowed"), [(999, False), (1000, True), (1999, True), (2000, False)])
def test_access_holds_from_its_first_moment_and_before_its_last(now_ms: int, is_allowed: bool) -> None:
    role = role_of(STATION_URI, b"\1" * 32, ROSTER, {N1: SIGNED}, now_ms=now_ms)

    assert isinstance(role, AccessRole) is is_allowed


def test_access_ends_with_the_name_the_key_the_office_and_the_signing_key() -> None:
    assert "got a stranger" in sentence(AccessIdentity(CLUSTER, N1, "loket-2").uri, b"\1" * 32)
    assert "expected a key that the access list pins" in sentence(STATION_URI, b"\2" * 32)
    assert "expected an office that is present" in sentence(STATION_URI, b"\1" * 32, with_departed_office())
    assert "signed by a key in force" in sentence(STATION_URI, b"\1" * 32, with_retired_access_key())


def test_access_needs_a_list() -> None:
    role = role_of(STATION_URI, b"\1" * 32, ROSTER, {}, now_ms=1500)

    assert role == Refused("loket-1 of 36.02: expected an access list of 36.02, got none here yet")


# --- identities ---


@pytest.mark.parametrize(
    "identity", [NodeIdentity(CLUSTER, NodeNumber(2**32 - 1)), AccessIdentity(CLUSTER, N1, "a.b-c")]
)
def test_an_identity_survives_its_uri(identity: NodeIdentity | AccessIdentity) -> None:
    assert parse_identity(identity.uri) == identity


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "lumbung://00/node/1",
        f"lumbung://{CLUSTER}/node/0",
        f"lumbung://{CLUSTER}/node/01",
        f"lumbung://{CLUSTER}/node/4294967296",
        f"lumbung://{CLUSTER}/node/1/",
        f"lumbung://{str(CLUSTER).upper()}/node/1",
        f"lumbung://{CLUSTER}/access/1/",
        f"lumbung://{CLUSTER}/access/1/A",
        f"lumbung://{CLUSTER}/access/1/a\n",
        f"https://{CLUSTER}/node/1",
    ],
)
def test_no_other_spelling_is_an_identity(uri: str) -> None:
    with pytest.raises(Malformed, match="identity: expected"):
        parse_identity(uri)
