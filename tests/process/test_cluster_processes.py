"""The processes of a local cluster: they come up, die, come back, and never outlive whoever started them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import trio

from lumbung_testing.fake_nodes import fake_node_words, make_fake_cluster
from lumbung_tools.localcluster.processes import Death, NodeFailed, run_cluster

_PATIENCE_S = 20.0

Command = Callable[[Path], list[str]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make_fake_cluster(tmp_path)
    return tmp_path


@pytest.fixture
def command(folder: Path) -> Command:
    words = fake_node_words(folder)
    return lambda config: [*words, str(config)]


def _never(death: Death) -> None:
    raise AssertionError(death)


def _is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


async def test_all_nodes_come_up_with_their_address_and_go_down_cleanly(folder: Path, command: Command) -> None:
    async with run_cluster(folder, _never, command) as cluster:
        await cluster.start(cluster.names)
        assert cluster.names == ("36.02", "drc-batam")
        assert cluster.address("36.02") == "127.0.0.1:4711"
        pids = [cluster.pid(name) for name in cluster.names]
    assert not any(_is_alive(pid) for pid in pids)
    assert cluster.log_file("36.02").read_text().splitlines() == ["log of 36.02", "stopped"]


async def test_a_killed_and_wiped_node_starts_again_from_nothing(folder: Path, command: Command) -> None:
    async with run_cluster(folder, _never, command) as cluster:
        await cluster.start(["36.02"])
        kept = folder / "nodes" / "36.02" / "data" / "kept"
        kept.write_bytes(b"x")
        await cluster.kill("36.02")
        assert not cluster.is_up("36.02")
        cluster.wipe_data("36.02")
        assert not kept.parent.exists()
        await cluster.start(["36.02"])
        assert kept.parent.is_dir()


async def test_a_restart_gives_a_new_process(folder: Path, command: Command) -> None:
    async with run_cluster(folder, _never, command) as cluster:
        await cluster.start(["36.02"])
        before = cluster.pid("36.02")
        await cluster.restart("36.02")
        assert cluster.pid("36.02") != before
        assert not _is_alive(before)


async def test_a_node_that_dies_by_itself_is_told_with_its_last_log_line(folder: Path, command: Command) -> None:
    told, deaths = trio.open_memory_channel[Death](1)
    async with run_cluster(folder, told.send_nowait, command) as cluster:
        await cluster.start(cluster.names)
        os.kill(cluster.pid("36.02"), signal.SIGKILL)
        with trio.fail_after(_PATIENCE_S):
            death = await deaths.receive()
        assert death == Death("36.02", -signal.SIGKILL, "log of 36.02")
        assert cluster.is_up("drc-batam")


async def test_a_node_that_cannot_start_is_named_with_exit_code_and_reason(folder: Path, command: Command) -> None:
    (folder / "nodes" / "36.02" / "broken").touch()
    with pytest.RaisesGroup(
        pytest.RaisesExc(NodeFailed, match=r"36\.02 ended with exit code 3; last log line: cannot start: broken")
    ):
        async with run_cluster(folder, _never, command) as cluster:
            await cluster.start(cluster.names)


async def test_no_process_stays_behind_when_the_body_is_cancelled(folder: Path, command: Command) -> None:
    pids = []
    with trio.CancelScope() as scope:
        async with run_cluster(folder, _never, command) as cluster:
            await cluster.start(cluster.names)
            pids = [cluster.pid(name) for name in cluster.names]
            scope.cancel()
            await trio.sleep_forever()
    assert len(pids) == 2
    assert not any(_is_alive(pid) for pid in pids)


async def test_a_folder_without_nodes_says_how_to_make_some(tmp_path: Path) -> None:
    with pytest.RaisesGroup(pytest.RaisesExc(NodeFailed, match="lumbung cluster new")):
        async with run_cluster(tmp_path, _never, lambda config: [str(config)]):
            pass


def test_children_end_when_their_parent_is_killed_hard(folder: Path, command: Command) -> None:
    words = command(Path("CONFIG"))[:-1]
    parent_code = textwrap.dedent(
        f"""
        import trio
        from pathlib import Path
        from lumbung_tools.localcluster.processes import run_cluster
        async def main():
            async with run_cluster(Path({str(folder)!r}), print, lambda file: [*{words!r}, str(file)]) as cluster:
                await cluster.start(cluster.names)
                print(*(cluster.pid(name) for name in cluster.names), flush=True)
                await trio.sleep_forever()
        trio.run(main)
        """
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        [sys.executable, "-c", parent_code], stdout=subprocess.PIPE, text=True, env=environment
    ) as parent:
        assert parent.stdout is not None
        pids = [int(word) for word in parent.stdout.readline().split()]
        assert len(pids) == 2
        assert all(_is_alive(pid) for pid in pids)
        parent.kill()
    until = time.monotonic() + _PATIENCE_S
    while any(_is_alive(pid) for pid in pids) and time.monotonic() < until:
        time.sleep(0.05)
    assert not any(_is_alive(pid) for pid in pids)


async def test_a_node_that_was_ready_and_is_gone_before_the_others_are_is_named(folder: Path) -> None:
    """All were said to be up, and asking for the address of the first one was a bug."""
    nodes = {
        "36.02": "echo ready x; sleep 0.5; echo port lost >&2; exit 7",
        "drc-batam": "sleep 2; echo ready y; exec sleep 60",
    }
    told: list[Death] = []
    with pytest.RaisesGroup(
        pytest.RaisesExc(NodeFailed, match=r"36\.02 ended with exit code 7; last log line: port lost")
    ):
        async with run_cluster(folder, told.append, lambda file: ["sh", "-c", nodes[file.parent.name]]) as cluster:
            await cluster.start(cluster.names)
            for name in cluster.names:
                cluster.address(name)


async def test_a_node_that_has_died_by_itself_can_be_killed_all_the_same(folder: Path, command: Command) -> None:
    told, deaths = trio.open_memory_channel[Death](1)
    async with run_cluster(folder, told.send_nowait, command) as cluster:
        await cluster.start(["36.02"])
        os.kill(cluster.pid("36.02"), signal.SIGKILL)
        with trio.fail_after(_PATIENCE_S):
            await deaths.receive()
        await cluster.kill("36.02")
