"""How far each set-aside store has been taken over: one row a store, written with the entries that it speaks of.

SYSTEM: 'lt', name of the folder (ASCII) -> version u8, state u8, origin u32, last id 32 B, and seven u64: expected
blobs, taken blobs, taken bytes, blobs that were here already, unreadable ones, refused ones, gaps in its index.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import Enum

from lumbung_cluster.errors import StoreDamaged
from lumbung_cluster.ids import BlobId, NodeNumber
from lumbung_node.ports.keyvalue import Family, KeyValue
from lumbung_node.store.layout import FORMAT_VERSION
from lumbung_node.store.state import scan_all

__all__ = ["TakeoverRow", "TakeoverState", "load_takeovers", "takeover_key"]

_ROW = struct.Struct(">BBI32sQQQQQQQ")
_PREFIX = b"lt"
_BEHIND = b"lu"
_NO_ORIGIN = NodeNumber(0)
_NO_BLOB = BlobId(bytes(32))
_LIFE_KEY_SIZE = 5  # 'l' and a node number: never the length of a folder's name


class TakeoverState(Enum):
    """`REFUSES_TO_OPEN`: no way of opening it worked; its folder stays for people who know more."""

    RUNNING = 1
    ENDED = 2
    REFUSES_TO_OPEN = 3


@dataclass(frozen=True, slots=True)
class TakeoverRow:
    """`origin` and `last` are where it goes on. `gaps` are parts of the index that could not be read."""

    state: TakeoverState = TakeoverState.RUNNING
    origin: NodeNumber = _NO_ORIGIN
    last: BlobId = _NO_BLOB
    expected: int = 0
    taken: int = 0
    taken_bytes: int = 0
    present: int = 0
    unreadable: int = 0
    refused: int = 0
    gaps: int = 0

    @property
    def lacking(self) -> int:
        """Blobs that the store once counted and that it could not give."""
        return max(0, self.expected - self.taken - self.present)

    def pack(self) -> bytes:
        return _ROW.pack(
            FORMAT_VERSION,
            self.state.value,
            self.origin,
            self.last.raw,
            self.expected,
            self.taken,
            self.taken_bytes,
            self.present,
            self.unreadable,
            self.refused,
            self.gaps,
        )

    @classmethod
    def unpack(cls, value: bytes) -> TakeoverRow:
        if len(value) != _ROW.size:
            raise StoreDamaged(f"takeover row: expected {_ROW.size} bytes, got {len(value)}")
        version, state, origin, last, *counts = _ROW.unpack(value)
        if version != FORMAT_VERSION or state not in {known.value for known in TakeoverState}:
            raise StoreDamaged(
                f"takeover row: expected version {FORMAT_VERSION} and a known state, got {version}, {state}"
            )
        return cls(TakeoverState(state), NodeNumber(origin), BlobId(last), *counts)


def takeover_key(name: str) -> bytes:
    key = _PREFIX + name.encode("ascii")
    assert len(key) > _LIFE_KEY_SIZE
    return key


async def load_takeovers(kv: KeyValue) -> dict[str, TakeoverRow]:
    """By name, in the order of names."""
    rows = await scan_all(kv, Family.SYSTEM, _PREFIX, _BEHIND)
    return {key[2:].decode("ascii"): TakeoverRow.unpack(value) for key, value in rows if len(key) > _LIFE_KEY_SIZE}
