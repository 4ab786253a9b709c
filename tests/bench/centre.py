"""`make bench-centre`: one DRC node and all 514 offices of the country, each with a session of its own.

    make bench-centre                                        everything: about half an hour, 25 GB of disk
    make bench-centre ARGS="--offices 40 --records 400 --idle 5 --settle 2"

The DRC node is a real process on a real disk. The offices are nodes too, with everything that a node does, but their
disks are in memory and they share a few processes; they dial the centre over gRPC with mutual TLS, a connection each.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from dataclasses import asdict
from functools import partial
from pathlib import Path

import trio
from rich.console import Console

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "support"))

from lumbung_cluster.limits import KIB  # noqa: E402 (the path comes first)
from lumbung_testing.centre.measuring import Figures, Settings, measure_centre  # noqa: E402
from lumbung_tools.bench.pages import fill_page  # noqa: E402
from lumbung_tools.bench.tabletext import TableText, show_tables  # noqa: E402
from lumbung_tools.localcluster.disk import choose_place, look_at  # noqa: E402

_SCHEMA = "lumbung.bench.centre/1"
_PAGE, _PART = "performance.md", "bench-centre"
_WIDTH = 120


def main() -> None:
    options = _parser().parse_args()
    screen = Console(file=sys.stdout, width=None if sys.stdout.isatty() else _WIDTH)
    if options.write_docs is not None:
        _write_docs(json.loads(options.out.read_text(encoding="utf-8")), options.write_docs)
        return
    settings = Settings(
        options.offices, options.processes, options.records, options.record_bytes, options.settle, options.idle
    )
    place = choose_place() if options.dir is None else look_at(options.dir.resolve())
    screen.print(f"measuring in {place.folder} ({place.file_system}{'' if place.is_disk else ', NOT A DISK'})")
    folder = Path(tempfile.mkdtemp(prefix="lumbung-bench-", dir=place.folder))
    load_before, begun = os.getloadavg()[0], time.monotonic()
    try:
        say = partial(screen.print, highlight=False)
        figures = trio.run(measure_centre, folder, settings, os.urandom(settings.record_bytes), say)
    finally:
        shutil.rmtree(folder)
    show_tables(screen, [_table(figures)])
    document = {
        "schema": _SCHEMA,
        "day": time.strftime("%Y-%m-%d", time.gmtime()),
        "cores": os.cpu_count(),
        "file_system": place.file_system,
        "load_average": (load_before, os.getloadavg()[0]),
        "elapsed_s": time.monotonic() - begun,
        "settings": asdict(settings),
        "figures": asdict(figures),
    }
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    screen.print(f"figures written to {options.out}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="one DRC node and all offices of the country")
    parser.add_argument("--offices", type=int, default=514)
    parser.add_argument("--processes", type=int, default=4, help="processes that the offices share")
    parser.add_argument("--records", type=int, default=66_000, help="of a peak day, spread over the offices")
    parser.add_argument("--record-bytes", type=int, default=300 * KIB)
    parser.add_argument("--settle", type=float, default=20.0, help="seconds before idle time is measured")
    parser.add_argument("--idle", type=float, default=60.0, help="seconds of idle time")
    parser.add_argument("--dir", type=Path, help="disk to use")
    parser.add_argument("--out", type=Path, default=Path("bench-results/centre.json"))
    parser.add_argument("--write-docs", type=Path, help="measure nothing: fill the docs in this folder from --out")
    return parser


def _table(found: Figures) -> TableText:
    rows = [
        ["sessions open at once", f"{found.offices:,}"],
        ["all up and found equal after the last office was up, s", f"{found.meet_s:.0f}"],
        ["memory alone, with all of them idle, MiB", f"{found.alone_mib:.0f}, {found.idle_mib:.0f}"],
        ["memory of an idle peer, KiB", f"{found.idle_kib_a_peer:.0f}"],
        ["CPU of 1,000 idle peers, % of a core", f"{found.idle_cpu_s_a_1000_peers * 100:.1f}"],
        ["status with all links, ms, of CPU", f"{found.status_ms:.0f}, {found.status_cpu_ms:.0f}"],
        ["a peak day: records, MB", f"{found.day_records:,}, {found.day_bytes / 1e6:,.0f}"],
        ["taken in and proven, s", f"{found.day_s:.0f}"],
        ["records/s, MB/s", f"{found.day_per_s:,.0f}, {found.day_mb_s:.1f}"],
        ["of raw RocksDB, same run", f"{found.day_mb_s / found.engine_mb_s:.2f} of {found.engine_mb_s:.0f} MB/s"],
        [
            "of sequential write, same run",
            f"{found.day_mb_s / found.sequential_mb_s:.2f} of {found.sequential_mb_s:.0f}",
        ],
        ["CPU of the centre a record, ms", f"{found.day_cpu_ms_a_record:.2f}"],
        ["VmHWM of the centre in that day, MiB", f"{found.day_peak_mib:.0f}"],
        ["from all links down to all caught up, s", f"{found.night_s:.0f} ({found.night_records:,} new records)"],
        ["CPU of the centre meanwhile, s", f"{found.night_cpu_s:.1f}"],
    ]
    return TableText("One DRC node and the offices of the country", ["figure", "seen"], rows)


def _write_docs(document: dict[str, object], docs: Path) -> None:
    figures, load = document["figures"], document["load_average"]
    assert isinstance(figures, dict)
    assert isinstance(load, list)
    head = (
        f"{document['day']}: {document['cores']} cores, {document['file_system']}; load average {load[0]:.1f} before"
        f" and {load[1]:.1f} after. The offices are on the same cores."
    )
    fill_page(docs / _PAGE, _PART, [head], [_table(Figures(**figures))])


if __name__ == "__main__":
    main()
