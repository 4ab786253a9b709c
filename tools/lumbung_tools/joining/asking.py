"""Makes the keys of a machine where it stands, and the join request that names their public halves."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path

from lumbung_cluster.canonical import Malformed
from lumbung_cluster.ids import ClusterId, NodeNumber
from lumbung_cluster.join_request import FirstOperator, JoinRequest
from lumbung_cluster.joining import JoinRefused
from lumbung_cluster.roster_node import LinkClass, Reach, Role
from lumbung_cluster.signed_join import SignedJoin, join_message, possession_objection, sign_join
from lumbung_node.adapters.identity_folder import replace_file
from lumbung_node.adapters.keys.age_identity import AgeIdentity
from lumbung_node.adapters.keys.certificates import make_tls_key
from lumbung_node.adapters.keys.ed25519 import Ed25519Signer, Ed25519Verifier
from lumbung_node.adapters.keys.key_files import read_secret, write_secret
from lumbung_node.adapters.keys.tls_proofs import TlsKeyVerifier, public_key_der, sign_with_tls_key
from lumbung_tools.bounded_file import read_bounded
from lumbung_tools.joining.places import Machine, OfficePlaces

__all__ = ["OPERATOR", "Asking", "has_keys", "load_request", "make_request"]

OPERATOR = "operator"  # the name of an office's first operator on its access list
_NONCE_SIZE_BYTES = 16
_TAG_SECRET_SIZE_BYTES = 32
_PRIVATE_MODE = 0o700
_REQUEST_SIZE_MAX = 128 * 1024  # the body has 64 KiB at most


@dataclass(frozen=True, slots=True)
class Asking:
    """What a person says of the node to be; the keys are made here.

    With `replaces` only the node's own keys are new: the office's access key, age identity and profiles never lay on
    the machine that is gone.
    """

    cluster: ClusterId
    name: str
    role: Role
    replaces: NodeNumber | None
    province: str
    hazard_zone: str
    addresses: tuple[str, ...]
    reach: Reach
    link: LinkClass
    link_bytes_per_s: int
    capacity_bytes: int
    load_bytes: int
    machine: Machine


@dataclass(frozen=True, slots=True)
class _OfficeKeys:
    """What the office has beside its node; recordings are opened at offices only."""

    access: Ed25519Signer | None
    age: AgeIdentity | None
    operator_tls: bytes | None


def make_request(places: OfficePlaces, asking: Asking, *, now_ms: int) -> SignedJoin:
    """Make every key and the request; the request's file comes last. Raises KeyRefused, Malformed, OSError.

    The caller makes it whole or not at all by giving places in a new folder that he renames.
    """
    for folder in (places.node, places.keys, places.node / "identity", places.join):
        folder.mkdir(mode=_PRIVATE_MODE, parents=True, exist_ok=True)
    tls_key = make_tls_key()
    entry, receipt = Ed25519Signer.generate(), Ed25519Signer.generate()
    pack = AgeIdentity.generate()
    write_secret(places.keys / "tls.key.pem", tls_key)
    entry.save(places.keys / "entry.key.pem")
    receipt.save(places.keys / "receipt.key.pem")
    pack.save(places.pack_key)
    office = _make_office_keys(places, asking)
    asking.machine.save(places)
    request = _request(asking, tls_key, entry, receipt, pack, office, now_ms)
    message = join_message(request)
    operator_signature = sign_with_tls_key(office.operator_tls, message) if office.operator_tls else None
    signers = (entry, receipt, *([office.access] if office.access else []))
    signed = sign_join(request, signers, sign_with_tls_key(tls_key, message), operator_signature)
    objection = possession_objection(signed, Ed25519Verifier(), TlsKeyVerifier())
    assert objection is None, objection
    replace_file(places.request, signed.encode())
    return signed


def load_request(path: Path) -> SignedJoin:
    """A request whose keys have all signed it. Raises JoinRefused, OSError."""
    try:
        signed = SignedJoin.decode(read_bounded(path, _REQUEST_SIZE_MAX))
    except Malformed as exc:
        raise JoinRefused(f"{path}: {exc}") from exc
    objection = possession_objection(signed, Ed25519Verifier(), TlsKeyVerifier())
    if objection is not None:
        raise JoinRefused(f"{path}: {objection}")
    return signed


def _make_office_keys(places: OfficePlaces, asking: Asking) -> _OfficeKeys:
    """A machine that replaces another leaves these as they are."""
    if asking.replaces is not None:
        return _OfficeKeys(None, None, None)
    for folder in (places.access_key.parent, places.client):
        folder.mkdir(mode=_PRIVATE_MODE, parents=True, exist_ok=True)
    access = Ed25519Signer.generate()
    access.save(places.access_key)
    age = AgeIdentity.generate() if asking.role is Role.OFFICE else None
    if age is not None:
        age.save(places.client / "office.agekey")
    operator_tls = make_tls_key()
    write_secret(places.client / "station.key", operator_tls)
    tag_secret = secrets.token_bytes(_TAG_SECRET_SIZE_BYTES)
    write_secret(places.client / "tag.secret", f"{tag_secret.hex()}\n".encode("ascii"))
    return _OfficeKeys(access, age, operator_tls)


def _request(
    asking: Asking,
    tls_key: bytes,
    entry: Ed25519Signer,
    receipt: Ed25519Signer,
    pack: AgeIdentity,
    office: _OfficeKeys,
    now_ms: int,
) -> JoinRequest:
    operator = None
    if office.operator_tls is not None:
        operator = FirstOperator(_operator_name(asking), public_key_der(office.operator_tls))
    return JoinRequest(
        cluster=asking.cluster,
        name=asking.name,
        role=asking.role,
        replaces=asking.replaces,
        created_ms=now_ms,
        nonce=secrets.token_bytes(_NONCE_SIZE_BYTES),
        province=asking.province,
        hazard_zone=asking.hazard_zone,
        addresses=asking.addresses,
        reach=asking.reach,
        link=asking.link,
        link_bytes_per_s=asking.link_bytes_per_s,
        capacity_bytes=asking.capacity_bytes,
        load_bytes=asking.load_bytes,
        tls_key=public_key_der(tls_key),
        entry_key=entry.public_key,
        receipt_key=receipt.public_key,
        access_key=office.access.public_key if office.access else None,
        recipients=(office.age.recipient,) if office.age else (),
        operator=operator,
        pack_recipient=pack.recipient,
    )


def _operator_name(asking: Asking) -> str:
    """Those of a van may stand on its office's list, beside the office's own."""
    return f"{asking.name.partition('-')[2]}-{OPERATOR}" if asking.role is Role.VAN else OPERATOR


def has_keys(places: OfficePlaces, signed: SignedJoin) -> bool:
    """Whether the node's private keys beside this request are those that it names. Raises KeyRefused."""
    request = signed.request
    entry = Ed25519Signer.load(places.keys / "entry.key.pem").public_key
    receipt = Ed25519Signer.load(places.keys / "receipt.key.pem").public_key
    tls = public_key_der(read_secret(places.keys / "tls.key.pem"))
    return (tls, entry, receipt) == (request.tls_key, request.entry_key, request.receipt_key)
