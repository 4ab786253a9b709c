"""What gRPC is told: bounds on messages and headers, keepalive by link class, no proxies, no silent port sharing."""

from __future__ import annotations

from typing import Final

from lumbung_cluster.limits import (
    BACKOFF_S_MIN,
    CALL_METADATA_SIZE_BYTES_MAX,
    CALLS_PER_PEER_MAX,
    CONNECTIONS_UNAUTHENTICATED_S,
    DIAL_TIMEOUT_S,
    KIB,
    MIB,
    SESSION_MESSAGE_SIZE_BYTES_MAX,
)
from lumbung_node.ports.transport import LinkClass

__all__ = ["Options", "channel_options", "server_options"]

Options = tuple[tuple[str, int | str], ...]

# Seconds of silence before a ping, and how long its answer may take; None: never ping, notice at the next use.
_KEEPALIVE_S: Final[dict[LinkClass, tuple[float, float] | None]] = {
    LinkClass.LAN: (1.0, 1.0),
    LinkClass.WAN: (30.0, 20.0),
    LinkClass.SATELLITE: None,
}
# A server does not know over which line its caller came, only over which its own are: the class of its configuration.
# It must ping too: a dialler that stands still is noticed by nobody else. (Until then a partner whose machine had hung
# was shown as up for five minutes by all those whom it had dialled.) On a satellite line this end only has to let go,
# some day, of callers that lost power: a packet in five minutes. Nor can it give one caller more patience than another,
# as a dialler does on a link that breaks again and again. So both sides keep less under way on such a link
# (SHORT_FLIGHT_S): a ping of class lan waits behind no more, and a dialler that stands still is noticed within 3 s.
_SERVER_KEEPALIVE_S: Final = {
    LinkClass.LAN: (1.0, 1.5),
    LinkClass.WAN: (30.0, 20.0),
    LinkClass.SATELLITE: (300.0, 20.0),
}
_PING_INTERVAL_MS_MIN: Final = 500  # half of the LAN's keepalive: a caller that pings more often is closed

_WINDOW_BYTES: Final = 2 * MIB  # what a peer may send of one stream before we read
_READ_BYTES: Final = 128 * KIB  # what is read of a connection at once

_COMMON: Final[Options] = (
    ("grpc.max_send_message_length", SESSION_MESSAGE_SIZE_BYTES_MAX),
    ("grpc.max_receive_message_length", SESSION_MESSAGE_SIZE_BYTES_MAX),
    # Alone the first is soft (twice as much was seen to pass), so both are set.
    ("grpc.max_metadata_size", CALL_METADATA_SIZE_BYTES_MAX),
    ("grpc.absolute_max_metadata_size", CALL_METADATA_SIZE_BYTES_MAX),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.enable_http_proxy", 0),
    # By default a window follows the bandwidth that gRPC believes to measure: eight streams that nobody read cost
    # 186 to 936 MiB. A fixed one costs 66 and was not slower here; 2 MiB a round trip allow 26 MB/s over 80 ms.
    ("grpc.http2.bdp_probe", 0),
    ("grpc.http2.lookahead_bytes", _WINDOW_BYTES),
    # Without it the buffer that waits for a connection's next bytes doubles whenever one was filled and shrinks by a
    # hundredth otherwise: 514 busy peers cost a DRC node 0.4 to 1.8 MiB each until their sessions ended.
    ("grpc.experimental.tcp_max_read_buffer_size", _READ_BYTES),
)


def server_options(link: LinkClass) -> Options:
    """`link` is the class of the server's own line."""
    time_s, timeout_s = _SERVER_KEEPALIVE_S[link]
    return (
        *_COMMON,
        # With the default a second node on the same port starts silently and takes half of the calls.
        ("grpc.so_reuseport", 0),
        *_keepalive(time_s, timeout_s),
        ("grpc.http2.min_ping_interval_without_data_ms", _PING_INTERVAL_MS_MIN),
        # Slots are counted by caller; this bounds, for each connection, calls that hold no slot any more.
        ("grpc.max_concurrent_streams", 4 * CALLS_PER_PEER_MAX),
        ("grpc.server_handshake_timeout_ms", int(CONNECTIONS_UNAUTHENTICATED_S * 1000)),
    )


def channel_options(link: LinkClass, server_name: str) -> Options:
    """`server_name` is the DNS SAN that the peer's certificate must carry, whatever its address is."""
    keepalive = _KEEPALIVE_S[link]
    return (
        *_COMMON,
        *(() if keepalive is None else _keepalive(*keepalive)),
        ("grpc.ssl_target_name_override", server_name),
        # Channels of equal options share connections process-wide by default; ours each pin a certificate.
        ("grpc.use_local_subchannel_pool", 1),
        ("grpc.initial_reconnect_backoff_ms", int(BACKOFF_S_MIN * 1000)),
        ("grpc.min_reconnect_backoff_ms", int(DIAL_TIMEOUT_S * 1000)),
        ("grpc.max_reconnect_backoff_ms", int(DIAL_TIMEOUT_S * 1000)),
        # A call is never repeated behind the caller's back: only he knows whether it may be.
        ("grpc.enable_retries", 0),
    )


def _keepalive(time_s: float, timeout_s: float) -> Options:
    return (
        ("grpc.keepalive_time_ms", int(time_s * 1000)),
        ("grpc.keepalive_timeout_ms", int(timeout_s * 1000)),
        # Without it a stopped peer was not noticed within 6 s; with it in 2.
        ("grpc.http2.ping_timeout_ms", int(timeout_s * 1000)),
    )
