"""What outlives a restart of reports and mutes. Neither is anybody's proof: a row that cannot be read is passed over.

SYSTEM: 'hr', node u32 -> version u8, when it came u64 (UTC ms), the signed report: body, public key, signature.
SYSTEM: 'hm', node u32, health code (ASCII) -> version u8, until u64 (UTC ms).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable

from lumbung_cluster.canonical import Malformed
from lumbung_cluster.health import HealthCode
from lumbung_cluster.ids import NodeNumber
from lumbung_cluster.mute import Mute
from lumbung_cluster.report import SignedReport
from lumbung_cluster.report_codec import report_of_bytes
from lumbung_node.ports.keyvalue import Family, KeyValue
from lumbung_node.store.readable import scan_known

__all__ = ["load_mutes", "load_reports", "mute_key", "pack_mute", "pack_report", "report_key"]

_VERSION = 0
_REPORTS, _BEHIND_REPORTS = b"hr", b"hs"
_MUTES, _BEHIND_MUTES = b"hm", b"hn"
_HEAD = struct.Struct(">BQ")
_NODE_SIZE = 4


def report_key(node: NodeNumber) -> bytes:
    return _REPORTS + node.to_bytes(_NODE_SIZE, "big")


def pack_report(signed: SignedReport, received_ms: int) -> bytes:
    return _HEAD.pack(_VERSION, received_ms) + signed.to_bytes()


async def load_reports(kv: KeyValue, nodes: Iterable[NodeNumber]) -> list[tuple[SignedReport, int]]:
    """The reports kept, and when each came (UTC ms). Beside a corrupt block those of `nodes` are looked for."""
    found = []
    keys = [report_key(node) for node in sorted(nodes)]
    rows, _ = await scan_known(kv, Family.SYSTEM, _REPORTS, _BEHIND_REPORTS, keys)
    for key, value in rows:
        signed = _read_report(value)
        if signed is not None and report_key(signed[0].content.node) == key:
            found.append(signed)
    return found


def _read_report(value: bytes) -> tuple[SignedReport, int] | None:
    if len(value) < _HEAD.size or value[0] != _VERSION:
        return None
    try:
        return report_of_bytes(value[_HEAD.size :]), _HEAD.unpack_from(value)[1]
    except Malformed:
        return None


def mute_key(node: NodeNumber, code: str) -> bytes:
    return _MUTES + node.to_bytes(_NODE_SIZE, "big") + code.encode("ascii")


def pack_mute(mute: Mute) -> bytes:
    return _HEAD.pack(_VERSION, mute.until_ms)


async def load_mutes(kv: KeyValue, nodes: Iterable[NodeNumber]) -> list[Mute]:
    """By node, then by code. Beside a corrupt block those about `nodes` are looked for."""
    found = []
    about = sorted({NodeNumber(0), *nodes})  # 0 is every node
    keys = [mute_key(node, code) for node in about for code in sorted(HealthCode.__members__)]
    rows, _ = await scan_known(kv, Family.SYSTEM, _MUTES, _BEHIND_MUTES, keys)
    for key, value in rows:
        node, code = key[len(_MUTES) :][:_NODE_SIZE], key[len(_MUTES) + _NODE_SIZE :]
        if len(value) == _HEAD.size and value[0] == _VERSION and code.isascii():
            until_ms = _HEAD.unpack(value)[1]
            found.append(Mute(code.decode("ascii"), NodeNumber(int.from_bytes(node, "big")), until_ms))
    return found
