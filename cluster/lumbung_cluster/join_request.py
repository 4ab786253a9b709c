"""A join request: what a machine that wants to be a node says of itself (format `lumbung/join/0`, docs/roster.md).

All its keys were made where it stands; the request carries their public halves, and each signs all of it
(`signed_join`), so nobody can ask for a key that he does not have. Who it is, a person says by reading the fingerprint
out by phone.
"""

from __future__ import annotations

from dataclasses import dataclass

from blake3 import blake3

from lumbung_cluster.canonical import Malformed, Reader, Writer
from lumbung_cluster.identity_uri import ACCESS_NAME
from lumbung_cluster.ids import CLUSTER_ID_SIZE_BYTES, ClusterId, NodeNumber
from lumbung_cluster.roster_node import LinkClass, Reach, Role
from lumbung_cluster.signed import PUBLIC_KEY_SIZE_BYTES
from lumbung_cluster.standing import read_standing, write_standing

__all__ = ["FirstOperator", "JoinRequest"]

_NONCE_SIZE_BYTES = 16
_TLS_KEY_SIZE_MAX = 256  # SubjectPublicKeyInfo of P-256 has 91 B; room for another curve
_TEXT_SIZE_MAX = 64
_RECIPIENTS_MAX = 8
_RECIPIENT_SIZE_MAX = 4096


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
        writer.text("province", self.province, _TEXT_SIZE_MAX).text("hazard zone", self.hazard_zone, _TEXT_SIZE_MAX)
        write_standing(writer, self)
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
        cluster, name = (
            ClusterId(reader.fixed("cluster id", CLUSTER_ID_SIZE_BYTES)),
            reader.text("name", _TEXT_SIZE_MAX),
        )
        role = _read_role(reader)
        replaces = reader.optional("replaced node", lambda inner: NodeNumber(inner.u32("replaced node")))
        created_ms, nonce = reader.u64("created"), reader.fixed("nonce", _NONCE_SIZE_BYTES)
        province, zone = reader.text("province", _TEXT_SIZE_MAX), reader.text("hazard zone", _TEXT_SIZE_MAX)
        standing = read_standing(reader)
        found = cls(
            cluster=cluster,
            name=name,
            role=role,
            replaces=replaces,
            created_ms=created_ms,
            nonce=nonce,
            province=province,
            hazard_zone=zone,
            addresses=standing.addresses,
            reach=standing.reach,
            link=standing.link,
            link_bytes_per_s=standing.link_bytes_per_s,
            capacity_bytes=standing.capacity_bytes,
            load_bytes=standing.load_bytes,
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


def _read_role(reader: Reader) -> Role:
    value = reader.u8("role")
    try:
        return Role(value)
    except ValueError as exc:
        raise Malformed("role", "1 to 5", str(value)) from exc
