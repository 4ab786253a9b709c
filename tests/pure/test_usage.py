"""Command lines that are wrong: told in the reader's language, with what to type next."""

from __future__ import annotations

import io
import json
import sys
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from lumbung_node.config import Language
from lumbung_node.ports.transport import Transport
from lumbung_tools.catalogue.text import Catalogue
from lumbung_tools.cli.framework import Call
from lumbung_tools.cli.roster_add import compare_fingerprint
from lumbung_tools.client.profile import Profile
from lumbung_tools.main import run
from lumbung_tools.output.console import Console
from lumbung_tools.output.failures import CommandFailed

WRONG = [
    (("bundle", "export"), "DIR belum ditulis.", "DIR is missing."),
    (("bundle", "export", "/", "--for"), "Opsi --for memerlukan nilai.", "The option --for needs a value."),
    (("bundle", "export", "/"), "Opsi '--for' belum ditulis.", "The option '--for' is missing."),
    (("bundel",), "Tidak ada perintah bundel. Maksud Anda: bundle", "There is no command bundel. Did you mean: bundle"),
    (
        ("drop", "--yess"),
        "Tidak ada opsi --yess. Maksud Anda: --yes?",
        "There is no option --yess. Did you mean: --yes?",
    ),
    (("drop", "--yes=1"), "Opsi --yes tidak menerima nilai.", "The option --yes takes no value."),
    (("drop", "now"), "Terlalu banyak kata: now.", "Too many words: now."),
    (("bundle", "import", "/nowhere"), "'DIR': '/nowhere' tidak ada.", "'DIR': '/nowhere' does not exist."),
    (("bundle", "import", "/etc/hosts"), "adalah berkas; yang diperlukan folder", "is a file; a folder is needed"),
    (
        ("health", "explain", "FOO"),
        "bukan salah satu dari COPIES_SHORT, LINK_DOWN",
        "is not one of COPIES_SHORT, LINK_DOWN",
    ),
    (("put", "/etc/hosts", "--timeout", "nan"), "nan di luar rentang", "nan is not in the range"),
    (("top", "--interval", "nan"), "nan di luar rentang", "nan is not in the range"),
    (("put", "/etc/hosts", "--copies", "9"), "9 di luar rentang", "9 is not in the range"),
    (("put", "/etc/hosts", "--copies", "x"), "'x' bukan angka.", "'x' is not a number."),
]


def no_network(profile: Profile) -> AbstractAsyncContextManager[Transport]:
    raise AssertionError("nothing is dialled for a command line that is wrong")


@pytest.mark.parametrize(("line", "indonesian", "english"), WRONG)
@pytest.mark.parametrize("language", ["id", "en"])
def test_what_is_wrong_is_told_in_the_readers_language(
    line: tuple[str, ...],
    indonesian: str,
    english: str,
    language: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("LUMBUNG_LANG", language)
    assert run(line, no_network) == 2
    said = capsys.readouterr().err
    assert (indonesian if language == "id" else english) in said
    assert language == "en" or not any(word in said for word in ("Usage", "OPTIONS", "Try", "Error"))


def test_programs_hear_it_as_json(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("LUMBUNG_LANG", "en")
    assert run(("drop", "now", "--json"), no_network) == 2
    assert json.loads(capsys.readouterr().out)["sentence"] == "Too many words: now."


@pytest.mark.parametrize("line", [("--help",), ("bundle", "--help"), ("bundle", "export", "--help"), ("roster",)])
def test_help_in_indonesian_has_no_english_headings(
    line: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LUMBUNG_LANG", "id")
    run(line, no_network)
    said = "".join(capsys.readouterr())
    assert said.startswith("Cara pakai: lumbung")
    assert "Opsi:" in said
    assert not any(word in said for word in ("Usage:", "Options:", "Commands:", "[OPTIONS]", "[ARGS]"))


def test_a_language_that_does_not_exist_is_told_in_the_one_that_is_set(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LUMBUNG_LANG", "en")
    assert run(("drop", "--lang", "xx"), no_network) == 2
    assert "'xx' is not one of id, en." in capsys.readouterr().err


def test_a_closed_standard_input_is_asked_for_no_fingerprint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)  # as Python starts with it: `lumbung roster add ... <&-`
    console = Console(Catalogue(Language.ENGLISH), io.StringIO(), io.StringIO(), is_json=False)

    with pytest.raises(CommandFailed, match=r"fingerprint\.missing"):
        compare_fingerprint(Call(console, Path(), no_network), "12345", None)
