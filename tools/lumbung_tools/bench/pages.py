"""Tables of figures in the docs: each benchmark fills the place between two comments that bear its name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lumbung_tools.bench.tabletext import TableText, as_markdown

__all__ = ["NoPlace", "fill_page"]


class NoPlace(ValueError):
    """The page lacks the comments between which the tables stand."""


def fill_page(page: Path, name: str, heads: Sequence[str], tables: Sequence[TableText]) -> None:
    """Replace whatever stands between the comments. Raises NoPlace, OSError."""
    begin_mark, end_mark = f"<!-- {name} -->", f"<!-- end of {name} -->"
    before, begin, rest = page.read_text(encoding="utf-8").partition(begin_mark)
    _, end, after = rest.partition(end_mark)
    if not begin or not end:
        raise NoPlace(f"{page}: expected the lines {begin_mark!r} and {end_mark!r}")
    content = "\n\n".join([*heads, *(as_markdown(table) for table in tables)])
    page.write_text(f"{before}{begin}\n{content}\n{end}{after}", encoding="utf-8")
