"""Where a command's lines go while a progress bar stands on the same screen."""

from __future__ import annotations

import io
import re

import pytest

from lumbung_node.config import Language
from lumbung_tools.catalogue.text import Catalogue
from lumbung_tools.output.console import Console


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
