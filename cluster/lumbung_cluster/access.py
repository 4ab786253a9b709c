"""Access lists: an office names its own stations, operators and vans, without a new roster (`lumbung/access/0`).

The list carries a rising version and one signature by an access-list key of the office. It travels to the holders of
the office's origin, so that an operator whose own node is lost can read there. Rules: a higher version replaces a
lower one; a list counts only while the roster has the key that signed it in force.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum

from lumbung_cluster import limits
from lumbung_cluster.canonical import Malformed, Reader, Writer
from lumbung_cluster.identity_uri import ACCESS_NAME
from lumbung_cluster.ids import CLUSTER_ID_SIZE_BYTES, ClusterId, NodeNumber
from lumbung_cluster.roster import Roster
from lumbung_cluster.roster_node import KeyUse
from lumbung_cluster.signed import (
    Domain,
    Signature,
    Signer,
    Verifier,
    is_signed_by,
    read_signature,
    sign,
    signed_hash,
    write_signature,
)
from lumbung_cluster.van import VANS_MAX, VanRecord, check_vans, read_van, write_van

__all__ = ["AccessEntry", "AccessList", "Duty", "SignedAccess", "access_objection", "sign_access"]

ENTRIES_MAX = 1024  # 28 kecamatan with a few stations each, and the operators
_PINS_MAX = 4  # current and next, of a machine and its spare
_PIN_SIZE_BYTES = 32
_NAME_SIZE_MAX = 64
_BODY_SIZE_MAX = limits.MESSAGE_SIZE_BYTES_MAX // 4


class Duty(IntEnum):
    """A station puts and asks after its own; an operator reads the office's origin and its status as well."""

    STATION = 1
    OPERATOR = 2


@dataclass(frozen=True, slots=True)
class AccessEntry:
    """One caller of an office: the pins of its TLS key, and UTC milliseconds from and before which it may call."""

    name: str
    duty: Duty
    pins: tuple[bytes, ...]
    valid_from_ms: int
    valid_until_ms: int


@dataclass(frozen=True, slots=True)
class AccessList:
    """All callers of an office, by name; whoever is not in the newest list has no access. Vans by number, for ever."""

    cluster: ClusterId
    office: NodeNumber
    version: int
    created_ms: int
    entries: tuple[AccessEntry, ...]
    vans: tuple[VanRecord, ...] = ()

    def entry(self, name: str) -> AccessEntry | None:
        return next((entry for entry in self.entries if entry.name == name), None)

    def following(self, created_ms: int) -> AccessList:
        """The next version, with nothing changed yet."""
        return replace(self, version=self.version + 1, created_ms=created_ms)

    def naming(self, entry: AccessEntry) -> AccessList:
        """The same with this caller added, or put in the place of one of that name."""
        others = [each for each in self.entries if each.name != entry.name]
        return replace(self, entries=tuple(sorted([*others, entry], key=lambda each: each.name)))

    def encode(self) -> bytes:
        """The canonical body. Raises Malformed."""
        _check(self)
        writer = Writer().fixed("cluster id", self.cluster.raw, CLUSTER_ID_SIZE_BYTES).u32("office", self.office)
        writer.u64("version", self.version).u64("created", self.created_ms)
        writer.sequence("access entries", self.entries, _write_entry, ENTRIES_MAX)
        if self.vans:  # a list without vans has the bytes that it had before there were any
            writer.sequence("vans", self.vans, write_van, VANS_MAX)
        body = writer.finish()
        if len(body) > _BODY_SIZE_MAX:
            raise Malformed("access list", f"at most {_BODY_SIZE_MAX} bytes", str(len(body)))
        return body

    @classmethod
    def decode(cls, body: bytes) -> AccessList:
        """Raises Malformed; exactly what `encode` gives is accepted."""
        reader = Reader(body)
        found = cls(
            cluster=ClusterId(reader.fixed("cluster id", CLUSTER_ID_SIZE_BYTES)),
            office=NodeNumber(reader.u32("office")),
            version=reader.u64("version"),
            created_ms=reader.u64("created"),
            entries=reader.sequence("access entries", _read_entry, ENTRIES_MAX),
            vans=_read_vans(reader),
        )
        reader.finish()
        _check(found)
        return found


@dataclass(frozen=True, slots=True)
class SignedAccess:
    """A list, its verbatim body and its signature; kept and passed on as it came."""

    content: AccessList
    body: bytes
    signature: Signature

    @property
    def hash(self) -> bytes:
        """BLAKE3-256 of the signing input."""
        return signed_hash(Domain.ACCESS, self.body)

    def encode(self) -> bytes:
        writer = Writer().var_bytes("access list", self.body, _BODY_SIZE_MAX)
        write_signature(writer, self.signature)
        return writer.finish()

    @classmethod
    def decode(cls, raw: bytes) -> SignedAccess:
        """Raises Malformed. The signature is not checked yet."""
        reader = Reader(raw)
        body = reader.var_bytes("access list", _BODY_SIZE_MAX)
        signature = read_signature(reader)
        reader.finish()
        return cls(AccessList.decode(body), body, signature)


