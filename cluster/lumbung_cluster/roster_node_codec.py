"""A node of a roster as canonical bytes; part of the format `lumbung/roster/0`."""

from __future__ import annotations

from enum import IntEnum
from typing import TypeVar

from lumbung_cluster.canonical import Malformed, Reader, Writer
from lumbung_cluster.feed import HASH_SIZE_BYTES, Mark
from lumbung_cluster.ids import Generation, NodeNumber
from lumbung_cluster.roster_node import (
    AgeRecipient,
    Departure,
    Extension,
    KeyRecord,
    KeyUse,
    Label,
    NodeRecord,
    NodeState,
    NumberRange,
    Role,
)
from lumbung_cluster.standing import read_standing, write_standing

__all__ = [
    "read_extensions",
    "read_last",
    "read_node",
    "read_recipients",
    "write_extensions",
    "write_last",
    "write_node",
    "write_recipients",
]

E = TypeVar("E", bound=IntEnum)

_KEY_SIZE = 32
_NAME_SIZE_MAX = 64
_LABELS_MAX = 64  # regions are renamed a few times in a century
_KEYS_MAX = 256  # four uses, each rotated once a year for 60 years
_RECIPIENTS_MAX = 64
_RECIPIENT_SIZE_MAX = 4096  # post-quantum age recipients have about 2 KB
_EXTENSIONS_MAX = 64
_EXTENSION_SIZE_MAX = 16 * 1024
_REASON_SIZE_MAX = 1024


def write_node(writer: Writer, node: NodeRecord) -> None:
    writer.u32("node number", node.number)
    writer.u8("role", node.role)
    writer.u32("office", node.office)
    writer.sequence("labels", node.labels, _write_label, _LABELS_MAX)
    writer.text("province", node.province, _NAME_SIZE_MAX)
    writer.text("hazard zone", node.hazard_zone, _NAME_SIZE_MAX)
    write_standing(writer, node)
    writer.u8("state", node.state)
    writer.sequence("keys", node.keys, _write_key, _KEYS_MAX)
    write_recipients(writer, "age recipients", node.recipients)
    writer.optional("van numbers", node.vans, _write_range)
    writer.optional("departure", node.departure, _write_departure)
    write_extensions(writer, node.extensions)


def read_node(reader: Reader) -> NodeRecord:
    number, role = NodeNumber(reader.u32("node number")), _read_enum(reader, "role", Role)
    office = NodeNumber(reader.u32("office"))
    labels = reader.sequence("labels", _read_label, _LABELS_MAX)
    province, zone = reader.text("province", _NAME_SIZE_MAX), reader.text("hazard zone", _NAME_SIZE_MAX)
    standing = read_standing(reader)
    return NodeRecord(
        number=number,
        role=role,
        office=office,
        labels=labels,
        province=province,
        hazard_zone=zone,
        addresses=standing.addresses,
        reach=standing.reach,
        link=standing.link,
        link_bytes_per_s=standing.link_bytes_per_s,
        capacity_bytes=standing.capacity_bytes,
        load_bytes=standing.load_bytes,
        state=_read_enum(reader, "state", NodeState),
        keys=reader.sequence("keys", _read_key, _KEYS_MAX),
        recipients=read_recipients(reader, "age recipients"),
        vans=reader.optional("van numbers", _read_range),
        departure=reader.optional("departure", _read_departure),
        extensions=read_extensions(reader),
    )


def write_last(writer: Writer, last_epoch: int | None) -> None:
    writer.optional("last epoch", last_epoch, lambda inner, value: inner.u32("last epoch", value))


def read_last(reader: Reader) -> int | None:
    return reader.optional("last epoch", lambda inner: inner.u32("last epoch"))


def write_recipients(writer: Writer, field: str, recipients: tuple[AgeRecipient, ...]) -> None:
    writer.sequence(field, recipients, _write_recipient, _RECIPIENTS_MAX)


def read_recipients(reader: Reader, field: str) -> tuple[AgeRecipient, ...]:
    return reader.sequence(field, _read_recipient, _RECIPIENTS_MAX)


def write_extensions(writer: Writer, extensions: tuple[Extension, ...]) -> None:
    writer.sequence("extensions", extensions, _write_extension, _EXTENSIONS_MAX)


