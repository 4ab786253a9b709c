"""Reconcile's messages as frames: what the layouts in docs/protocol.md say, and nothing else gets in."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from lumbung_cluster import limits
from lumbung_cluster.ids import BLOB_ID_SIZE_BYTES, UNITS, NodeNumber
from lumbung_cluster.inventory.fingerprint import INNER_SIZE_BYTES, ROOT_SIZE_BYTES
from lumbung_cluster.inventory.symbols import SHORT_BITS, SYMBOL_SIZE_BYTES, Symbols
from lumbung_cluster.reconcile.messages import (
    Answer,
    AskIds,
    AskSymbols,
    AskUnits,
    Broken,
    Question,
    Stretch,
    ToldIds,
    ToldSymbols,
    ToldUnits,
)
from lumbung_proto.v1 import reconcile_frames_pb2 as pb

__all__ = [
    "pack_answer",
    "pack_question",
    "pack_shorts",
    "printable",
    "split_fingerprints",
    "split_ids",
    "unpack_answer",
    "unpack_eager",
    "unpack_question",
    "unpack_shorts",
]

_STRETCH = struct.Struct("<BBHH")
_SHORT_SIZE = 6


def pack_shorts(shorts: Sequence[int]) -> bytes:
    """6 bytes each, big endian."""
    return b"".join(short.to_bytes(_SHORT_SIZE, "big") for short in shorts)


def unpack_shorts(payload: bytes | memoryview, count_max: int) -> list[int]:
    """Raises Broken."""
    count, rest = divmod(len(payload), _SHORT_SIZE)
    if rest or count > count_max:
        raise Broken(f"expected at most {count_max} short ids of {_SHORT_SIZE} bytes, got {len(payload)} bytes")
    shorts = [int.from_bytes(payload[at : at + _SHORT_SIZE], "big") for at in range(0, len(payload), _SHORT_SIZE)]
    if any(short >> SHORT_BITS for short in shorts):
        raise Broken(f"expected short ids of {SHORT_BITS} bits, got a larger number")
    return shorts


def split_ids(raw: bytes | memoryview, count_max: int) -> list[bytes]:
    """Full ids, 32 bytes each. Raises Broken."""
    size = BLOB_ID_SIZE_BYTES
    if len(raw) % size or len(raw) > count_max * size:
        raise Broken(f"expected at most {count_max} ids of {size} bytes, got {len(raw)} bytes")
    return [bytes(raw[at : at + size]) for at in range(0, len(raw), size)]


def split_fingerprints(raw: bytes | memoryview, count: int | None = None) -> list[bytes]:
    """8 bytes each. Raises Broken for part of one, and for another number of them than `count`."""
    if len(raw) % INNER_SIZE_BYTES or count not in (None, len(raw) // INNER_SIZE_BYTES):
        wanted = "" if count is None else f"{count} "
        raise Broken(f"expected {wanted}fingerprints of {INNER_SIZE_BYTES} bytes, got {len(raw)} bytes")
    return [bytes(raw[at : at + INNER_SIZE_BYTES]) for at in range(0, len(raw), INNER_SIZE_BYTES)]


def pack_question(serial: int, origin: NodeNumber, question: Question) -> pb.ReconcileAsk:
    ask = pb.ReconcileAsk(serial=serial, origin=origin)
    match question:
        case AskSymbols():
            ask.stretches = b"".join(_pack_stretch(stretch) for stretch in question.stretches)
        case AskUnits():
            ask.units = True
        case AskIds():
            ask.ids.unit, ask.ids.after = question.unit, question.after
    return ask


def unpack_question(ask: pb.ReconcileAsk, units: int) -> Question:
    """`units` is the mask of those that both hold. Raises Broken."""
    match ask.WhichOneof("question"):
        case "stretches":
            if len(ask.stretches) % _STRETCH.size or not ask.stretches:
                raise Broken(f"expected stretches of {_STRETCH.size} bytes, got {len(ask.stretches)} bytes")
            packed = _STRETCH.iter_unpack(ask.stretches)
            return AskSymbols(tuple(_stretch(first, last, start, end, units) for first, last, start, end in packed))
        case "units":
            return AskUnits()
        case "ids":
            if ask.ids.unit >= UNITS or not units >> ask.ids.unit & 1:
                raise Broken(f"expected a unit that both hold, got {ask.ids.unit}")
            if len(ask.ids.after) not in (0, BLOB_ID_SIZE_BYTES):
                raise Broken(f"expected an id of {BLOB_ID_SIZE_BYTES} bytes or none, got {len(ask.ids.after)} bytes")
            return AskIds(ask.ids.unit, ask.ids.after)
        case other:
            raise Broken(f"expected a question, got {other}")


def pack_answer(origin: NodeNumber, answer: Answer) -> tuple[pb.ReconcileTell, bytes]:
    """The header and the payload."""
    tell = pb.ReconcileTell(origin=origin)
    match answer:
        case ToldSymbols():
            tell.symbols.CopyFrom(pb.ReconcileSymbols(root=answer.root, counts=answer.counts))
            return tell, b"".join(symbols.to_bytes() for symbols in answer.symbols)
        case ToldUnits():
            tell.units.CopyFrom(pb.ReconcileUnits(counts=answer.counts))
            return tell, b"".join(answer.fingerprints)
        case ToldIds():
            tell.ids.CopyFrom(pb.ReconcileIds(is_last=answer.is_last))
            return tell, b"".join(answer.ids)


def unpack_answer(tell: pb.ReconcileTell, payload: memoryview, question: Question, units: int) -> Answer:
    """The answer to `question`. Raises Broken for another one, or one that does not fit."""
    match question, tell.WhichOneof("answer"):
        case AskSymbols(), "symbols":
            return _told_symbols(tell.symbols, payload, [stretch.size for stretch in question.stretches])
        case AskUnits(), "units":
            count = units.bit_count()
            if len(tell.units.counts) != count:
                raise Broken(f"expected {count} counts, got {len(tell.units.counts)}")
            return ToldUnits(tuple(split_fingerprints(payload, count)), tuple(tell.units.counts))
        case AskIds(), "ids":
            return ToldIds(split_ids(payload, limits.RECONCILE_IDS_PAGE_MAX), tell.ids.is_last)
        case _, other:
            raise Broken(f"expected an answer to {type(question).__name__}, got {other}")


def unpack_eager(compared: pb.ReconcileCompared, payload: memoryview) -> ToldSymbols:
    """The symbols that came with an unequal comparison. Raises Broken."""
    return _told_symbols(compared.eager, payload, [limits.RECONCILE_EAGER_SYMBOLS])


def printable(sentence: str) -> str:
    """What a peer says, fit for a page."""
    return "".join(c for c in sentence[:200] if c.isprintable())


def _told_symbols(message: pb.ReconcileSymbols, payload: memoryview, sizes: Sequence[int]) -> ToldSymbols:
    if len(message.root) != ROOT_SIZE_BYTES or len(message.counts) != len(sizes):
        raise Broken(f"expected a root of {ROOT_SIZE_BYTES} bytes and {len(sizes)} counts")
    if len(payload) != sum(sizes) * SYMBOL_SIZE_BYTES:
        raise Broken(f"expected {sum(sizes)} symbols of {SYMBOL_SIZE_BYTES} bytes, got {len(payload)} bytes")
    symbols, at = [], 0
    for size in sizes:
        symbols.append(Symbols.from_bytes(bytes(payload[at : at + size * SYMBOL_SIZE_BYTES])))
        at += size * SYMBOL_SIZE_BYTES
    return ToldSymbols(message.root, tuple(message.counts), tuple(symbols))


def _pack_stretch(stretch: Stretch) -> bytes:
    first = (stretch.units & -stretch.units).bit_length() - 1
    return _STRETCH.pack(first, stretch.units.bit_length() - 1, stretch.start, stretch.end)


def _stretch(first: int, last: int, start: int, end: int, units: int) -> Stretch:
    if first > last or last >= UNITS:
        raise Broken(f"expected units from a first to a last below {UNITS}, got {first} to {last}")
    return Stretch(units & ((1 << last + 1) - (1 << first)), start, end)