def sign_access(content: AccessList, signer: Signer) -> SignedAccess:
    """The list signed with the office's access-list key. Raises Malformed."""
    body = content.encode()
    return SignedAccess(content, body, sign(Domain.ACCESS, body, signer))


def access_objection(
    roster: Roster, held: SignedAccess | None, offered: SignedAccess, verifier: Verifier
) -> str | None:
    """Why `offered` may not replace `held` (None: it may, or it is the same); a sentence with expected and got."""
    content = offered.content
    if content.cluster != roster.cluster:
        return f"access list of another cluster: expected {roster.cluster}, got {content.cluster}"
    office = roster.node(content.office)
    if office is None or not office.is_present:
        return f"access list of node {content.office}: expected an office that is present in epoch {roster.epoch}"
    if not office.has_open_key(KeyUse.ACCESS, offered.signature.key_public):
        key = offered.signature.key_public.hex()[:16]
        return f"access list of {office.name}: expected an access-list key in force in epoch {roster.epoch}, got {key}"
    if not is_signed_by(Domain.ACCESS, offered.body, offered.signature, verifier):
        return f"access list of {office.name}: expected a valid signature, got a broken one"
    stray = next((van for van in content.vans if office.vans is None or van.number not in office.vans), None)
    if stray is not None:
        return f"access list of {office.name}: expected vans in its own numbers, got {stray.name} as {stray.number}"
    codes = {label.name for label in office.labels}
    stranger = next((van.name for van in content.vans if van.name.partition("-")[0] not in codes), None)
    if stranger is not None:  # people give a van by its name: it must not pass for another office's
        return f"access list of {office.name}: expected vans that are named after it, got {stranger}"
    if held is None or held.content.office != content.office or held.hash == offered.hash:
        return None
    # A thief's list with the highest version must not stand in the way for ever: it falls with the stolen key.
    counts = office.has_open_key(KeyUse.ACCESS, held.signature.key_public)
    if counts and content.version <= held.content.version:
        return f"access list of {office.name}: expected a version above {held.content.version}, got {content.version}"
    return _lost_van(office.name, held.content, content) if counts else None


def _lost_van(office: str, held: AccessList, offered: AccessList) -> str | None:
    """A van, its keys and its end are for ever; what moves is where it is reached and what it holds."""
    following = {van.number: van for van in offered.vans}
    for van in held.vans:
        later = following.get(van.number)
        is_same = later is not None and (later.name, later.keys) == (van.name, van.keys)
        if later is None or not is_same or later.is_gone < van.is_gone or van.bound not in (None, later.bound):
            return f"access list of {office}: expected {van.name} to stay as it was (gone at most), got another or none"
    return None


def _check(content: AccessList) -> None:
    check_vans(content.vans)
    names = [entry.name for entry in content.entries]
    if names != sorted(set(names)):
        raise Malformed("access entries", "rising names without repeats", ", ".join(names[:8]))
    if content.version < 1:
        raise Malformed("access list version", "1 or more", str(content.version))
    for entry in content.entries:
        if not ACCESS_NAME.fullmatch(entry.name):
            raise Malformed("access name", "small letters, digits, dots and dashes, at most 63", repr(entry.name))
        if not entry.pins or list(entry.pins) != sorted(set(entry.pins)):
            raise Malformed(f"pins of {entry.name}", "at least one, rising without repeats", str(len(entry.pins)))
        if entry.valid_from_ms >= entry.valid_until_ms:
            raise Malformed(f"validity of {entry.name}", "a beginning before its end", str(entry.valid_from_ms))
    pins = [pin for entry in content.entries for pin in entry.pins]
    if len(set(pins)) != len(pins):
        raise Malformed("pins of an access list", "each key for one name", "a key twice")


def _read_vans(reader: Reader) -> tuple[VanRecord, ...]:
    if not reader.left:
        return ()
    vans = reader.sequence("vans", read_van, VANS_MAX)
    if not vans:
        raise Malformed("vans", "nothing for no vans", "an empty list of them")
    return vans


def _write_entry(writer: Writer, entry: AccessEntry) -> None:
    writer.text("access name", entry.name, _NAME_SIZE_MAX).u8("duty", entry.duty)
    writer.sequence("pins", entry.pins, lambda inner, pin: inner.fixed("pin", pin, _PIN_SIZE_BYTES), _PINS_MAX)
    writer.u64("valid from", entry.valid_from_ms).u64("valid until", entry.valid_until_ms)


def _read_entry(reader: Reader) -> AccessEntry:
    name = reader.text("access name", _NAME_SIZE_MAX)
    value = reader.u8("duty")
    if value not in (Duty.STATION, Duty.OPERATOR):
        raise Malformed("duty", "1 (station) or 2 (operator)", str(value))
    pins = reader.sequence("pins", lambda inner: inner.fixed("pin", _PIN_SIZE_BYTES), _PINS_MAX)
    return AccessEntry(name, Duty(value), pins, reader.u64("valid from"), reader.u64("valid until"))
