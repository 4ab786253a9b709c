"""One node's configuration: a TOML file that people edit, parsed once at start. docs/configuration.md has every key.

Secrets stand in it only as paths, and their files must be readable by nobody but the node's account.
"""

from __future__ import annotations

import json
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final

from lumbung_cluster.ids import NodeNumber
from lumbung_cluster.limits import (
    DISK_FOREIGN_FREE_BYTES_MIN,
    DISK_OWN_FREE_BYTES_MIN,
    MASS_DAMAGE_BLOBS_MIN,
    MASS_DAMAGE_SHARE,
    SCRUB_PERIOD_S,
)
from lumbung_cluster.schedule import Schedule
from lumbung_cluster.scrub_brake import BrakeSettings
from lumbung_cluster.scrub_pace import ScrubSettings
from lumbung_node.bandwidth_config import BANDWIDTH_KEYS, read_bandwidth, render_bandwidth
from lumbung_node.ports.transport import LinkClass
from lumbung_node.toml_table import ConfigError, TomlTable, read_toml

__all__ = [
    "AUTHORITY_CERTIFICATE",
    "AUTHORITY_KEY",
    "CONFIG_FORMAT",
    "ConfigError",
    "DiskMarks",
    "KeyFiles",
    "Language",
    "LogFormat",
    "LogLevel",
    "NodeConfig",
    "check_files",
    "load_config",
    "parse_address",
    "render_config",
]

CONFIG_FORMAT = 1
AUTHORITY_CERTIFICATE, AUTHORITY_KEY = "authority.crt", "authority.key"
_PORT_MAX = 65535
_NUMBER_MAX = 2**32 - 1
_DAY_S = 24 * 3600.0
_PERIOD_DAYS_MAX = 365  # less often than once a year is not reading at all
_BYTES_MAX = 2**63 - 1  # what TOML can write
_KEY_KEYS = ("tls_chain", "tls_key", "trust_roots", "entry_key", "receipt_key", "cluster_secret", "authority")
_NODE_KEYS = ("name", "number", "identity", "data", "fallback", "listen", "advertised", "language", "accept_unsealed")
_SCRUB_KEYS = ("period_days", "mass_damage_percent", "mass_damage_blobs")
_LIMIT_KEYS = ("disk_foreign_free_bytes", "disk_own_free_bytes")


class LogFormat(Enum):
    JSON = "json"
    CONSOLE = "console"


class LogLevel(Enum):
    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class Language(Enum):
    """Of the sentences that the node itself writes for people."""

    INDONESIAN = "id"
    ENGLISH = "en"


@dataclass(frozen=True, slots=True)
class KeyFiles:
    """Where the node's keys lie; those that are secret must have mode 0600 (or less).

    `authority` is the folder of the office's issuing authority, when the node renews its certificate by itself.
    """

    tls_chain: Path
    tls_key: Path
    trust_roots: Path
    entry_key: Path
    receipt_key: Path
    cluster_secret: Path
    authority: Path | None = None

    def secrets(self) -> tuple[Path, ...]:
        own = (self.tls_key, self.entry_key, self.receipt_key, self.cluster_secret)
        return own if self.authority is None else (*own, self.authority / AUTHORITY_KEY)

    def public(self) -> tuple[Path, ...]:
        own = (self.tls_chain, self.trust_roots)
        return own if self.authority is None else (*own, self.authority / AUTHORITY_CERTIFICATE)


@dataclass(frozen=True, slots=True)
class DiskMarks:
    """Free bytes: below the first mark foreign copies are refused, below the second own puts too."""

    foreign_free_bytes: int
    own_free_bytes: int


@dataclass(frozen=True, slots=True)
class NodeConfig:
    """What one node needs to start. All paths are absolute.

    `identity` is a folder outside `data`: it keeps the generation, so that restoring old data does not restore it.
    `fallback` takes recordings while the disk of `data` is not mounted.
    `roster` is read at the first start only; a newer one that the node was given later stands in its store.
    `metrics_listen` is None when nobody shall read metrics.
    """

    file: Path
    name: str
    number: NodeNumber
    identity: Path
    data: Path
    fallback: Path
    listen: str
    advertised: str
    language: Language
    accept_unsealed: bool
    keys: KeyFiles
    roster: Path
    access_lists: tuple[Path, ...]
    disk: DiskMarks
    scrub: ScrubSettings
    link: LinkClass
    bandwidth: Schedule
    log_format: LogFormat
    log_level: LogLevel
    metrics_listen: str | None


def load_config(file: Path) -> NodeConfig:
    """Read, parse and check a configuration; changes nothing. Raises ConfigError with one line for a person."""
    config = _parse(file.absolute())
    check_files(config)
    return config


