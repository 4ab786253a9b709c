"""Tables of words, for the screen and for the docs alike."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

__all__ = ["TableText", "as_markdown", "show_tables"]


@dataclass(frozen=True, slots=True)
class TableText:
    """Heads and rows; the first column is text, the others are figures."""

    title: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]


def as_markdown(table: TableText) -> str:
    lines = [f"**{table.title}**", "", _line(table.heads), _line(["---"] * len(table.heads))]
    return "\n".join([*lines, *(_line(row) for row in table.rows)])


def show_tables(screen: Console, tables: Iterable[TableText]) -> None:
    for text in tables:
        table = Table(title=text.title, title_justify="left")
        for at, head in enumerate(text.heads):
            table.add_column(head, justify="right" if at else "left")
        for row in text.rows:
            table.add_row(*row)
        screen.print(table)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
