"""The limits that benchmarks are held against: each is really measured, and nothing is left behind."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from lumbung_cluster.limits import KIB, MIB
from lumbung_tools.bench.limits import engine_rate, measure_machine


def test_every_limit_is_measured_and_its_disk_is_free_again(tmp_path: Path) -> None:
    limits = measure_machine(tmp_path, 0.002)
    assert all(value > 0 for value in asdict(limits).values())
    assert list(tmp_path.iterdir()) == []


def test_raw_batches_have_the_shape_of_group_commits(tmp_path: Path) -> None:
    small = engine_rate(tmp_path, 4 * KIB, 600)
    assert small.syncs == 3  # 256 blobs at most
    usual = engine_rate(tmp_path, 300 * KIB, 55)
    assert usual.syncs == 3  # 27 of them are 8 MiB
    large = engine_rate(tmp_path, 20 * MIB, 1)
    assert large.syncs == 3
