"""Founded clusters of real node processes for process tests, and the `lumbung` command as a person calls it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from lumbung_node.adapters.keys.ed25519 import Ed25519Verifier
from lumbung_node.config import Language
from lumbung_tools.client.over_grpc import open_grpc
from lumbung_tools.client.profile import load_profile
from lumbung_tools.client.session import Session, open_session
from lumbung_tools.localcluster.founding import Founded, found_cluster
from lumbung_tools.localcluster.processes import Death, LocalCluster, node_command, run_cluster
from lumbung_tools.localcluster.sites import choose_sites

__all__ = [
    "DRC",
    "OFFICES",
    "Done",
    "accept_unsealed",
    "cluster_up",
    "found",
    "lumbung",
    "no_disk_marks",
    "node_up",
    "now_ms",
    "on_test_path",
    "open_office",
    "real_cluster",
    "run_up",
    "with_environment",
]

OFFICES = ("36.02", "34.04", "73.71")  # Lebak, Sleman, Makassar: three provinces
DRC = "drc-batam"
_PATIENCE_S = 60.0

Done = subprocess.CompletedProcess[str]


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def found(folder: Path, offices: Sequence[str] = OFFICES) -> Founded:
    """A founded cluster below `folder`: these offices and one DRC, on free ports."""
    return found_cluster(folder / "cluster", choose_sites(offices, ("batam",), None), Language.ENGLISH, now_ms=now_ms())


def accept_unsealed(founded: Founded, name: str) -> None:
    """Let the config of a node that is down say that its stations deliver what is encrypted otherwise."""
    file = founded.folder / "nodes" / name / "config.toml"
    text = file.read_text(encoding="utf-8")
    assert "accept_unsealed = false" in text
    file.write_text(text.replace("accept_unsealed = false", "accept_unsealed = true"), encoding="utf-8")


def no_disk_marks(founded: Founded, name: str, foreign_bytes: int = 2, own_bytes: int = 1) -> None:
    """Let a node that is down work on a small disk: its two marks of free space at these bytes."""
    file = founded.folder / "nodes" / name / "config.toml"
    lines = file.read_text(encoding="utf-8").splitlines()
    marks = {"disk_foreign_free_bytes": foreign_bytes, "disk_own_free_bytes": own_bytes}
    changed = [f"{key} = {marks[key]}" if (key := line.partition(" = ")[0]) in marks else line for line in lines]
    assert changed != lines
    file.write_text("\n".join(changed) + "\n", encoding="utf-8")


def on_test_path(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The environment of a child that imports what this process can import.

    Without gRPC's verbosity, which our own import of the transport has set: the command chooses its own.
    """
    kept = {name: value for name, value in environment.items() if name != "GRPC_VERBOSITY"}
    return {**kept, "PYTHONPATH": os.pathsep.join(sys.path)}


def with_environment(added: Mapping[str, str], words: Sequence[str]) -> list[str]:
    """The command line of a child that finds what we can import, with these variables beside ours."""
    path = f"PYTHONPATH={os.pathsep.join(sys.path)}"
    return ["env", path, *(f"{name}={value}" for name, value in added.items()), *words]


def lumbung(*words: str | Path, home: Path | None = None, folder: Path | None = None) -> Done:
    """Run the command to its end, in `folder` and under the profile `home`."""
    profile = ["--home", str(home)] if home is not None else []
    return subprocess.run(
        [sys.executable, "-m", "lumbung_tools", "--lang", "en", *profile, *map(str, words)],
        env=on_test_path(),
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=_PATIENCE_S,
        check=False,
    )


def _fail(death: Death) -> None:
    raise AssertionError(f"no node may die by itself: {death}")


@asynccontextmanager
async def real_cluster(
    founded: Founded, command: Callable[[Path], list[str]] = node_command
) -> AsyncIterator[LocalCluster]:
    """Every node of it up; a node that dies unasked fails the test."""
    async with run_cluster(founded.folder, _fail, command) as cluster:
        await cluster.start(cluster.names)
        yield cluster


@asynccontextmanager
async def run_up(founded: Founded) -> AsyncIterator[LocalCluster]:
    """Every node of it down at first: the test starts those that it wants."""
    async with run_cluster(founded.folder, _fail, node_command) as cluster:
        yield cluster


@contextmanager
def cluster_up(founded: Founded) -> Iterator[Mapping[str, int]]:
    """The same through `lumbung cluster up`, for tests that share a cluster; gives the process id of each node."""
    words = [sys.executable, "-m", "lumbung_tools", "--json", "cluster", "up", str(founded.folder)]
    with subprocess.Popen(words, env=on_test_path(), stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            nodes = json.loads(process.stdout.readline())["nodes"]
            yield {node["name"]: node["pid"] for node in nodes}
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=_PATIENCE_S)


@contextmanager
def node_up(config: Path, log: Path) -> Iterator[None]:
    """A node of this configuration, as an office starts it."""
    words = [sys.executable, "-m", "lumbung_tools.localcluster.child", "lumbung_tools", "node", "run"]
    with log.open("ab") as sink:
        process = subprocess.Popen(
            [*words, "--config", str(config)],
            env=on_test_path(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=sink,
            text=True,
        )
    with process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline().startswith("ready "), log.read_text()
            yield
        finally:
            process.terminate()
            process.communicate(timeout=20)


@asynccontextmanager
async def open_office(founded: Founded, name: str) -> AsyncIterator[Session]:
    """A session under the operator's profile of an office."""
    profile = load_profile(founded.client_home(name))
    async with open_session(profile, open_grpc, Ed25519Verifier()) as session:
        yield session
