"""Why a file cannot be used, said in the reader's language, with the system's own number behind."""

from __future__ import annotations

import errno
import io
import os
from pathlib import Path

import pytest

from lumbung_cluster.canonical import Malformed
from lumbung_cluster.errors import KeyRefused
from lumbung_node.config import Language, load_config
from lumbung_node.toml_table import ConfigError, read_toml
from lumbung_tools.catalogue.text import Catalogue
from lumbung_tools.localcluster.processes import Death
from lumbung_tools.output.console import Console
from lumbung_tools.output.exit_codes import ExitCode
from lumbung_tools.output.failures import CommandFailed, sentence_of
from lumbung_tools.output.refusals import reason_of
from lumbung_tools.sealing import PlaintextRefused


def console(language: Language = Language.INDONESIAN) -> Console:
    return Console(Catalogue(language), io.StringIO(), io.StringIO(), is_json=False)


@pytest.mark.parametrize(
    ("number", "told"),
    [
        (errno.ENOENT, "tidak ada berkas atau folder itu"),
        (errno.EACCES, "akun ini tidak diizinkan"),
        (errno.EISDIR, "itu folder, bukan berkas"),
        (errno.ENOSPC, "cakram penuh"),
        (errno.EROFS, "cakram hanya dapat dibaca, tidak dapat ditulisi"),
        (errno.ENAMETOOLONG, "namanya terlalu panjang"),
        (errno.ELOOP, "tautannya berputar-putar"),
        (errno.ENXIO, "bukan berkas melainkan pipa, soket, atau perangkat"),
        (errno.ESTALE, "folder jaringan atau cakramnya terputus"),
        (errno.ENODEV, "folder jaringan atau cakramnya terputus"),
    ],
)
def test_the_system_speaks_the_readers_language_and_its_own_number_stays_behind(number: int, told: str) -> None:
    words = os.strerror(number)
    assert sentence_of(console(), OSError(number, words, "a.zip")) == f"a.zip: {told} (Errno {number})"
    assert reason_of(console(), OSError(number, words)) == f"{told} (Errno {number})"


def test_an_error_without_our_words_stays_as_the_system_said_it() -> None:
    error = OSError(errno.EMFILE, os.strerror(errno.EMFILE))
    assert sentence_of(console(), error) == str(error)


def test_a_file_that_became_shorter_while_it_was_sent_is_told_without_english() -> None:
    said = "expected 529 more bytes of the sealed file, got 504"
    told = "berkas menjadi lebih pendek selagi dikirim"
    assert reason_of(console(), said) == told
    assert reason_of(console(), f"scans/1048: {said}") == told


def test_a_reason_inside_a_commands_own_sentence_is_worded_too() -> None:
    failed = CommandFailed(ExitCode.USAGE, "error.usage", why=FileNotFoundError(errno.ENOENT, "No such file", "x.toml"))
    assert sentence_of(console(), failed) == "x.toml: tidak ada berkas atau folder itu (Errno 2)"


