"""Records in what order a child process writes, syncs and sends, and makes its disk fail (with iorecord.c).

A kill proves no sync: the page cache outlives the process. So tests load this layer under a real child process and ask
the log whether every write was covered by a sync *that had returned* when a promise left.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lumbung_testing.tools import require_tool

__all__ = [
    "Fault",
    "IoCall",
    "build",
    "environment",
    "faults_only",
    "mark",
    "read_log",
    "recording",
    "uncovered_writes",
]

_SYNCS = ("fsync", "fdatasync")
_FIELDS = 9


@dataclass(frozen=True, slots=True)
class Fault:
    """The nth `op` (from 1; 0: each; -n: the nth and all later) on a path with `part` in it fails with `errno`.

    `op`: write, fsync, fdatasync, rename, unlink, ftruncate, read; or "short" (half of the bytes) and "lie" (a sync
    that does nothing), which need no errno.
    """

    op: str
    part: str
    nth: int
    errno: int = 0


@dataclass(frozen=True, slots=True)
class IoCall:
    """One call, or a mark (`op` "mark", the text as its path). `end` is None when the process died inside the call.

    If `a.end < b.begin` then a had returned before b was called, in whatever threads. `result` is what the call gave
    (bytes written, 0, or -1 with `errno`).
    """

    op: str
    path: str
    pid: int
    begin: int
    end: int | None
    result: int
    errno: int

    @property
    def is_good(self) -> bool:
        return self.end is not None and self.result >= 0


def build(folder: Path) -> Path:
    """Compile the layer into `folder`; without gcc the test is skipped (or fails, see `require_tool`)."""
    target = folder / "iorecord.so"
    source = Path(__file__).with_name("iorecord.c")
    compiler = require_tool("gcc", "gcc")
    subprocess.run(
        [compiler, "-shared", "-fPIC", "-O2", "-Wall", "-Werror", "-o", target, source, "-ldl"],
        check=True,
        capture_output=True,
        text=True,
    )
    return target


def environment(
    layer: Path, log: Path, part: str, *, faults: Iterable[Fault] = (), sockets: bool = False
) -> Mapping[str, str]:
    """The environment of a child process whose I/O on paths with `part` in them is to be recorded into `log`."""
    added = recording(layer, log, part, faults=faults)
    return os.environ | added | ({"IORECORD_SOCKETS": "1"} if sockets else {})


def recording(layer: Path, log: Path, part: str, *, faults: Iterable[Fault] = ()) -> Mapping[str, str]:
    """What to add to a child's environment for the same."""
    return {**faults_only(layer, faults), "IORECORD_LOG": str(log), "IORECORD_PATH": part}


def faults_only(layer: Path, faults: Iterable[Fault]) -> Mapping[str, str]:
    """What to add to the environment of a child whose disk is to fail, without a record."""
    rules = "|".join(f"{fault.op},{fault.part},{fault.nth},{fault.errno}" for fault in faults)
    return {"LD_PRELOAD": str(layer)} | ({"IORECORD_FAULTS": rules} if rules else {})


def mark(text: str) -> None:
    """In the child: put a line of one's own into the log, in order with all I/O. Fails when the layer is not loaded."""
    ctypes.CDLL(None).iorecord_mark(text.encode())


def read_log(log: Path) -> list[IoCall]:
    """All calls of a recorded process, in the order in which they began."""
    lines = sorted((_fields(line) for line in log.read_text().splitlines()), key=lambda fields: int(fields[0]))
    open_calls: dict[tuple[str, str], list[str]] = {}  # (pid, tid) -> the begin line of the call under way
    calls: list[IoCall] = []
    for fields in lines:
        thread = (fields[2], fields[3])
        match fields[1]:
            case "B":
                open_calls[thread] = fields
            case "E":
                calls.append(_call(open_calls.pop(thread), fields))
            case _:
                calls.append(_call(fields, fields))
    calls += [_call(fields, None) for fields in open_calls.values()]
    return sorted(calls, key=lambda call: call.begin)


def uncovered_writes(calls: Sequence[IoCall], *, written: int, promised: int, suffix: str = ".log") -> list[IoCall]:
    """The writes to files named *`suffix` that had begun by `written` and that no good sync covered by `promised`.

    Both are places in the log: `written` where the caller had its last write behind it, `promised` where the promise
    left. A sync covers a write when it was called after the write had returned, on the same file, and had itself
    returned before the promise. A file that was removed by then needs none: RocksDB unlinks a log once its content
    stands in synced tables.
    """
    files: dict[tuple[int, str], list[IoCall]] = {}
    for call in calls:
        if call.path.endswith(suffix) and call.begin < promised:
            files.setdefault((call.pid, call.path), []).append(call)
    found: list[IoCall] = []
    for history in files.values():
        done = [call for call in history if call.is_good and call.end is not None and call.end < promised]
        if any(call.op == "unlink" for call in done):
            continue
        last_sync = max((call.begin for call in done if call.op in _SYNCS), default=0)
        writes = (call for call in history if call.op == "write" and call.begin < written)
        found += [call for call in writes if call.end is None or call.end > last_sync]
    return found


def _fields(line: str) -> list[str]:
    fields = line.split("\t", _FIELDS - 1)
    assert len(fields) == _FIELDS, f"iorecord: expected {_FIELDS} fields, got {line!r}"
    return fields


def _call(begin: list[str], end: list[str] | None) -> IoCall:
    last = begin if end is None else end
    return IoCall(
        op=begin[4],
        path=begin[8],
        pid=int(begin[2]),
        begin=int(begin[0]),
        end=None if end is None else int(end[0]),
        result=int(last[6]),
        errno=int(last[7]),
    )
