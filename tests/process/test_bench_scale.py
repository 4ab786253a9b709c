"""`make bench-scale` from end to end, at a size that only shows the form of its result."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

from lumbung_testing.real_clusters import on_test_path

_DOCS = Path(__file__).parents[2] / "docs"
_PATIENCE_S = 300.0
_BLOBS, _ROWS = 3_000, 20_000


def _run(*words: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "lumbung_tools.bench.scale", *words],
        env=on_test_path(),
        capture_output=True,
        text=True,
        timeout=_PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_node_is_filled_and_started_again_and_the_docs_are_filled_from_it(tmp_path: Path) -> None:
    disk, out = tmp_path / "disk", tmp_path / "out" / "scale.json"
    disk.mkdir()
    _run("--blobs", str(_BLOBS), "--rows", str(_ROWS), "--dir", str(disk), "--out", str(out))
    assert list(disk.iterdir()) == []
    document = json.loads(out.read_text())
    node, index = document["node"], document["index"]
    assert len(node["parts"]) == 10
    assert sum(part["blobs"] for part in node["parts"]) + node["calls"][0]["blobs"] == _BLOBS
    turns = node["turns"]
    assert len(turns["young_s"]) == len(turns["old_s"]) > 1
    assert turns["blobs"] * len(turns["old_s"]) <= node["parts"][-1]["blobs"]
    assert min(turns["young_cpu_us"], turns["old_cpu_us"]) > 0
    assert [start["blobs"] for start in node["starts"]] == [0, 0, _BLOBS, _BLOBS, _BLOBS, _BLOBS]
    assert all(0 < start["ready_s"] <= start["served_s"] for start in node["starts"])
    assert [call["proven"] for call in node["calls"]] == [False, False, True]
    assert [step["rows"] for step in index] == [_ROWS * at // 10 for at in range(1, 11)]
    assert all(step["seen"]["hits_per_s"] > 0 for step in index)
    drawn = ElementTree.parse(out.with_suffix(".svg")).getroot()
    assert len(drawn.findall("{*}polyline")) == 6

    docs = tmp_path / "docs"
    docs.mkdir()
    shutil.copy(_DOCS / "performance.md", docs)
    _run("--write-docs", str(docs), "--out", str(out))
    assert (docs / "performance.md").read_text().count("**The index alone**") == 1
    assert (docs / "bench-scale.svg").read_text() == out.with_suffix(".svg").read_text()
