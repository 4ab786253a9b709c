"""An office's machine is gone with its disk and its keys; new hardware under new keys takes over its history.

The way is that of every machine: a request that says whom it replaces, a roster, a pack.
"""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path

import trio

from lumbung_cluster.feed import Mark
from lumbung_cluster.ids import Generation, NodeNumber
from lumbung_node.adapters.rocks.keyvalue import open_rocks
from lumbung_node.config import load_config
from lumbung_node.ports.keyvalue import Family
from lumbung_node.store.layout import FeedRow, feed_key
from lumbung_testing.joining import Newcomer
from lumbung_testing.office_days import all_safe, put, until_held, until_status
from lumbung_testing.real_clusters import found, lumbung, run_up
from lumbung_tools.localcluster.founding import Founded
from lumbung_tools.output.exit_codes import ExitCode

_OFFICE, _PEER, _DRC = "36.02", "34.04", "drc-batam"
_NUMBER = NodeNumber(1)


async def test_new_hardware_under_new_keys_takes_over_the_history_of_its_office(tmp_path: Path) -> None:
    founded = found(tmp_path, (_OFFICE, _PEER))
    async with run_up(founded) as cluster:
        await cluster.start(cluster.names)
        before = await put(founded, _OFFICE, tmp_path, 12)
        await until_status(founded, _OFFICE, all_safe(12))
        await cluster.stop([_OFFICE])
        # What custodians ask of the holders: up to where the old entry key is good.
        bound = await _end_of_feed(founded)
        machine = Newcomer(founded, tmp_path / "machine", tmp_path)
        address = cluster.configs[_OFFICE].listen
        await trio.to_thread.run_sync(_replace_machine, founded, machine, address, bound)
        for name in (_PEER, _DRC):
            await _lumbung_at(founded, name, "publish", machine.roster)
        # The office's own profile pins the key that is gone: it takes the roster from a file.
        await _lumbung_at(founded, _OFFICE, "fetch", machine.roster)
        await cluster.start([_OFFICE])
        await until_held(founded, _OFFICE, before)
        after = await put(founded, _OFFICE, tmp_path, 3)
        answer = await until_status(founded, _OFFICE, all_safe(15))
        assert answer.generation == 2, "above the machine before it, whose keys are retired"
        await until_held(founded, _OFFICE, before | after)


async def _lumbung_at(founded: Founded, name: str, verb: str, file: Path) -> None:
    done = await trio.to_thread.run_sync(partial(lumbung, "roster", verb, file, home=founded.client_home(name)))
    assert done.returncode == ExitCode.OK, done.stderr


async def _end_of_feed(founded: Founded) -> Mark:
    kv = await open_rocks(founded.folder / "nodes" / _OFFICE / "data", create=False)
    ((key, value),) = await kv.scan(Family.FEEDS, feed_key(_NUMBER, 0), feed_key(_NUMBER, 1 << 60), 1, backwards=True)
    await kv.close()
    return Mark(Generation(1), int.from_bytes(key[4:], "big"), FeedRow.unpack(value).running_hash)


def _replace_machine(founded: Founded, machine: Newcomer, address: str, bound: Mark) -> None:
    """Up to the pack and the join; the new machine's home takes the old one's place."""
    old = founded.folder / "nodes" / _OFFICE
    made = machine.init("--code", _OFFICE, "--replaces", str(_NUMBER), address=address)
    assert made.code == ExitCode.OK, made.err
    words = f"{bound.generation}:{bound.number}:{bound.running_hash.hex()}"
    assert machine.add().code == ExitCode.REFUSED, "nothing says up to where the old key is good"
    added = machine.add("--bound", words)
    assert (added.code, added.json["number"], added.json["replaces"]) == (ExitCode.OK, 1, 1), added.err
    assert machine.plan_and_sign().code == ExitCode.OK
    made = machine.make_pack("--access", old / f"access-{_OFFICE}.lumbung")
    joined = machine.join(made.text("fingerprint"))
    assert joined.code == ExitCode.OK, joined.err
    assert not machine.client.exists(), "the office keeps its profiles"
    shutil.rmtree(old)
    machine.config.parent.rename(old)
    assert load_config(old / "config.toml").number == _NUMBER
