"""A cluster that an earlier build founded is brought to this one node by node, under load; then its disks go up.

The earlier build is made from this repository's own history, so it is skipped where there is none (a source archive).
"""

from __future__ import annotations

import io
import os
import random
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
import trio

from lumbung_cluster.roster_checks import tidy
from lumbung_cluster.roster_codec import SignedRoster, encode_roster
from lumbung_cluster.wire import SPOKEN
from lumbung_node.adapters.keys.ed25519 import Ed25519Signer, Ed25519Verifier
from lumbung_proto.v1 import operations_pb2
from lumbung_testing.chaos.stations import Pace, Station, await_safe, missing_promises
from lumbung_testing.office_days import until_status
from lumbung_testing.real_clusters import now_ms, open_office, with_environment
from lumbung_testing.rosters import successor
from lumbung_tools.client.answers import Outcome
from lumbung_tools.client.rosters import publish_roster
from lumbung_tools.client.trust import read_roster
from lumbung_tools.localcluster.founding import Founded
from lumbung_tools.localcluster.processes import Death, node_command, run_cluster

_EARLIER = "c93d7b6ecc6c1fceefb5f9c51f962f89cef0c2f9"  # wire 0, disk 0: the last build before keys could change
_OFFICE, _PEER, _DRC = "36.02", "34.04", "drc-batam"
_ROOT = Path(__file__).resolve().parents[2]
_PARTS = ("cluster", "node", "proto", "tools")
_PACE = Pace(batch=2, pause_s=0.3, size_bytes_max=3000, large_every=0, copies=3, wait_s=2.0)
_SAFE_S = 120.0


def earlier_build(folder: Path) -> str:
    """PYTHONPATH of the earlier build's packages."""
    words = ["git", "-C", str(_ROOT), "archive", _EARLIER, *_PARTS]
    done = subprocess.run(words, capture_output=True, check=False)
    if done.returncode:
        reason = f"no commit {_EARLIER} here: clone the repository with its history"
        if os.environ.get("LUMBUNG_REQUIRE_TOOLS") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as tar:
        tar.extractall(folder, filter="data")
    return os.pathsep.join([*(str(folder / part) for part in _PARTS), *sys.path])


def lumbung_of(path: str, *words: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "lumbung_tools", "--lang", "en", *map(str, words)]
    environment = {**os.environ, "PYTHONPATH": path}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


class Builds:
    """Which build each node is started with."""

    def __init__(self, earlier: str) -> None:
        self.earlier = earlier
        self.new: set[str] = set()

    def command(self, config: Path) -> list[str]:
        words = node_command(config)
        if config.parent.name in self.new:
            return with_environment({}, words)
        return ["env", f"PYTHONPATH={self.earlier}", *words]


def is_new(answer: operations_pb2.StatusResponse) -> bool:
    return answer.versions.wire_high == SPOKEN.high


def with_level_1(founded: Founded) -> bytes:
    held = SignedRoster.decode((founded.folder / "roster.lumbung").read_bytes())
    signed = SignedRoster(encode_roster(tidy(successor(held, format_level=1, created_ms=now_ms()))), ())
    for at in (1, 2):
        key = founded.folder / "custodians-OFFLINE" / f"custodian-{at}.key.pem"
        signed = signed.signed_by(Ed25519Signer.load(key))
    return signed.encode()


def _fail(death: Death) -> None:
    raise AssertionError(f"no node may die by itself: {death}")


async def test_a_cluster_changes_to_this_build_node_by_node_under_load_and_loses_nothing(tmp_path: Path) -> None:
    builds = Builds(earlier_build(tmp_path / "earlier"))
    folder = tmp_path / "cluster"
    made = lumbung_of(builds.earlier, "cluster", "new", folder, "--offices", f"{_OFFICE},{_PEER}", "--drc", "batam")
    assert made.returncode == 0, made.stderr
    roster = read_roster(folder / "roster.lumbung", None, Ed25519Verifier()).roster
    founded = Founded(folder, roster, (), ())
    station = Station(founded, _OFFICE, tmp_path / "station", random.Random(11), _PACE)
    async with run_cluster(folder, _fail, builds.command) as cluster:
        await cluster.start(cluster.names)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(station.run)
            for name in (_PEER, _OFFICE, _DRC):
                await station.await_answer()
                builds.new.add(name)
                await cluster.restart(name)
                await until_status(founded, _OFFICE, _all_up)
            await station.await_answer()
            nursery.cancel_scope.cancel()
        assert set(station.outcomes) <= {Outcome.STORED, Outcome.REPEATED}, station.outcomes
        async with open_office(founded, _OFFICE) as session:
            assert await await_safe(session, _SAFE_S) is not None
            assert await missing_promises(session, station) == []
            answer = await until_status(founded, _OFFICE, is_new)
            assert answer.versions.disk_format == 0, "the earlier build could still open it"
            await publish_roster(session.own, [with_level_1(founded)])
        await cluster.restart(_OFFICE)
        answer = await until_status(founded, _OFFICE, is_new)
        assert (answer.versions.disk_format, answer.versions.format_level) == (1, 1)
        assert await station.put(3, retry_s=60.0) is None
        await cluster.stop([_OFFICE])
        refused = lumbung_of(builds.earlier, "node", "run", "--config", folder / "nodes" / _OFFICE / "config.toml")
        assert refused.returncode == 2
        assert "this lumbung" in refused.stderr
        await cluster.start([_OFFICE])
        async with open_office(founded, _OFFICE) as session:
            assert await await_safe(session, _SAFE_S) is not None
            assert await missing_promises(session, station) == []


def _all_up(answer: operations_pb2.StatusResponse) -> bool:
    """Both partners are linked and trusted."""
    up = (operations_pb2.LINK_CONDITION_UP, operations_pb2.LINK_CONDITION_BEHIND)
    return len(answer.links) == 2 and all(link.condition in up for link in answer.links)
