"""Writes a result into the docs: the tables between two comments of a page, and the picture beside it."""

from __future__ import annotations

from pathlib import Path

from lumbung_tools.bench.suite.document import Result
from lumbung_tools.bench.suite.picture import draw
from lumbung_tools.bench.suite.tables import as_markdown, tables_of

__all__ = ["NoPlace", "write_docs"]

_BEGIN, _END = "<!-- make bench writes from here -->", "<!-- to here -->"
_PAGE, _PICTURE = "performance.md", "bench.svg"


class NoPlace(ValueError):
    """The page lacks the comments between which the tables stand."""


def write_docs(result: Result, docs: Path) -> None:
    """Raises NoPlace, OSError. Whatever stood between the comments is replaced."""
    page = docs / _PAGE
    before, begin, rest = page.read_text(encoding="utf-8").partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not begin or not end:
        raise NoPlace(f"{page}: expected the lines {_BEGIN!r} and {_END!r}")
    page.write_text(f"{before}{_BEGIN}\n{_filled(result)}\n{_END}{after}", encoding="utf-8")
    (docs / _PICTURE).write_text(draw(result), encoding="utf-8")


def _filled(result: Result) -> str:
    machine, (before, after) = result.machine, result.load_average
    head = (
        f"{machine['day']}: {machine['processor']}, {machine['cores']} cores, {machine['memory']},"
        f" {machine['file_system']}, Linux {machine['kernel']}, Python {machine['python']}; load average {before:.1f}"
        f" before and {after:.1f} after; medians of {result.rounds} rounds"
        + ("" if result.scale == 1 else f"; only {result.scale:g} of the usual number of blobs")
        + f". All of it took {result.elapsed_s / 60:.0f} minutes."
    )
    picture = f"![lumbung beside the limits of one machine and beside others]({_PICTURE})"
    return "\n\n".join([head, picture, *(as_markdown(table) for table in tables_of(result))])
