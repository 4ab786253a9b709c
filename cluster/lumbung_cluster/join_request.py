"""A join request: what a machine that wants to be a node says of itself (format `lumbung/join/0`, docs/roster.md).

All its keys were made where it stands; the request carries their public halves, and each signs the whole request, so
nobody can ask for a key that he does not have. Who it is, a person says by reading the fingerprint out by phone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from blake3 import blake3

from lumbung_cluster.canonical import Malformed, Reader, Writer
from lumbung_cluster.identity_uri import ACCESS_NAME
from lumbung_cluster.ids import CLUSTER_ID_SIZE_BYTES, ClusterId, NodeNumber
from lumbung_cluster.phone_groups import phone_groups
from lumbung_cluster.roster_node import LinkClass, Reach, Role
from lumbung_cluster.signed import (
    PUBLIC_KEY_SIZE_BYTES,
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

__all__ = [
    "FirstOperator",
    "JoinRequest",
    "SignedJoin",
    "TlsVerifier",
    "join_message",
    "possession_objection",
    "sign_join",
]

_NONCE_SIZE_BYTES = 16
_TLS_KEY_SIZE_MAX = 256  # SubjectPublicKeyInfo of P-256 has 91 B; room for another curve
_TLS_SIGNATURE_SIZE_MAX = 256
_TEXT_SIZE_MAX = 64
_ADDRESS_SIZE_MAX = 300
_ADDRESSES_MAX = 8
_RECIPIENTS_MAX = 8
_RECIPIENT_SIZE_MAX = 4096
_BODY_SIZE_MAX = 64 * 1024
_SIGNATURES_MAX = 3


class TlsVerifier(Protocol):
    """True only for a valid ECDSA signature by the key in this SubjectPublicKeyInfo (DER); never raises."""

    def verify(self, public_key_der: bytes, message: bytes, signature: bytes) -> bool: ...


@dataclass(frozen=True, slots=True)
class FirstOperator:
    """Who will run the office's node: the name on its access list, and the public half of a TLS key (DER)."""

    name: str
    tls_key: bytes

    @property
    def pin(self) -> bytes:
        return blake3(self.tls_key).digest()


@dataclass(frozen=True, slots=True)
class JoinRequest:
    """What the roster will say of the node, with whole TLS keys where the roster holds pins.

    `replaces` is the number of the node whose machine is gone: same name, new keys. `pack_recipient` is the age
    recipient that the answer is sealed to. The nonce makes each request one of its kind.
    """

    cluster: ClusterId
    name: str
    role: Role
    replaces: NodeNumber | None
    created_ms: int
    nonce: bytes
    province: str
    hazard_zone: str
    addresses: tuple[str, ...]
    reach: Reach
    link: LinkClass
    link_bytes_per_s: int
    capacity_bytes: int
    load_bytes: int
    tls_key: bytes
    entry_key: bytes
    receipt_key: bytes
    access_key: bytes | None
    recipients: tuple[str, ...]
    operator: FirstOperator | None
    pack_recipient: str

    @property
    def tls_pin(self) -> bytes:
        return blake3(self.tls_key).digest()

    def signing_keys(self) -> tuple[bytes, ...]:
        """The Ed25519 keys, in the order of their signatures: entry, receipt, access."""
        return (self.entry_key, self.receipt_key, *([self.access_key] if self.access_key else []))

    def encode(self) -> bytes:
        """The canonical body. Raises Malformed."""
        _check(self)
        writer = Writer().fixed("cluster id", self.cluster.raw, CLUSTER_ID_SIZE_BYTES)
        writer.text("name", self.name, _TEXT_SIZE_MAX).u8("role", self.role)
        writer.optional("replaced node", self.replaces, lambda inner, number: inner.u32("replaced node", number))
        writer.u64("created", self.created_ms).fixed("nonce", self.nonce, _NONCE_SIZE_BYTES)
        _write_place(writer, self)
        writer.var_bytes("TLS key", self.tls_key, _TLS_KEY_SIZE_MAX)
        writer.fixed("entry key", self.entry_key, PUBLIC_KEY_SIZE_BYTES)
        writer.fixed("receipt key", self.receipt_key, PUBLIC_KEY_SIZE_BYTES)
        writer.optional("access key", self.access_key, _write_key)
        writer.sequence("age recipients", self.recipients, _write_recipient, _RECIPIENTS_MAX)
        writer.optional("operator", self.operator, _write_operator)
        writer.text("pack recipient", self.pack_recipient, _RECIPIENT_SIZE_MAX)
        return writer.finish()

    @classmethod
    def decode(cls, body: bytes) -> JoinRequest:
        """Raises Malformed; exactly what `encode` gives is accepted."""
        reader = Reader(body)
        found = cls(
            cluster=ClusterId(reader.fixed("cluster id", CLUSTER_ID_SIZE_BYTES)),
            name=reader.text("name", _TEXT_SIZE_MAX),
            role=_read_role(reader),
            replaces=reader.optional("replaced node", lambda inner: NodeNumber(inner.u32("replaced node"))),
            created_ms=reader.u64("created"),
            nonce=reader.fixed("nonce", _NONCE_SIZE_BYTES),
            province=reader.text("province", _TEXT_SIZE_MAX),
            hazard_zone=reader.text("hazard zone", _TEXT_SIZE_MAX),
            addresses=reader.sequence(
                "addresses", lambda inner: inner.text("address", _ADDRESS_SIZE_MAX), _ADDRESSES_MAX
            ),
            reach=Reach(reader.text("reach", _TEXT_SIZE_MAX)),
            link=_read_link(reader),
            link_bytes_per_s=reader.u64("link bytes per second"),
            capacity_bytes=reader.u64("capacity bytes"),
            load_bytes=reader.u64("load bytes"),
            tls_key=reader.var_bytes("TLS key", _TLS_KEY_SIZE_MAX),
            entry_key=reader.fixed("entry key", PUBLIC_KEY_SIZE_BYTES),
            receipt_key=reader.fixed("receipt key", PUBLIC_KEY_SIZE_BYTES),
            access_key=reader.optional("access key", lambda inner: inner.fixed("access key", PUBLIC_KEY_SIZE_BYTES)),
            recipients=reader.sequence("age recipients", _read_recipient, _RECIPIENTS_MAX),
            operator=reader.optional("operator", _read_operator),
            pack_recipient=_read_recipient(reader),
        )
        reader.finish()
        _check(found)
        return found


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