def test_a_configuration_that_is_not_there_is_told_without_english(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as raised:
        load_config(tmp_path / "none.toml")
    told = sentence_of(console(), raised.value)
    assert told == f"{tmp_path}/none.toml tidak dapat dibaca: tidak ada berkas atau folder itu (Errno 2)"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("nod = 1", "nod: kunci tidak dikenal; yang paling mirip ialah node"),
        ("node = 9", "node: harus 1 sampai 5, bukan 9"),
        ("", "node belum diisi"),
    ],
)
def test_a_mistake_in_a_configuration_is_told_in_the_readers_language(tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "config.toml"
    file.write_text(text)
    with pytest.raises(ConfigError) as raised:
        read_toml(file, ("node",)).whole("node", low=1, high=5)
    assert sentence_of(console(), raised.value) == f"{file}: {told}"


def test_an_open_key_file_comes_with_its_cure() -> None:
    said = KeyRefused("key file k.pem: expected mode 0600, got 0644; mend it with: chmod 600 k.pem")
    assert "dapat dibaca orang lain (mode 0644). Ketik: chmod 600 'k.pem'" in sentence_of(console(), said)


def test_a_part_that_was_cut_is_told_in_the_readers_language() -> None:
    assert reason_of(console(), Malformed("part", "its end", "none")) == "berkas berakhir terlalu awal"


def test_a_node_that_died_is_told_in_the_readers_language() -> None:
    death = Death("73.71", -9, "two lives")
    assert reason_of(console(), death) == "73.71 berakhir karena sinyal 9; baris log terakhir: two lives"
    assert reason_of(console(Language.ENGLISH), death) == str(death)


def test_a_file_that_is_no_backup_of_keys_is_told_in_the_readers_language() -> None:
    said = KeyRefused("backup a.bin: expected a backup of keys or its lines from paper, got neither")
    assert "a.bin bukan cadangan kunci" in sentence_of(console(), said)


def test_an_empty_file_is_told_in_the_readers_language() -> None:
    said = PlaintextRefused("plaintext: expected at least 1 byte, got an empty file")
    assert sentence_of(console(), said) == "berkas kosong"


@pytest.mark.parametrize(
    ("part", "place"), [("/etc/.k.pem.part-7649", "/etc/k.pem"), ("/srv/.x.50d77fff.part", "/srv/x")]
)
def test_a_file_that_cannot_be_written_is_named_by_its_place(part: str, place: str) -> None:
    error = PermissionError(errno.EACCES, os.strerror(errno.EACCES), part)
    assert sentence_of(console(), error) == f"{place}: akun ini tidak diizinkan (Errno 13)"


@pytest.mark.parametrize(
    "said", ["roster /r: expected a readable file, got {}", "key file /r: expected a readable file, got {}"]
)
def test_what_the_system_said_without_its_number_is_told_too(said: str) -> None:
    told = sentence_of(console(), KeyRefused(said.format(os.strerror(errno.EACCES))))
    assert "akun ini tidak diizinkan" in told
    assert "Permission" not in told


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            "opening the store: IO error: While lock file: /srv/data/rocks/LOCK: Resource temporarily unavailable",
            "simpanan di /srv/data sedang dibuka proses lain",
        ),
        (
            "opening the store: IO error: lock hold by current process, acquire time 17 acquiring thread 13: "
            "/srv/data/rocks/LOCK: No locks available",
            "simpanan di /srv/data sedang dibuka proses lain",
        ),
        (
            "backup /k/keys.age: expected its passphrase and undamaged bytes, got another or others",
            "cadangan /k/keys.age tidak terbuka: kata sandinya lain, atau berkasnya rusak. Ketik sekali lagi",
        ),
        ("certificate, TLS key and trust roots do not fit together: pem lib", "ambil lagi ketiganya"),
        ("expected a new or empty folder, got /srv/x, in which something is", "/srv/x tidak kosong"),
        ("expected each node once, got 36.02 twice", "36.02 disebut dua kali"),
        ("expected a DRC's city in small letters such as batam, got 'Batam'", "misalnya batam, bukan Batam"),
        (
            "expected a city in small letters such as batam, got 'qqq'; near names: none",
            "tidak ada kota bernama qqq (ditulis seperti batam); yang mirip: tidak ada",
        ),
        (
            "expected a region code such as 36.02, got 'xx'; near codes: none",
            "tidak ada wilayah berkode xx (bentuknya seperti 36.02); yang mirip: tidak ada",
        ),
        ("expected a base port from 1 to 65530, got 0", "pilih --base-port lain"),
        ("port 80 is in use or needs more rights: choose another base port", "pilih --base-port lain"),
        ("expected at most 24 nodes on one machine, got 99", "paling banyak 24 simpul di satu mesin"),
        ("expected at least one office and one DRC, got 0 and 1", "(--offices)"),
        ("expected 3 free ports from 20000 to 32768, got 1", "hentikan program lain"),
        ("it ended the session", "simpul itu mengakhiri sesi; tersambung lagi dengan sendirinya"),
    ],
)
def test_what_a_person_can_mend_is_told_in_the_readers_language(said: str, told: str) -> None:
    sentence = reason_of(console(), said)
    assert told in sentence
    assert "expected" not in sentence
    assert "expected" not in reason_of(console(Language.ENGLISH), said)
