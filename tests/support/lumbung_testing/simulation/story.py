"""What happened, in simulated time: hashed as it is told, so that two runs of one seed can be compared by a digest."""

from __future__ import annotations

from collections import Counter, deque

import trio
from blake3 import blake3

__all__ = ["Story", "Violation"]

_LINES_KEPT = 60  # of the newest; enough to see what led to a violation


class Violation(AssertionError):
    """A promise was broken: `invariant` is its short name; the text has the seed, the simulated time and the story."""

    def __init__(self, invariant: str, text: str) -> None:
        super().__init__(f"[{invariant}] {text}")
        self.invariant = invariant


class Story:
    """The trace of one run: (simulated time, who, what), and counts by kind of event.

    A violation is noted here rather than raised where it is seen: inside a handler it would become a status.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.counts: Counter[str] = Counter()
        self.violation: Violation | None = None
        self.ended = trio.Event()
        self._hasher = blake3()
        self._lines: deque[str] = deque(maxlen=_LINES_KEPT)

    def tell(self, who: str, kind: str, what: str = "") -> None:
        """Add one event; what is told must not depend on addresses or hashes."""
        self.counts[kind] += 1
        line = f"{trio.current_time():.6f} {who}: {kind} {what}"
        self._hasher.update(line.encode() + b"\n")
        self._lines.append(line)

    def hear(self, who: str, to: str, message: bytes) -> None:
        """A message leaves: it is part of the digest, and would push everything else out of the last lines."""
        self.counts["messages"] += 1
        self._hasher.update(f"{trio.current_time():.6f} {who} {to} ".encode() + message)

    @property
    def digest(self) -> str:
        return str(self._hasher.hexdigest())

    def broken(self, invariant: str, sentence: str) -> None:
        """A promise is broken; the first one ends the run."""
        if self.violation is None:
            lines = "\n  ".join(self._lines)
            text = f"seed {self.seed}, {trio.current_time():.3f} s: {sentence}\n  {lines}"
            self.violation = Violation(invariant, text)
            self.ended.set()
