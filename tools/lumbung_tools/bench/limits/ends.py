"""The two ends of a measured line: a process of its own for one of them, and certificates of one authority."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection

import grpc

from lumbung_cluster.identity_uri import NodeIdentity
from lumbung_cluster.ids import CLUSTER_ID_SIZE_BYTES, ClusterId, NodeNumber
from lumbung_node.adapters.grpc_transport.identity import TlsIdentity
from lumbung_node.adapters.keys.certificates import Authority, make_authority, make_tls_key, public_key_of

__all__ = ["LOOPBACK", "READY_S", "SERVER", "child", "client_credentials", "heard", "parties", "tell_cpu"]

LOOPBACK = "127.0.0.1"
READY_S = 30.0
_CLUSTER = ClusterId(bytes(CLUSTER_ID_SIZE_BYTES))
SERVER, _CLIENT = (NodeIdentity(_CLUSTER, NodeNumber(number)) for number in (1, 2))


@contextmanager
def child(sink: Callable[..., None], words: tuple[object, ...]) -> Iterator[Connection]:
    """A fresh interpreter, because gRPC does not survive a fork."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    child = context.Process(target=sink, args=(theirs, *words), daemon=True)
    child.start()
    theirs.close()
    try:
        yield ours
    finally:
        ours.close()
        child.join(READY_S)
        child.kill()


def heard(told: Connection) -> float:
    if not told.poll(READY_S):
        raise TimeoutError(f"the other end of the loopback said nothing for {READY_S:.0f} s")
    return float(told.recv())


def tell_cpu(told: Connection, used_s: float) -> None:
    """Wait for the word that all is sent, then say what it has cost here. Nobody may be left to hear it."""
    try:
        told.recv()
        told.send(time.process_time() - used_s)
    except (EOFError, OSError):
        return


def parties() -> tuple[TlsIdentity, TlsIdentity]:
    """A server and a client under one authority, as two nodes are."""
    now_ms = time.time_ns() // 1_000_000
    authority = make_authority(_CLUSTER, "bench", now_ms=now_ms)
    return _party(authority, SERVER, now_ms), _party(authority, _CLIENT, now_ms)


def client_credentials(identity: TlsIdentity) -> grpc.ChannelCredentials:
    """What the client of the two dials with."""
    return grpc.ssl_channel_credentials(
        identity.trust_roots_pem, identity.private_key_pem, identity.certificate_chain_pem
    )


def _party(authority: Authority, identity: NodeIdentity, now_ms: int) -> TlsIdentity:
    key = make_tls_key()
    leaf = authority.issue(identity, public_key_of(key), now_ms=now_ms)
    return TlsIdentity(leaf, key, authority.certificate_pem)
