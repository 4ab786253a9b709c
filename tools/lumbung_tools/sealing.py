"""Sealing with age: from here on nobody but the office and the escrow can read what was enrolled.

Recipients come from a verified roster only, so that nobody slips a key of his own in. Everything streams from file to
file; memory stays at one age chunk (64 KiB) whatever the size. The id is hashed while the sealed bytes are written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from io import BufferedIOBase
from typing import IO, TYPE_CHECKING

import pyrage
from blake3 import blake3

from lumbung_cluster.errors import KeyRefused, LumbungError
from lumbung_cluster.ids import BlobId, blob_hasher
from lumbung_cluster.limits import PLAINTEXT_SIZE_BYTES_MAX

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

__all__ = [
    "AGE_MAGIC",
    "CannotOpen",
    "Identities",
    "PlaintextRefused",
    "SealRecipients",
    "Sealed",
    "looks_sealed",
    "no_file_in_it",
    "not_a_file",
    "open_sealed",
    "seal",
    "spoilt_sealing",
]

AGE_MAGIC = b"age-encryption.org/v1\n"


class PlaintextRefused(LumbungError):
    """An empty file, one larger than a blob may be, or what is no file: nothing is sealed."""


def not_a_file() -> PlaintextRefused:
    """Of what lies in a folder and would be waited for: a pipe, a socket, a device."""
    return PlaintextRefused("plaintext: expected a file, got a pipe, socket or device")


def no_file_in_it() -> PlaintextRefused:
    """Of a folder that a person named, and in which nothing but hidden files and links lies, or nothing at all."""
    return PlaintextRefused("plaintext: expected a file in this folder, got none")


def spoilt_sealing() -> PlaintextRefused:
    """Of a sealed file whose bytes, or what was written beside it, are not what they were."""
    return PlaintextRefused("sealed file: expected the bytes that were sealed, got others")


class CannotOpen(KeyRefused):
    """None of the identities at hand opens the blob."""


@dataclass(frozen=True, slots=True)
class SealRecipients:
    """Whom blobs are sealed to and the epoch of the roster that says so; `profile.seal_recipients` makes it."""

    recipients: tuple[str, ...]
    epoch: int

    def __post_init__(self) -> None:
        if not self.recipients:
            raise KeyRefused("seal recipients: expected at least one in the roster, got none")


@dataclass(frozen=True, slots=True)
class Sealed:
    """What came out of sealing."""

    id: BlobId
    size_bytes: int
    plaintext_size_bytes: int


class Identities:
    """Private age keys, parsed once. Raises KeyRefused for text that is no identity (and never shows it)."""

    __slots__ = ("_parsed",)

    def __init__(self, texts: Sequence[str]) -> None:
        try:
            self._parsed = [pyrage.x25519.Identity.from_str(text) for text in texts]
        except pyrage.IdentityError as exc:
            raise KeyRefused("age identity: expected a line AGE-SECRET-KEY-1..., got something else") from exc

    @classmethod
    def parse_files(cls, contents: Sequence[str]) -> Identities:
        """From the contents of `age-keygen` files: blank lines and comments are skipped."""
        lines = (line.strip() for content in contents for line in content.splitlines())
        return cls([line for line in lines if line and not line.startswith("#")])

    def open_io(self, source: BufferedIOBase, target: BufferedIOBase) -> None:
        pyrage.decrypt_io(source, target, self._parsed)


def looks_sealed(first: bytes) -> bool:
    """Whether bytes begin as a binary age v1 file does; 22 bytes are enough to tell."""
    return first.startswith(AGE_MAGIC)


def seal(source: IO[bytes], target: IO[bytes], recipients: SealRecipients, content_hasher: blake3) -> Sealed:
    """Seal all of `source` into `target`, feeding `content_hasher` with the plaintext on its way.

    Flushing and syncing the target is the caller's. Raises PlaintextRefused, KeyRefused, OSError; after any of them
    the target's bytes are worth nothing.
    """
    reader = _PlainReader(source, content_hasher)
    writer = _HashingWriter(target)
    try:
        pyrage.encrypt_io(reader, writer, _parse_recipients(recipients))
    except pyrage.EncryptError as exc:
        raise (reader.failure or writer.failure or KeyRefused(f"age: {exc}")) from exc
    # pyrage keeps the last bytes in a buffer and says nothing when writing them fails: a full disk looked like success.
    if writer.failure is not None:
        raise writer.failure
    if reader.taken_bytes == 0:
        raise PlaintextRefused("plaintext: expected at least 1 byte, got an empty file")
    return Sealed(BlobId(writer.hasher.digest()), writer.written_bytes, reader.taken_bytes)


def open_sealed(source: IO[bytes], target: IO[bytes], identities: Identities) -> int:
    """Write the plaintext of a sealed blob to `target`; gives its size.

    age checks each chunk before it is written, but a cut end shows only at the end: use the target after the return.
    Raises CannotOpen, OSError.
    """
    writer = _HashingWriter(target)
    reader = _Reader(source)
    try:
        identities.open_io(reader, writer)
    except (pyrage.DecryptError, OSError) as exc:
        failure = reader.failure or writer.failure
        if failure is not None:
            raise failure from exc
        raise CannotOpen(f"age: expected a blob sealed to one of our identities, got: {exc}") from exc
    if writer.failure is not None:  # as in `seal`
        raise writer.failure
    return writer.written_bytes


def _parse_recipients(recipients: SealRecipients) -> list[pyrage.x25519.Recipient]:
    try:
        return [pyrage.x25519.Recipient.from_str(text) for text in recipients.recipients]
    except pyrage.RecipientError as exc:
        raise KeyRefused(f"age recipient of epoch {recipients.epoch}: expected age1..., got something else") from exc


class _Reader(BufferedIOBase):
    """Keeps the error that pyrage would flatten into a text."""

    def __init__(self, source: IO[bytes]) -> None:
        self._source = source
        self.failure: Exception | None = None

    def read(self, size: int | None = -1, /) -> bytes:
        try:
            return self._source.read(-1 if size is None else size)
        except OSError as exc:
            self.failure = exc
            raise


class _PlainReader(_Reader):
    """Counts and hashes the plaintext, and stops at its limit."""

    def __init__(self, source: IO[bytes], hasher: blake3) -> None:
        super().__init__(source)
        self._hasher = hasher
        self.taken_bytes = 0

    def read(self, size: int | None = -1, /) -> bytes:
        piece = super().read(size)
        self.taken_bytes += len(piece)
        if self.taken_bytes > PLAINTEXT_SIZE_BYTES_MAX:
            self.failure = PlaintextRefused(f"plaintext: expected at most {PLAINTEXT_SIZE_BYTES_MAX} bytes, got more")
            raise self.failure
        self._hasher.update(piece)
        return piece


class _HashingWriter(BufferedIOBase):
    def __init__(self, target: IO[bytes]) -> None:
        self._target = target
        self.hasher = blob_hasher()
        self.written_bytes = 0
        self.failure: Exception | None = None

    def write(self, piece: ReadableBuffer, /) -> int:
        view = memoryview(piece)
        try:
            self._target.write(view)
        except OSError as exc:
            self.failure = exc
            raise
        self.hasher.update(view)
        self.written_bytes += len(view)
        return len(view)
