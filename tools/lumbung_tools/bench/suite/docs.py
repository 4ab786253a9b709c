"""Writes a result into the docs: the tables into their place on a page, and the picture beside it."""

from __future__ import annotations

from pathlib import Path

from lumbung_tools.bench.pages import fill_page
from lumbung_tools.bench.suite.document import Result
from lumbung_tools.bench.suite.picture import draw
from lumbung_tools.bench.suite.tables import tables_of

__all__ = ["write_docs"]

_PAGE, _PICTURE, _PART = "performance.md", "bench.svg", "bench"


def write_docs(result: Result, docs: Path) -> None:
    """Raises NoPlace, OSError."""
    machine, (before, after) = result.machine, result.load_average
    head = (
        f"{machine['day']}: {machine['processor']}, {machine['cores']} cores, {machine['memory']},"
        f" {machine['file_system']}, Linux {machine['kernel']}, Python {machine['python']}; load average {before:.1f}"
        f" before and {after:.1f} after; medians of {result.rounds} rounds"
        + ("" if result.scale == 1 else f"; only {result.scale:g} of the usual number of blobs")
        + f". All of it took {result.elapsed_s / 60:.0f} minutes."
    )
    picture = f"![lumbung beside the limits of one machine and beside others]({_PICTURE})"
    fill_page(docs / _PAGE, _PART, [head, picture], tables_of(result))
    (docs / _PICTURE).write_text(draw(result), encoding="utf-8")
