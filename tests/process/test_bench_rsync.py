"""The yardstick beside `make bench` does what it says: three durable copies of everything, and nothing is left."""

from __future__ import annotations

from pathlib import Path

import pytest

from lumbung_testing.tools import require_tool
from lumbung_tools.bench.load import LoadFailed, make_load
from lumbung_tools.bench.suite import rsync


def test_every_file_is_landed_and_sent_to_both_targets(tmp_path: Path) -> None:
    require_tool("rsync", "rsync")
    assert rsync.has_rsync()
    load = make_load(tmp_path / "files", "rsync", 5_000, 20)
    figures = rsync.measure_rsync(tmp_path / "rsync", load)
    assert figures["files"] == 20
    assert 0 < figures["landed_s"] < figures["elapsed_s"]
    assert [each.name for each in tmp_path.iterdir()] == ["files"]


def test_a_target_that_takes_nothing_gives_no_figure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    require_tool("rsync", "rsync")
    monkeypatch.setattr(rsync, "_config", lambda folder: f"use chroot = no\n[peer]\npath = {folder / 'peer'}\n")
    load = make_load(tmp_path / "files", "rsync", 5_000, 2)
    with pytest.raises(LoadFailed, match="rsync ended with exit codes"):
        rsync.measure_rsync(tmp_path / "rsync", load)
