"""`lumbung config check`: what a start would refuse is told before it."""

from __future__ import annotations

import json
import shutil
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path

import pytest

from lumbung_cluster.ids import NodeNumber
from lumbung_cluster.schedule import Schedule, TimeZone, Weekday, Window
from lumbung_node.config import NodeConfig, load_config, render_config
from lumbung_node.ports.transport import LinkClass, Transport
from lumbung_testing.real_clusters import OFFICES, found
from lumbung_tools.client.profile import Profile
from lumbung_tools.localcluster.founding import Founded
from lumbung_tools.main import run

_OFFICE, _OTHER = OFFICES[:2]


def _no_network(profile: Profile) -> AbstractAsyncContextManager[Transport]:
    raise AssertionError("this command must work offline")


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Founded:
    return found(tmp_path_factory.mktemp("config"), (_OFFICE, _OTHER))


@pytest.fixture
def config(founded: Founded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> NodeConfig:
    """Of a copy of the office's home, for a test to spoil."""
    monkeypatch.setenv("LUMBUNG_LANG", "id")
    shutil.copytree(founded.folder / "nodes" / _OFFICE, tmp_path / "home")
    return load_config(tmp_path / "home" / "config.toml")


def _check(config: NodeConfig) -> int:
    config.file.write_text(render_config(config), encoding="utf-8")
    return run(("config", "check", str(config.file)), _no_network)


def _files(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_home_in_order_is_good_and_stays_as_it_is(config: NodeConfig, capsys: pytest.CaptureFixture[str]) -> None:
    before = _files(config.file.parent)
    assert run(("config", "check", str(config.file), "--json"), _no_network) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["name_in_roster"], said["unchecked"]) == (_OFFICE, [])
    assert _files(config.file.parent) == before


def test_another_number_than_the_certificates_is_refused(
    config: NodeConfig, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _check(replace(config, number=NodeNumber(9))) == 2
    assert f"nomor simpul seharusnya {config.number} menurut" in capsys.readouterr().err


def test_a_certificate_of_another_authority_is_refused(
    config: NodeConfig, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    foreign = found(tmp_path / "foreign", (_OFFICE,)).folder / "nodes" / _OFFICE
    shutil.copy(load_config(foreign / "config.toml").keys.trust_roots, config.keys.trust_roots)
    assert _check(config) == 2
    assert f"{config.keys.tls_chain}: seharusnya dari otoritas di dalam" in capsys.readouterr().err


def test_a_certificate_of_another_cluster_is_refused(
    config: NodeConfig, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    foreign = found(tmp_path / "foreign", (_OFFICE,)).folder / "nodes" / _OFFICE
    shutil.copy(load_config(foreign / "config.toml").keys.tls_chain, config.keys.tls_chain)
    assert _check(config) == 2
    assert f"sertifikat {config.keys.tls_chain} milik klaster" in capsys.readouterr().err


def test_a_certificate_of_another_key_is_refused(
    founded: Founded, config: NodeConfig, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(load_config(founded.folder / "nodes" / _OTHER / "config.toml").keys.tls_key, config.keys.tls_key)
    assert _check(config) == 2
    assert f"{config.keys.tls_chain} bukan sertifikat untuk kunci {config.keys.tls_key}" in capsys.readouterr().err


def test_a_roster_that_is_none_is_refused(config: NodeConfig, capsys: pytest.CaptureFixture[str]) -> None:
    assert _check(replace(config, roster=config.file)) == 2
    assert "bukan daftar simpul yang dapat dibaca" in capsys.readouterr().err


def test_a_name_that_is_not_the_rosters_is_warned_of(config: NodeConfig, capsys: pytest.CaptureFixture[str]) -> None:
    assert _check(replace(config, name="99.99")) == 0
    assert f"menamai simpul {config.number} {_OFFICE}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("link", "rate", "is_warned"), [("lan", 16e3, True), ("wan", 16e3, False), ("lan", 9e6, False)]
)
def test_a_thin_window_on_a_line_of_class_lan_is_warned_of(
    config: NodeConfig, capsys: pytest.CaptureFixture[str], link: str, rate: float, is_warned: bool
) -> None:
    window = Window(22 * 60, 5 * 60 + 30, tuple(Weekday), (), rate, None, 100)
    changed = replace(config, link=LinkClass(link), bandwidth=Schedule(TimeZone.WIB, (window,)))
    assert _check(changed) == 0
    assert ("link.class adalah lan" in capsys.readouterr().err) is is_warned