def check_files(config: NodeConfig) -> None:
    """Every named file is there and secrets are private. Raises ConfigError for the first that is not."""
    for path in (*config.keys.public(), config.roster, *config.access_lists):
        _check_present(config.file, path)
    for path in config.keys.secrets():
        _check_private(config.file, path)


def parse_address(text: str) -> tuple[str, int]:
    """Host and port of `host:port` or `[v6]:port`. Raises ValueError with a sentence."""
    host, colon, port = text.rpartition(":")
    is_bracketed = host.startswith("[") and host.endswith("]")
    if not colon or not host or (":" in host and not is_bracketed):
        raise ValueError(f"expected host:port, got {text}")
    if not (port.isascii() and port.isdigit()) or int(port) > _PORT_MAX:
        raise ValueError(f"expected a port from 0 to {_PORT_MAX}, got {port}")
    return host.strip("[]"), int(port)


_REMARKS: Final[Mapping[Language, tuple[str, str, str]]] = {
    Language.INDONESIAN: (
        "Satu simpul lumbung. Tiap kunci dijelaskan di docs/configuration.md; periksa: lumbung config check BERKAS",
        "Masa hidup simpul dicatat di sini. Jangan di dalam folder data, dan jangan pernah dipulihkan dari cadangan.",
        "Rekaman masuk ke sini selama cakram data tidak terpasang.",
    ),
    Language.ENGLISH: (
        "One lumbung node. Every key is explained in docs/configuration.md; check it with: lumbung config check FILE",
        "The identity keeps the node's generation. Never put it into the data folder, never restore it.",
        "Recordings go here while the data disk is not mounted.",
    ),
}


def render_config(config: NodeConfig) -> str:
    """The file's text for a config; paths below its folder are written relative to it, so that the folder can move."""

    def written(path: Path) -> str:
        base = config.file.parent
        return _quoted(str(path.relative_to(base)) if path.is_relative_to(base) else str(path))

    access_lists = ", ".join(written(path) for path in config.access_lists)
    remarks = _REMARKS[config.language]
    return f"""\
# {remarks[0]}
format = {CONFIG_FORMAT}

[node]
name = {_quoted(config.name)}
number = {config.number}
# {remarks[1]}
identity = {written(config.identity)}
data = {written(config.data)}
# {remarks[2]}
fallback = {written(config.fallback)}
listen = {_quoted(config.listen)}
advertised = {_quoted(config.advertised)}
language = {_quoted(config.language.value)}
accept_unsealed = {_flag(config.accept_unsealed)}

[keys]
tls_chain = {written(config.keys.tls_chain)}
tls_key = {written(config.keys.tls_key)}
trust_roots = {written(config.keys.trust_roots)}
entry_key = {written(config.keys.entry_key)}
receipt_key = {written(config.keys.receipt_key)}
cluster_secret = {written(config.keys.cluster_secret)}
{f"authority = {written(config.keys.authority)}{chr(10)}" if config.keys.authority is not None else ""}
[trust]
roster = {written(config.roster)}
access_lists = [{access_lists}]

[limits]
disk_foreign_free_bytes = {config.disk.foreign_free_bytes}
disk_own_free_bytes = {config.disk.own_free_bytes}

[scrub]
period_days = {round(config.scrub.period_s / _DAY_S)}
mass_damage_percent = {round(config.scrub.brake.share * 100)}
mass_damage_blobs = {config.scrub.brake.blobs_min}

[link]
class = {_quoted(config.link.value)}

{render_bandwidth(config.bandwidth)}
[log]
format = {_quoted(config.log_format.value)}
level = {_quoted(config.log_level.value)}
""" + _rendered_metrics(config)


def _rendered_metrics(config: NodeConfig) -> str:
    return f"\n[metrics]\nlisten = {_quoted(config.metrics_listen)}\n" if config.metrics_listen is not None else ""


