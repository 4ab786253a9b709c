"""`make bench-scale`."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import click
import trio
from rich.console import Console

from lumbung_tools.bench.pages import fill_page
from lumbung_tools.bench.scale.curve import draw
from lumbung_tools.bench.scale.document import Result, read_result, write_result
from lumbung_tools.bench.scale.index import measure_index
from lumbung_tools.bench.scale.million import measure_million
from lumbung_tools.bench.scale.tables import tables_of
from lumbung_tools.bench.tabletext import show_tables
from lumbung_tools.localcluster.disk import choose_place, look_at

_WIDTH = 140
_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
_STEPS = 10
_PAGE, _PICTURE, _PART = "performance.md", "bench-scale.svg", "bench-scale"


@click.command()
@click.option("--blobs", type=click.IntRange(100, 100_000_000), default=1_000_000, help="Small blobs for the node.")
@click.option("--rows", type=click.IntRange(1000, 1_000_000_000), default=10_000_000, help="Rows for the index alone.")
@click.option("--dir", "parent", type=_FOLDER, help="Disk to use.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), default=Path("bench-results/scale.json"))
@click.option("--write-docs", "docs", type=_FOLDER, help="Measure nothing: fill the docs in this folder from --out.")
def main(blobs: int, rows: int, parent: Path | None, out: Path, docs: Path | None) -> None:
    """Measure, print tables, write the figures as JSON and the curves beside them."""
    screen = Console(file=sys.stdout, width=None if sys.stdout.isatty() else _WIDTH)
    if docs is not None:
        _write_docs(read_result(out), docs)
        screen.print(f"{docs} filled from {out}")
        return
    result = _measure(screen, blobs, rows, parent)
    write_result(result, out)
    out.with_suffix(".svg").write_text(draw(result), encoding="utf-8")
    show_tables(screen, tables_of(result))
    screen.print(f"figures written to {out}, the curves to {out.with_suffix('.svg')}")


def _measure(screen: Console, blobs: int, rows: int, parent: Path | None) -> Result:
    place = choose_place() if parent is None else look_at(parent.resolve())
    screen.print(f"measuring in {place.folder} ({place.file_system}{'' if place.is_disk else ', NOT A DISK'})")
    folder = Path(tempfile.mkdtemp(prefix="lumbung-bench-", dir=place.folder))
    say = partial(screen.print, highlight=False)
    load_before, begun = os.getloadavg()[0], time.monotonic()
    try:
        node = trio.run(measure_million, folder / "cluster", blobs, say)
        shutil.rmtree(folder / "cluster")
        index = measure_index(folder / "index", rows, _STEPS, say)
    finally:
        shutil.rmtree(folder)
    load_average = (load_before, os.getloadavg()[0])
    day, cores = time.strftime("%Y-%m-%d", time.gmtime()), os.cpu_count() or 1
    return Result(day, cores, place.file_system, load_average, time.monotonic() - begun, node, index)


def _write_docs(result: Result, docs: Path) -> None:
    before, after = result.load_average
    head = (
        f"{result.day}: {result.cores} cores, {result.file_system}; load average {before:.1f} before and"
        f" {after:.1f} after. All of it took {result.elapsed_s / 60:.0f} minutes."
    )
    picture = f"![one node with a million blobs, and its index with ten million rows]({_PICTURE})"
    fill_page(docs / _PAGE, _PART, [head, picture], tables_of(result))
    (docs / _PICTURE).write_text(draw(result), encoding="utf-8")


if __name__ == "__main__":
    main()