def read_extensions(reader: Reader) -> tuple[Extension, ...]:
    return reader.sequence("extensions", _read_extension, _EXTENSIONS_MAX)


def _write_label(writer: Writer, label: Label) -> None:
    writer.text("label", label.name, _NAME_SIZE_MAX)
    writer.u32("first epoch", label.first_epoch)
    write_last(writer, label.last_epoch)


def _read_label(reader: Reader) -> Label:
    return Label(reader.text("label", _NAME_SIZE_MAX), reader.u32("first epoch"), read_last(reader))


def _write_key(writer: Writer, key: KeyRecord) -> None:
    writer.u8("key use", key.use)
    writer.fixed("key", key.key, _KEY_SIZE)
    writer.u32("first epoch", key.first_epoch)
    write_last(writer, key.last_epoch)
    writer.optional("bound", key.bound, _write_mark)


def _read_key(reader: Reader) -> KeyRecord:
    return KeyRecord(
        use=_read_enum(reader, "key use", KeyUse),
        key=reader.fixed("key", _KEY_SIZE),
        first_epoch=reader.u32("first epoch"),
        last_epoch=read_last(reader),
        bound=reader.optional("bound", _read_mark),
    )


def _write_mark(writer: Writer, mark: Mark) -> None:
    writer.u32("bound generation", mark.generation)
    writer.u64("bound number", mark.number)
    writer.fixed("bound running hash", mark.running_hash, HASH_SIZE_BYTES)


def _read_mark(reader: Reader) -> Mark:
    generation = Generation(reader.u32("bound generation"))
    return Mark(generation, reader.u64("bound number"), reader.fixed("bound running hash", HASH_SIZE_BYTES))


def _write_recipient(writer: Writer, entry: AgeRecipient) -> None:
    writer.text("age recipient", entry.recipient, _RECIPIENT_SIZE_MAX)
    writer.u32("first epoch", entry.first_epoch)
    write_last(writer, entry.last_epoch)


def _read_recipient(reader: Reader) -> AgeRecipient:
    recipient = reader.text("age recipient", _RECIPIENT_SIZE_MAX)
    return AgeRecipient(recipient, reader.u32("first epoch"), read_last(reader))


def _write_range(writer: Writer, numbers: NumberRange) -> None:
    writer.u32("first van number", numbers.first)
    writer.u32("count of van numbers", numbers.count)


def _read_range(reader: Reader) -> NumberRange:
    return NumberRange(NodeNumber(reader.u32("first van number")), reader.u32("count of van numbers"))


def _write_departure(writer: Writer, departure: Departure) -> None:
    writer.u32("departure epoch", departure.epoch)
    writer.optional(
        "drain proof", departure.drain_proof, lambda inner, value: inner.fixed("drain proof", value, HASH_SIZE_BYTES)
    )
    writer.text("override by", departure.override_by, _NAME_SIZE_MAX)
    writer.text("reason", departure.reason, _REASON_SIZE_MAX)


def _read_departure(reader: Reader) -> Departure:
    epoch = reader.u32("departure epoch")
    proof = reader.optional("drain proof", lambda inner: inner.fixed("drain proof", HASH_SIZE_BYTES))
    return Departure(epoch, proof, reader.text("override by", _NAME_SIZE_MAX), reader.text("reason", _REASON_SIZE_MAX))


def _write_extension(writer: Writer, extension: Extension) -> None:
    writer.text("extension name", extension.name, _NAME_SIZE_MAX)
    writer.flag("extension critical", extension.critical)
    writer.var_bytes("extension value", extension.value, _EXTENSION_SIZE_MAX)


def _read_extension(reader: Reader) -> Extension:
    name = reader.text("extension name", _NAME_SIZE_MAX)
    return Extension(name, reader.flag("extension critical"), reader.var_bytes("extension value", _EXTENSION_SIZE_MAX))


def _read_enum(reader: Reader, field: str, kind: type[E]) -> E:
    value = reader.u8(field)
    try:
        return kind(value)
    except ValueError as exc:
        raise Malformed(field, f"one of {', '.join(str(int(known)) for known in kind)}", str(value)) from exc
