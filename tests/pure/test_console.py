"""Where a command's lines go while a progress bar stands on the same screen."""

from __future__ import annotations

import errno
import io
import json
import os
import re

import pytest

from lumbung_node.config import Language
from lumbung_tools.catalogue.text import Catalogue
from lumbung_tools.output.console import Console, OutputLost


class Screen(io.StringIO):
    """One terminal, as stdout and stderr of a command that somebody watches."""

    def isatty(self) -> bool:
        return True


def test_a_line_said_under_a_progress_bar_starts_at_the_left_edge() -> None:
    screen = Screen()
    console = Console(Catalogue(Language.ENGLISH), screen, screen, is_json=False)

    with console.progress() as progress:
        assert progress is not None
        progress.add_task("storing", total=1)
        progress.refresh()
        console.line("a.bin: stored")

    before, _, _ = screen.getvalue().partition("a.bin: stored")
    assert before.endswith(("\n", "\r", "\x1b[2K")), repr(before[-40:])


def test_a_line_for_a_file_goes_there_and_nowhere_else_while_a_bar_is_shown() -> None:
    file, screen = io.StringIO(), Screen()
    console = Console(Catalogue(Language.ENGLISH), file, screen, is_json=False)

    with console.progress():
        console.line("a.bin: stored")

    assert file.getvalue() == "a.bin: stored\n"
    assert "stored" not in screen.getvalue()


def test_a_bar_is_shown_to_nobody_when_the_screen_is_no_terminal() -> None:
    console = Console(Catalogue(Language.ENGLISH), io.StringIO(), io.StringIO(), is_json=False)

    with console.progress() as progress:
        assert progress is None


def said_at(width: int, sentence: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setenv("COLUMNS", str(width))
    screen = Screen()
    Console(Catalogue(Language.INDONESIAN), screen, screen, is_json=False).sentence(sentence)
    return screen.getvalue().splitlines()


def test_a_sentence_breaks_between_words_and_what_is_copied_stays_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    command = "  lumbung access sign rancangan.toml --key KUNCI --held DAFTAR -o BERKAS"
    lines = said_at(40, f"Versi 2 ditulis ke rancangan.toml. Berikutnya, di tempat kunci:\n{command}", monkeypatch)
    assert lines == ["Versi 2 ditulis ke rancangan.toml.", "Berikutnya, di tempat kunci:", command]


def test_what_follows_a_label_stands_under_it(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = said_at(40, "HIJAU   mount: cakram data adalah yang diingat simpul", monkeypatch)
    assert lines == ["HIJAU   mount: cakram data adalah yang", "               diingat simpul"]


def test_a_line_for_programs_is_never_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    screen = Screen()
    Console(Catalogue(Language.ENGLISH), screen, screen, is_json=False).line("a = " + "x " * 30)
    assert len(screen.getvalue().splitlines()) == 1


def test_names_in_a_table_stay_in_one_piece_on_a_screen_of_80(monkeypatch: pytest.MonkeyPatch) -> None:
    """`lumbung lag` broke drc-surabaya behind its last letter but one."""
    monkeypatch.setenv("COLUMNS", "80")
    screen = Screen()
    console = Console(Catalogue(Language.INDONESIAN), screen, screen, is_json=False)
    heads = ["dari", "ke", "sambungan", "tertinggal", "tertua", "terdengar", "pulang pergi"]
    row = ["drc-surabaya", "drc-makassar", "tersambung", "1.234", "2 jam 10 menit", "27 detik", "1.234 md"]
    console.table(heads, [row])
    shown = re.sub(r"\x1b\[[0-9;]*m", "", screen.getvalue())
    assert "drc-surabaya" in shown
    assert "drc-makassar" in shown
    assert max(len(line) for line in shown.splitlines()) <= 80


def test_a_table_that_a_narrow_screen_has_no_room_for_is_told_as_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """`lumbung status` on 40 columns lost its last column, in which the reason of a broken link stands."""
    monkeypatch.setenv("COLUMNS", "40")
    screen = Screen()
    console = Console(Catalogue(Language.ENGLISH), screen, screen, is_json=False)
    heads = ["holder", "link", "behind by", "proven there", "oldest bytes read", "remark"]

    console.table(heads, [["drc-surabaya", "down since 4 s", "12 recordings", "4482", "", "the connection broke"]])

    shown = screen.getvalue()
    assert "holder: drc-surabaya\n" in shown
    assert "- remark: the connection broke\n" in shown
    assert "oldest bytes read" not in shown  # there is nothing to say
    assert max(len(line) for line in shown.splitlines()) <= 40


@pytest.mark.parametrize("columns", range(64, 100))
def test_no_column_of_a_table_is_cut_off(monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    screen = Screen()
    console = Console(Catalogue(Language.INDONESIAN), screen, screen, is_json=False)
    heads = ["penyimpan", "sambungan", "tertinggal", "terbukti di sana", "bacaan tertua", "keterangan"]
    remark = "tidak ada yang menerima sambungan di 127.0.0.1:29400"

    console.table(heads, [["drc-batam", "putus sejak 4 detik", "12 rekaman, 3 detik", "4482", "2 menit lalu", remark]])

    shown = re.sub(r"\x1b\[[0-9;]*m", "", screen.getvalue())
    assert max(len(line.rstrip()) for line in shown.splitlines()) <= columns
    for word in [*" ".join(heads).split(), *remark.split()]:
        assert word in shown, word


def test_controls_in_what_others_said_are_shown_by_their_numbers() -> None:
    out = io.StringIO()
    console = Console(Catalogue(Language.ENGLISH), out, out, is_json=False)

    console.sentence("one\ntwo\x1b[31m\x9b\r\u202e")
    console.table(["head"], [["a\x1b]0;b\nc"]])

    assert "one\ntwo\\x1b[31m\\x9b\\x0d\\u202e\n" in out.getvalue()
    assert "a\\x1b]0;b\\x0ac" in out.getvalue()


def test_controls_in_json_are_escaped() -> None:
    out = io.StringIO()

    Console(Catalogue(Language.ENGLISH), out, out, is_json=True).json("lumbung.test/1", {"path": "\x9b\x1b"})

    assert json.loads(out.getvalue())["path"] == "\x9b\x1b"
    assert "\x9b" not in out.getvalue()


class Full(io.StringIO):
    """A file on a disk that is full."""

    def flush(self) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_an_output_that_cannot_be_written_is_told_once_and_the_rest_is_dropped() -> None:
    console = Console(Catalogue(Language.ENGLISH), Full(), io.StringIO(), is_json=False)

    with pytest.raises(OutputLost):
        console.line("first")
    console.line("second")
    console.table(["head"], [["cell"]])

    assert console.lost is not None


def test_work_that_must_end_outlasts_its_output() -> None:
    console = Console(Catalogue(Language.ENGLISH), Full(), io.StringIO(), is_json=True)

    with console.outlasting():
        console.json("lumbung.test/1", {})

    assert console.lost is not None


def test_trouble_that_nobody_can_be_told_stops_nothing() -> None:
    Console(Catalogue(Language.ENGLISH), io.StringIO(), Full(), is_json=False).trouble("a.zip: NOT stored")


@pytest.mark.parametrize("name", ["é.zip", "scan\udce9.zip"])
def test_json_for_an_encoding_without_the_character_is_still_json(name: str) -> None:
    out = io.TextIOWrapper(io.BytesIO(), encoding="ascii", errors="backslashreplace")

    Console(Catalogue(Language.ENGLISH), out, io.StringIO(), is_json=True).json("lumbung.test/1", {"path": name})

    out.seek(0)
    assert json.loads(out.read())["path"] == name
