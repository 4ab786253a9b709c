"""TOML from somebody else: neither memory nor a traceback is to be had by it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lumbung_cluster.canonical import Malformed
from lumbung_cluster.joining import JoinRefused
from lumbung_node.toml_table import ConfigError, read_toml
from lumbung_tools.access_toml import parse_access_toml
from lumbung_tools.joining.asking import load_request
from lumbung_tools.roster_toml import parse_roster_toml
from lumbung_tools.toml_document import read_document_file

BOMBS = {
    "brackets": "a = " + "[" * 100_000,
    "a key of many parts": ".".join(["a"] * 2_000) + " = 1",
    "a header of many parts": "[" + " . ".join(['"a b"'] * 2_000) + "]",
    "a number of many digits": "format = " + "9" * 5_000,
}


@pytest.mark.parametrize("bomb", BOMBS)
@pytest.mark.parametrize("parse", [parse_roster_toml, parse_access_toml])
def test_a_draft_made_to_hurt_is_refused_with_a_sentence(parse: Callable[[str], object], bomb: str) -> None:
    with pytest.raises(Malformed):
        parse(BOMBS[bomb])


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_configuration_made_to_hurt_is_refused_with_a_sentence(bomb: str, tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(BOMBS[bomb])
    with pytest.raises(ConfigError, match="is not TOML"):
        read_toml(file, ("format",))


def test_dots_of_honest_texts_are_no_long_key() -> None:
    with pytest.raises(Malformed, match="unknown field"):
        parse_roster_toml('note = "' + "10.36.2.1 " * 9 + '"')


def test_a_document_that_is_no_text_or_has_no_end_is_refused(tmp_path: Path) -> None:
    (tmp_path / "draft.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(Malformed, match="text in UTF-8"):
        read_document_file(tmp_path / "draft.toml")
    with pytest.raises(Malformed, match="at most"):
        read_document_file(Path("/dev/zero"))


def test_times_of_many_digits_are_refused() -> None:
    caller = f'name = "a"\nduty = "station"\npins = ["{"00" * 32}"]\nvalid_from = "0"\nvalid_until = "{"9" * 5_000}"'
    head = f'format = 1\ncluster = "{"00" * 16}"\noffice = 1\nversion = 1\ncreated_ms = 0\n[[callers]]\n'
    with pytest.raises(Malformed, match="time: expected at most 20 digits"):
        parse_access_toml(head + caller)


def test_a_cluster_id_of_another_length_is_refused() -> None:
    with pytest.raises(Malformed, match="cluster: expected 32 hex digits"):
        parse_access_toml('format = 1\ncluster = "00"\noffice = 1\nversion = 1\ncreated_ms = 0\n')


def test_a_request_without_an_end_is_refused() -> None:
    with pytest.raises(JoinRefused, match="at most 131072 bytes"):
        load_request(Path("/dev/zero"))
