"""A van as its office names it: a node in the office's own range of numbers, signed with the office's access list.

The central office need not sign a roster for a car. A van stands in the list for ever, with the keys that it began
with: what it recorded years ago must still be told apart from forgeries. New hardware in the same car is a new van.
One that was lost ends with a bound, up to which its entries are good: whoever has the machine adds nothing behind it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from lumbung_cluster.canonical import Malformed, Reader, Writer
from lumbung_cluster.feed import HASH_SIZE_BYTES, Mark
from lumbung_cluster.ids import Generation, NodeNumber
from lumbung_cluster.roster_node import LinkClass, Reach
from lumbung_cluster.standing import read_standing, write_standing

__all__ = ["VANS_MAX", "VAN_NAME", "VanRecord", "check_vans", "read_van", "write_van"]

VANS_MAX = 256  # as many numbers as an office has for them
VAN_NAME = re.compile(r"([0-9]{2}\.[0-9]{2})-van[0-9]{1,6}")
_KEY_SIZE_BYTES = 32
_NAME_SIZE_MAX = 64
_HERE, _GONE, _GONE_WITH_BOUND = 0, 1, 2  # as they stand in signed bytes


@dataclass(frozen=True, slots=True)
class VanRecord:
    """`is_gone` is for ever: nobody takes a word of it any more, what it recorded stays valid (up to `bound`)."""

    number: NodeNumber
    name: str
    is_gone: bool
    addresses: tuple[str, ...]
    reach: Reach
    link: LinkClass
    link_bytes_per_s: int
    capacity_bytes: int
    load_bytes: int
    tls_pin: bytes
    entry_key: bytes
    receipt_key: bytes
    bound: Mark | None = None

    @property
    def keys(self) -> tuple[bytes, ...]:
        return (self.tls_pin, self.entry_key, self.receipt_key)


def check_vans(vans: tuple[VanRecord, ...]) -> None:
    """Raises Malformed with the first rule that a list's vans break."""
    numbers, names = [van.number for van in vans], [van.name for van in vans]
    if numbers != sorted(set(numbers)) or 0 in numbers:
        raise Malformed("vans", "rising numbers from 1 without repeats", ", ".join(map(str, numbers[:8])))
    if len(set(names)) != len(names):
        raise Malformed("names of vans", "each one only once", ", ".join(names[:8]))
    for van in vans:
        if not VAN_NAME.fullmatch(van.name):
            raise Malformed("name of a van", f"{VAN_NAME.pattern}", repr(van.name))
        if van.bound is not None and not van.is_gone:
            raise Malformed(f"bound of {van.name}", "one for a van that is gone and only there", "one")
    keys = [key for van in vans for key in van.keys]
    if len(set(keys)) != len(keys):
        raise Malformed("keys of vans", "each key for one use", "a key twice")


def write_van(writer: Writer, van: VanRecord) -> None:
    ending = _GONE_WITH_BOUND if van.bound is not None else _GONE if van.is_gone else _HERE
    writer.u32("van number", van.number).text("van name", van.name, _NAME_SIZE_MAX).u8("gone", ending)
    write_standing(writer, van)
    for field, key in zip(("TLS pin", "entry key", "receipt key"), van.keys, strict=True):
        writer.fixed(field, key, _KEY_SIZE_BYTES)
    if van.bound is not None:
        writer.u32("bound generation", van.bound.generation).u64("bound number", van.bound.number)
        writer.fixed("bound hash", van.bound.running_hash, HASH_SIZE_BYTES)


def read_van(reader: Reader) -> VanRecord:
    number, name = NodeNumber(reader.u32("van number")), reader.text("van name", _NAME_SIZE_MAX)
    ending, standing = reader.u8("gone"), read_standing(reader)
    if ending not in (_HERE, _GONE, _GONE_WITH_BOUND):
        raise Malformed("gone", "0, 1, or 2 with a bound (update lumbung for later ones)", str(ending))
    return VanRecord(
        number=number,
        name=name,
        is_gone=ending != _HERE,
        addresses=standing.addresses,
        reach=standing.reach,
        link=standing.link,
        link_bytes_per_s=standing.link_bytes_per_s,
        capacity_bytes=standing.capacity_bytes,
        load_bytes=standing.load_bytes,
        tls_pin=reader.fixed("TLS pin", _KEY_SIZE_BYTES),
        entry_key=reader.fixed("entry key", _KEY_SIZE_BYTES),
        receipt_key=reader.fixed("receipt key", _KEY_SIZE_BYTES),
        bound=_read_bound(reader) if ending == _GONE_WITH_BOUND else None,
    )


def _read_bound(reader: Reader) -> Mark:
    generation, number = Generation(reader.u32("bound generation")), reader.u64("bound number")
    return Mark(generation, number, reader.fixed("bound hash", HASH_SIZE_BYTES))
