"""What plain TCP reaches on the line of `bench-lines`: the yardstick for what lumbung makes of it.

    python plain_tcp.py CONNECTIONS SECONDS     runs far away: receives, prints the bytes that came

No TLS, no HTTP/2, no answers: each connection is kept full for the whole time.
"""

from __future__ import annotations

import selectors
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

__all__ = ["PlainTcp", "measure_plain", "receiver"]

_PORT = 7461
_START_S = 30.0
_LOOK_S = 0.2
_BLOCK = bytes(16 * 1024)


@dataclass(frozen=True, slots=True)
class PlainTcp:
    """`goodput_bytes` arrived within `seconds` of the first one, over so many connections side by side."""

    connections: int
    seconds: float
    goodput_bytes: int

    def share(self, rate_bit_s: float) -> float:
        return self.goodput_bytes * 8 / self.seconds / rate_bit_s


def receiver(connections: int, seconds: float) -> list[str]:
    """The command line of the receiving side."""
    return [sys.executable, str(Path(__file__).resolve()), str(connections), str(seconds)]


def measure_plain(address: str, words: list[str], connections: int, seconds: float) -> PlainTcp:
    """`words` is `receiver(...)`, as it is run at `address`."""
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as far:
        assert far.stdout is not None
        far.stdout.readline()  # it listens
        _send(address, connections, far)
        return PlainTcp(connections, seconds, int(far.stdout.readline()))


def _send(address: str, connections: int, far: subprocess.Popen[str]) -> None:
    """Keep every connection full until the receiver has gone."""
    with ExitStack() as ends, selectors.DefaultSelector() as watch:
        for _ in range(connections):
            end = ends.enter_context(socket.create_connection((address, _PORT), timeout=_START_S))
            end.setblocking(False)
            watch.register(end, selectors.EVENT_WRITE, end)
        while watch.get_map() and far.poll() is None:
            for key, _ in watch.select(timeout=_LOOK_S):
                end = key.data
                try:
                    end.send(_BLOCK)
                except BlockingIOError:
                    continue
                except OSError:  # the receiver has counted and gone
                    watch.unregister(end)


def _receive(connections: int, seconds: float) -> int:
    """Bytes of all connections within `seconds` of the first one."""
    with ExitStack() as ends, selectors.DefaultSelector() as watch:
        door = ends.enter_context(socket.create_server(("", _PORT)))
        print("listening", flush=True)
        for _ in range(connections):
            end = ends.enter_context(door.accept()[0])
            end.setblocking(False)
            watch.register(end, selectors.EVENT_READ, end)
        came, until = 0, float("inf")
        while time.monotonic() < until:
            for key, _ in watch.select(timeout=_LOOK_S):
                came += len(key.data.recv(len(_BLOCK)))
                until = min(until, time.monotonic() + seconds)
        return came


if __name__ == "__main__":
    print(_receive(int(sys.argv[1]), float(sys.argv[2])), flush=True)
