"""Where a command speaks: sentences on stdout, trouble and progress on stderr, JSON instead of sentences when asked."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import IO

from rich.console import Console as RichConsole
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from lumbung_tools.catalogue.text import Catalogue

__all__ = ["Console", "JsonValue"]

JsonValue = None | bool | int | float | str | Sequence["JsonValue"] | Mapping[str, "JsonValue"]
_WIDTH_OF_PIPES = 160  # tables in files and pipes: no line may break in the middle of an id


class Console:
    """One command's voice. `text` looks a sentence up in the language that the person chose."""

    def __init__(self, catalogue: Catalogue, out: IO[str], err: IO[str], *, is_json: bool) -> None:
        self.catalogue = catalogue
        self.is_json = is_json
        self._out = out
        self._err = err
        self._shown: Progress | None = None

    def text(self, key: str, **values: object) -> str:
        return self.catalogue.text(key, **values)

    def say(self, key: str, **values: object) -> None:
        """A sentence on stdout; silent under --json, which says the same as data."""
        self.line(self.text(key, **values))

    def line(self, line: str) -> None:
        if not self.is_json:
            self._print(line, self._out)

    def warn(self, key: str, **values: object) -> None:
        """A sentence on stderr, in either mode."""
        self.trouble(self.text(key, **values))

    def trouble(self, sentence: str) -> None:
        """A sentence that is worded already, on stderr."""
        self._print(sentence, self._err)

    def json(self, schema: str, fields: Mapping[str, JsonValue]) -> None:
        """One object on one line of stdout; silent without --json."""
        if self.is_json:
            print(json.dumps({"schema": schema, **fields}, ensure_ascii=False), file=self._out, flush=True)

    def table(self, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        if self.is_json:
            return
        table = Table(box=None, pad_edge=False, header_style="bold")
        for head in heads:
            table.add_column(head, overflow="fold")
        for row in rows:
            table.add_row(*(Text(cell) for cell in row))
        width = None if self._out.isatty() else _WIDTH_OF_PIPES
        RichConsole(file=self._out, width=width, highlight=False).print(table)

    @contextmanager
    def progress(self) -> Iterator[Progress | None]:
        """A bar on stderr while the block runs, or None where nobody watches. Lines said meanwhile stand above it."""
        if self.is_json or not self._err.isatty():
            yield None
            return
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=RichConsole(file=self._err), transient=True) as shown:
            self._shown = shown
            try:
                yield shown
            finally:
                self._shown = None

    def _print(self, line: str, stream: IO[str]) -> None:
        """On one screen with a bar only the bar's owner may write, or the line would be glued to the bar."""
        if self._shown is not None and stream.isatty():
            self._shown.console.print(Text(line), soft_wrap=True)
        else:
            print(line, file=stream, flush=True)
