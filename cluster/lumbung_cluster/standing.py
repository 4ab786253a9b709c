"""Where a node is reached and what it can hold: six fields that rosters, access lists and join requests write alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from lumbung_cluster.canonical import Malformed, Reader, Writer
from lumbung_cluster.roster_node import LinkClass, Reach

__all__ = ["Standing", "Stands", "read_standing", "write_standing"]

_NAME_SIZE_MAX = 64
_ADDRESS_SIZE_MAX = 300  # a DNS name of 253 and a port
_ADDRESSES_MAX = 8


class Stands(Protocol):
    """Whatever has these fields."""

    @property
    def addresses(self) -> tuple[str, ...]: ...

    @property
    def reach(self) -> Reach: ...

    @property
    def link(self) -> LinkClass: ...

    @property
    def link_bytes_per_s(self) -> int: ...

    @property
    def capacity_bytes(self) -> int: ...

    @property
    def load_bytes(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Standing:
    """The six as they were read."""

    addresses: tuple[str, ...]
    reach: Reach
    link: LinkClass
    link_bytes_per_s: int
    capacity_bytes: int
    load_bytes: int


def write_standing(writer: Writer, node: Stands) -> None:
    writer.sequence("addresses", node.addresses, _write_address, _ADDRESSES_MAX)
    writer.text("reach", node.reach.text, _NAME_SIZE_MAX)
    writer.text("link class", node.link.value, _NAME_SIZE_MAX)
    writer.u64("link bytes per second", node.link_bytes_per_s)
    writer.u64("capacity bytes", node.capacity_bytes)
    writer.u64("load bytes", node.load_bytes)


def read_standing(reader: Reader) -> Standing:
    return Standing(
        addresses=reader.sequence("addresses", _read_address, _ADDRESSES_MAX),
        reach=Reach(reader.text("reach", _NAME_SIZE_MAX)),
        link=_read_link(reader),
        link_bytes_per_s=reader.u64("link bytes per second"),
        capacity_bytes=reader.u64("capacity bytes"),
        load_bytes=reader.u64("load bytes"),
    )


def _write_address(writer: Writer, address: str) -> None:
    writer.text("address", address, _ADDRESS_SIZE_MAX)


def _read_address(reader: Reader) -> str:
    return reader.text("address", _ADDRESS_SIZE_MAX)


def _read_link(reader: Reader) -> LinkClass:
    value = reader.text("link class", _NAME_SIZE_MAX)
    try:
        return LinkClass(value)
    except ValueError as exc:
        raise Malformed("link class", f"one of {', '.join(known.value for known in LinkClass)}", repr(value)) from exc
