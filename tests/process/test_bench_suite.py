"""`make bench` from end to end, at a size that only shows the form of its result."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

from lumbung_testing.real_clusters import on_test_path
from lumbung_tools.bench.suite.cases import PUT_CASES
from lumbung_tools.bench.suite.rsync import has_rsync

_DOCS = Path(__file__).parents[2] / "docs"
_PATIENCE_S = 300.0


def _run(*words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "lumbung_tools.bench.suite", *words],
        env=on_test_path(),
        capture_output=True,
        text=True,
        timeout=_PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_everything_is_measured_and_the_docs_are_filled_from_it(tmp_path: Path) -> None:
    disk, out = tmp_path / "disk", tmp_path / "out" / "bench.json"
    disk.mkdir()
    _run("--scale", "0.002", "--rounds", "1", "--dir", str(disk), "--out", str(out))
    assert list(disk.iterdir()) == []
    document = json.loads(out.read_text())
    cases = document["cases"]
    for case in PUT_CASES:
        figures = cases[case.name]
        assert figures["files"]["median"] >= 1
        assert 0 < figures["ack_p50_ms"]["median"] <= figures["safe_p50_ms"]["median"]
        for name in ("mb_s", "peak_mib", "of_engine", "of_disk", "of_grpc", "of_tcp", "of_blake3"):
            assert figures[name]["min"] == figures[name]["median"] == figures[name]["max"] > 0
        assert ("cpu_peer_ms" in figures) == (case.nodes == 3)
    assert sum(cases[case.name]["cpu_ms"]["median"] for case in PUT_CASES) > 0  # the kernel counts 10 ms at a time
    assert cases["get/own"]["mb_s"]["median"] > 0 < cases["get/peer"]["mb_s"]["median"]
    assert cases["list"]["files"]["median"] > cases["a4k/3/stream"]["files"]["median"]
    assert cases["day"]["compared"]["median"] >= 0 < cases["day"]["safe_p50_ms"]["median"]
    for name in ("rsync/a300k", "rsync/a4k"):
        assert (name in cases) == has_rsync()
    assert ("walls_of_rsync" in cases["a300k/3/stream"]) == has_rsync()
    drawn = ElementTree.parse(out.with_suffix(".svg")).getroot()
    assert len(drawn.findall("{*}rect")) > 20

    docs = tmp_path / "docs"
    docs.mkdir()
    shutil.copy(_DOCS / "performance.md", docs)
    _run("--write-docs", str(docs), "--out", str(out))
    page = (docs / "performance.md").read_text()
    assert page.count("<!-- bench -->") == 1
    ours = page.partition("<!-- bench -->")[2].partition("<!-- end of bench -->")[0]
    assert ours.count("**Marks**") == 1
    assert (docs / "bench.svg").read_text() == out.with_suffix(".svg").read_text()
    _run("--write-docs", str(docs), "--out", str(out))
    assert (docs / "performance.md").read_text() == page
