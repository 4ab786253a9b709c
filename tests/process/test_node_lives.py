"""A node's lives on real processes: the copied folder, the second machine, the lost identity, the store that does not
open and the disk that is not mounted. Each is told to the operator in one sentence with its cure, and loses nothing.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trio

from lumbung_testing.office_days import all_safe, put, until_held, until_status
from lumbung_testing.real_clusters import found, lumbung, run_up
from lumbung_tools.localcluster.founding import Founded
from lumbung_tools.localcluster.processes import LocalCluster, NodeFailed

_OFFICE, _PEER, _DRC = "36.02", "34.04", "drc-batam"
_OFFICES = (_OFFICE, _PEER)


@pytest.fixture
def founded(tmp_path: Path) -> Founded:
    return found(tmp_path, _OFFICES)


async def health(founded: Founded) -> str:
    """What `lumbung health` says at the office."""
    done = await trio.to_thread.run_sync(lambda: lumbung("health", home=founded.client_home(_OFFICE)))
    return done.stdout


async def recover(config: Path, *more: str) -> subprocess.CompletedProcess[str]:
    return await trio.to_thread.run_sync(lambda: lumbung("node", "recover", "--config", config, *more))


def home(founded: Founded) -> Path:
    return founded.folder / "nodes" / _OFFICE


def log_events(cluster: LocalCluster, name: str) -> list[str]:
    return [json.loads(line)["event"] for line in cluster.log_file(name).read_text().splitlines() if line[:1] == "{"]


async def test_a_store_that_does_not_open_is_set_aside_and_recording_goes_on_at_once(
    founded: Founded, tmp_path: Path
) -> None:
    async with run_up(founded) as cluster:
        await cluster.start([_OFFICE])  # alone: nobody else has these recordings
        before = await put(founded, _OFFICE, tmp_path, 60)
        await cluster.kill(_OFFICE)
        (home(founded) / "data" / "rocks" / "CURRENT").write_bytes(b"garbage\n")
        await cluster.start([_OFFICE])
        after = await put(founded, _OFFICE, tmp_path, 5)
        answer = await until_status(founded, _OFFICE, lambda answer: all(store.ended for store in answer.set_aside))
        (store,) = answer.set_aside
        assert (store.taken, store.lacking) == (60, 0)
        assert answer.generation == 2
        said = await health(founded)
        assert "STORE_SET_ASIDE" in said
        assert f"The store that lies aside as {store.name} is taken over: 60 recordings." in said
        await cluster.start([_PEER, _DRC])
        await until_held(founded, _OFFICE, before | after)
        await until_status(founded, _OFFICE, all_safe(65))
    assert (home(founded) / "data" / store.name / "rocks").is_dir()


async def test_an_old_copy_of_the_data_folder_is_noticed_and_brought_forward(founded: Founded, tmp_path: Path) -> None:
    data = home(founded) / "data"
    async with run_up(founded) as cluster:
        await cluster.start(cluster.names)
        before = await put(founded, _OFFICE, tmp_path, 30)
        await until_status(founded, _OFFICE, all_safe(30))
        await cluster.stop([_OFFICE])
        shutil.copytree(data, tmp_path / "copy")
        await cluster.start([_OFFICE])
        after = await put(founded, _OFFICE, tmp_path, 20)
        await until_status(founded, _OFFICE, all_safe(50))
        await cluster.stop([_OFFICE])
        shutil.rmtree(data)
        shutil.copytree(tmp_path / "copy", data)
        await cluster.start([_OFFICE])
        await until_held(founded, _OFFICE, before | after)
        more = await put(founded, _OFFICE, tmp_path, 3)
        answer = await until_status(founded, _OFFICE, all_safe(53))
        assert answer.generation == 2
        assert answer.own.blobs == 53
        await until_held(founded, _OFFICE, before | after | more)


async def test_of_two_machines_with_one_identity_the_older_stops_and_says_how_to_go_on(
    founded: Founded, tmp_path: Path
) -> None:
    async with run_up(founded) as cluster:
        await cluster.start(cluster.names)
        blobs = await put(founded, _OFFICE, tmp_path, 10)
        await until_status(founded, _OFFICE, all_safe(10))
        await cluster.stop([_OFFICE])
        shutil.copytree(home(founded), tmp_path / "old machine")
        cluster.wipe_data(_OFFICE)  # the present machine: a new disk
        await cluster.start([_OFFICE])
        await until_held(founded, _OFFICE, blobs)
        await cluster.kill(_OFFICE)

        shutil.move(home(founded), tmp_path / "present machine")
        shutil.copytree(tmp_path / "old machine", home(founded))  # somebody switches the old one on
        await cluster.start([_OFFICE])
        answer = await until_status(founded, _OFFICE, lambda answer: not answer.takes_puts)
        assert answer.generation == 1
        said = await health(founded)
        assert "TWO_LIVES" in said
        assert "lumbung node recover" in said
        await cluster.restart(_OFFICE)
        answer = await until_status(founded, _OFFICE, lambda answer: True)
        assert not answer.takes_puts, "a stop outlives a restart"

        await cluster.stop([_OFFICE])
        config = home(founded) / "config.toml"
        before = (home(founded) / "identity" / "identity.json").read_bytes()
        dry = await recover(config)
        assert dry.returncode == 0, dry.stderr
        assert "It has stopped because another machine lived under its identity." in dry.stdout
        assert f"Asked what they have met of this node: {_PEER}, {_DRC}." in dry.stdout
        assert "It will begin life 3" in dry.stdout
        assert "Nothing is changed yet." in dry.stdout
        assert (home(founded) / "identity" / "identity.json").read_bytes() == before
        done = await recover(config, "--yes")
        assert done.returncode == 0, done.stderr
        await cluster.start([_OFFICE])
        answer = await until_status(founded, _OFFICE, all_safe(10))
        assert (answer.generation, answer.takes_puts) == (3, True)


async def test_a_lost_identity_folder_is_refused_until_the_operator_recovers_the_node(
    founded: Founded, tmp_path: Path
) -> None:
    async with run_up(founded) as cluster:
        await cluster.start(cluster.names)
        blobs = await put(founded, _OFFICE, tmp_path, 10)
        await until_status(founded, _OFFICE, all_safe(10))
        config = home(founded) / "config.toml"
        running = await recover(config, "--yes")
        assert running.returncode == 2
        assert "The node still runs" in running.stderr
        await cluster.stop([_OFFICE])
        shutil.rmtree(home(founded) / "identity")
        with pytest.raises(NodeFailed, match="kembalikan folder identitas"):
            await cluster.start([_OFFICE])
        done = await recover(config, "--yes")
        assert done.returncode == 0, done.stderr
        assert "remembers nothing" in done.stdout
        assert "It will begin life 2" in done.stdout
        await cluster.start([_OFFICE])
        answer = await until_status(founded, _OFFICE, all_safe(10))
        assert answer.generation == 2
        await until_held(founded, _OFFICE, blobs)


@contextmanager
def disk_at(folder: Path, disk: Path) -> Iterator[Callable[[bool], None]]:
    """A file system of its own below `folder` while it is mounted; skips where mounting is not allowed."""
    disk.mkdir()
    is_mounted = False

    def mount(wanted: bool) -> None:
        nonlocal is_mounted
        words = ["mount", "--bind", str(disk / "x"), str(folder)] if wanted else ["umount", str(folder)]
        subprocess.run(words, check=True, capture_output=True)
        is_mounted = wanted

    made = subprocess.run(["mount", "-t", "tmpfs", "none", str(disk)], check=False, capture_output=True, text=True)
    if made.returncode:
        pytest.skip(f"this machine lets nobody mount: {made.stderr.strip()}")
    try:
        (disk / "x").mkdir()
        yield mount
    finally:
        if is_mounted:
            mount(False)
        subprocess.run(["umount", str(disk)], check=True)


async def test_recordings_go_beside_a_disk_that_is_not_mounted_and_come_over_when_it_is_back(
    founded: Founded, tmp_path: Path
) -> None:
    with disk_at(home(founded) / "data", tmp_path / "disk") as mount:
        async with run_up(founded) as cluster:
            mount(True)
            await cluster.start(cluster.names)
            before = await put(founded, _OFFICE, tmp_path, 10)
            await until_status(founded, _OFFICE, all_safe(10))
            await cluster.stop([_OFFICE])
            mount(False)

            await cluster.start([_OFFICE])
            meanwhile = await put(founded, _OFFICE, tmp_path, 5)
            said = await health(founded)
            assert "DISK_UNMOUNTED" in said
            assert "Mount the disk and start the node again" in said
            answer = await until_status(founded, _OFFICE, all_safe(5))
            assert answer.own.blobs == 5, "nothing refills a folder on the machine's small disk"
            assert list((home(founded) / "data").iterdir()) == []
            await cluster.restart(_OFFICE)
            await until_held(founded, _OFFICE, meanwhile)
            await cluster.stop([_OFFICE])

            mount(True)
            await cluster.start([_OFFICE])
            answer = await until_status(founded, _OFFICE, all_safe(15))
            assert not answer.fallback_folder
            await until_held(founded, _OFFICE, before | meanwhile)
            await cluster.stop([_OFFICE])


async def test_a_disk_that_is_gone_for_good_refills_after_the_operators_word(founded: Founded, tmp_path: Path) -> None:
    with disk_at(home(founded) / "data", tmp_path / "disk") as mount:
        async with run_up(founded) as cluster:
            mount(True)
            await cluster.start(cluster.names)
            before = await put(founded, _OFFICE, tmp_path, 10)
            await until_status(founded, _OFFICE, all_safe(10))
            await cluster.stop([_OFFICE])
            mount(False)
            await cluster.start([_OFFICE])
            meanwhile = await put(founded, _OFFICE, tmp_path, 5)
            await cluster.stop([_OFFICE])

            done = await recover(home(founded) / "config.toml", "--yes")
            assert done.returncode == 0, done.stderr
            assert "lies on another disk than before" in done.stdout
            await cluster.start([_OFFICE])
            await until_held(founded, _OFFICE, before | meanwhile)
            answer = await until_status(founded, _OFFICE, all_safe(15))
            assert not answer.fallback_folder
            await cluster.stop([_OFFICE])


async def test_a_wiped_node_tells_how_far_it_has_refilled_and_who_is_still_silent(
    founded: Founded, tmp_path: Path
) -> None:
    async with run_up(founded) as cluster:
        await cluster.start(cluster.names)
        blobs = await put(founded, _OFFICE, tmp_path, 40)
        await until_status(founded, _OFFICE, all_safe(40))
        await cluster.stop(cluster.names)
        cluster.wipe_data(_OFFICE)
        await cluster.start([_OFFICE])
        answer = await until_status(founded, _OFFICE, lambda answer: answer.HasField("rebuild"))
        assert [answer.rebuild.unmet[0], answer.rebuild.unmet[1]] == [2, 3]
        assert "REBUILDING" in await health(founded)
        shown = await trio.to_thread.run_sync(lambda: lumbung("status", home=founded.client_home(_OFFICE)))
        assert f"Not heard from since the start, so what only they have is not known: {_PEER}, {_DRC}" in shown.stdout
        more = await put(founded, _OFFICE, tmp_path, 2)
        await cluster.start([_PEER, _DRC])
        answer = await until_status(founded, _OFFICE, lambda answer: not answer.HasField("rebuild"))
        assert answer.own.blobs == 42, "it ends only when nothing is lacking"
        await until_held(founded, _OFFICE, blobs | more)
