"""The benchmark of a rebuild from end to end, at a size that only shows that it works."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from lumbung_testing.real_clusters import on_test_path

_PATIENCE_S = 120.0


def test_a_wiped_office_is_refilled_and_every_byte_that_its_holders_sent_is_counted(tmp_path: Path) -> None:
    out = tmp_path / "rebuild.json"
    words = ["-m", "lumbung_tools.bench.rebuild", "--scale", "0.02", "--dir", str(tmp_path), "--out", str(out)]
    done = subprocess.run(
        [sys.executable, *words], env=on_test_path(), capture_output=True, text=True, timeout=_PATIENCE_S, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    figures = json.loads(out.read_text())
    assert [limit["needed_bytes"] for limit in figures["limits"]] == [40 * 300 * 1024] * 2
    undisturbed, killed = figures["refills"]
    assert undisturbed["sent_bytes"] == undisturbed["needed_bytes"] == 40 * 300 * 1024
    assert killed["killed_at"] >= 20
    assert killed["sent_bytes"] >= killed["needed_bytes"]
    assert [path.name for path in tmp_path.iterdir()] == [out.name]
