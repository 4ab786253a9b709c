"""A join request with the proofs that its keys are in the asker's hands: each of them signs the whole of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from lumbung_cluster.canonical import Reader, Writer
from lumbung_cluster.join_request import JoinRequest
from lumbung_cluster.phone_groups import phone_groups
from lumbung_cluster.signed import (
    Domain,
    Signature,
    Signer,
    Verifier,
    is_signed_by,
    read_signature,
    sign,
    signed_hash,
    signing_input,
    write_signature,
)
from lumbung_cluster.signed_file import with_head, without_head

__all__ = ["SignedJoin", "TlsVerifier", "join_message", "possession_objection", "sign_join"]

_BODY_SIZE_MAX = 64 * 1024
_TLS_SIGNATURE_SIZE_MAX = 256
_SIGNATURES_MAX = 3


class TlsVerifier(Protocol):
    """True only for a valid ECDSA signature by the key in this SubjectPublicKeyInfo (DER); never raises."""

    def verify(self, public_key_der: bytes, message: bytes, signature: bytes) -> bool: ...


@dataclass(frozen=True, slots=True)
class SignedJoin:
    """A request, its verbatim body, and the proofs that each key in it is in the asker's hands."""

    request: JoinRequest
    body: bytes
    signatures: tuple[Signature, ...]
    tls_signature: bytes
    operator_signature: bytes | None

    @property
    def hash(self) -> bytes:
        """BLAKE3-256 of the signing input: names the request."""
        return signed_hash(Domain.JOIN, self.body)

    @property
    def fingerprint(self) -> str:
        """What the office reads out by phone."""
        return phone_groups(self.hash)

    def encode(self) -> bytes:
        """The bytes of the file."""
        writer = Writer().var_bytes("join request", self.body, _BODY_SIZE_MAX)
        writer.sequence("signatures", self.signatures, write_signature, _SIGNATURES_MAX)
        writer.var_bytes("TLS signature", self.tls_signature, _TLS_SIGNATURE_SIZE_MAX)
        writer.optional("operator's signature", self.operator_signature, _write_tls_signature)
        return with_head(Domain.JOIN, writer.finish())

    @classmethod
    def decode(cls, raw: bytes) -> SignedJoin:
        """Raises Malformed. Nothing is verified yet."""
        reader = Reader(without_head(Domain.JOIN, "a join request", raw))
        body = reader.var_bytes("join request", _BODY_SIZE_MAX)
        signatures = reader.sequence("signatures", read_signature, _SIGNATURES_MAX)
        tls_signature = _read_tls_signature(reader)
        operator_signature = reader.optional("operator's signature", _read_tls_signature)
        reader.finish()
        return cls(JoinRequest.decode(body), body, signatures, tls_signature, operator_signature)


def join_message(request: JoinRequest) -> bytes:
    """What the keys of a request sign. Raises Malformed."""
    return signing_input(Domain.JOIN, request.encode())


def sign_join(
    request: JoinRequest, signers: tuple[Signer, ...], tls_signature: bytes, operator_signature: bytes | None
) -> SignedJoin:
    """The request with its proofs; `signers` in the order of `signing_keys`, TLS signatures over `join_message`."""
    body = request.encode()
    signatures = tuple(sign(Domain.JOIN, body, signer) for signer in signers)
    return SignedJoin(request, body, signatures, tls_signature, operator_signature)


def possession_objection(signed: SignedJoin, verifier: Verifier, tls_verifier: TlsVerifier) -> str | None:
    """Why it is not proven that the asker has the private half of each key (None: it is); expected and got."""
    request, message = signed.request, signing_input(Domain.JOIN, signed.body)
    names = ("entry", "receipt", "access")
    if tuple(signature.key_public for signature in signed.signatures) != request.signing_keys():
        count = len(request.signing_keys())
        return f"join request of {request.name}: expected signatures by its {count} keys, got by others"
    for name, signature in zip(names, signed.signatures, strict=False):
        if not is_signed_by(Domain.JOIN, signed.body, signature, verifier):
            return _not_proven(request, f"{name} key")
    if not tls_verifier.verify(request.tls_key, message, signed.tls_signature):
        return _not_proven(request, "TLS key")
    operator, signature_of_operator = request.operator, signed.operator_signature
    if (operator is None) != (signature_of_operator is None):
        return _not_proven(request, "operator's key")
    if operator is None or signature_of_operator is None:
        return None
    if not tls_verifier.verify(operator.tls_key, message, signature_of_operator):
        return _not_proven(request, "operator's key")
    return None


def _not_proven(request: JoinRequest, key: str) -> str:
    return f"join request of {request.name}: expected a signature by its {key}, got a broken one: it was altered"


def _write_tls_signature(writer: Writer, signature: bytes) -> None:
    writer.var_bytes("TLS signature", signature, _TLS_SIGNATURE_SIZE_MAX)


def _read_tls_signature(reader: Reader) -> bytes:
    return reader.var_bytes("TLS signature", _TLS_SIGNATURE_SIZE_MAX)
