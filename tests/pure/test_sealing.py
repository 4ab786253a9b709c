"""Sealing: to whom, what comes out, and what is refused."""

from __future__ import annotations

import io
import tracemalloc

import pyrage
import pytest
from blake3 import blake3

from lumbung_cluster.errors import KeyRefused
from lumbung_cluster.ids import BlobId
from lumbung_tools import sealing
from lumbung_tools.sealing import (
    CannotOpen,
    Identities,
    PlaintextRefused,
    SealRecipients,
    looks_sealed,
    open_sealed,
    seal,
)

OFFICE = pyrage.x25519.Identity.generate()
ESCROW = pyrage.x25519.Identity.generate()
RECIPIENTS = SealRecipients((str(OFFICE.to_public()), str(ESCROW.to_public())), 3)


def sealed(plain: bytes) -> bytes:
    target = io.BytesIO()
    seal(io.BytesIO(plain), target, RECIPIENTS, blake3())
    return target.getvalue()


@pytest.mark.parametrize("size", [1, 65_535, 65_536, 65_537, 300_000])
def test_every_recipient_opens_what_was_sealed(size: int) -> None:
    plain = bytes(range(256)) * (size // 256 + 1)
    plain = plain[:size]

    for identity in (OFFICE, ESCROW):
        target = io.BytesIO()
        assert open_sealed(io.BytesIO(sealed(plain)), target, Identities([str(identity)])) == size
        assert target.getvalue() == plain


def test_the_result_names_id_and_sizes_of_what_was_written() -> None:
    target = io.BytesIO()

    result = seal(io.BytesIO(b"plain"), target, RECIPIENTS, blake3())

    assert result.id == BlobId.of(target.getvalue())
    assert (result.size_bytes, result.plaintext_size_bytes) == (len(target.getvalue()), 5)


def test_the_content_hasher_is_fed_the_plaintext() -> None:
    hasher = blake3()

    seal(io.BytesIO(b"plain" * 9_999), io.BytesIO(), RECIPIENTS, hasher)

    assert hasher.digest() == blake3(b"plain" * 9_999).digest()


def test_sealed_bytes_look_sealed_and_plain_ones_do_not() -> None:
    assert looks_sealed(sealed(b"x")[:22])
    assert not looks_sealed(b"PK\x03\x04" + bytes(40))
    assert not looks_sealed(b"age-encryption.org/v")


def test_an_empty_file_is_refused() -> None:
    with pytest.raises(PlaintextRefused):
        sealed(b"")


def test_a_plaintext_over_the_limit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealing, "PLAINTEXT_SIZE_BYTES_MAX", 100_000)

    sealed(bytes(100_000))
    with pytest.raises(PlaintextRefused):
        sealed(bytes(100_001))


def test_nobody_else_opens_it() -> None:
    with pytest.raises(CannotOpen):
        open_sealed(io.BytesIO(sealed(b"x")), io.BytesIO(), Identities([str(pyrage.x25519.Identity.generate())]))


@pytest.mark.parametrize("cut", [1, 16, 70_000])
def test_a_cut_end_is_noticed(cut: int) -> None:
    with pytest.raises(CannotOpen):
        open_sealed(io.BytesIO(sealed(bytes(200_000))[:-cut]), io.BytesIO(), Identities([str(OFFICE)]))


def test_a_roster_without_recipients_seals_nothing() -> None:
    with pytest.raises(KeyRefused):
        SealRecipients((), 3)


def test_a_recipient_that_age_does_not_know_is_refused() -> None:
    with pytest.raises(KeyRefused):
        seal(io.BytesIO(b"x"), io.BytesIO(), SealRecipients(("age1nonsense",), 3), blake3())


class BrokenDisk(io.BytesIO):
    def write(self, piece: object, /) -> int:
        raise OSError(28, "no space left on device")

    def read(self, size: int | None = -1, /) -> bytes:
        raise OSError(5, "input/output error")


@pytest.mark.parametrize("size", [1, 65_536, 1_000_000])
def test_errors_of_the_disk_come_through_as_they_are(size: int) -> None:
    with pytest.raises(OSError, match="no space left"):
        seal(io.BytesIO(b"x" * size), BrokenDisk(), RECIPIENTS, blake3())
    with pytest.raises(OSError, match="input/output error"):
        seal(BrokenDisk(), io.BytesIO(), RECIPIENTS, blake3())
    with pytest.raises(OSError, match="no space left"):
        open_sealed(io.BytesIO(sealed(b"x" * size)), BrokenDisk(), Identities([str(OFFICE)]))


class Endless(io.RawIOBase):
    """Zeros, so many, without holding them."""

    def __init__(self, size: int) -> None:
        self._left = size

    def read(self, size: int | None = -1, /) -> bytes:
        taken = min(self._left, size or 0)
        self._left -= taken
        return bytes(taken)


class Sink(io.RawIOBase):
    def write(self, piece: object, /) -> int:
        return len(memoryview(piece))  # type: ignore[arg-type]


def test_memory_does_not_grow_with_the_file() -> None:
    tracemalloc.start()
    seal(Endless(32 * 1024 * 1024), Sink(), RECIPIENTS, blake3())  # type: ignore[arg-type]
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert most < 4 * 1024 * 1024


def test_identity_files_may_hold_comments() -> None:
    identities = Identities.parse_files([f"# created by age-keygen\n# public key: x\n{OFFICE}\n\n"])
    target = io.BytesIO()

    open_sealed(io.BytesIO(sealed(b"x")), target, identities)

    assert target.getvalue() == b"x"


def test_text_that_is_no_identity_is_refused_without_being_shown() -> None:
    with pytest.raises(KeyRefused) as caught:
        Identities(["my secret passphrase"])
    assert "passphrase" not in str(caught.value)
