"""`get` of a whole list against real nodes, one of which is killed in the middle."""

from __future__ import annotations

import random
import subprocess
import sys
from functools import partial
from pathlib import Path

import trio

from lumbung_testing.real_clusters import found, lumbung, on_test_path, real_cluster
from lumbung_tools.localcluster.founding import Founded

_OFFICE = "36.02"
_RECORDINGS = 150
_PIPE_BYTES = 4096  # about 50 lines: the get stands still when nobody reads on
_PATIENCE_S = 60.0


def _recorded(founded: Founded, folder: Path) -> set[bytes]:
    """Files that all holders have."""
    folder.mkdir()
    contents = {random.Random(number).randbytes(20_000) for number in range(_RECORDINGS)}
    for number, content in enumerate(contents):
        (folder / f"{number}.zip").write_bytes(content)
    done = lumbung("put", folder, "--timeout", "60", home=founded.client_home(_OFFICE))
    assert done.returncode == 0, done
    return contents


def _get(founded: Founded, listed: Path, into: Path) -> subprocess.Popen[str]:
    words = ["--lang", "en", "get", "--home", str(founded.client_home(_OFFICE)), "--list", str(listed)]
    return subprocess.Popen(
        [sys.executable, "-m", "lumbung_tools", *words, "--into", str(into)],
        env=on_test_path(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        pipesize=_PIPE_BYTES,
        text=True,
    )


async def test_a_node_that_dies_in_the_middle_of_a_list_is_gone_round(tmp_path: Path) -> None:
    founded, into, listed = found(tmp_path), tmp_path / "into", tmp_path / "list.txt"
    into.mkdir()
    async with real_cluster(founded) as cluster:
        contents = await trio.to_thread.run_sync(_recorded, founded, tmp_path / "day")
        done = await trio.to_thread.run_sync(partial(lumbung, "ls", "--limit", "0", home=founded.client_home(_OFFICE)))
        listed.write_text(done.stdout)
        with _get(founded, listed, into) as process:
            assert process.stdout is not None
            first = process.stdout.readline()
            await cluster.kill(_OFFICE)
            rest, err = await trio.to_thread.run_sync(partial(process.communicate, timeout=_PATIENCE_S))

    out = first + rest
    assert process.returncode == 0, err
    assert {path.read_bytes() for path in into.iterdir()} == contents
    assert out.endswith(f"{_RECORDINGS} of {_RECORDINGS} recordings written.\n")
    assert first.endswith(f"from {_OFFICE}\n")
    assert out.count(f"from {_OFFICE}\n") < _RECORDINGS
    assert err.count("Still wanted of it: ") == 1
    assert "NOT written" not in err
