"""A node whose clock fell back to 2017 (an empty battery) still records, and its recordings still become safe."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lumbung_testing.office_days import all_safe, put, until_status
from lumbung_testing.real_clusters import found, run_up, with_environment
from lumbung_tools.localcluster.processes import node_command, run_cluster

_OFFICE, _PEER = "36.02", "34.04"
_YEAR_2017_MS, _YEAR_2018_MS = 1_483_228_800_000, 1_514_764_800_000


def libfaketime() -> Path:
    """The preload library; without it the test is skipped, or fails where every tool is required."""
    found_at = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    if found_at:
        return found_at[0]
    reason = "no libfaketime: install the Debian package libfaketime"
    if os.environ.get("LUMBUNG_REQUIRE_TOOLS") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


async def test_a_clock_that_was_reset_to_2017_cuts_an_office_off_neither_then_nor_afterwards(tmp_path: Path) -> None:
    founded = found(tmp_path, (_OFFICE, _PEER))
    async with run_up(founded) as cluster:
        await cluster.start(cluster.names)  # the identity remembers the right time
        await put(founded, _OFFICE, tmp_path, 2)
        await until_status(founded, _OFFICE, all_safe(2))
    faked = {
        "LD_PRELOAD": str(libfaketime()),
        "FAKETIME": "@2017-06-01 00:00:00",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }

    def command(config: Path) -> list[str]:
        words = node_command(config)
        return with_environment(faked, words) if _OFFICE in str(config) else words

    def fail(death: object) -> None:
        raise AssertionError(death)

    async with run_cluster(founded.folder, fail, command) as cluster:
        await cluster.start(cluster.names)
        await put(founded, _OFFICE, tmp_path, 3)
        answer = await until_status(founded, _OFFICE, all_safe(5))
        assert _YEAR_2017_MS < answer.clock_ms < _YEAR_2018_MS, "the node itself believes it"
        assert "CLOCK_SKEW" in {item.code for item in answer.health}
        assert all(trouble.code != "CERT_EXPIRES" for trouble in answer.health)
    async with run_up(founded) as cluster:
        await cluster.start(cluster.names)
        await put(founded, _OFFICE, tmp_path, 1)
        answer = await until_status(founded, _OFFICE, all_safe(6))
        assert answer.clock_ms > _YEAR_2018_MS
        assert "CLOCK_SKEW" not in {item.code for item in answer.health if not item.node}
