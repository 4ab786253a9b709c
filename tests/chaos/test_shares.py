"""A share of `make chaos` in every test run: a few faults of each family, each through the command itself."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TypedDict

import pytest

_RUNNER = Path(__file__).with_name("run.py")
_PATIENCE_S = 240.0
_SHARES = {
    "kills": 3,
    "stops": 1,
    "cuts": 1,
    "full-disk": 1,
    "io-faults": 2,
    "flips": 4,
    "network": 1,
    "canaries": 2,
}


class _Family(TypedDict):
    run: int
    skipped: dict[str, int]
    lost: list[str]
    broken: list[str]


def _words(family: str, count: int, folder: Path) -> list[str | Path]:
    options = ["--family", family, "--count", str(count), "--brief", "--quiet"]
    return [sys.executable, _RUNNER, *options, "--dir", folder, "--json", folder / "chaos.json"]


def _processes_with(path: Path) -> list[str]:
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = file.read_bytes().decode("utf-8", "replace")
        except (FileNotFoundError, ProcessLookupError):
            continue
        if str(path) in line:
            found.append(line)
    return found


def _loop_devices_of(path: Path) -> list[str]:
    files = Path("/sys/block").glob("loop*/loop/backing_file")
    return [text for file in files if str(path) in (text := file.read_text())]


def _mounts_below(path: Path) -> list[str]:
    return [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if str(path) in line]


@pytest.mark.parametrize("family", _SHARES)
def test_a_share_of_the_family_loses_nothing_and_leaves_nothing(family: str, tmp_path: Path) -> None:
    words = _words(family, _SHARES[family], tmp_path)
    done = subprocess.run(words, capture_output=True, text=True, timeout=_PATIENCE_S, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    report: _Family = json.loads((tmp_path / "chaos.json").read_text())["families"][0]
    assert (report["lost"], report["broken"]) == ([], [])
    assert report["run"] + sum(report["skipped"].values()) == _SHARES[family]
    assert [path.name for path in tmp_path.iterdir()] == ["chaos.json"]
    assert _processes_with(tmp_path) == _loop_devices_of(tmp_path) == _mounts_below(tmp_path) == []
    if not report["run"]:
        pytest.skip("; ".join(report["skipped"]))


@pytest.mark.parametrize("family", ["cuts", "network"])
def test_ctrl_c_in_the_middle_leaves_no_process_mount_or_loop_device(family: str, tmp_path: Path) -> None:
    process = subprocess.Popen(_words(family, 50, tmp_path), stderr=subprocess.PIPE, process_group=0)
    try:
        _await_node_of(tmp_path, process)
        os.killpg(process.pid, signal.SIGINT)
        process.communicate(timeout=_PATIENCE_S)
    finally:
        process.kill()
    assert process.returncode in (0, 130)  # 0: the machine does not let us, and it was over before
    assert _processes_with(tmp_path) == _loop_devices_of(tmp_path) == _mounts_below(tmp_path) == []
    assert [path for path in tmp_path.iterdir() if path.name != "chaos.json"] == []


def _await_node_of(folder: Path, process: subprocess.Popen[bytes]) -> None:
    """Until a node runs below the folder, or the family is over."""
    until = time.monotonic() + _PATIENCE_S
    while process.poll() is None and time.monotonic() < until:
        if any("node\0run" in line for line in _processes_with(folder)):
            return
        time.sleep(0.05)
