"""Manifests and receipts files of a disk: one value, one byte string; whatever differs is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumbung_cluster.bundle_manifest import (
    MANIFEST_SIZE_BYTES_MAX,
    Manifest,
    OriginSpan,
    PartRecord,
    SignedManifest,
    sign_manifest,
)
from lumbung_cluster.bundle_receipts import RECEIPTS_SIZE_BYTES_MAX, ReceiptsFile
from lumbung_cluster.canonical import Malformed
from lumbung_cluster.ids import BlobId, Generation, NodeNumber
from lumbung_cluster.limits import (
    BUNDLE_ORIGINS_MAX,
    BUNDLE_PARTS_MAX,
    BUNDLE_RECEIPTS_FILE_MAX,
    MESSAGE_SIZE_BYTES_MAX,
    RECEIPT_IDS_MAX,
)
from lumbung_cluster.receipt import SignedStatement, Statement, StatementKind, sign_statement
from lumbung_testing.bundle_parts import BUNDLE, EXPORTER, HOLDER
from lumbung_testing.rosters import CLUSTER, SeededSigner, TestVerifier

U32, U64 = st.integers(1, 2**32 - 1), st.integers(0, 2**63)
SPANS = st.builds(
    lambda origin, nonce, after, more: OriginSpan(NodeNumber(origin), nonce, after, after + more), U32, U64, U64, U32
)
PARTS = st.builds(PartRecord, U32, U64, U64, U64, st.binary(min_size=32, max_size=32))
MANIFESTS = st.builds(
    Manifest,
    cluster=st.just(CLUSTER),
    bundle=st.binary(min_size=16, max_size=16),
    exporter=U32.map(NodeNumber),
    generation=U32.map(Generation),
    roster_epoch=U32,
    holder=U32.map(NodeNumber),
    disk=U32,
    created_ms=U64,
    is_complete=st.booleans(),
    origins=st.lists(SPANS, min_size=1, max_size=5, unique_by=lambda span: span.origin).map(
        lambda spans: tuple(sorted(spans, key=lambda span: span.origin))
    ),
    parts=st.lists(PARTS, max_size=5, unique_by=lambda part: part.part).map(
        lambda parts: tuple(sorted(parts, key=lambda part: part.part))
    ),
)
ONE = Manifest(
    CLUSTER,
    BUNDLE,
    EXPORTER,
    Generation(1),
    1,
    HOLDER,
    disk=1,
    created_ms=1_795_500_000_000,
    is_complete=True,
    origins=(OriginSpan(EXPORTER, 17, 0, 40),),
    parts=(PartRecord(1, 900, 3, 700, bytes(32)),),
)
SIGNED = sign_manifest(ONE, SeededSigner("receipt 1"))


@given(MANIFESTS)
def test_a_manifest_is_read_as_it_was_written(content: Manifest) -> None:
    signed = sign_manifest(content, SeededSigner("receipt 1"))

    found = SignedManifest.from_bytes(signed.to_bytes())

    assert found == signed
    assert found.is_valid(TestVerifier())


@given(st.integers(0, len(SIGNED.to_bytes()) - 1), st.integers(1, 255))
def test_a_manifest_with_one_byte_changed_is_malformed_or_not_signed(at: int, change: int) -> None:
    raw = bytearray(SIGNED.to_bytes())
    raw[at] ^= change

    try:
        found = SignedManifest.from_bytes(bytes(raw))
    except Malformed:
        return
    assert not (found.is_valid(TestVerifier()) and found.signature.key_public == SIGNED.signature.key_public)


@given(st.integers(0, len(SIGNED.to_bytes()) - 1))
def test_a_cut_manifest_is_refused(cut: int) -> None:
    with pytest.raises(Malformed):
        SignedManifest.from_bytes(SIGNED.to_bytes()[:cut])


@pytest.mark.parametrize(
    "bad",
    [
        replace(ONE, origins=()),
        replace(ONE, origins=(OriginSpan(EXPORTER, 1, 5, 4),)),
        replace(ONE, parts=(*ONE.parts, *ONE.parts)),
        replace(ONE, disk=0),
        replace(ONE, holder=NodeNumber(0)),
    ],
)
def test_a_manifest_that_contradicts_itself_is_refused(bad: Manifest) -> None:
    with pytest.raises(Malformed):
        bad.encode()


def test_the_largest_manifest_fits_its_bound_and_a_message() -> None:
    origins = tuple(OriginSpan(NodeNumber(n), 1, 0, 1) for n in range(1, BUNDLE_ORIGINS_MAX + 1))
    parts = tuple(PartRecord(n, 1, 1, 1, bytes(32)) for n in range(1, BUNDLE_PARTS_MAX + 1))

    size = len(sign_manifest(replace(ONE, origins=origins, parts=parts), SeededSigner("receipt 1")).to_bytes())

    assert size <= MANIFEST_SIZE_BYTES_MAX < MESSAGE_SIZE_BYTES_MAX


def receipt(ids: int = 2, nonce: int = 17) -> SignedStatement:
    statement = Statement(
        StatementKind.COMMIT_RECEIPT,
        CLUSTER,
        HOLDER,
        Generation(1),
        1,
        EXPORTER,
        nonce,
        40,
        1_795_500_000_000,
        tuple(BlobId(n.to_bytes(32, "big")) for n in range(ids)),
    )
    return sign_statement(statement, SeededSigner("receipt 4"))


FILE = ReceiptsFile(BUNDLE, HOLDER, (receipt(), receipt(3, 18)))


def test_a_receipts_file_is_read_as_it_was_written() -> None:
    assert ReceiptsFile.decode(FILE.encode()) == FILE


@given(st.integers(0, len(FILE.encode()) - 1), st.integers(1, 255))
def test_a_receipts_file_with_one_byte_changed_is_refused(at: int, change: int) -> None:
    raw = bytearray(FILE.encode())
    raw[at] ^= change

    with pytest.raises(Malformed):
        ReceiptsFile.decode(bytes(raw))


@given(st.binary(max_size=400))
def test_noise_is_no_receipts_file(raw: bytes) -> None:
    with pytest.raises(Malformed):
        ReceiptsFile.decode(raw)


def test_the_largest_receipts_file_fits_its_bound() -> None:
    full = ReceiptsFile(BUNDLE, HOLDER, (receipt(RECEIPT_IDS_MAX),) * BUNDLE_RECEIPTS_FILE_MAX)

    assert len(full.encode()) <= RECEIPTS_SIZE_BYTES_MAX
