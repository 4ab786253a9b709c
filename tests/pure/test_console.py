"""Where a command's lines go while a progress bar stands on the same screen."""

from __future__ import annotations

import io

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
