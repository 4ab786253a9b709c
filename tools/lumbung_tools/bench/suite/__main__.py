"""`make bench` and `make bench-docs`."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

import click
from rich.console import Console

from lumbung_tools.bench.suite.docs import write_docs
from lumbung_tools.bench.suite.document import Result, read_result, result_of, write_result
from lumbung_tools.bench.suite.picture import draw
from lumbung_tools.bench.suite.progress import Progress
from lumbung_tools.bench.suite.ratios import add_ratios
from lumbung_tools.bench.suite.rounds import Suite, round_expected_s
from lumbung_tools.bench.suite.rsync import has_rsync
from lumbung_tools.bench.suite.tables import tables_of
from lumbung_tools.bench.tabletext import show_tables
from lumbung_tools.localcluster.disk import choose_place, look_at

_WIDTH = 180
_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command()
@click.option("--scale", type=click.FloatRange(0.001, 1.0), default=1.0, help="Share of the blobs, for a smoke test.")
@click.option("--rounds", type=click.IntRange(1, 20), default=3, help="How often everything is measured.")
@click.option("--dir", "parent", type=_FOLDER, help="Disk to use.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), default=Path("bench-results/bench.json"))
@click.option("--write-docs", "docs", type=_FOLDER, help="Measure nothing: fill the docs in this folder from --out.")
def main(scale: float, rounds: int, parent: Path | None, out: Path, docs: Path | None) -> None:
    """Measure, print tables, write the figures as JSON and the picture beside them."""
    # A pipe or a file has no width of its own: the tables go there whole.
    screen = Console(file=sys.stdout, width=None if sys.stdout.isatty() else _WIDTH)
    if docs is not None:
        write_docs(read_result(out), docs)
        screen.print(f"{docs} filled from {out}")
        return
    result = _measure(screen, scale, rounds, parent)
    write_result(result, out)
    picture = out.with_suffix(".svg")
    picture.write_text(draw(result), encoding="utf-8")
    show_tables(screen, tables_of(result))
    screen.print(f"figures written to {out}, the picture to {picture}")


def _measure(screen: Console, scale: float, rounds: int, parent: Path | None) -> Result:
    place = choose_place() if parent is None else look_at(parent.resolve())
    screen.print(f"measuring in {place.folder} ({place.file_system}{'' if place.is_disk else ', NOT A DISK'})")
    with_rsync = has_rsync()
    if not with_rsync:
        screen.print("rsync --fsync is not here (Debian: apt install rsync): the yardstick is left out")
    folder = Path(tempfile.mkdtemp(prefix="lumbung-bench-", dir=place.folder))
    load_before, begun = os.getloadavg()[0], time.monotonic()
    try:
        progress = Progress(screen, rounds * scale * round_expected_s(with_rsync=with_rsync))
        suite = Suite(folder, scale, progress, with_rsync=with_rsync)
        found = []
        for at in range(1, rounds + 1):
            screen.print(f"round {at} of {rounds}; load average {os.getloadavg()[0]:.1f}", highlight=False)
            found.append(suite.measure())
            add_ratios(found[-1])
    finally:
        shutil.rmtree(folder)
    return result_of(found, place, scale, (load_before, os.getloadavg()[0]), time.monotonic() - begun)


if __name__ == "__main__":
    main()
