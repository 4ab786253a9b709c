"""Where a command speaks: sentences on stdout, trouble and progress on stderr, JSON instead of sentences when asked."""

from __future__ import annotations

import json
import re
import shutil
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import IO

from rich.cells import cell_len
from rich.console import Console as RichConsole
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from lumbung_tools.catalogue.text import Catalogue
from lumbung_tools.output.plain_text import has_controls, one_line, without_controls

__all__ = ["Console", "JsonValue", "OutputLost"]

JsonValue = None | bool | int | float | str | Sequence["JsonValue"] | Mapping[str, "JsonValue"]
_LABEL = re.compile(r"[^\s:]{1,16} {2,}(?:\w+: )?")  # "HIJAU   mount: ...": what follows a label stands under it
_WORD_KEPT_MAX = 16  # a name of a node or a code stays in one piece; an address or an id may be folded
_PADDING_OF_COLUMN = 2  # also of the last one, where rich counts
_WIDTH_OF_PIPES = 160  # tables in files and pipes: no line may break in the middle of an id


class OutputLost(OSError):
    """The standard output cannot be written, by a full disk for example; what the command did is another matter."""


class Console:
    """One command's voice. `text` looks a sentence up in the language that the person chose.

    `lost` is why the standard output cannot be written any longer. It is raised once, as BrokenPipeError where the
    reader went away and as OutputLost otherwise, but not within `outlasting`; what is said after it is dropped.
    """

    def __init__(self, catalogue: Catalogue, out: IO[str], err: IO[str], *, is_json: bool) -> None:
        self.catalogue = catalogue
        self.is_json = is_json
        self.is_dry = False  # --dry-run: every object says so
        self._out = out
        self._err = err
        self._shown: Progress | None = None
        self._outlasts = False
        self.lost: OSError | None = None

    @property
    def out(self) -> IO[str]:
        """Where sentences and JSON go."""
        return self._out

    def text(self, key: str, **values: object) -> str:
        return self.catalogue.text(key, **values)

    def say(self, key: str, **values: object) -> None:
        """A sentence on stdout; silent under --json, which says the same as data."""
        self.sentence(self.text(key, **values))

    def sentence(self, sentence: str) -> None:
        """One that is worded already."""
        if not self.is_json:
            self._print(sentence, self._out, is_folded=True)

    def line(self, line: str) -> None:
        """As it is, whatever the width of the screen: what people or programs copy."""
        if not self.is_json:
            self._print(line, self._out)

    def warn(self, key: str, **values: object) -> None:
        """A sentence on stderr, in either mode."""
        self.trouble(self.text(key, **values))

    def trouble(self, sentence: str) -> None:
        """A sentence that is worded already, on stderr."""
        self._print(sentence, self._err, is_folded=True)

    def json(self, schema: str, fields: Mapping[str, JsonValue]) -> None:
        """One object on one line of stdout; silent without --json."""
        if self.is_json:
            told = {"schema": schema, **fields, **({"dry_run": True} if self.is_dry else {})}
            line = json.dumps(told, ensure_ascii=False)
            is_plain = _can_be_written(line, self._out) and not has_controls(line)
            self._write(line if is_plain else json.dumps(told), self._out)

    def table(self, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        if self.is_json or self.lost is not None:
            return
        cells = [[one_line(row[at]) for row in rows] for at in range(len(heads))]
        least = [_least_width([head, *column]) for head, column in zip(heads, cells, strict=True)]
        padding = _PADDING_OF_COLUMN * len(heads)
        width = shutil.get_terminal_size().columns if self._out.isatty() else _WIDTH_OF_PIPES
        if self._out.isatty() and sum(least) + padding > width:
            self._list(heads, rows)
            return
        natural = [max(map(cell_len, [head, *column])) for head, column in zip(heads, cells, strict=True)]
        table = Table(box=None, pad_edge=False, header_style="bold")
        # By itself rich makes wide columns narrow first and then some wider again, and cuts the last one off.
        for head, column_width in zip(heads, _fitted(natural, least, width - padding), strict=True):
            table.add_column(head, overflow="fold", width=column_width)
        for row in rows:
            table.add_row(*(Text(one_line(cell)) for cell in row))
        drawing = RichConsole(file=self._out, width=max(width, sum(least) + padding), highlight=False)
        with drawing.capture() as drawn:  # by itself it would end the process when nobody reads
            drawing.print(table)
        self._write(drawn.get(), self._out, end="")

    def _list(self, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """A table that the screen has no room for: it would be cut at the edge, and the reasons stand last."""
        for row in rows:
            first, *others = zip(heads, row, strict=True)
            self._print(f"{first[0]}: {one_line(first[1])}", self._out, is_folded=True)
            for head, cell in others:
                if cell:
                    self._print(f"- {head}: {one_line(cell)}", self._out, is_folded=True)

    @contextmanager
    def outlasting(self) -> Iterator[None]:
        """For work that goes on to its end whether or not anybody can hear of it: the block ends, then see `lost`."""
        before, self._outlasts = self._outlasts, True
        try:
            yield
        finally:
            self._outlasts = before

    @contextmanager
    def progress(self) -> Iterator[Progress | None]:
        """A bar on stderr while the block runs, or None where nobody watches. Lines said meanwhile stand above it."""
        if self.is_json or not self._err.isatty():
            yield None
            return
        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=RichConsole(file=self._err), transient=True) as shown:
            self._shown = shown
            try:
                yield shown
            finally:
                self._shown = None

    def _print(self, line: str, stream: IO[str], *, is_folded: bool = False) -> None:
        """On one screen with a bar only the bar's owner may write, or the line would be glued to the bar."""
        line = without_controls(line)
        if not stream.isatty():
            self._write(line, stream)
            return
        width = shutil.get_terminal_size().columns
        shown = "\n".join(_folded(part, width) for part in line.split("\n")) if is_folded else line
        if self._shown is not None:
            self._shown.console.print(Text(shown), soft_wrap=True)
        else:
            self._write(shown, stream)

    def _write(self, text: str, stream: IO[str], *, end: str = "\n") -> None:
        if stream is self._err:
            with suppress(OSError):  # nobody is left to be told that
                print(text, file=stream, end=end, flush=True)
            return
        if self.lost is not None:
            return
        try:
            print(text, file=stream, end=end, flush=True)
        except OSError as exc:
            self.lost = exc
            if self._outlasts:
                return
            if isinstance(exc, BrokenPipeError):
                raise
            raise OutputLost(*exc.args) from exc


def _least_width(cells: Iterable[str]) -> int:
    """Of a column in which no word is broken that must not be."""
    longest = max((len(word) for cell in cells for word in cell.split()), default=0)
    return min(longest, _WORD_KEPT_MAX)


def _fitted(natural: Sequence[int], least: Sequence[int], room: int) -> list[int]:
    """Widths of columns that fit together: the widest gives way first, none below its least."""
    widths = list(natural)
    while sum(widths) > max(room, sum(least)):
        widths[max(range(len(widths)), key=lambda at: (widths[at] > least[at], widths[at]))] -= 1
    return widths


def _can_be_written(text: str, stream: IO[str]) -> bool:
    """Whether each character has a form in the stream's encoding; a file name may be bytes that have none in any."""
    try:
        text.encode(getattr(stream, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _folded(line: str, width: int) -> str:
    """A sentence broken between words, as a person reads it; an indented line (a command, a fingerprint) is left whole.

    A terminal breaks in the middle of words and ids, and gives a command that it broke back in one piece: so what
    people copy must not get line breaks of ours.
    """
    if len(line) <= width or line.startswith(" "):
        return line
    label = _LABEL.match(line)
    margin = " " * label.end() if label is not None else ""
    return textwrap.fill(line, width, subsequent_indent=margin, break_long_words=False, break_on_hyphens=False)
