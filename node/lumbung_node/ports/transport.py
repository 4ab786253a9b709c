"""The transport port: calls between authenticated nodes, in whole byte messages.

One shape for all: a method is a name and a kind; the payload is opaque bytes (services encode them). The gRPC adapter
and the in-memory adapter pass one contract suite (`tests/contracts`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from lumbung_cluster.limits import MESSAGE_SIZE_BYTES_MAX, MESSAGES_WAITING_MAX

__all__ = [
    "CallKind",
    "Caller",
    "Channel",
    "ClientStream",
    "Dialer",
    "Endpoint",
    "Handler",
    "LinkClass",
    "Listener",
    "Method",
    "ServerCall",
    "Transport",
]


class CallKind(Enum):
    UNARY = "unary"
    CLIENT_STREAM = "client stream"
    SERVER_STREAM = "server stream"
    BIDI = "bidi"


class LinkClass(Enum):
    """How quickly a silent link is noticed: the keepalive time, in seconds (satellite: only when used next)."""

    LAN = "lan"
    WAN = "wan"
    SATELLITE = "satellite"


@dataclass(frozen=True, slots=True)
class Method:
    """`name` is the full gRPC path, such as /lumbung.v1.BlobService/Put.

    A request of more than `request_bytes_max` ends its call: the handler's `receive` raises RESOURCE_EXHAUSTED, and
    nothing behind it is read. When `requests_waiting_max` have not been received by the handler, about that many more
    stay with their sender. An answer of more than `answer_bytes_max` is not sent: `send` raises RESOURCE_EXHAUSTED, and
    so does a caller's for a request that no method takes.
    """

    name: str
    kind: CallKind
    request_bytes_max: int = MESSAGE_SIZE_BYTES_MAX
    requests_waiting_max: int = MESSAGES_WAITING_MAX
    answer_bytes_max: int = MESSAGE_SIZE_BYTES_MAX

    @property
    def sent_bytes_max(self) -> int:
        """Of a request: a transport sends no more. What is too large for this method alone, its server refuses."""
        return max(self.request_bytes_max, MESSAGE_SIZE_BYTES_MAX)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is at the other end, as the TLS layer proved it; what they may do is the roster's to say.

    `uri` is the URI SAN of the leaf certificate (lumbung://CLUSTERHEX/node/NUMBER or .../access/NUMBER/NAME);
    `key_pin` is BLAKE3-256 of the leaf's SubjectPublicKeyInfo (DER).
    """

    uri: str
    key_pin: bytes


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where to dial and whom to expect there: the call fails with TrustRefused if somebody else answers.

    `address` is host:port; `uri` the expected URI SAN, and `key_pins` the accepted pins of its key (empty: any key of
    that URI that the trust roots vouch for).
    """

    address: str
    uri: str
    key_pins: tuple[bytes, ...]
    link: LinkClass = LinkClass.LAN


class ServerCall(Protocol):
    """One incoming call, as its handler sees it."""

    @property
    def caller(self) -> Caller: ...

    @property
    def method(self) -> Method: ...

    @property
    def request_id(self) -> bytes:
        """16 bytes from the caller's metadata, or drawn here when there were none."""
        ...

    async def receive(self) -> bytes | None:
        """The next message, or None when the caller has finished sending.

        Raises PeerGone when the caller is gone, and Rejected for a message over the method's bound.
        """
        ...

    async def send(self, message: bytes) -> None:
        """Hand one message over; waits while the flow-control window is full. Raises PeerGone."""
        ...


Handler = Callable[[ServerCall], Awaitable[None]]
"""Runs in the server's nursery; is cancelled when the caller cancels, its deadline passes or its link dies.

Raise `Rejected` to answer with a status; any other exception is logged as a bug under an event id and leaves as
INTERNAL "internal error, event EVENTID". A unary or client-stream handler sends exactly one message.
"""


class ClientStream(Protocol):
    """One outgoing streaming call."""

    async def send(self, message: bytes) -> None:
        """Hand one message over; waits while the window is full. Raises PeerGone or the peer's Rejected."""
        ...

    async def finish_sending(self) -> None:
        """Half-close: the peer's `receive` gives None after the last message."""
        ...

    async def receive(self) -> bytes | None:
        """The next message; None after the peer ended with OK. Raises Rejected for any other status, PeerGone."""
        ...


class Channel(Protocol):
    """A connection (made at first use and remade by itself) to one endpoint."""

    async def call(self, method: Method, request: bytes, *, deadline_s: float) -> bytes:
        """A unary call. Raises Rejected, PeerUnreachable, TrustRefused, PeerGone."""
        ...

    def stream(self, method: Method, *, deadline_s: float | None = None) -> AbstractAsyncContextManager[ClientStream]:
        """Open a streaming call; leaving the block cancels it if it has not ended. Errors as `call`, at first use.

        A call of one request begins once that is sent and `finish_sending` or `receive` is called, others at once;
        so does its deadline.
        """
        ...

    async def close(self) -> None: ...


class Listener(Protocol):
    """A running server."""

    @property
    def address(self) -> str:
        """host:port as bound (a port of 0 is resolved)."""
        ...

    def revoke(self, may_stay: Callable[[Caller, Method], bool]) -> None:
        """End every open call that may not stay, with PERMISSION_DENIED: another roster is in force."""
        ...

    async def stop(self, *, grace_s: float) -> None:
        """Take no new calls, let running ones end for `grace_s`, cancel the rest."""
        ...


class Dialer(Protocol):
    """All that a client needs; identity, keys and certificates belong to the adapter's construction."""

    def dial(self, endpoint: Endpoint) -> Channel:
        """A channel to `endpoint`; nothing is sent before its first call."""
        ...


class Transport(Dialer, Protocol):
    """What a node needs: it dials, and it serves."""

    def serve(self, address: str, handlers: Mapping[Method, Handler]) -> AbstractAsyncContextManager[Listener]:
        """Serve until the block ends. Raises OSError when the port is in use."""
        ...


AccessCheck = Callable[[Caller, Method], None]
"""Raises Rejected(PERMISSION_DENIED) when the caller may not use the method; asked before each handler starts."""
