"""What a signature covers: a domain, a zero byte and a canonical body.

The domain names the type and its format version, so that a signature under one type can never stand for another.
Bodies are stored and forwarded verbatim: whoever checks a signature hashes the bytes that came, never a re-encoding.
"""

from __future__ import annotations

from enum import Enum
from typing import Protocol

from blake3 import blake3

from lumbung_cluster.canonical import Malformed, Reader, Writer
from lumbung_cluster.record import record

__all__ = [
    "PUBLIC_KEY_SIZE_BYTES",
    "SIGNATURE_SIZE_BYTES",
    "Domain",
    "Signature",
    "Signer",
    "Verifier",
    "is_signed_by",
    "read_signature",
    "sign",
    "signed_hash",
    "signing_input",
    "split_signed",
    "write_signature",
]

PUBLIC_KEY_SIZE_BYTES = 32
SIGNATURE_SIZE_BYTES = 64
_SIGNATURE_END_SIZE_BYTES = PUBLIC_KEY_SIZE_BYTES + SIGNATURE_SIZE_BYTES


class Domain(Enum):
    """The type of a signed body; the number at the end is the version of its format."""

    ENTRY = b"lumbung/entry/0"
    RECEIPT = b"lumbung/receipt/0"
    INVENTORY = b"lumbung/inventory/0"
    WITHDRAWAL = b"lumbung/withdrawal/0"
    ROSTER = b"lumbung/roster/0"
    ACCESS = b"lumbung/access/0"
    LIFE = b"lumbung/life/0"
    JOIN = b"lumbung/join/0"
    PACK = b"lumbung/pack/0"
    REPORT = b"lumbung/report/0"
    BUNDLE = b"lumbung/bundle/0"
    RELEASE = b"lumbung/release/0"
    DRAINED = b"lumbung/drained/0"


class Signer(Protocol):
    """Same shape as the node's port: pure code gets it as a parameter and never sees the private key."""

    @property
    def public_key(self) -> bytes: ...

    def sign(self, message: bytes) -> bytes: ...


class Verifier(Protocol):
    """Same shape as the node's port: true only for a valid Ed25519 signature, never raises for bad bytes."""

    def verify(self, public_key: bytes, message: bytes, signature: bytes) -> bool: ...


@record
class Signature:
    """An Ed25519 signature with the public key that it claims; whether that key may sign is the roster's to say."""

    key_public: bytes
    signature: bytes

    def __post_init__(self) -> None:
        if len(self.key_public) != PUBLIC_KEY_SIZE_BYTES:
            raise Malformed("public key", f"{PUBLIC_KEY_SIZE_BYTES} bytes", f"{len(self.key_public)} bytes")
        if len(self.signature) != SIGNATURE_SIZE_BYTES:
            raise Malformed("signature", f"{SIGNATURE_SIZE_BYTES} bytes", f"{len(self.signature)} bytes")

    def to_bytes(self) -> bytes:
        """What stands behind a body in files and rows: public key (32 B), signature (64 B)."""
        return self.key_public + self.signature


def split_signed(name: str, raw: bytes) -> tuple[bytes, Signature]:
    """A body and the `Signature.to_bytes` behind it. `name` is what the error calls it. Raises Malformed."""
    if len(raw) < _SIGNATURE_END_SIZE_BYTES:
        raise Malformed(name, f"at least {_SIGNATURE_END_SIZE_BYTES} bytes", f"{len(raw)}")
    body, end = raw[:-_SIGNATURE_END_SIZE_BYTES], raw[-_SIGNATURE_END_SIZE_BYTES:]
    return body, Signature(end[:PUBLIC_KEY_SIZE_BYTES], end[PUBLIC_KEY_SIZE_BYTES:])


def signing_input(domain: Domain, body: bytes) -> bytes:
    """The message that gets signed: the domain, one zero byte (no domain holds one), the body."""
    return domain.value + b"\0" + body


def signed_hash(domain: Domain, body: bytes) -> bytes:
    """BLAKE3-256 of the signing input: names a signed body, 32 bytes."""
    return blake3(signing_input(domain, body)).digest()


def sign(domain: Domain, body: bytes, signer: Signer) -> Signature:
    return Signature(signer.public_key, signer.sign(signing_input(domain, body)))


def is_signed_by(domain: Domain, body: bytes, signature: Signature, verifier: Verifier) -> bool:
    """Whether the key named in `signature` really signed `body` under `domain`."""
    return verifier.verify(signature.key_public, signing_input(domain, body), signature.signature)


def write_signature(writer: Writer, signature: Signature) -> None:
    writer.fixed("public key", signature.key_public, PUBLIC_KEY_SIZE_BYTES)
    writer.fixed("signature", signature.signature, SIGNATURE_SIZE_BYTES)


def read_signature(reader: Reader) -> Signature:
    return Signature(reader.fixed("public key", PUBLIC_KEY_SIZE_BYTES), reader.fixed("signature", SIGNATURE_SIZE_BYTES))
