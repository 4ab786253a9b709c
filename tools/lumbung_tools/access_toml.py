"""Access lists as TOML and back, without loss: what an office reads and edits before it signs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import tomli_w

from lumbung_cluster.access import AccessEntry, AccessList, Duty
from lumbung_cluster.canonical import Malformed
from lumbung_cluster.feed import Mark
from lumbung_cluster.ids import CLUSTER_ID_SIZE_BYTES, ClusterId, Generation, NodeNumber
from lumbung_cluster.roster_node import LinkClass, Reach
from lumbung_cluster.van import VanRecord
from lumbung_tools.catalogue.text import rfc3339
from lumbung_tools.toml_document import hex_bytes, member_of, number_of, read_document

__all__ = ["parse_access_toml", "render_access_toml"]

_FORMAT = 1
_YEAR_10000_MS = 253_402_300_800_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DUTIES = {duty.name.lower(): duty for duty in Duty}
_LINKS = {link.value: link for link in LinkClass}


class _Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One class for each table; unknown keys are refused."""


class _EntryTable(_Table, frozen=True):
    name: str
    duty: str
    pins: list[str]
    valid_from: str
    valid_until: str


class _BoundTable(_Table, frozen=True):
    generation: int
    number: int
    running_hash: str


class _VanTable(_Table, frozen=True):
    number: int
    name: str
    addresses: list[str]
    reach: str
    link: str
    link_bytes_per_s: int
    capacity_bytes: int
    load_bytes: int
    tls_pin: str
    entry_key: str
    receipt_key: str
    gone: bool = False
    bound: _BoundTable | None = None


class _Document(_Table, frozen=True):
    format: int
    cluster: str
    office: int
    version: int
    created_ms: int
    callers: list[_EntryTable] = []
    vans: list[_VanTable] = []


def render_access_toml(content: AccessList) -> str:
    """The list for people; everything that gets signed stands in it, times to the millisecond."""
    document = _Document(
        format=_FORMAT,
        cluster=str(content.cluster),
        office=content.office,
        version=content.version,
        created_ms=content.created_ms,
        callers=[_entry_table(entry) for entry in content.entries],
        vans=[_van_table(van) for van in content.vans],
    )
    return tomli_w.dumps(msgspec.to_builtins(document))


def parse_access_toml(text: str) -> AccessList:
    """The list that a person wrote, in canonical order and checked. Raises Malformed."""
    document = read_document(text, _Document, "access list file", "the keys that lumbung access writes")
    if document.format != _FORMAT:
        raise Malformed("access list file format", f"{_FORMAT} (update lumbung)", str(document.format))
    content = AccessList(
        cluster=ClusterId(hex_bytes("cluster", document.cluster, CLUSTER_ID_SIZE_BYTES)),
        office=NodeNumber(document.office),
        version=document.version,
        created_ms=document.created_ms,
        entries=tuple(sorted(map(_entry, document.callers), key=lambda entry: entry.name)),
        vans=tuple(sorted(map(_van, document.vans), key=lambda van: van.number)),
    )
    content.encode()  # checks every rule
    return content


def _entry_table(entry: AccessEntry) -> _EntryTable:
    first, last = _time(entry.valid_from_ms), _time(entry.valid_until_ms)
    return _EntryTable(entry.name, entry.duty.name.lower(), [pin.hex() for pin in entry.pins], first, last)


def _entry(table: _EntryTable) -> AccessEntry:
    duty = member_of(f"duty of {table.name}", _DUTIES, table.duty)
    pins = tuple(sorted(hex_bytes("pin", pin) for pin in table.pins))
    return AccessEntry(table.name, duty, pins, _ms(table.valid_from), _ms(table.valid_until))


def _van_table(van: VanRecord) -> _VanTable:
    return _VanTable(
        number=van.number,
        name=van.name,
        addresses=list(van.addresses),
        reach=van.reach.text,
        link=van.link.value,
        link_bytes_per_s=van.link_bytes_per_s,
        capacity_bytes=van.capacity_bytes,
        load_bytes=van.load_bytes,
        tls_pin=van.tls_pin.hex(),
        entry_key=van.entry_key.hex(),
        receipt_key=van.receipt_key.hex(),
        gone=van.is_gone,
        bound=_bound_table(van.bound) if van.bound is not None else None,
    )


def _van(table: _VanTable) -> VanRecord:
    return VanRecord(
        number=NodeNumber(table.number),
        name=table.name,
        is_gone=table.gone,
        addresses=tuple(table.addresses),
        reach=Reach(table.reach),
        link=member_of(f"link of {table.name}", _LINKS, table.link),
        link_bytes_per_s=table.link_bytes_per_s,
        capacity_bytes=table.capacity_bytes,
        load_bytes=table.load_bytes,
        tls_pin=hex_bytes("tls_pin", table.tls_pin),
        entry_key=hex_bytes("entry_key", table.entry_key),
        receipt_key=hex_bytes("receipt_key", table.receipt_key),
        bound=_bound(table.bound) if table.bound is not None else None,
    )


def _bound_table(bound: Mark) -> _BoundTable:
    return _BoundTable(bound.generation, bound.number, bound.running_hash.hex())


def _bound(table: _BoundTable) -> Mark:
    return Mark(Generation(table.generation), table.number, hex_bytes("running_hash", table.running_hash))


def _time(time_ms: int) -> str:
    """RFC 3339 where there is such a year, else the milliseconds."""
    return rfc3339(time_ms) if 0 < time_ms < _YEAR_10000_MS else str(time_ms)


def _ms(text: str) -> int:
    if text.isascii() and text.isdigit():
        return number_of("time", text)
    try:
        moment = datetime.fromisoformat(text)
        return (moment - _EPOCH) // timedelta(milliseconds=1)
    except (ValueError, TypeError) as exc:
        raise Malformed("time", "a time such as 2026-11-24T06:00:00.000Z", repr(text)) from exc
