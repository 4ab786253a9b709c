"""What travels beside the messages: our errors as gRPC's statuses, the request id and the end mark."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Final

import grpc
import grpc.aio

from lumbung_cluster.errors import PeerGone, PeerUnreachable, Rejected, StatusCode

__all__ = [
    "END_MARK_BYTES",
    "END_MARK_KEY",
    "REQUEST_ID_BYTES",
    "REQUEST_ID_KEY",
    "SAID_BY_HANDLER",
    "call_metadata",
    "check_size",
    "error_of_call",
    "error_of_status",
    "grpc_code",
]

# Handlers may refuse with UNAVAILABLE or CANCELLED too: this trailer tells their word from a broken connection.
SAID_BY_HANDLER: Final = (("lumbung-rejected", "1"),)

REQUEST_ID_KEY: Final = "lumbung-request-bin"
REQUEST_ID_BYTES: Final = 16

# gRPC shows a server the same thing when a caller has finished sending and when it was killed: no more messages. So a
# caller draws a mark, names it in its metadata, and sends it as the last message; what ends without it was cut.
END_MARK_KEY: Final = "lumbung-end-bin"
END_MARK_BYTES: Final = 16

_GRPC_CODES: Final = {code.value[0]: code for code in grpc.StatusCode}
_OF_BROKEN_LINKS: Final = (StatusCode.UNAVAILABLE, StatusCode.CANCELLED)


def grpc_code(code: StatusCode) -> grpc.StatusCode:
    return _GRPC_CODES[code.value]


def error_of_status(code: grpc.StatusCode, details: str, trailers: Iterable[object]) -> Exception | None:
    """What a call that ended with this status raises; None for OK."""
    if code is grpc.StatusCode.OK:
        return None
    ours = StatusCode(code.value[0])
    said = any(item == SAID_BY_HANDLER[0] for item in trailers)
    if not said and details.startswith("failed to connect"):
        return PeerUnreachable(details)
    if not said and (ours in _OF_BROKEN_LINKS or "RST_STREAM" in details):
        return PeerGone(f"the connection broke: {details}")
    return Rejected(ours, details)


def error_of_call(exc: grpc.aio.AioRpcError) -> Exception:
    """What a call raises that gRPC ended with an error."""
    error = error_of_status(exc.code(), exc.details() or "", exc.trailing_metadata())
    return error or PeerGone("the call ended without an answer")


def call_metadata() -> tuple[tuple[str, bytes], ...]:
    """Of a new call: its request id, drawn now."""
    return ((REQUEST_ID_KEY, os.urandom(REQUEST_ID_BYTES)),)


def check_size(message: bytes, bytes_max: int) -> None:
    """Raises Rejected(RESOURCE_EXHAUSTED) before a message that the peer would refuse is sent."""
    if len(message) > bytes_max:
        sentence = f"expected a message of at most {bytes_max} bytes, got {len(message)}"
        raise Rejected(StatusCode.RESOURCE_EXHAUSTED, sentence)
