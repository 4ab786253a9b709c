"""Mutations: of raw bytes, and of protobuf messages field by field, so that most inputs get past the first check."""

from __future__ import annotations

import random
from collections.abc import Callable

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError, Message

__all__ = ["mutated_bytes", "mutated_message", "random_message"]

_EDGES = (
    *(0, 1, 2, 31, 32, 33, 63, 64, 65, 255, 256, 257),
    *((1 << 31) - 1, 1 << 31, (1 << 32) - 1, 1 << 63, (1 << 64) - 1),
)
_REPEATS_MAX = 300  # past every bound on counts of elements
_DEPTH_MAX = 4


def mutated_bytes(raw: bytes, draws: random.Random, others: list[bytes]) -> bytes:
    """One to four changes: bits, edges in place of integers, cuts, repeats, and pieces of other samples."""
    data = bytearray(raw)
    for _ in range(draws.choice((1, 1, 2, 4))):
        draws.choice(_BYTE_CHANGES)(data, draws, others)
    return bytes(data)


def mutated_message(raw: bytes, kind: type[Message], draws: random.Random) -> bytes:
    """The message with some field, at any depth, set to an edge; bytes that do not parse come back as they are."""
    try:
        message = kind.FromString(raw)
    except DecodeError:
        return raw
    for _ in range(draws.choice((1, 1, 2))):
        _change_field(message, draws, 0)
    return message.SerializeToString()


def random_message(kind: type[Message], draws: random.Random, depth: int = 0) -> Message:
    """A message of this kind with fields drawn at random."""
    message = kind()
    for field in _fields(message):
        if draws.random() < 0.7:
            _fill(message, field, draws, depth)
    return message


# --- bytes -----------------------------------------------------------------------------------------------------


def _flip(data: bytearray, draws: random.Random, others: list[bytes]) -> None:
    if data:
        data[draws.randrange(len(data))] ^= 1 << draws.randrange(8)


def _edge(data: bytearray, draws: random.Random, others: list[bytes]) -> None:
    size = draws.choice((1, 2, 4, 8))
    at = draws.randrange(len(data) + 1)
    order = "big" if draws.random() < 0.7 else "little"
    data[at : at + size] = (draws.choice(_EDGES) & ((1 << 8 * size) - 1)).to_bytes(size, order)  # type: ignore[arg-type]


def _cut(data: bytearray, draws: random.Random, others: list[bytes]) -> None:
    at = draws.randrange(len(data) + 1)
    del data[at : at + draws.choice((1, 4, 32, len(data)))]


def _repeat(data: bytearray, draws: random.Random, others: list[bytes]) -> None:
    at = draws.randrange(len(data) + 1)
    piece = bytes(data[at : at + draws.choice((1, 4, 32, 96))])
    data[at:at] = piece * draws.choice((1, 2, 50))


def _splice(data: bytearray, draws: random.Random, others: list[bytes]) -> None:
    other = draws.choice(others)
    at, start = draws.randrange(len(data) + 1), draws.randrange(len(other) + 1)
    data[at : at + draws.choice((0, 8, 64))] = other[start : start + draws.choice((1, 8, 64, 4096))]


def _noise(data: bytearray, draws: random.Random, others: list[bytes]) -> None:
    at = draws.randrange(len(data) + 1)
    data[at:at] = draws.randbytes(draws.choice((1, 3, 40)))


_BYTE_CHANGES: tuple[Callable[[bytearray, random.Random, list[bytes]], None], ...] = (
    _flip,
    _flip,
    _edge,
    _cut,
    _repeat,
    _splice,
    _noise,
)


# --- fields ----------------------------------------------------------------------------------------------------


def _change_field(message: Message, draws: random.Random, depth: int) -> None:
    fields = _fields(message)
    if not fields:
        return
    names = {field.name for field, _ in message.ListFields()}
    present = [field for field in fields if field.name in names]
    field = draws.choice(present if present and draws.random() < 0.7 else fields)
    inside = _inside(message, field, draws)
    if inside is not None and depth < _DEPTH_MAX and draws.random() < 0.7:
        _change_field(inside, draws, depth + 1)
    elif draws.random() < 0.15:
        message.ClearField(field.name)
    else:
        _fill(message, field, draws, depth)


def _inside(message: Message, field: FieldDescriptor, draws: random.Random) -> Message | None:
    """A message under this field, if there is one."""
    if field.type != FieldDescriptor.TYPE_MESSAGE or _is_map(field):
        return None
    value = getattr(message, field.name)
    if not field.is_repeated:
        return value if message.HasField(field.name) else None
    return draws.choice(value) if value else None


def _fill(message: Message, field: FieldDescriptor, draws: random.Random, depth: int) -> None:
    if _is_map(field):
        getattr(message, field.name)[draws.choice(("a", "reason", ""))] = draws.choice(("", "x" * 40))
        return
    if field.type == FieldDescriptor.TYPE_MESSAGE:
        _fill_messages(message, field, draws, depth)
    elif field.is_repeated:
        count = draws.choice((0, 1, 2, _REPEATS_MAX))
        getattr(message, field.name)[:] = [_value(field, draws) for _ in range(count)]
    else:
        setattr(message, field.name, _value(field, draws))


def _fill_messages(message: Message, field: FieldDescriptor, draws: random.Random, depth: int) -> None:
    if depth >= _DEPTH_MAX:
        return
    if not field.is_repeated:
        inner = getattr(message, field.name)
        inner.SetInParent()
        inner.CopyFrom(random_message(type(inner), draws, depth + 1))
        return
    values = getattr(message, field.name)
    if values and draws.random() < 0.5:
        copies = draws.choice((1, _REPEATS_MAX))
        values.extend([draws.choice(values) for _ in range(copies)])
        return
    for _ in range(draws.choice((1, 2, 3))):
        inner = values.add()
        inner.CopyFrom(random_message(type(inner), draws, depth + 1))


def _value(field: FieldDescriptor, draws: random.Random) -> int | float | bool | str | bytes:
    match field.cpp_type:
        case FieldDescriptor.CPPTYPE_BOOL:
            return draws.random() < 0.5
        case FieldDescriptor.CPPTYPE_ENUM:
            return draws.choice([0, 1, 2, 3, 4, 77])
        case FieldDescriptor.CPPTYPE_UINT32:
            return draws.choice(_EDGES) & 0xFFFF_FFFF
        case FieldDescriptor.CPPTYPE_UINT64:
            return draws.choice(_EDGES)
        case FieldDescriptor.CPPTYPE_INT32:
            return draws.choice((-(1 << 31), -1, 0, 1, (1 << 31) - 1))
        case FieldDescriptor.CPPTYPE_INT64:
            return draws.choice((-(1 << 63), -1, 0, 1, (1 << 63) - 1))
        case FieldDescriptor.CPPTYPE_DOUBLE | FieldDescriptor.CPPTYPE_FLOAT:
            return draws.choice((0.0, -1.0, 1e308, float("nan"), float("inf")))
    if field.type == FieldDescriptor.TYPE_BYTES:
        return draws.randbytes(draws.choice((0, 1, 16, 31, 32, 33, 64, 5000)))
    return draws.choice(("", "a", "\u202e", "x" * 300, "NUL\0", "é", "e\u0301"))


def _fields(message: Message) -> list[FieldDescriptor]:
    return [field for field in message.DESCRIPTOR.fields if isinstance(field, FieldDescriptor)]


def _is_map(field: FieldDescriptor) -> bool:
    return field.message_type is not None and field.message_type.GetOptions().map_entry
