"""Offices behind NAT: nobody can dial them, and still their recordings reach three proven copies."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lumbung_testing.behind_nat import HIDDEN, PUBLIC
from lumbung_testing.real_clusters import DRC, on_test_path

_PATIENCE_S = 240


def _seen(folder: Path, *words: str) -> dict[str, Any]:
    """What happened in the namespaces. Skips where there can be none."""
    command = [sys.executable, "-m", "lumbung_testing.behind_nat", str(folder), *words]
    done = subprocess.run(command, env=on_test_path(), capture_output=True, text=True, timeout=_PATIENCE_S, check=False)
    assert done.returncode == 0, done.stderr
    seen: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    if "refused" in seen:
        if os.environ.get("LUMBUNG_REQUIRE_TOOLS") == "1":
            pytest.fail(seen["refused"])
        pytest.skip(seen["refused"])
    assert seen["dialled"] == {"office to DRC": True, "DRC to office": False, "office to office": False}
    return seen


def test_offices_behind_nat_get_holders_that_they_can_dial_and_three_proven_copies(tmp_path: Path) -> None:
    seen = _seen(tmp_path)

    for name in HIDDEN:
        assert set(seen["planned"][name]) == {name, PUBLIC, DRC}
        put = seen["put"][name]
        assert (put["code"], put["copies"]["count"], put["copies"]["safe"]) == (0, 3, True)
        assert set(put["copies"]["holders"]) == {name, PUBLIC, DRC}


def test_without_a_second_holder_in_reach_there_are_two_copies_as_the_plan_has_said(tmp_path: Path) -> None:
    """The DRC carries nothing between two that cannot meet (decision 0022)."""
    seen = _seen(tmp_path, "alone")

    for name in HIDDEN:
        assert set(seen["planned"][name]) == {name, DRC}
        assert f"{name}: no peer that it can reach" in seen["notes"]
        put = seen["put"][name]
        assert (put["code"], put["copies"]["count"], put["copies"]["safe"]) == (3, 2, False)
        assert set(put["copies"]["holders"]) == {name, DRC}
