"""The short questions: where is a blob, what lies there, how is the node. One unary call each, as values."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TypeVar

from google.protobuf.message import Message

from lumbung_cluster import limits
from lumbung_cluster.errors import PeerGone
from lumbung_cluster.ids import BLOB_ID_SIZE_BYTES
from lumbung_node.ports.transport import Channel, Method
from lumbung_proto.codec import MalformedFrame, decode_message
from lumbung_proto.v1 import blobs_pb2, operations_pb2
from lumbung_tools.client.methods import LIST, STAT, STATUS

__all__ = ["ID_DIGITS_MIN", "BlobName", "NotAnId", "ask", "list_blobs", "stat", "status", "status_with_ends"]

ID_DIGITS_MIN = 8  # 32 bits: in an office of 1,000,000 recordings a random hit has a chance of 1 in 4,000
M = TypeVar("M", bound=Message)


class NotAnId(ValueError):
    """Text that is neither an id nor a long enough beginning of one."""


@dataclass(frozen=True, slots=True)
class BlobName:
    """How a person names a blob: by the digits of its id, or by a record (its tag)."""

    digits: str = ""
    record_tag: bytes = b""

    @classmethod
    def parse(cls, text: str) -> BlobName:
        """An id or its first digits, 8 at least. Raises NotAnId."""
        digits = text.strip().lower()
        if not ID_DIGITS_MIN <= len(digits) <= 2 * BLOB_ID_SIZE_BYTES or set(digits) - set("0123456789abcdef"):
            raise NotAnId(f"id: expected {ID_DIGITS_MIN} to {2 * BLOB_ID_SIZE_BYTES} hex digits, got {text!r}")
        return cls(digits=digits)

    @property
    def prefix(self) -> bytes:
        """Whole bytes only, as the wire wants them; an odd last digit is checked by `matches`."""
        return bytes.fromhex(self.digits[: len(self.digits) // 2 * 2])

    @property
    def is_whole(self) -> bool:
        """Whether it is a whole id: then the blob is known before anybody is asked."""
        return len(self.digits) == 2 * BLOB_ID_SIZE_BYTES

    def matches(self, raw: bytes) -> bool:
        """Whether a blob of this id may be the answer (a record's answer can be any)."""
        return raw.hex().startswith(self.digits)

    def __str__(self) -> str:
        return self.digits or f"record tag {self.record_tag.hex()}"


async def stat(channel: Channel, wanted: BlobName, origin: int) -> blobs_pb2.StatResponse:
    """What the node knows of one blob. Raises Rejected (NOT_FOUND), PeerUnreachable, TrustRefused, PeerGone."""
    request = blobs_pb2.StatRequest(origin=origin, id=wanted.prefix, record_tag=wanted.record_tag)
    answer = await ask(channel, STAT, request, blobs_pb2.StatResponse)
    if not wanted.matches(answer.blob.id):
        raise PeerGone(f"stat: expected a blob {wanted}, got {answer.blob.id.hex()}")
    return answer


async def list_blobs(
    channel: Channel, origin: int, *, copies_below: int, limit: int | None
) -> AsyncIterator[blobs_pb2.BlobSummary]:
    """At most `limit` blobs of an origin in feed order, a page of 1,000 at a time."""
    after, left = 0, limit
    while left is None or left > 0:
        # Whole pages under a filter: a page says how many rows are looked at, and few of them may pass.
        rows = limits.LIST_ROWS_MAX if left is None or copies_below else min(left, limits.LIST_ROWS_MAX)
        request = blobs_pb2.ListRequest(origin=origin, after=after, limit=rows, copies_below=copies_below)
        page = await ask(channel, LIST, request, blobs_pb2.ListResponse)
        for blob in page.blobs[:left]:
            yield blob
        left = None if left is None else left - len(page.blobs)
        if not page.next_after:
            return
        if page.next_after <= after:  # would turn for ever
            raise PeerGone(f"list: expected a page behind {after}, got {page.next_after}")
        after = page.next_after


async def status(channel: Channel) -> operations_pb2.StatusResponse:
    return await ask(channel, STATUS, operations_pb2.StatusRequest(), operations_pb2.StatusResponse)


async def status_with_ends(channel: Channel) -> operations_pb2.StatusResponse:
    """Also how far the signed lists of each origin reach there."""
    request = operations_pb2.StatusRequest(list_ends=True)
    return await ask(channel, STATUS, request, operations_pb2.StatusResponse)


async def ask(channel: Channel, method: Method, request: Message, kind: type[M]) -> M:
    """One unary call. Raises PeerGone for an answer that is not understood, and what the transport raises."""
    raw = await channel.call(method, request.SerializeToString(), deadline_s=limits.DEADLINE_UNARY_S)
    try:
        return decode_message(kind, raw)
    except MalformedFrame as exc:
        raise PeerGone(f"answer not understood: {exc}") from exc
