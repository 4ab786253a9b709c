"""What a refill cannot do without on this machine: the control beside it in `make bench-rebuild`.

Two bare processes: one reads the load's files, hashes them and streams them over grpcio with mutual TLS, three blobs of
300 KiB in a message as a session does; the other hashes each blob and writes it with rocksdict, chunks and rows of the
same sizes with the node's own options, one sync a group. No offers, no feeds, no signatures, no event loop of our own:
whatever carries sealed bytes with these packages and keeps them as a node does pays at least this.

    python -m lumbung_tools.bench.refill_limit send FOLDER      prints its port, serves one stream
    python -m lumbung_tools.bench.refill_limit take FOLDER PORT prints seconds and CPU seconds
"""

from __future__ import annotations

import json
import os
import queue
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import grpc
from blake3 import blake3

from lumbung_cluster.identity_uri import NodeIdentity
from lumbung_cluster.ids import ClusterId, NodeNumber
from lumbung_cluster.limits import MESSAGE_SIZE_BYTES_MAX, PIECE_SIZE_BYTES_MAX
from lumbung_node.adapters.allocator import bound_allocator
from lumbung_node.adapters.keys.certificates import make_authority, make_tls_key, public_key_of
from lumbung_tools.bench.bare_store import BareStore, bare_store

__all__ = ["Limit", "measure_limit"]

_MEGA = 1_000_000
_METHOD = "/lumbung.bench.Limit/Bytes"
_MESSAGES_WAITING_MAX = 4  # 4 MiB between the two threads of the taker, as in a node's transport


@dataclass(frozen=True, slots=True)
class Limit:
    """The control's figures; CPU seconds are those of both processes from the first byte to the last sync."""

    blobs: int
    needed_bytes: int
    elapsed_s: float
    sender_cpu_s: float
    taker_cpu_s: float

    @property
    def mb_s(self) -> float:
        return self.needed_bytes / self.elapsed_s / _MEGA

    @property
    def cpu_ms_a_blob(self) -> float:
        return (self.sender_cpu_s + self.taker_cpu_s) * 1000 / self.blobs


def measure_limit(folder: Path, files: Sequence[Path]) -> Limit:
    """Stream these files into an empty store below `folder`, which is made and taken away again."""
    folder.mkdir()
    _write_keys(folder)
    (folder / "files.json").write_text(json.dumps([str(file) for file in files]))
    words = [sys.executable, "-m", "lumbung_tools.bench.refill_limit"]
    with subprocess.Popen([*words, "send", str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as sender:
        assert sender.stdin is not None
        assert sender.stdout is not None
        port = int(sender.stdout.readline())
        taken = subprocess.run([*words, "take", str(folder), str(port)], stdout=subprocess.PIPE, check=True)
        sender.stdin.close()
        sender_cpu_s = float(sender.stdout.read())
    shutil.rmtree(folder)
    elapsed_s, taker_cpu_s = json.loads(taken.stdout)
    size_bytes = sum(file.stat().st_size for file in files)
    return Limit(len(files), size_bytes, elapsed_s, sender_cpu_s, taker_cpu_s)


def _write_keys(folder: Path) -> None:
    cluster, now_ms = ClusterId(os.urandom(16)), time.time_ns() // _MEGA
    authority = make_authority(cluster, "bench", now_ms=now_ms)
    key = make_tls_key()
    identity = NodeIdentity(cluster, NodeNumber(1))
    (folder / "key.pem").write_bytes(key)
    (folder / "leaf.pem").write_bytes(authority.issue(identity, public_key_of(key), now_ms=now_ms))
    (folder / "root.pem").write_bytes(authority.certificate_pem)
    (folder / "name").write_text(identity.dns_name)


def _keys(folder: Path) -> tuple[bytes, bytes, bytes]:
    key, leaf, root = ((folder / name).read_bytes() for name in ("key.pem", "leaf.pem", "root.pem"))
    return key, leaf, root


def _send(folder: Path) -> None:
    """Serve the stream once to whoever asks; the CPU seconds it took are printed when stdin ends."""
    begun_s = 0.0

    def stream(request: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
        nonlocal begun_s
        begun_s = time.process_time()
        yield from _messages([Path(file) for file in json.loads((folder / "files.json").read_text())])

    key, leaf, root = _keys(folder)
    credentials = grpc.ssl_server_credentials([(key, leaf)], root, require_client_auth=True)
    handler = grpc.unary_stream_rpc_method_handler(stream)
    server = grpc.server(ThreadPoolExecutor(2), options=[("grpc.so_reuseport", 0), *_bounds()])
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("lumbung.bench.Limit", {"Bytes": handler})])
    port = server.add_secure_port("127.0.0.1:0", credentials)
    server.start()
    print(port, flush=True)
    sys.stdin.read()
    server.stop(None).wait()
    print(time.process_time() - begun_s)


def _bounds() -> tuple[tuple[str, int], ...]:
    return tuple((f"grpc.max_{way}_message_length", MESSAGE_SIZE_BYTES_MAX) for way in ("send", "receive"))


def _messages(files: Sequence[Path]) -> Iterator[bytes]:
    """As many whole blobs as fit a piece, hashed, behind the length of each."""
    waiting: list[bytes] = []
    for file in files:
        content = file.read_bytes()
        blake3(content).digest()
        if waiting and sum(map(len, waiting)) + len(content) > PIECE_SIZE_BYTES_MAX:
            yield b"".join(waiting)
            waiting = []
        waiting.append(content)
    yield b"".join(waiting)


def _take(folder: Path, port: int) -> None:
    bound_allocator()
    key, leaf, root = _keys(folder)
    credentials = grpc.ssl_channel_credentials(root, key, leaf)
    options = [("grpc.ssl_target_name_override", (folder / "name").read_text()), *_bounds()]
    files = json.loads((folder / "files.json").read_text())
    size_bytes = Path(files[0]).stat().st_size
    messages: queue.Queue[bytes | None] = queue.Queue(_MESSAGES_WAITING_MAX)
    with (
        grpc.secure_channel(f"127.0.0.1:{port}", credentials, options) as channel,
        bare_store(folder / "rocks", size_bytes) as store,
    ):
        grpc.channel_ready_future(channel).result(20)
        writer = threading.Thread(target=_store, args=(store, messages))
        begun_s, cpu_begun_s = time.monotonic(), time.process_time()
        writer.start()
        for message in channel.unary_stream(_METHOD, None, None)(b""):
            messages.put(message)
        messages.put(None)
        writer.join()
        print(json.dumps((time.monotonic() - begun_s, time.process_time() - cpu_begun_s)))


def _store(store: BareStore, messages: queue.Queue[bytes | None]) -> None:
    """Until the end of the messages, one sync a group."""
    while (message := messages.get()) is not None:
        store.add(message)
        if store.is_full:
            store.sync()
    store.sync()


def main() -> None:
    """One of the two processes."""
    match sys.argv[1:]:
        case ["send", folder]:
            _send(Path(folder))
        case ["take", folder, port]:
            _take(Path(folder), int(port))
        case _:
            sys.exit("expected: send FOLDER, or take FOLDER PORT")


if __name__ == "__main__":
    main()
