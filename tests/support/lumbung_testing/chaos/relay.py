"""A bad line in user space: packets between two network namespaces, with delay, loss, rate, duplicates and cuts.

    python -m lumbung_testing.chaos.relay PID

It opens one TUN device in the namespace that it runs in (10.98.0.1) and one in that of process PID (10.98.0.2). Each
line of JSON on standard input changes what it names of `Line`; each is answered with the counters of both directions.
It ends with its standard input. The kernels that we meet have no netem; a TUN device is enough.
"""

from __future__ import annotations

import ctypes
import fcntl
import heapq
import json
import os
import random
import select
import struct
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from lumbung_testing.chaos.machine import Refused, call

__all__ = ["FAR", "NEAR", "Line"]

NEAR: Final = "10.98.0.1"
FAR: Final = "10.98.0.2"
_DEVICE: Final = "lumbung0"
_TUNSETIFF: Final = 0x400454CA
_IFF_TUN_NO_PI: Final = 0x1001
_CLONE_NEWNET: Final = 0x40000000
_PACKET_BYTES_MAX: Final = 65536
_PACKETS_A_TURN: Final = 64
_QUEUE_S: Final = 0.25  # a router's buffer: longer ones would turn a slow line into a dead one
_QUEUE_BYTES_MIN: Final = 32 * 1024
_QUEUE_BYTES_MAX: Final = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Line:
    """Both directions alike, but for `cut`: nothing passes from near to far, from far to near. Rate 0: no limit."""

    delay_ms: float = 0.0
    jitter_ms: float = 0.0
    loss: float = 0.0
    duplicates: float = 0.0
    rate_bit_s: float = 0.0
    cut: tuple[bool, bool] = (False, False)


@dataclass(slots=True)
class _Direction:
    """One way: `free_at` is when the line has sent what is queued."""

    source: int
    target: int
    free_at: float = 0.0
    bytes: int = 0
    dropped: int = 0


@dataclass(slots=True)
class _Relay:
    directions: Sequence[_Direction]
    luck: random.Random
    line: Line = field(default_factory=Line)
    due: list[tuple[float, int, int, bytes]] = field(default_factory=list)  # (when, number, direction, packet)
    number: int = 0

    def run(self) -> None:
        watched = [0, *(direction.source for direction in self.directions)]
        while True:
            wait_s = max(0.0, self.due[0][0] - time.monotonic()) if self.due else None
            readable, _, _ = select.select(watched, [], [], wait_s)
            if 0 in readable and not self._obey():
                return
            for at, direction in enumerate(self.directions):
                if direction.source in readable:
                    self._read(at, direction)
            self._deliver()

    def _obey(self) -> bool:
        command = sys.stdin.readline()
        if not command:
            return False
        changes = json.loads(command)
        if "cut" in changes:
            changes["cut"] = tuple(changes["cut"])
        self.line = replace(self.line, **changes)
        counters = {"bytes": [d.bytes for d in self.directions], "dropped": [d.dropped for d in self.directions]}
        print(json.dumps(counters), flush=True)
        return True

    def _read(self, at: int, direction: _Direction) -> None:
        for _ in range(_PACKETS_A_TURN):
            try:
                packet = os.read(direction.source, _PACKET_BYTES_MAX)
            except BlockingIOError:
                return
            self._take(at, direction, packet)

    def _take(self, at: int, direction: _Direction, packet: bytes) -> None:
        now, line = time.monotonic(), self.line
        sent_at = now
        if line.rate_bit_s:
            queued_bytes = max(0.0, direction.free_at - now) * line.rate_bit_s / 8
            room = min(max(_QUEUE_S * line.rate_bit_s / 8, _QUEUE_BYTES_MIN), _QUEUE_BYTES_MAX)
            if queued_bytes > room:
                direction.dropped += 1
                return
            sent_at = max(now, direction.free_at) + len(packet) * 8 / line.rate_bit_s
            direction.free_at = sent_at
        if line.cut[at] or self.luck.random() < line.loss:
            direction.dropped += 1
            return
        for _ in range(2 if self.luck.random() < line.duplicates else 1):
            late_ms = line.delay_ms + self.luck.uniform(-1, 1) * line.jitter_ms
            self.number += 1
            heapq.heappush(self.due, (sent_at + max(0.0, late_ms) / 1000, self.number, at, packet))

    def _deliver(self) -> None:
        now = time.monotonic()
        while self.due and self.due[0][0] <= now:
            _, _, at, packet = heapq.heappop(self.due)
            direction = self.directions[at]
            try:
                direction.bytes += os.write(direction.target, packet)
            except BlockingIOError:
                direction.dropped += 1


def _open_device(address: str) -> int:
    """A TUN device in the namespace where we are now. Raises Refused."""
    try:
        handle = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(handle, _TUNSETIFF, struct.pack("16sH22x", _DEVICE.encode(), _IFF_TUN_NO_PI))
    except OSError as exc:
        raise Refused(f"a TUN device: {exc.strerror}") from exc
    call("ip", "address", "add", f"{address}/24", "dev", _DEVICE)
    call("ip", "link", "set", _DEVICE, "up", "txqueuelen", "1000")
    call("ip", "link", "set", "lo", "up")
    return handle


def _enter(namespace: str) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    handle = os.open(namespace, os.O_RDONLY)
    try:
        if libc.setns(handle, _CLONE_NEWNET):
            raise Refused(f"entering a network namespace: {os.strerror(ctypes.get_errno())}")
    finally:
        os.close(handle)


def main() -> int:
    far_pid = int(sys.argv[1])
    near = _open_device(NEAR)
    _enter(f"/proc/{far_pid}/ns/net")
    far = _open_device(FAR)
    print("{}", flush=True)
    _Relay((_Direction(near, far), _Direction(far, near)), random.Random("relay")).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
