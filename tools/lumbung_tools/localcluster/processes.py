"""The nodes of a cluster folder as child processes: start, stop, kill, wipe, start again.

    down -> starting -> up -> down        `start` returns at up, or raises; `stop` and `kill` return at down
                          \\-> down       by itself: told to `on_death`

Each node writes its log to logs/NAME.log. Children cannot outlive this process (see `child`).
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import trio

from lumbung_cluster.errors import LumbungError
from lumbung_node.adapters.allocator import TUNABLES
from lumbung_node.config import NodeConfig, load_config

__all__ = ["Death", "LocalCluster", "NodeFailed", "node_command", "run_cluster"]

_READY_WORD = "ready "
_READY_TIMEOUT_S = 60.0  # four Pythons starting on two busy cores need 5 s
_STOP_GRACE_S = 10.0
_LOG_TAIL_BYTES = 4096
_LINE_BYTES_MAX = 4096


@dataclass(frozen=True, slots=True)
class Death:
    """A node that ended: `exit_code` is negative for a signal, `last_line` the end of its log."""

    name: str
    exit_code: int
    last_line: str

    def __str__(self) -> str:
        ending = f"signal {-self.exit_code}" if self.exit_code < 0 else f"exit code {self.exit_code}"
        return f"{self.name} ended with {ending}; last log line: {self.last_line or 'none'}"


class NodeFailed(LumbungError):
    """A node did not come up; the sentence holds the end of its log."""


def node_command(config: Path) -> list[str]:
    """The command line of one node, on this Python."""
    child = ["-m", "lumbung_tools.localcluster.child", "lumbung_tools"]
    return [sys.executable, *child, "node", "run", "--config", str(config)]


@dataclass(slots=True)
class _Running:
    process: trio.Process
    address: str = ""
    is_ending: bool = False  # stopped or killed by us: no surprise, so nobody is told
    up: trio.Event = field(default_factory=trio.Event)
    down: trio.Event = field(default_factory=trio.Event)


class LocalCluster:
    """Every node below `folder`/nodes. Made by `run_cluster`, which stops all nodes at its end."""

    def __init__(
        self,
        folder: Path,
        nursery: trio.Nursery,
        on_death: Callable[[Death], None],
        command: Callable[[Path], list[str]],
    ) -> None:
        self.folder = folder
        files = sorted(folder.glob("nodes/*/config.toml"))
        if not files:
            raise NodeFailed(f"{folder}: expected nodes/NAME/config.toml, got none; make one with: lumbung cluster new")
        configs = [load_config(file) for file in files]
        self.configs: Mapping[str, NodeConfig] = MappingProxyType({config.name: config for config in configs})
        self._nursery = nursery
        self._on_death = on_death
        self._command = command
        self._running: dict[str, _Running] = {}

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.configs)

    def is_up(self, name: str) -> bool:
        return name in self._running

    def pid(self, name: str) -> int:
        """Of a node that is up."""
        return self._running[name].process.pid

    def address(self, name: str) -> str:
        """Where a node that is up said it serves."""
        return self._running[name].address

    def log_file(self, name: str) -> Path:
        return self.folder / "logs" / f"{name}.log"

    async def start(self, names: Iterable[str]) -> None:
        """Start these nodes side by side; returns when all are ready. Raises NodeFailed for the first that is not."""
        started = [await self._spawn(name) for name in names]
        for name, running in started:
            await self._wait_ready(name, running)
        for name, running in started:  # one that was ready may have ended while we waited for another
            self._check_lives(name, running)

    async def stop(self, names: Iterable[str]) -> None:
        """SIGTERM to all, then wait; SIGKILL for those that do not end."""
        stopping = [self._running[name] for name in names if name in self._running]
        for running in stopping:
            running.is_ending = True
            running.process.send_signal(signal.SIGTERM)
        with trio.move_on_after(_STOP_GRACE_S):
            for running in stopping:
                await running.down.wait()
        for running in stopping:
            if not running.down.is_set():
                await self._end_hard(running)

    async def kill(self, name: str) -> None:
        """SIGKILL, as a power cut would."""
        if name in self._running:  # it may have died by itself just now
            await self._end_hard(self._running[name])

    async def restart(self, name: str) -> None:
        await self.stop([name])
        await self.start([name])

    def wipe_data(self, name: str) -> None:
        """Delete the data folder of a node that is down. Its identity and keys stay."""
        assert not self.is_up(name), f"{name} must be down before its data is deleted"
        shutil.rmtree(self.configs[name].data)

    async def _spawn(self, name: str) -> tuple[str, _Running]:
        assert not self.is_up(name), f"{name} is up already"
        log = self.log_file(name)
        log.parent.mkdir(exist_ok=True)
        with log.open("ab") as sink:
            process = await trio.lowlevel.open_process(
                self._command(self.configs[name].file),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=sink,
                env={"GLIBC_TUNABLES": TUNABLES, **os.environ},  # as its service sets it
                # Ctrl-C reaches the whole group of the terminal; the nodes hear of it from us, once.
                process_group=0,
            )
        running = _Running(process)
        self._running[name] = running
        self._nursery.start_soon(self._watch, name, running)
        return name, running

    async def _wait_ready(self, name: str, running: _Running) -> None:
        with trio.move_on_after(_READY_TIMEOUT_S) as scope:
            await running.up.wait()
        self._check_lives(name, running)
        if scope.cancelled_caught:
            await self._end_hard(running)
            raise NodeFailed(f"{name} was not ready after {_READY_TIMEOUT_S:.0f} s; its log: {self.log_file(name)}")

    def _check_lives(self, name: str, running: _Running) -> None:
        if running.down.is_set():
            raise NodeFailed(str(self._death(name, running)))

    async def _watch(self, name: str, running: _Running) -> None:
        """Follow one process to its end. Shielded: whoever cancels us still ends the process first, and needs us."""
        with trio.CancelScope(shield=True):
            await self._read_output(running)
            await running.process.wait()
            for stream in (running.process.stdin, running.process.stdout):
                assert stream is not None
                await stream.aclose()
        was_up = running.up.is_set()
        del self._running[name]
        running.down.set()
        running.up.set()  # releases a `start` that still waits
        if was_up and not running.is_ending:
            self._on_death(self._death(name, running))

    async def _read_output(self, running: _Running) -> None:
        """Look for the line that says "ready", then read on, because a full pipe would stop the node."""
        assert running.process.stdout is not None
        output = b""
        async for piece in running.process.stdout:
            if running.up.is_set():
                continue
            output = (output + piece)[-_LINE_BYTES_MAX:]
            address = _ready_address(output)
            if address is not None:
                running.address = address
                running.up.set()

    async def _end_hard(self, running: _Running) -> None:
        running.is_ending = True
        running.process.kill()
        await running.down.wait()

    def _death(self, name: str, running: _Running) -> Death:
        assert running.process.returncode is not None
        return Death(name, running.process.returncode, _last_line(self.log_file(name)))


@asynccontextmanager
async def run_cluster(
    folder: Path, on_death: Callable[[Death], None], command: Callable[[Path], list[str]]
) -> AsyncGenerator[LocalCluster]:
    """A cluster with every node down at first, and down again at the end, whatever happens in between.

    Raises ConfigError or NodeFailed for a folder that is no cluster; the body's errors arrive in an exception group.
    """
    async with trio.open_nursery() as nursery:
        cluster = LocalCluster(folder, nursery, on_death, command)
        try:
            yield cluster
        finally:
            # Bounded by its own grace time; a cancelled body must not leave processes behind.
            with trio.CancelScope(shield=True):
                await cluster.stop(cluster.names)


def _ready_address(output: bytes) -> str | None:
    """The address in a complete line `ready ADDRESS`."""
    for line in output.decode("utf-8", "replace").splitlines(keepends=True):
        if line.startswith(_READY_WORD) and line.endswith("\n"):
            return line.removeprefix(_READY_WORD).strip()
    return None


def _last_line(log: Path) -> str:
    with log.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - _LOG_TAIL_BYTES))
        lines = file.read().decode("utf-8", "replace").splitlines()
    return next((line.strip() for line in reversed(lines) if line.strip()), "")
