"""A file of a holder's receipts on a carried disk.

    magic 16 B, version u32 (0), bundle id 16 B, holder u32, count u32 (1 to 128),
    count x: size u32, receipt (body, public key 32 B, signature 64 B, as they are stored and shown everywhere),
    BLAKE3 of all before, 32 B

The hash tells a damaged file from a forged receipt; what counts is decided by the receipts' own signatures.
"""

from __future__ import annotations

from dataclasses import dataclass

from blake3 import blake3

from lumbung_cluster.bundle import BUNDLE_ID_SIZE_BYTES, BUNDLE_VERSION, HASH_SIZE_BYTES
from lumbung_cluster.canonical import Malformed, Reader, Writer
from lumbung_cluster.ids import BLOB_ID_SIZE_BYTES, NodeNumber
from lumbung_cluster.limits import BUNDLE_RECEIPTS_FILE_MAX, RECEIPT_IDS_MAX
from lumbung_cluster.receipt import SignedStatement

__all__ = ["RECEIPTS_SIZE_BYTES_MAX", "ReceiptsFile"]

_MAGIC = b"LUMBUNG-RECEIPT\n"
_RECEIPT_SIZE_MAX = 256 + RECEIPT_IDS_MAX * BLOB_ID_SIZE_BYTES
RECEIPTS_SIZE_BYTES_MAX = 128 + BUNDLE_RECEIPTS_FILE_MAX * (4 + _RECEIPT_SIZE_MAX)


@dataclass(frozen=True, slots=True)
class ReceiptsFile:
    """Receipts of one holder for one bundle, verbatim."""

    bundle: bytes
    holder: NodeNumber
    receipts: tuple[SignedStatement, ...]

    def encode(self) -> bytes:
        """Raises Malformed."""
        writer = Writer().fixed("magic", _MAGIC, len(_MAGIC)).u32("version", BUNDLE_VERSION)
        writer.fixed("bundle id", self.bundle, BUNDLE_ID_SIZE_BYTES).u32("holder", self.holder)
        writer.sequence("receipts", self.receipts, _write_receipt, BUNDLE_RECEIPTS_FILE_MAX)
        raw = writer.finish()
        return raw + blake3(raw).digest()

    @classmethod
    def decode(cls, raw: bytes) -> ReceiptsFile:
        """Raises Malformed. Signatures are not checked yet."""
        if raw[-HASH_SIZE_BYTES:] != blake3(raw[:-HASH_SIZE_BYTES]).digest():
            raise Malformed("receipts file", "bytes that fit their hash", "others")
        reader = Reader(raw[:-HASH_SIZE_BYTES])
        if reader.fixed("magic", len(_MAGIC)) != _MAGIC:
            raise Malformed("receipts file", "a lumbung receipts file", raw[:16].hex())
        version = reader.u32("version")
        if version != BUNDLE_VERSION:
            raise Malformed("receipts file version", f"{BUNDLE_VERSION} (install a newer lumbung)", str(version))
        found = cls(
            reader.fixed("bundle id", BUNDLE_ID_SIZE_BYTES),
            NodeNumber(reader.u32("holder")),
            reader.sequence("receipts", _read_receipt, BUNDLE_RECEIPTS_FILE_MAX),
        )
        reader.finish()
        return found


def _write_receipt(writer: Writer, receipt: SignedStatement) -> None:
    writer.var_bytes("receipt", receipt.to_bytes(), _RECEIPT_SIZE_MAX)


def _read_receipt(reader: Reader) -> SignedStatement:
    return SignedStatement.from_bytes(reader.var_bytes("receipt", _RECEIPT_SIZE_MAX))
