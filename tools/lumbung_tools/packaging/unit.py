"""The systemd unit of a node, filled in for one configuration: the file beside this module with other paths.

The data disk is waited for and wanted, never required: a node whose disk is not mounted records into its fallback
folder, and systemd must not stand in the way. Everything else (configuration, keys, identity, fallback) is required.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from importlib import resources
from pathlib import Path

from lumbung_node.config import NodeConfig, parse_address

__all__ = ["Service", "escaped_unit_path", "filled_unit", "mount_point_of", "template"]

_FILE = "lumbung-node.service"
# Two lines of one key, told apart by their marks: + as root, and - when a failure must not stop the node.
_MAKE_OWN, _MAKE_DATA = "ExecStartPre=+", "ExecStartPre=-+"
_HOMES = (Path("/home"), Path("/root"), Path("/run/user"))
_PRIVILEGED_PORTS = 1024
_MOUNT_ESCAPE = re.compile(r"\\([0-7]{3})")
_PLAIN = re.compile(r"[A-Za-z0-9:_.]")


class Service:
    """What a unit is filled with beside the configuration: how to start lumbung, and as whom."""

    __slots__ = ("account", "memory_max_mib", "program")

    def __init__(self, program: Path, account: str, memory_max_mib: int) -> None:
        self.program = program
        self.account = account
        self.memory_max_mib = memory_max_mib


def template() -> str:
    """The unit as it is shipped: good as it is for /usr/local/bin, /etc/lumbung and /var/lib/lumbung."""
    return (resources.files("lumbung_tools.packaging") / _FILE).read_text(encoding="utf-8")


def filled_unit(config: NodeConfig, service: Service, mount_lines: Iterable[str]) -> str:
    """`mount_lines` are those of /proc/self/mountinfo."""
    own = (config.identity, config.fallback)
    making = f"/usr/bin/install --directory --mode=0700 --owner={service.account} --group={service.account}"
    values = {
        "RequiresMountsFor": _paths(sorted({config.file.parent, *(path.parent for path in _files(config)), *own})),
        _MAKE_OWN: f"{making} {_paths(own)}",
        _MAKE_DATA: f"{making} {_paths([config.data])}",
        "ExecStart": f"{_quoted(service.program)} node run --config {_quoted(config.file)}",
        "User": service.account,
        "Group": service.account,
        # None of them required: systemd lays out this view already for ExecStartPre, which makes the first two.
        "ReadWritePaths": _paths([*own, config.data], mark="-"),
        "MemoryHigh": f"{service.memory_max_mib * 3 // 4}M",
        "MemoryMax": f"{service.memory_max_mib}M",
    }
    if any(path.is_relative_to(home) for home in _HOMES for path in (*_files(config), *own, config.data)):
        values["ProtectHome"] = "read-only"
    if 0 < parse_address(config.listen)[1] < _PRIVILEGED_PORTS:
        capability = "CAP_NET_BIND_SERVICE"
        values |= {"CapabilityBoundingSet": capability, "AmbientCapabilities": capability, "PrivateUsers": "no"}
    mount = mount_point_of(config.data, mount_lines)
    unit = _replaced(template(), values)
    return unit if mount == Path("/") else _waiting_for(unit, f"{escaped_unit_path(mount)}.mount")


def _files(config: NodeConfig) -> tuple[Path, ...]:
    return (*config.keys.secrets(), *config.keys.public(), config.roster, *config.access_lists)


def _replaced(unit: str, values: Mapping[str, str]) -> str:
    for key, value in values.items():
        begin = key if "=" in key else f"{key}="
        unit, count = re.subn(
            rf"(?m)^{re.escape(begin)}.*$",
            lambda _, line=f"{begin}{value}": line,  # type: ignore[misc]
            unit,
        )
        assert count == 1, f"{key} stands once in the unit"
    return unit


def _waiting_for(unit: str, mount_unit: str) -> str:
    return re.sub(r"(?m)^(Wants|After)=(.*)$", lambda found: f"{found[1]}={found[2]} {mount_unit}", unit)


def mount_point_of(path: Path, mount_lines: Iterable[str]) -> Path:
    """The longest mount point above `path` (field 5 of proc_pid_mountinfo(5))."""
    best = Path("/")
    for line in mount_lines:
        mount = Path(_MOUNT_ESCAPE.sub(lambda octal: chr(int(octal[1], 8)), line.split()[4]))
        if path.is_relative_to(mount) and len(mount.parts) > len(best.parts):
            best = mount
    return best


def escaped_unit_path(path: Path) -> str:
    """As systemd-escape --path: a slash becomes a dash, what is not plain a hexadecimal escape."""
    text = "/".join(path.parts[1:])
    escaped = "".join(
        "-" if letter == "/" else letter if _PLAIN.fullmatch(letter) and (at or letter != ".") else _hex(letter)
        for at, letter in enumerate(text)
    )
    return escaped or "-"


def _hex(letter: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in letter.encode())


def _paths(paths: Iterable[Path], *, mark: str = "") -> str:
    return " ".join(_quoted(path, mark=mark) for path in paths)


def _quoted(path: Path, *, mark: str = "") -> str:
    """One word of a unit file: % begins a specifier there, $ a variable, and blanks end a word."""
    text = mark + str(path).replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{text}"' if re.search(r'[\s"\\\';]', text) else text
