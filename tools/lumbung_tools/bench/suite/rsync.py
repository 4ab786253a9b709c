"""The yardstick that everybody knows: files landed with fsync in one folder, then `rsync --fsync` to two others.

Both targets are modules of an rsync daemon on loopback and are filled at the same time; nothing is encrypted.
"""

from __future__ import annotations

import os
import resource
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from lumbung_tools.bench.load import Load, LoadFailed
from lumbung_tools.bench.suite.figures import Case
from lumbung_tools.bench.suite.putting import rates

__all__ = ["has_rsync", "measure_rsync"]

_TARGETS = ("peer", "drc")
_LOOPBACK = "127.0.0.1"
_READY_S, _LOOK_S, _STOP_S = 10.0, 0.02, 5.0
_MS = 1_000


def has_rsync() -> bool:
    """Whether an rsync is installed that knows --fsync (3.2.4 and later)."""
    program = shutil.which("rsync")
    if program is None:
        return False
    told = subprocess.run([program, "--help"], capture_output=True, text=True, check=False)
    return "--fsync" in told.stdout


def measure_rsync(folder: Path, load: Load) -> Case:
    """Three durable copies of the load; the folder is gone again at the end. Raises LoadFailed."""
    source = folder / "source"
    for each in (folder, source, *(folder / target for target in _TARGETS)):
        each.mkdir()
    used_s = _cpu_s()
    started_at = time.monotonic()
    _land([Path(item.path) for item in load.items], source)
    landed_s = time.monotonic() - started_at
    with _daemon(folder) as port:
        _copy_to_both(source, port)
        elapsed_s = time.monotonic() - started_at
    cpu_s = _cpu_s() - used_s
    for target in _TARGETS:
        found = sum(1 for _ in (folder / target).iterdir())
        if found != len(load.items):
            raise LoadFailed(f"rsync: expected {len(load.items)} files at {target}, got {found}")
    shutil.rmtree(folder)
    return {
        **rates(len(load.items), load.size_bytes, elapsed_s),
        "landed_s": landed_s,
        "cpu_ms": cpu_s / len(load.items) * _MS,
    }


def _land(files: Sequence[Path], folder: Path) -> None:
    """Each file durable before the next, as a server that answers for each would do it."""
    for file in files:
        with (folder / file.name).open("wb", buffering=0) as target:
            target.write(file.read_bytes())
            os.fsync(target.fileno())


def _copy_to_both(source: Path, port: int) -> None:
    words = ["rsync", "--archive", "--whole-file", "--fsync", f"{source}/"]
    running = [subprocess.Popen([*words, f"rsync://{_LOOPBACK}:{port}/{target}/"]) for target in _TARGETS]
    codes = [each.wait() for each in running]
    if any(codes):
        raise LoadFailed(f"rsync ended with exit codes {codes}")


@contextmanager
def _daemon(folder: Path) -> Iterator[int]:
    port = _free_port()
    config = folder / "rsyncd.conf"
    config.write_text(_config(folder))
    words = ["rsync", "--daemon", "--no-detach", f"--config={config}", f"--address={_LOOPBACK}", f"--port={port}"]
    daemon = subprocess.Popen(words)
    try:
        _await_port(port)
        yield port
    finally:
        daemon.terminate()
        daemon.wait(_STOP_S)


def _config(folder: Path) -> str:
    lines = ["use chroot = no", "read only = no"]
    if os.getuid() == 0:  # otherwise a daemon of root's writes as nobody
        lines += ["uid = 0", "gid = 0"]
    for target in _TARGETS:
        lines += [f"[{target}]", f"path = {folder / target}"]
    return "\n".join(lines) + "\n"


def _free_port() -> int:
    with socket.create_server((_LOOPBACK, 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def _await_port(port: int) -> None:
    deadline_s = time.monotonic() + _READY_S
    while time.monotonic() < deadline_s:
        with socket.socket() as probe:
            if probe.connect_ex((_LOOPBACK, port)) == 0:
                return
        time.sleep(_LOOK_S)
    raise LoadFailed(f"rsync: expected a daemon on port {port} within {_READY_S:.0f} s")


def _cpu_s() -> float:
    """Of this process and of children that have ended."""
    found = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in found)
