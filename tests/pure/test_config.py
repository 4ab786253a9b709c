"""The node's configuration: what it takes, and the one line that it says otherwise."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from lumbung_cluster.ids import NodeNumber
from lumbung_cluster.schedule import Schedule, TimeZone, Weekday, Window
from lumbung_cluster.scrub_pace import ScrubSettings
from lumbung_node.config import (
    ConfigError,
    DiskMarks,
    KeyFiles,
    Language,
    LogFormat,
    LogLevel,
    NodeConfig,
    load_config,
    parse_address,
    render_config,
)
from lumbung_node.ports.transport import LinkClass

_NIGHT = Window(22 * 60, 5 * 60 + 30, tuple(Weekday), (), 250_000.0, None, 100)
_OFFICE = Window(450, 960, (Weekday.MON, Weekday.FRI), ("drc-batam", "61.01"), 64_000.0, 32_000.0, 20)
_KEY_NAMES = ("tls.chain.pem", "tls.key.pem", "roots.pem", "entry.key", "receipt.key", "cluster.secret")


def _home(folder: Path) -> NodeConfig:
    """A config whose files all exist and are private."""
    keys = folder / "keys"
    keys.mkdir(parents=True)
    for name in (*_KEY_NAMES, "roster"):
        (keys / name).write_bytes(b"x")
        (keys / name).chmod(0o600)
    return NodeConfig(
        file=folder / "config.toml",
        name='36.02 "Lebak" \\ \x7f',
        number=NodeNumber(7),
        identity=folder / "identity",
        data=folder / "data",
        fallback=folder / "fallback",
        listen="127.0.0.1:7443",
        advertised="lebak.example:7443",
        language=Language.ENGLISH,
        accept_unsealed=True,
        keys=KeyFiles(*(keys / name for name in _KEY_NAMES)),
        roster=keys / "roster",
        access_lists=(keys / "roster",),
        disk=DiskMarks(20, 10),
        scrub=ScrubSettings(),
        link=LinkClass.SATELLITE,
        bandwidth=Schedule(TimeZone.WIT, (_NIGHT, _OFFICE)),
        log_format=LogFormat.CONSOLE,
        log_level=LogLevel.DEBUG,
        metrics_listen="127.0.0.1:9464",
    )


def _written(folder: Path, *, replace: tuple[str, str] | None = None) -> Path:
    config = _home(folder)
    text = render_config(config)
    if replace is not None:
        assert replace[0] in text
        text = text.replace(*replace)
    config.file.write_text(text, encoding="utf-8")
    return config.file


def test_what_is_rendered_is_read_back_as_it_was(tmp_path: Path) -> None:
    config = _home(tmp_path)
    config.file.write_text(render_config(config), encoding="utf-8")
    assert load_config(config.file) == config


def test_a_home_folder_that_moved_still_finds_its_own_files(tmp_path: Path) -> None:
    _written(tmp_path / "old")
    (tmp_path / "old").rename(tmp_path / "new")
    assert load_config(tmp_path / "new" / "config.toml").data == tmp_path / "new" / "data"


def test_an_absent_optional_key_has_the_documented_default(tmp_path: Path) -> None:
    file = _written(tmp_path)
    required, _, _ = file.read_text(encoding="utf-8").partition("[limits]")
    kept = [line for line in required.splitlines() if not line.startswith(("advertised", "language", "accept_"))]
    file.write_text("\n".join(kept), encoding="utf-8")
    config = load_config(file)
    assert (config.advertised, config.language, config.accept_unsealed) == (config.listen, Language.INDONESIAN, False)
    assert (config.link, config.log_format, config.log_level) == (LinkClass.WAN, LogFormat.JSON, LogLevel.INFO)


@pytest.mark.parametrize(
    ("written", "instead", "said"),
    [
        ("listen =", "listne =", "node.listne: unknown key, the nearest known one is listen"),
        ("[limits]", "[limit]", "limit: unknown key, the nearest known one is limits"),
        ("format = 1\n", "format = 2\n", "format: this lumbung reads format 1, got 2"),
        ("number = 7", "number = true", "node.number: expected a whole number, got true or false"),
        ("number = 7", "number = 0", "node.number: expected 1 to 4294967295, got 0"),
        ("127.0.0.1:7443", "127.0.0.1", "node.listen: expected host:port, got 127.0.0.1"),
        ('class = "satellite"', 'class = "moon"', "link.class: expected one of lan, wan, satellite, got moon"),
        ("accept_unsealed = true", 'accept_unsealed = "yes"', "expected true or false, got a text"),
        ('identity = "identity"', 'identity = "data/id"', "node.identity: expected a folder outside the data folder"),
        ("disk_own_free_bytes = 10", "disk_own_free_bytes = 30", "expected at most disk_foreign_free_bytes = 20"),
        ("[trust]", "[trust", "is not TOML"),
        ('"keys/entry.key"', '"keys/enrty.key"', "keys/enrty.key, got none"),
    ],
)
def test_a_mistake_is_said_in_one_line_that_names_the_place(
    tmp_path: Path, written: str, instead: str, said: str
) -> None:
    file = _written(tmp_path, replace=(written, instead))
    with pytest.raises(ConfigError) as caught:
        load_config(file)
    assert said in str(caught.value)
    assert str(caught.value).startswith(str(file))
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_a_config_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(tmp_path / "nowhere.toml")


@pytest.mark.parametrize("name", ["tls.key.pem", "entry.key", "receipt.key", "cluster.secret"])
def test_a_secret_that_others_can_read_is_refused_with_the_command_that_mends_it(tmp_path: Path, name: str) -> None:
    file = _written(tmp_path)
    secret = tmp_path / "keys" / name
    secret.chmod(0o640)
    with pytest.raises(ConfigError, match=f"mode 0640.*chmod 600 '{secret}'"):
        load_config(file)


@pytest.mark.parametrize(
    ("text", "address"),
    [("127.0.0.1:0", ("127.0.0.1", 0)), ("[::1]:65535", ("::1", 65535)), ("drc.example:7443", ("drc.example", 7443))],
)
def test_an_address_is_a_host_and_a_port(text: str, address: tuple[str, int]) -> None:
    assert parse_address(text) == address


@pytest.mark.parametrize("text", ["", ":7", "host", "host:", "host:-1", "host:65536", "::1:7", "host:\u0667"])
def test_what_is_not_an_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        parse_address(text)


_WINDOW = '[bandwidth]\ntime_zone = "WIB"\n[[bandwidth.window]]\nfrom = "07:30"\nuntil = "16:00"\nsend_kbit_s = 512\n'


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (_WINDOW.replace("WIB", "WIP"), "expected one of WIB, WITA, WIT, got WIP"),
        (_WINDOW.replace("07:30", "7:30"), "expected a time from 00:00 to 23:59, got 7:30"),
        (_WINDOW.replace("07:30", "16:00"), "expected another time than `from`, got the same"),
        (_WINDOW.replace("512", "8"), "expected at least 16, or 0 for no limit, got 8"),
        (_WINDOW.replace("send_kbit_s = 512", ""), "expected send_kbit_s, receive_kbit_s or both, got none"),
        (_WINDOW + 'days = ["senin"]', "expected mon, tue, wed, thu, fri, sat, sun, got senin"),
        (_WINDOW + "backlog_percent = 0", "expected 1 to 100, got 0"),
        (_WINDOW + "rate = 3", "unknown key, the nearest known one is from"),
        (_WINDOW.replace("[[bandwidth.window]]", "[bandwidth.window]"), "expected tables, each headed"),
    ],
)
def test_a_wrong_bandwidth_window_is_named(tmp_path: Path, wrong: str, sentence: str) -> None:
    config = _home(tmp_path)
    text = render_config(replace(config, bandwidth=Schedule(TimeZone.WIB, ())))
    config.file.write_text(text.replace('[bandwidth]\ntime_zone = "WIB"\n', wrong), encoding="utf-8")

    with pytest.raises(ConfigError, match=re.escape(sentence)):
        load_config(config.file)
