"""`lumbung demo`: the main job on real bytes, in a folder on a real disk, with everything counted."""

from __future__ import annotations

import shlex
import shutil
import sys
import tempfile
import time
from pathlib import Path

import click
import trio
from rich.console import Console as RichConsole

from lumbung_tools.cli.framework import Call, command, option
from lumbung_tools.demo.show import Show, Summary
from lumbung_tools.localcluster.disk import Place, choose_place, look_at
from lumbung_tools.localcluster.processes import NodeFailed
from lumbung_tools.output.console import Console
from lumbung_tools.output.exit_codes import ExitCode
from lumbung_tools.output.failures import CommandFailed, unwrap

__all__ = ["demo"]

_RECORDS = 200
_RECORDS_MAX = 20_000  # 6 GB, three times
_PROBLEMS_SHOWN_MAX = 10


@command(
    "demo",
    help_key="help.demo",
    examples_key="help.demo.examples",
    exits=(ExitCode.OK, (ExitCode.BUG, "exit.demo.1"), ExitCode.USAGE),
)
@option(
    "--records", type=click.IntRange(3, _RECORDS_MAX), default=_RECORDS, show_default=True, help_key="help.demo.records"
)
@option("--dir", "parent", type=click.Path(exists=True, file_okay=False, path_type=Path), help_key="help.demo.dir")
@option("--keep", is_flag=True, help_key="help.demo.keep")
def demo(call: Call, records: int, parent: Path | None, keep: bool) -> None:
    started_at = time.monotonic()
    place = choose_place() if parent is None else look_at(parent.resolve())
    folder = Path(tempfile.mkdtemp(prefix="lumbung-demo-", dir=place.folder))
    show = Show(call.console, RichConsole(file=sys.stdout), call.open_transport, folder, records)
    _say_place(call.console, folder, place)
    try:
        summary = trio.run(show.run)
    except* NodeFailed as group:
        raise CommandFailed(ExitCode.USAGE, "cluster.not_started", why=unwrap(group)) from group
    finally:
        if not keep:
            shutil.rmtree(folder)
    _say_summary(call.console, summary, time.monotonic() - started_at, folder if keep else None)
    if keep:
        _say_kept(call.console, show, summary)
    call.end(ExitCode.OK if summary.is_good else ExitCode.BUG)


def _say_place(console: Console, folder: Path, place: Place) -> None:
    console.say("demo.place", folder=folder, file_system=place.file_system)
    if not place.is_disk:
        console.warn("demo.in_memory", folder=place.folder, file_system=place.file_system)


def _say_summary(console: Console, summary: Summary, all_s: float, folder: Path | None) -> None:
    for problem in summary.problems[:_PROBLEMS_SHOWN_MAX]:
        console.warn("demo.problem", problem=problem)
    if len(summary.problems) > _PROBLEMS_SHOWN_MAX:
        console.warn("demo.more_problems", count=len(summary.problems) - _PROBLEMS_SHOWN_MAX)
    console.say("demo.lost", lost=summary.lost, seconds=f"{all_s:.0f}")
    console.json(
        "lumbung.demo/1",
        {
            "records": summary.records,
            "stored": summary.stored,
            "safe": summary.safe,
            "size_bytes": summary.size_bytes,
            "put_s": round(summary.put_s, 3),
            "lost_office": summary.victim,
            "lost_office_records": summary.victim_records,
            "recovered": summary.recovery.recovered,
            "recovered_from": dict(summary.recovery.sources),
            "recover_s": round(summary.back_s, 3),
            "lost": summary.lost,
            "problems": summary.problems,
            "all_s": round(all_s, 3),
            "folder": str(folder) if folder else None,
        },
    )


def _say_kept(console: Console, show: Show, summary: Summary) -> None:
    cluster = shlex.quote(str(show.cluster_folder))
    home = shlex.quote(str(show.cluster_folder / "clients" / summary.victim))
    console.say("demo.kept", folder=show.cluster_folder.parent)
    console.line(f"  lumbung cluster up {cluster}    # {console.text('demo.kept.again')}")
    for rest in ("status", "ls", "put FILE", "get ID -o FILE --from drc-batam"):
        console.line(f"  lumbung --home {home} {rest}")