def _parse(file: Path) -> NodeConfig:
    root = read_toml(
        file, ("format", "node", "keys", "trust", "limits", "scrub", "link", "bandwidth", "log", "metrics")
    )
    _check_format(root)
    node = root.table("node", _NODE_KEYS, required=True)
    trust = root.table("trust", ("roster", "access_lists"), required=True)
    link = root.table("link", ("class",), required=False)
    log = root.table("log", ("format", "level"), required=False)
    listen = _address(node, "listen", None)
    return NodeConfig(
        file=file,
        name=node.text("name"),
        number=NodeNumber(node.whole("number", low=1, high=_NUMBER_MAX)),
        identity=_identity(node),
        data=node.path("data"),
        fallback=_fallback(node),
        listen=listen,
        advertised=_address(node, "advertised", listen),
        language=node.choice("language", Language, Language.INDONESIAN),
        accept_unsealed=node.flag("accept_unsealed", default=False),
        keys=_keys(root.table("keys", _KEY_KEYS, required=True)),
        roster=trust.path("roster"),
        access_lists=trust.paths("access_lists"),
        disk=_disk(root.table("limits", _LIMIT_KEYS, required=False)),
        scrub=_scrub(root.table("scrub", _SCRUB_KEYS, required=False)),
        link=link.choice("class", LinkClass, LinkClass.WAN),
        bandwidth=read_bandwidth(root.table("bandwidth", BANDWIDTH_KEYS, required=False)),
        log_format=log.choice("format", LogFormat, LogFormat.JSON),
        log_level=log.choice("level", LogLevel, LogLevel.INFO),
        metrics_listen=_metrics(root.table("metrics", ("listen",), required=False)),
    )


def _check_format(root: TomlTable) -> None:
    version = root.whole("format", low=0, high=_NUMBER_MAX)
    if version != CONFIG_FORMAT:
        raise root.error("format", f"this lumbung reads format {CONFIG_FORMAT}, got {version}")


def _keys(table: TomlTable) -> KeyFiles:
    return KeyFiles(
        tls_chain=table.path("tls_chain"),
        tls_key=table.path("tls_key"),
        trust_roots=table.path("trust_roots"),
        entry_key=table.path("entry_key"),
        receipt_key=table.path("receipt_key"),
        cluster_secret=table.path("cluster_secret"),
        authority=table.path("authority") if table.has("authority") else None,
    )


def _identity(node: TomlTable) -> Path:
    identity, data = node.path("identity"), node.path("data")
    if identity.is_relative_to(data):
        # Whoever restores the data folder would restore the generation with it, and old marks would be believed.
        raise node.error("identity", f"expected a folder outside the data folder {data}, got {identity}")
    return identity


def _fallback(node: TomlTable) -> Path:
    """Where recordings go while the data disk is not mounted: beside the identity unless another folder is named."""
    identity, data = node.path("identity"), node.path("data")
    fallback = node.path("fallback", identity.parent / "fallback")
    if fallback.is_relative_to(data):
        raise node.error("fallback", f"expected a folder outside the data folder {data}, got {fallback}")
    return fallback


def _disk(limits: TomlTable) -> DiskMarks:
    marks = DiskMarks(
        limits.whole("disk_foreign_free_bytes", DISK_FOREIGN_FREE_BYTES_MIN, low=0, high=_BYTES_MAX),
        limits.whole("disk_own_free_bytes", DISK_OWN_FREE_BYTES_MIN, low=0, high=_BYTES_MAX),
    )
    if marks.own_free_bytes > marks.foreign_free_bytes:
        raise limits.error(
            "disk_own_free_bytes",
            f"expected at most disk_foreign_free_bytes = {marks.foreign_free_bytes}, got {marks.own_free_bytes}: "
            "own recordings must go on after foreign copies are refused",
        )
    return marks


def _scrub(table: TomlTable) -> ScrubSettings:
    days = table.whole("period_days", int(SCRUB_PERIOD_S / _DAY_S), low=1, high=_PERIOD_DAYS_MAX)
    percent = table.whole("mass_damage_percent", round(MASS_DAMAGE_SHARE * 100), low=1, high=100)
    blobs = table.whole("mass_damage_blobs", MASS_DAMAGE_BLOBS_MIN, low=1, high=_NUMBER_MAX)
    return ScrubSettings(period_s=days * _DAY_S, brake=BrakeSettings(percent / 100, blobs))


def _metrics(table: TomlTable) -> str | None:
    return _address(table, "listen", None) if table.has("listen") else None


def _address(node: TomlTable, key: str, default: str | None) -> str:
    text = node.text(key, default)
    try:
        parse_address(text)
    except ValueError as exc:
        raise node.error(key, str(exc)) from exc
    return text


def _check_present(config_file: Path, path: Path) -> None:
    if not path.is_file():
        raise ConfigError(config_file, "", f"expected the file {path}, got none")


def _check_private(config_file: Path, path: Path) -> None:
    _check_present(config_file, path)
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        raise ConfigError(
            config_file, "", f"secret {path} is open to others (mode {mode:04o}), type: chmod 600 '{path}'"
        )


def _quoted(text: str) -> str:
    # A JSON string is a TOML basic string, but for DEL, which JSON leaves bare and TOML forbids.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _flag(value: bool) -> str:
    return "true" if value else "false"
