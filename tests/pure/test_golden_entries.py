"""What origins and holders signed once stays readable and stays the same: vectors of format version 0.

The file in tests/golden is written from the layouts of docs/protocol.md, together with a new format version, never by
a test and never by the encoders that it judges.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lumbung_cluster.entry import FLAG_UNSEALED, Entry, EntryList, SignedList, sign_list
from lumbung_cluster.feed import first_hash, next_hash
from lumbung_cluster.ids import BlobId, Generation, NodeNumber
from lumbung_cluster.life import Life, SignedLife, sign_life
from lumbung_cluster.limits import BLOB_SIZE_BYTES_MAX
from lumbung_cluster.receipt import SignedStatement, Statement, StatementKind, sign_statement
from lumbung_cluster.signed import Domain, Signature, is_signed_by, signed_hash
from lumbung_testing.rosters import CLUSTER, SeededSigner, TestVerifier

VECTORS: dict[str, dict[str, str]] = json.loads(
    (Path(__file__).parents[1] / "golden" / "entries_v0.json").read_text(encoding="utf-8")
)
ORIGIN, HOLDER = NodeNumber(1), NodeNumber(4)
BLOBS = tuple(BlobId.of(f"blob {n}".encode()) for n in (1, 2, 3))
ENTRIES = (
    Entry(BLOBS[0], 307_200, 1_795_500_000_000, 3),
    Entry(BLOBS[1], 1, 1_795_500_000_000, 0, FLAG_UNSEALED),
    Entry(BLOBS[2], BLOB_SIZE_BYTES_MAX, 2**64 - 1, 2**32 - 1),
)
LIST = EntryList(CLUSTER, ORIGIN, Generation(2), 1, first_hash(CLUSTER, ORIGIN, ORIGIN), ENTRIES)


def statement(kind: StatementKind, nonce: int, blobs: tuple[BlobId, ...]) -> Statement:
    return Statement(kind, CLUSTER, HOLDER, Generation(5), 6, ORIGIN, nonce, 813, 1_795_500_060_000, blobs)


LIFE = Life(CLUSTER, HOLDER, Generation(5), bytes(range(0xA0, 0xB0)), 1_795_500_060_000)
RECEIPT = statement(StatementKind.COMMIT_RECEIPT, (2 << 40) + 7, BLOBS)
WITHDRAWAL = statement(StatementKind.WITHDRAWAL, (2 << 40) + 8, BLOBS[1:2])


def vector(name: str) -> tuple[bytes, bytes, Signature]:
    """Body, hash and signature."""
    fields = {key: bytes.fromhex(text) for key, text in VECTORS[name].items()}
    return fields["body"], fields["hash"], Signature(fields["signed_by"], fields["signature"])


def test_the_entry_list_has_the_bytes_that_were_signed() -> None:
    body, digest, signature = vector("entry_list")
    signed = sign_list(LIST, SeededSigner("entry 1"))

    assert (signed.body, signed.signature) == (body, signature)
    assert signed_hash(Domain.ENTRY, body) == digest
    assert SignedList.parse(body, signature) == signed


@pytest.mark.parametrize(("name", "content"), [("receipt", RECEIPT), ("withdrawal", WITHDRAWAL)])
def test_a_holders_word_has_the_bytes_that_were_signed(name: str, content: Statement) -> None:
    body, digest, signature = vector(name)
    signed = sign_statement(content, SeededSigner("receipt 4"))

    assert (signed.body, signed.signature) == (body, signature)
    assert signed_hash(content.kind.domain, body) == digest
    assert SignedStatement.from_bytes(body + signature.to_bytes()) == signed


def test_a_life_has_the_bytes_that_were_signed() -> None:
    body, digest, signature = vector("life")
    signed = sign_life(LIFE, SeededSigner("receipt 4"))

    assert (signed.body, signed.signature) == (body, signature)
    assert signed_hash(Domain.LIFE, body) == digest
    assert SignedLife.from_bytes(body + signature.to_bytes()) == signed


@pytest.mark.parametrize(
    ("name", "domain"),
    [
        ("entry_list", Domain.ENTRY),
        ("receipt", Domain.RECEIPT),
        ("withdrawal", Domain.WITHDRAWAL),
        ("life", Domain.LIFE),
    ],
)
def test_signatures_of_the_vectors_are_valid_under_their_own_domain_only(name: str, domain: Domain) -> None:
    body, _, signature = vector(name)

    valid = [each for each in Domain if is_signed_by(each, body, signature, TestVerifier())]

    assert valid == [domain]


def test_the_running_hash_of_a_feed_is_what_it_was() -> None:
    hashes = [first_hash(CLUSTER, ORIGIN, ORIGIN)]
    for entry in ENTRIES:
        hashes.append(next_hash(hashes[-1], entry))

    assert {str(number): digest.hex() for number, digest in enumerate(hashes)} == VECTORS["feed_hashes"]


def test_each_holders_feed_of_an_origin_begins_with_a_hash_of_its_own() -> None:
    assert first_hash(CLUSTER, HOLDER, ORIGIN).hex() == VECTORS["feed_start_of_holder_4"]["0"]
