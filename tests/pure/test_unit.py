"""The systemd unit that is filled in for a configuration."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from lumbung_node.config import NodeConfig, load_config
from lumbung_testing.fake_nodes import make_fake_cluster
from lumbung_tools.packaging.unit import Service, escaped_unit_path, filled_unit, mount_point_of, template

_SERVICE = Service(Path("/opt/lumbung/bin/lumbung"), "civil", 2048)
_ROOT = "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw"
_DISK = r"40 22 8:17 / /srv/data\040disk rw,relatime shared:9 - ext4 /dev/sdb1 rw"


@pytest.fixture
def config(tmp_path: Path) -> NodeConfig:
    make_fake_cluster(tmp_path)
    return load_config(tmp_path / "nodes" / "36.02" / "config.toml")


def _value(unit: str, key: str) -> str:
    (found,) = re.findall(rf"(?m)^{key}=(.*)$", unit)
    return str(found)


def test_paths_account_and_memory_are_those_that_were_asked_for(config: NodeConfig) -> None:
    unit = filled_unit(config, _SERVICE, [_ROOT])
    assert _value(unit, "ExecStart") == f"/opt/lumbung/bin/lumbung node run --config {config.file}"
    assert (_value(unit, "User"), _value(unit, "Group")) == ("civil", "civil")
    assert (_value(unit, "MemoryHigh"), _value(unit, "MemoryMax")) == ("1536M", "2048M")
    assert _value(unit, "ReadWritePaths") == f"-{config.identity} -{config.fallback} -{config.data}"


def test_no_path_to_write_to_is_required(config: NodeConfig) -> None:
    """systemd lays the view out before ExecStartPre too: a fresh machine without a fallback never started."""
    for unit in (template(), filled_unit(config, _SERVICE, [_ROOT])):
        assert all(path.startswith("-") for path in _value(unit, "ReadWritePaths").split())


def test_the_data_folder_is_made_on_a_new_disk_and_that_may_fail(config: NodeConfig) -> None:
    """The account cannot make it: all but the three folders are read-only, and a new disk has none of them."""
    making = re.findall(
        r"(?m)^ExecStartPre=(\S*)/usr/bin/install .*--owner=civil.* (\S+)$", filled_unit(config, _SERVICE, [_ROOT])
    )
    assert making == [("+", str(config.fallback)), ("-+", str(config.data))]


def test_the_data_disk_is_waited_for_and_never_required(config: NodeConfig) -> None:
    on_disk = dataclasses.replace(config, data=Path("/srv/data disk/lumbung"))
    unit = filled_unit(on_disk, _SERVICE, [_ROOT, _DISK])
    mount = r"srv-data\x20disk.mount"
    assert _value(unit, "After").endswith(f" {mount}")
    assert _value(unit, "Wants").endswith(f" {mount}")
    assert "/srv/data" not in _value(unit, "RequiresMountsFor")
    assert ' "-/srv/data disk/lumbung"' in _value(unit, "ReadWritePaths")


def test_a_disk_that_is_the_machines_own_needs_no_waiting(config: NodeConfig) -> None:
    assert ".mount" not in filled_unit(config, _SERVICE, [_ROOT])


def test_a_node_below_a_home_folder_can_still_be_read(config: NodeConfig) -> None:
    assert _value(filled_unit(config, _SERVICE, [_ROOT]), "ProtectHome") == "yes"
    at_home = dataclasses.replace(config, identity=Path("/home/civil/identity"))
    assert _value(filled_unit(at_home, _SERVICE, [_ROOT]), "ProtectHome") == "read-only"


def test_a_low_port_gets_the_one_right_that_it_needs(config: NodeConfig) -> None:
    assert _value(filled_unit(config, _SERVICE, [_ROOT]), "CapabilityBoundingSet") == ""
    low = filled_unit(dataclasses.replace(config, listen="0.0.0.0:443"), _SERVICE, [_ROOT])
    assert _value(low, "AmbientCapabilities") == _value(low, "CapabilityBoundingSet") == "CAP_NET_BIND_SERVICE"
    assert _value(low, "PrivateUsers") == "no"  # a right in a user namespace of its own opens no port of the machine


@pytest.mark.parametrize(
    ("path", "written"),
    [("/a b/c", '"/a b/c"'), ("/50%/c", "/50%%/c"), ("/$HOME/c", "/$$HOME/c"), ('/a"b', '"/a\\"b"')],
)
def test_what_systemd_would_take_for_something_else_is_escaped(config: NodeConfig, path: str, written: str) -> None:
    unit = filled_unit(dataclasses.replace(config, file=Path(path)), _SERVICE, [_ROOT])
    assert _value(unit, "ExecStart").endswith(f"--config {written}")


@pytest.mark.parametrize(
    ("path", "name"),
    [("/", "-"), ("/srv", "srv"), ("/srv/a-b", r"srv-a\x2db"), ("/.x/y%é", r"\x2ex-y\x25\xc3\xa9")],
)
def test_mount_units_are_named_as_systemd_names_them(path: str, name: str) -> None:
    assert escaped_unit_path(Path(path)) == name


def test_the_mount_point_is_the_nearest_one() -> None:
    lines = [_ROOT, "30 22 8:2 / /srv rw - ext4 /dev/sda2 rw", _DISK]
    assert mount_point_of(Path("/srv/data disk/x"), lines) == Path("/srv/data disk")
    assert mount_point_of(Path("/srv/data"), lines) == Path("/srv")
    assert mount_point_of(Path("/var"), lines) == Path("/")


@pytest.mark.parametrize(
    "line",
    ["Type=notify", "Restart=always", "NoNewPrivileges=yes", "ProtectSystem=strict", "StartLimitIntervalSec=0"],
)
def test_the_unit_starts_again_for_ever_and_may_do_little(line: str) -> None:
    assert f"\n{line}\n" in template()
