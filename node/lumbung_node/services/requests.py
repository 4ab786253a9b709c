"""What a caller asks: the one message of a unary or server-streaming call, or one of many."""

from __future__ import annotations

from typing import TypeVar

from google.protobuf.message import Message

from lumbung_cluster.errors import Rejected, StatusCode
from lumbung_node.ports.transport import ServerCall
from lumbung_proto.codec import MalformedFrame, decode_message

__all__ = ["parse_request", "read_request"]

M = TypeVar("M", bound=Message)


async def read_request(call: ServerCall, kind: type[M]) -> M:
    """Raises Rejected(INVALID_ARGUMENT) when there is none, or it does not parse."""
    message = await call.receive()
    if message is None:
        raise Rejected(StatusCode.INVALID_ARGUMENT, f"expected a {kind.DESCRIPTOR.name}, got nothing")
    return parse_request(kind, message)


def parse_request(kind: type[M], message: bytes) -> M:
    """Raises Rejected(INVALID_ARGUMENT) for what does not parse."""
    try:
        return decode_message(kind, message)
    except MalformedFrame as exc:
        raise Rejected(StatusCode.INVALID_ARGUMENT, str(exc)) from exc
