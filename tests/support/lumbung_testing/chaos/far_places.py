"""Two places with a bad line between them: this process's own network namespace, and one far away.

Made by `two_places` inside a process that has called `enter_own_network`. The far namespace lives as long as a process
that only waits; everything ends with us.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import IO

from lumbung_testing.chaos.machine import Refused
from lumbung_testing.chaos.relay import Line
from lumbung_testing.real_clusters import with_environment

__all__ = ["Counters", "Places", "two_places"]

_END_S = 10.0


@dataclass(frozen=True, slots=True)
class Counters:
    """Bytes delivered and packets dropped, from near to far and from far to near."""

    bytes: tuple[int, int]
    dropped: tuple[int, int]


class Places:
    """The line between them. Calls block for a moment."""

    def __init__(self, far_pid: int, relay: subprocess.Popen[str]) -> None:
        self._far = f"--net=/proc/{far_pid}/ns/net"
        self._relay = relay

    def far_away(self, words: Sequence[str]) -> list[str]:
        """The command line that runs there; the process id stays that of the program."""
        return ["nsenter", self._far, "--", *words]

    def become(self, line: Line) -> Counters:
        return self._ask(asdict(line))

    def counters(self) -> Counters:
        return self._ask({})

    def _ask(self, changes: dict[str, object]) -> Counters:
        assert self._relay.stdin is not None
        self._relay.stdin.write(json.dumps(changes) + "\n")
        self._relay.stdin.flush()
        said = json.loads(_line(self._relay.stdout))
        return Counters(tuple(said["bytes"]), tuple(said["dropped"]))


@contextmanager
def two_places() -> Iterator[Places]:
    """Raises Refused."""
    with (
        _child(["unshare", "--net", "--", "sh", "-c", "echo there; exec cat"]) as holder,
        _child(with_environment({}, [sys.executable, "-m", "lumbung_testing.chaos.relay", str(holder.pid)])) as relay,
    ):
        yield Places(holder.pid, relay)


@contextmanager
def _child(words: Sequence[str]) -> Iterator[subprocess.Popen[str]]:
    """A process that has said that it is ready, and that ends when its standard input does."""
    with subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as child:
        try:
            if not _line(child.stdout):
                assert child.stderr is not None
                raise Refused(child.stderr.read().strip().splitlines()[-1])
            yield child
        finally:
            child.kill()
            child.wait(_END_S)


def _line(stream: IO[str] | None) -> str:
    assert stream is not None
    return stream.readline()
