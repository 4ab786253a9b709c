"""One direction between two hosts of the virtual network, and the pipes that run through it.

A pipe is one direction of one call: bounded, ordered, nothing lost, as a stream over TCP. What a closed line holds up
arrives after it opens again; whether anybody still waits for it then is the connection's matter.
"""

from __future__ import annotations

import math
import random
from collections import deque
from dataclasses import dataclass

from lumbung_cluster.errors import LumbungError
from lumbung_cluster.limits import MIB

__all__ = ["Aborted", "Content", "Ended", "Finished", "Line", "LineShape", "Opened", "Pipe"]

WINDOW_BYTES = 4 * MIB  # as the gRPC adapter's queues: a sender waits once that much is unread
WINDOW_MESSAGES = 1024  # so that empty messages are bounded too


@dataclass(frozen=True, slots=True)
class LineShape:
    """Delay and rate of one direction; jitter is added evenly from 0 to `jitter_s` and never reorders a stream."""

    latency_s: float = 0.0
    jitter_s: float = 0.0
    bytes_per_s: float = math.inf


@dataclass(frozen=True, slots=True)
class Opened:
    """The first word of a call; over a new connection the handshake costs `extra_s`."""

    extra_s: float


@dataclass(frozen=True, slots=True)
class Finished:
    """The client half-closed."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The server's last word: OK when there is no error."""

    error: LumbungError | None


@dataclass(frozen=True, slots=True)
class Aborted:
    """The client left before the end."""


Content = bytes | Opened | Finished | Ended | Aborted


class Line:
    """When bytes from one host arrive at another. Closed while `closed_until` is in the future (inf: by a fault)."""

    def __init__(self, luck: random.Random, shape: LineShape) -> None:
        self.shape = shape
        self.closed_until = -math.inf
        self.pipes: dict[Pipe, None] = {}
        self._luck = luck
        self._free_at = -math.inf

    def arrival(self, size_bytes: int, now: float) -> float:
        """When `size_bytes` handed over now have arrived, behind all that was handed over before; inf if closed."""
        start = max(now, self._free_at, self.closed_until)
        if start == math.inf:
            return math.inf
        self._free_at = start + size_bytes / self.shape.bytes_per_s
        jitter_s = self._luck.uniform(0.0, self.shape.jitter_s) if self.shape.jitter_s > 0 else 0.0
        return self._free_at + self.shape.latency_s + jitter_s

    def close_until(self, until: float, now: float) -> None:
        """Hold up all that has not arrived until then (now or earlier: open). Waiters are the caller's to wake."""
        self.closed_until = until
        self._free_at = -math.inf
        for pipe in self.pipes:
            pipe.reschedule(now)


@dataclass(slots=True)
class _Item:
    content: Content
    arrives_at: float

    @property
    def size_bytes(self) -> int:
        return len(self.content) if isinstance(self.content, bytes) else 0


class Pipe:
    """One direction of one call. Credit for what was read returns at once (a simplification: a window is 4 MiB)."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._items: deque[_Item] = deque()
        self._unread_bytes = 0
        self._last_at = -math.inf
        line.pipes[self] = None

    @property
    def has_room(self) -> bool:
        return self._unread_bytes < WINDOW_BYTES and len(self._items) < WINDOW_MESSAGES

    @property
    def next_at(self) -> float:
        """When the next unread content arrives."""
        return self._items[0].arrives_at if self._items else math.inf

    @property
    def last_word_at(self) -> float:
        """When the end of the call arrives, whatever is still unread before it."""
        if self._items and isinstance(self._items[-1].content, Ended | Aborted):
            return self._items[-1].arrives_at
        return math.inf

    @property
    def last_word(self) -> Content | None:
        return self._items[-1].content if self._items else None

    def put(self, content: Content, now: float) -> None:
        item = _Item(content, math.inf)
        self._schedule(item, now)
        self._items.append(item)
        self._unread_bytes += item.size_bytes

    def take(self, now: float) -> Content | None:
        """The next content that has arrived."""
        if self.next_at > now:
            return None
        item = self._items.popleft()
        self._unread_bytes -= item.size_bytes
        return item.content

    def is_under_way(self, now: float) -> bool:
        """Whether something has not arrived yet."""
        return bool(self._items) and self._items[-1].arrives_at > now

    def reschedule(self, now: float) -> None:
        """The line changed: what has not arrived is sent again."""
        self._last_at = now
        for item in self._items:
            if item.arrives_at > now:
                self._schedule(item, now)

    def close(self) -> None:
        """Forget what is under way: nobody will look any more."""
        self._items.clear()
        self._line.pipes.pop(self, None)

    def _schedule(self, item: _Item, now: float) -> None:
        arrives_at = self._line.arrival(item.size_bytes, now)
        if isinstance(item.content, Opened):
            arrives_at += item.content.extra_s
        item.arrives_at = self._last_at = max(arrives_at, self._last_at)
