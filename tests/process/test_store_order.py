"""No promise leaves before the sync that covers it has returned: asked of the recorded I/O of a real process.

A kill cannot show this, since the page cache outlives the process.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from lumbung_testing import iorecord
from lumbung_testing.iorecord import IoCall, uncovered_writes

BLOBS = 60


@pytest.fixture(scope="module")
def layer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return iorecord.build(tmp_path_factory.mktemp("iorecord"))


def python_path(environment: Mapping[str, str]) -> Mapping[str, str]:
    return {**environment, "PYTHONPATH": os.pathsep.join(sys.path)}


def record(layer: Path, folder: Path, *arguments: str) -> list[IoCall]:
    log = folder / "io.txt"
    subprocess.run(
        [sys.executable, "-m", "lumbung_testing.store_child", folder, "--marks", "--count", str(BLOBS), *arguments],
        env=python_path(iorecord.environment(layer, log, str(folder))),
        stdout=subprocess.DEVNULL,
        check=True,
    )
    return iorecord.read_log(log)


def broken_promises(calls: list[IoCall]) -> int:
    """How many promises left while a write that they stand on was not covered by a sync."""
    marks = {call.path: call.begin for call in calls if call.op == "mark"}
    promises = [number for number in range(BLOBS) if f"promised {number}" in marks]
    assert len(promises) == BLOBS
    return sum(
        bool(uncovered_writes(calls, written=marks[f"written {number}"], promised=marks[f"promised {number}"]))
        for number in promises
    )


def test_every_promise_follows_the_sync_that_covers_its_writes(layer: Path, tmp_path: Path) -> None:
    calls = record(layer, tmp_path)
    assert any(call.op == "write" and call.path.endswith(".log") for call in calls)
    assert broken_promises(calls) == 0


def test_names_of_new_folders_are_synced_before_the_first_promise(layer: Path, tmp_path: Path) -> None:
    """Else a power cut could take the whole store, synced files and all."""
    folder = tmp_path / "data" / "office"
    log = tmp_path / "io.txt"
    subprocess.run(
        [sys.executable, "-m", "lumbung_testing.store_child", folder, "--marks", "--count", "1"],
        env=python_path(iorecord.environment(layer, log, str(tmp_path))),
        stdout=subprocess.DEVNULL,
        check=True,
    )
    calls = iorecord.read_log(log)
    (promised,) = [call.begin for call in calls if call.path == "promised 0"]
    synced = {call.path for call in calls if call.op == "fsync" and call.is_good and call.begin < promised}
    assert {str(tmp_path), str(tmp_path / "data"), str(folder), str(folder / "rocks")} <= synced


def test_promises_hold_while_the_log_changes_from_file_to_file(layer: Path, tmp_path: Path) -> None:
    """A sync has to cover the log that was just left as well as the one that is written now."""
    calls = record(layer, tmp_path, "--memtable-kib", "256")
    logs = {call.path for call in calls if call.op == "write" and call.path.endswith(".log")}
    assert len(logs) > 3
    assert broken_promises(calls) == 0


def test_control_without_sync_is_caught_at_every_promise(layer: Path, tmp_path: Path) -> None:
    assert broken_promises(record(layer, tmp_path, "--without-sync")) == BLOBS


def test_control_with_a_sync_that_came_too_early_is_caught() -> None:
    def call(op: str, begin: int, end: int) -> IoCall:
        return IoCall(op=op, path="1.log", pid=1, begin=begin, end=end, result=0, errno=0)

    early = [call("write", 1, 2), call("fdatasync", 3, 6), call("write", 4, 5)]
    covered = [*early, call("fsync", 7, 8)]
    late = [*early, call("fsync", 7, 10)]
    assert uncovered_writes(early, written=9, promised=9) == [early[2]]
    assert uncovered_writes(covered, written=9, promised=9) == []
    assert uncovered_writes(late, written=9, promised=9) == [early[2]]  # the sync had not returned
    assert uncovered_writes(early, written=4, promised=9) == []  # the second write was somebody else's


def test_replayed_log_is_synced_into_tables_before_the_open_returns(layer: Path, tmp_path: Path) -> None:
    """What a fresh handle shows is durable, though nobody had synced it before the process ended."""
    source = tmp_path / "killed"
    program = """
import os, sys, pathlib, trio
from lumbung_node.adapters.rocks import open_rocks
from lumbung_node.ports.keyvalue import Batch, Family
async def main():
    store = await open_rocks(pathlib.Path(sys.argv[1]), create=True)
    batch = Batch()
    batch.put(Family.BLOBS, b"key", b"unsynced")
    await store.write(batch)
    os._exit(0)
trio.run(main)
"""
    run_program(program, source, os.environ)
    program = """
import os, sys, pathlib, trio
from lumbung_node.adapters.rocks import open_rocks
from lumbung_node.ports.keyvalue import Family
from lumbung_testing import iorecord
async def main():
    store = await open_rocks(pathlib.Path(sys.argv[1]), create=False)
    assert await store.get(Family.BLOBS, [b"key"]) == [b"unsynced"]
    iorecord.mark("opened")
    os._exit(0)
trio.run(main)
"""
    log = tmp_path / "io.txt"
    run_program(program, source, iorecord.environment(layer, log, str(source / "rocks")))
    calls = iorecord.read_log(log)
    (opened,) = [call.begin for call in calls if call.op == "mark"]
    assert [call for call in calls if call.op == "write" and call.path.endswith(".sst")]
    assert uncovered_writes(calls, written=opened, promised=opened, suffix=".sst") == []
    assert [call for call in calls if call.op == "fsync" and "MANIFEST" in call.path and call.begin < opened] or [
        call for call in calls if call.op == "fdatasync" and "MANIFEST" in call.path and call.begin < opened
    ]


def run_program(program: str, folder: Path, environment: Mapping[str, str]) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program, folder],
        env=python_path(environment),
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_sends_on_sockets_stand_in_the_same_order(layer: Path, tmp_path: Path) -> None:
    program = """
import socket
from lumbung_testing.iorecord import mark
left, right = socket.socketpair()
mark("before")
left.send(b"five!")
left.sendmsg([b"six", b"six"])
mark("after")
"""
    log = tmp_path / "io.txt"
    run_program(program, tmp_path, iorecord.environment(layer, log, "no such path", sockets=True))
    calls = [call for call in iorecord.read_log(log) if call.op in {"mark", "send"}]
    assert [(call.op, call.result) for call in calls] == [("mark", 0), ("send", 5), ("send", 6), ("mark", 0)]
    assert calls[1].path.startswith("socket:[")
