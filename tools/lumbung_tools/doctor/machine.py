"""The machine: versions, limits, and who may read what."""

from __future__ import annotations

import os
import re
import resource
import stat
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from lumbung_node.config import NodeConfig
from lumbung_node.main import has_age_secret
from lumbung_tools.doctor.finding import Finding, green, red, yellow

__all__ = ["look_at_keys_together", "look_at_limits", "look_at_modes", "look_at_versions", "unmet"]

OPEN_FILES_MIN = 4096  # the store keeps 512 tables open, and each call and link has a few
_REQUIREMENT = re.compile(r"([A-Za-z0-9_.-]+)\s*(?:(>=|==)\s*([0-9.]+))?")
_SHOWN = ("blake3", "cryptography", "grpcio", "rocksdict", "trio")


def look_at_versions() -> Finding:
    """Our own requirements against what is installed, and the Python that runs this."""
    python = sys.version.split()[0]
    try:
        wanted = [line for line in metadata.requires("lumbung") or () if ";" not in line]
    except metadata.PackageNotFoundError:
        return yellow("versions", "doctor.versions.not_installed", python=python)
    lacking = [line for line in wanted if unmet(line, _installed(line))]
    if lacking:
        return red("versions", "doctor.versions.lacking", python=python, lacking=", ".join(sorted(lacking)))
    shown = ", ".join(f"{name} {metadata.version(name)}" for name in _SHOWN)
    return green("versions", "doctor.versions.good", python=python, version=metadata.version("lumbung"), shown=shown)


def _installed(requirement: str) -> str:
    """Empty for a package that is not there."""
    found = _REQUIREMENT.match(requirement)
    assert found is not None, requirement
    try:
        return metadata.version(found[1])
    except metadata.PackageNotFoundError:
        return ""


def unmet(requirement: str, installed: str) -> bool:
    """Whether `name>=1.2`, `name==1.2` or `name` is not met by this version; empty means that it is not there."""
    found = _REQUIREMENT.match(requirement)
    assert found is not None, requirement
    if not installed or found[2] is None:
        return not installed
    wanted, held = _numbers(found[3]), _numbers(installed)
    return held != wanted if found[2] == "==" else held < wanted


def _numbers(version: str) -> list[int]:
    """1.20 and 1.20.0 are one version."""
    numbers = [int(part) for part in re.findall(r"\d+", version)]
    while numbers and not numbers[-1]:
        numbers.pop()
    return numbers


def look_at_limits() -> Finding:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < OPEN_FILES_MIN:
        return yellow("limits", "doctor.limits.files", files=soft, wanted=OPEN_FILES_MIN)
    return green("limits", "doctor.limits.good", files=soft if soft != resource.RLIM_INFINITY else 0)


def look_at_modes(config: NodeConfig) -> Iterator[Finding]:
    """Open key files refuse the configuration itself; here are the folders, and the account that owns them."""
    there = [folder for folder in (config.data, config.identity) if folder.is_dir()]
    bad = [folder for folder in there if stat.S_IMODE(folder.stat().st_mode) & 0o077]
    for folder in bad:
        yield yellow("modes", "doctor.modes.open", folder=str(folder))
    owners = {path.stat().st_uid for path in (*there, *config.keys.secrets())}
    if len(owners) > 1:
        yield red("modes", "doctor.modes.owners", owners=", ".join(str(owner) for owner in sorted(owners)))
    elif not bad:
        yield green("modes", "doctor.modes.good", owner=owners.pop())
    if os.geteuid() == 0:
        yield yellow("account", "doctor.account.root")


def look_at_keys_together(config: NodeConfig) -> Finding:
    folders: tuple[Path, ...] = (config.data, config.file.parent)
    found = [folder for folder in folders if folder.is_dir() and has_age_secret(folder)]
    if found:
        return yellow("keys_together", "doctor.keys_together.found", folder=str(found[0]))
    return green("keys_together", "doctor.keys_together.good")
