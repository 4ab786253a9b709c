"""systemd's own judgement of the unit that `lumbung node install-service` prints."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from lumbung_node.adapters.allocator import TUNABLES
from lumbung_testing.fake_nodes import make_fake_cluster
from lumbung_testing.real_clusters import lumbung
from lumbung_testing.tools import require_tool
from lumbung_tools.packaging.unit import escaped_unit_path

_EXPOSURE_MAX = 2.0  # of 10; "OK" ends at 3.9, and what is left are the network and the files of a node


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """Written as an operator would do it."""
    make_fake_cluster(tmp_path)
    done = lumbung("node", "install-service", "--config", tmp_path / "nodes" / "36.02" / "config.toml")
    assert done.returncode == 0, done.stderr
    file = tmp_path / "lumbung-node.service"
    program = Path(sys.executable).with_name("lumbung")
    assert f"ExecStart={program} node run" in done.stdout
    file.write_text(done.stdout, encoding="utf-8")
    return file


def test_a_node_in_the_service_has_the_heap_that_was_measured(unit: Path) -> None:
    assert f"\nEnvironment=GLIBC_TUNABLES={TUNABLES}\n" in unit.read_text(encoding="utf-8")


def _analyzed(*words: str | Path) -> subprocess.CompletedProcess[str]:
    analyze = require_tool("systemd-analyze", "systemd")
    return subprocess.run([analyze, *words], capture_output=True, text=True, check=False)


def test_systemd_finds_nothing_to_complain_of(unit: Path) -> None:
    done = _analyzed("verify", "--man=no", unit)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_systemd_complains_when_a_word_is_wrong(unit: Path) -> None:
    unit.write_text(unit.read_text(encoding="utf-8").replace("Type=notify", "Type=notified"), encoding="utf-8")
    done = _analyzed("verify", "--man=no", unit)
    assert "notified" in done.stdout + done.stderr


def test_the_unit_is_hardened(unit: Path) -> None:
    done = _analyzed("security", "--offline=true", "--no-pager", unit)
    found = re.search(r"Overall exposure level for lumbung-node.service: ([0-9.]+)", done.stdout)
    assert found is not None, done.stdout + done.stderr
    assert float(found[1]) <= _EXPOSURE_MAX, done.stdout


@pytest.mark.parametrize("path", ["/srv/data disk/.x-y%é", "/mnt", "/a.b/c_d:e"])
def test_mount_units_are_named_as_systemd_escape_names_them(path: str) -> None:
    escape = require_tool("systemd-escape", "systemd")
    done = subprocess.run([escape, "--path", path], capture_output=True, text=True, check=True)
    assert escaped_unit_path(Path(path)) == done.stdout.strip()
