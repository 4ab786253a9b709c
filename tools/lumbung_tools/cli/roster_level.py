"""`lumbung roster level`: the next roster with a higher format level, once every node has reported that it can."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import click

from lumbung_cluster.format_level import WIRE_OF_LEVEL, not_ready
from lumbung_tools.cli.cluster_view import look
from lumbung_tools.cli.common import names, run
from lumbung_tools.cli.framework import Call, command, dry_run, option
from lumbung_tools.cli.new_files import write_new
from lumbung_tools.client.session import Session
from lumbung_tools.joining.answering import next_draft
from lumbung_tools.output.exit_codes import ExitCode
from lumbung_tools.output.failures import CommandFailed
from lumbung_tools.roster_toml import render_roster_toml

__all__ = ["level"]


@command(
    "level",
    help_key="help.roster.level",
    examples_key="help.roster.level.examples",
    exits=(ExitCode.OK, ExitCode.USAGE, ExitCode.UNKNOWN, ExitCode.REFUSED, ExitCode.UNREACHABLE),
)
@click.argument("target", metavar="LEVEL", type=click.Choice([str(known) for known in WIRE_OF_LEVEL]))
@option("-o", "--output", type=click.Path(path_type=Path), required=True, help_key="help.roster.output")
@dry_run
def level(call: Call, target: str, output: Path) -> None:
    run(call, partial(_level, call, int(target), output))


async def _level(call: Call, target: int, output: Path, session: Session) -> None:
    held = session.roster
    before = held.roster.format_level
    if target <= before:
        raise CommandFailed(ExitCode.USAGE, "roster.level_not_higher", before=before, after=target)
    answer = await look(call, session)
    reported = {view.node: view.report.wire_high for view in answer.views() if view.report is not None}
    late = not_ready(held.roster, target, reported)
    if late:
        raise CommandFailed(
            ExitCode.REFUSED, "roster.level_not_ready", after=target, names=", ".join(names(held, late))
        )
    draft = replace(next_draft(held.signed, time.time_ns() // 1_000_000), format_level=target)
    write_new(call, output, render_roster_toml(draft).encode("utf-8"))
    call.console.warn("roster.level_rises", before=before, after=target)
    call.console.say("roster.drafted", epoch=draft.epoch, file=output)
    call.console.json("lumbung.roster.draft/1", {"epoch": draft.epoch, "file": str(output)})
