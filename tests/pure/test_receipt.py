"""Receipts and withdrawals: a holder's word is read as it was written, or not at all."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumbung_cluster.canonical import Malformed
from lumbung_cluster.ids import BlobId, ClusterId, Generation, NodeNumber
from lumbung_cluster.limits import RECEIPT_IDS_MAX
from lumbung_cluster.receipt import SignedStatement, Statement, StatementKind, UnitClaim, sign_statement
from lumbung_testing.rosters import CLUSTER, SeededSigner, TestVerifier

HEAD_SIZE = 1 + 16 + 4 + 4 + 4 + 4 + 8 + 8 + 8 + 4
U32 = st.integers(0, 2**32 - 1)
U64 = st.integers(0, 2**64 - 1)
NAMING = [StatementKind.COMMIT_RECEIPT, StatementKind.WITHDRAWAL]
HEADS: dict[str, st.SearchStrategy[object]] = {
    "cluster": st.binary(min_size=16, max_size=16).map(ClusterId),
    "holder": U32.map(NodeNumber),
    "generation": U32.map(Generation),
    "roster_epoch": U32,
    "origin": U32.map(NodeNumber),
    "nonce": U64,
    "durable_number": U64,
    "verified_since_ms": U64,
}
STATEMENTS = st.builds(
    Statement,
    kind=st.sampled_from(NAMING),
    blobs=st.lists(st.binary(min_size=32, max_size=32).map(BlobId), min_size=1, max_size=5).map(tuple),
    **HEADS,
)
CLAIMS = st.lists(
    st.builds(UnitClaim, unit=st.integers(0, 63), blobs=U32, digest=st.binary(min_size=32, max_size=32)),
    min_size=1,
    max_size=5,
    unique_by=lambda claim: claim.unit,
).map(lambda claims: tuple(sorted(claims, key=lambda claim: claim.unit)))
INVENTORIES = st.builds(
    Statement, kind=st.just(StatementKind.INVENTORY_RECEIPT), blobs=st.just(()), units=CLAIMS, **HEADS
)
BLOB = BlobId(b"\7" * 32)
RECEIPT = Statement(
    StatementKind.COMMIT_RECEIPT, CLUSTER, NodeNumber(4), Generation(5), 6, NodeNumber(1), 7, 813, 9, (BLOB,)
)


@given(STATEMENTS)
def test_a_word_is_read_as_it_was_written(content: Statement) -> None:
    body = content.pack()

    assert len(body) == HEAD_SIZE + 32 * len(content.blobs)
    assert Statement.parse(body) == content


@given(INVENTORIES)
def test_an_inventory_receipt_is_read_as_it_was_written(content: Statement) -> None:
    body = content.pack()

    assert len(body) == HEAD_SIZE + 37 * len(content.units)
    assert Statement.parse(body) == content


@given(STATEMENTS | INVENTORIES, st.data())
def test_a_word_that_is_cut_anywhere_is_refused(content: Statement, data: st.DataObject) -> None:
    body = content.pack()

    with pytest.raises(Malformed):
        Statement.parse(body[: data.draw(st.integers(0, len(body) - 1))])


@given(STATEMENTS | INVENTORIES, st.binary(min_size=1, max_size=64))
def test_a_word_with_bytes_behind_its_end_is_refused(content: Statement, more: bytes) -> None:
    with pytest.raises(Malformed):
        Statement.parse(content.pack() + more)


@given(st.binary(max_size=HEAD_SIZE + 64))
def test_bytes_that_are_read_are_those_that_would_be_written(raw: bytes) -> None:
    try:
        content = Statement.parse(raw)
    except Malformed:
        return
    assert content.pack() == raw


def test_a_word_names_1_to_256_ids() -> None:
    full = replace(RECEIPT, blobs=(BLOB,) * RECEIPT_IDS_MAX)

    assert Statement.parse(full.pack()) == full
    for count in (0, RECEIPT_IDS_MAX + 1):
        with pytest.raises(Malformed, match="receipt count: expected 1 to 256"):
            Statement.parse(replace(RECEIPT, blobs=(BLOB,) * count).pack())


@pytest.mark.parametrize("units", [(1, 1), (2, 1), (64,), (3, 255)])
def test_units_rise_and_are_64(units: tuple[int, ...]) -> None:
    claims = tuple(UnitClaim(unit, 1, b"d" * 32) for unit in units)
    content = replace(RECEIPT, kind=StatementKind.INVENTORY_RECEIPT, blobs=(), units=claims)

    with pytest.raises(Malformed, match="receipt units: expected rising, 0 to 63"):
        Statement.parse(content.pack())


@pytest.mark.parametrize("kind", [0, 4, 255])
def test_a_kind_of_word_that_this_version_does_not_know_is_refused(kind: int) -> None:
    with pytest.raises(Malformed, match="receipt kind"):
        Statement.parse(bytes([kind]) + RECEIPT.pack()[1:])


@pytest.mark.parametrize("kind", NAMING)
def test_a_signed_word_is_one_string_of_bytes_to_keep_and_carry(kind: StatementKind) -> None:
    signed = sign_statement(replace(RECEIPT, kind=kind), SeededSigner("receipt 4"))

    assert len(signed.to_bytes()) == HEAD_SIZE + 32 + 32 + 64
    assert SignedStatement.from_bytes(signed.to_bytes()) == signed
    assert signed.is_valid(TestVerifier())


def test_a_signed_word_that_is_cut_anywhere_is_refused() -> None:
    raw = sign_statement(RECEIPT, SeededSigner("receipt 4")).to_bytes()
    for size in range(len(raw)):
        with pytest.raises(Malformed):
            SignedStatement.from_bytes(raw[:size])


def test_a_receipt_cannot_be_turned_into_a_withdrawal() -> None:
    signed = sign_statement(RECEIPT, SeededSigner("receipt 4"))
    turned = bytes([StatementKind.WITHDRAWAL.value]) + signed.body[1:]

    assert not SignedStatement.parse(turned, signed.signature).is_valid(TestVerifier())


def test_a_changed_bit_makes_the_signature_void() -> None:
    signed = sign_statement(RECEIPT, SeededSigner("receipt 4"))
    for at in range(len(signed.body)):
        body = bytearray(signed.body)
        body[at] ^= 0x80
        try:
            changed = SignedStatement.parse(bytes(body), signed.signature)
        except Malformed:
            continue
        assert not changed.is_valid(TestVerifier())