def _check(request: JoinRequest) -> None:
    keys = [*request.signing_keys(), request.tls_pin]
    if request.operator is not None:
        keys.append(request.operator.pin)
        if not ACCESS_NAME.fullmatch(request.operator.name):
            name = repr(request.operator.name)
            raise Malformed("operator's name", "small letters, digits, dots and dashes, at most 63", name)
    if len(set(keys)) != len(keys):
        raise Malformed("keys of a join request", "each key for one use", "a key twice")
    if list(request.recipients) != sorted(set(request.recipients)):
        raise Malformed("age recipients", "rising order without repeats", ", ".join(request.recipients[:4])[:80])
    if request.reach.text == Reach.PUBLIC and not request.addresses:
        raise Malformed("addresses", "at least one of a node that is public", "none")
    if request.replaces == 0:
        raise Malformed("replaced node", "1 or more", "0")


def _write_place(writer: Writer, request: JoinRequest) -> None:
    writer.text("province", request.province, _TEXT_SIZE_MAX)
    writer.text("hazard zone", request.hazard_zone, _TEXT_SIZE_MAX)
    writer.sequence("addresses", request.addresses, _write_address, _ADDRESSES_MAX)
    writer.text("reach", request.reach.text, _TEXT_SIZE_MAX)
    writer.text("link class", request.link.value, _TEXT_SIZE_MAX)
    writer.u64("link bytes per second", request.link_bytes_per_s)
    writer.u64("capacity bytes", request.capacity_bytes).u64("load bytes", request.load_bytes)


def _write_address(writer: Writer, address: str) -> None:
    writer.text("address", address, _ADDRESS_SIZE_MAX)


def _write_key(writer: Writer, key: bytes) -> None:
    writer.fixed("access key", key, PUBLIC_KEY_SIZE_BYTES)


def _write_recipient(writer: Writer, recipient: str) -> None:
    writer.text("age recipient", recipient, _RECIPIENT_SIZE_MAX)


def _read_recipient(reader: Reader) -> str:
    return reader.text("age recipient", _RECIPIENT_SIZE_MAX)


def _write_operator(writer: Writer, operator: FirstOperator) -> None:
    writer.text("operator's name", operator.name, _TEXT_SIZE_MAX)
    writer.var_bytes("operator's key", operator.tls_key, _TLS_KEY_SIZE_MAX)


def _read_operator(reader: Reader) -> FirstOperator:
    name = reader.text("operator's name", _TEXT_SIZE_MAX)
    return FirstOperator(name, reader.var_bytes("operator's key", _TLS_KEY_SIZE_MAX))


def _write_tls_signature(writer: Writer, signature: bytes) -> None:
    writer.var_bytes("TLS signature", signature, _TLS_SIGNATURE_SIZE_MAX)


def _read_tls_signature(reader: Reader) -> bytes:
    return reader.var_bytes("TLS signature", _TLS_SIGNATURE_SIZE_MAX)


def _read_role(reader: Reader) -> Role:
    value = reader.u8("role")
    try:
        return Role(value)
    except ValueError as exc:
        raise Malformed("role", "1 to 5", str(value)) from exc


def _read_link(reader: Reader) -> LinkClass:
    text = reader.text("link class", _TEXT_SIZE_MAX)
    try:
        return LinkClass(text)
    except ValueError as exc:
        raise Malformed("link class", "lan, wan or satellite", repr(text)) from exc
