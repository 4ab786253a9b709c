"""`make bench-centre` from end to end, with few offices: only the form of its result."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

from lumbung_testing.real_clusters import on_test_path

_ROOT = Path(__file__).parents[2]
_PATIENCE_S = 300.0
_OFFICES, _RECORDS = 6, 24


def _run(*words: str) -> None:
    done = subprocess.run(
        [sys.executable, str(_ROOT / "tests" / "bench" / "centre.py"), *words],
        env=on_test_path(),
        capture_output=True,
        text=True,
        timeout=_PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_offices_meet_the_centre_record_a_day_and_catch_up_after_a_night(tmp_path: Path) -> None:
    disk, out = tmp_path / "disk", tmp_path / "centre.json"
    disk.mkdir()
    size = ["--offices", str(_OFFICES), "--processes", "2", "--records", str(_RECORDS), "--record-bytes", "20000"]
    _run(*size, "--idle", "0.5", "--settle", "0.5", "--dir", str(disk), "--out", str(out))
    assert list(disk.iterdir()) == []
    figures = json.loads(out.read_text())["figures"]
    assert figures["offices"] == _OFFICES
    assert figures["day_records"] == _RECORDS
    assert figures["day_bytes"] > _RECORDS * 20000 - 1
    assert figures["night_records"] == 2 * _OFFICES
    assert all(figures[name] > 0 for name in ("meet_s", "day_s", "night_s", "idle_mib", "engine_mb_s"))

    docs = tmp_path / "docs"
    docs.mkdir()
    shutil.copy(_ROOT / "docs" / "performance.md", docs)
    _run("--write-docs", str(docs), "--out", str(out))
    assert "| sessions open at once | 6 |" in (docs / "performance.md").read_text()
