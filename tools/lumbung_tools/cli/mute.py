"""`lumbung health mute`, `unmute` and `mutes`: a known trouble that calls nobody until some day, and is still shown."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import click
from click.shell_completion import CompletionItem

from lumbung_cluster.health import HealthCode
from lumbung_cluster.mute import MUTE_MS_MAX
from lumbung_proto.v1 import reports_pb2
from lumbung_tools.catalogue.text import rfc3339
from lumbung_tools.cli.common import node_named, run, shown_time
from lumbung_tools.cli.framework import Call, command, option
from lumbung_tools.cli.spans import END, SPAN
from lumbung_tools.client.reports import ask_mutes, send_mute
from lumbung_tools.client.session import Session
from lumbung_tools.output.exit_codes import ExitCode
from lumbung_tools.output.failures import CommandFailed

__all__ = ["CODE", "mute", "mutes", "unmute"]

_EXITS = (ExitCode.OK, ExitCode.USAGE, ExitCode.UNKNOWN, ExitCode.REFUSED, ExitCode.UNREACHABLE)
_DAYS_MAX = MUTE_MS_MAX // (24 * 3600 * 1000)


class _Code(click.Choice[str]):
    """A health code, in letters of any size; offered to shells as it is written."""

    def __init__(self) -> None:
        super().__init__([code.name for code in HealthCode], case_sensitive=False)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        return [CompletionItem(code) for code in self.choices if code.startswith(incomplete.upper())]


CODE = _Code()


@command("mute", help_key="help.mute", examples_key="help.mute.examples", exits=_EXITS)
@click.argument("code", type=CODE, metavar="CODE")
@option("--node", help_key="help.mute.node")
@option("--for", "span_s", type=SPAN, help_key="help.mute.for")
@option("--until", "until_ms", type=END, help_key="help.mute.until")
@option("--dry-run", is_flag=True, help_key="help.dry_run")
def mute(call: Call, code: str, node: str | None, span_s: float | None, until_ms: int | None, dry_run: bool) -> None:
    if (span_s is None) == (until_ms is None):
        raise CommandFailed(ExitCode.USAGE, "mute.one_end")
    run(call, partial(_mute, call, code, node, span_s, until_ms, dry_run))


@command("unmute", help_key="help.unmute", examples_key="help.unmute.examples", exits=_EXITS)
@click.argument("code", type=CODE, metavar="CODE")
@option("--node", help_key="help.mute.node")
@option("--dry-run", is_flag=True, help_key="help.dry_run")
def unmute(call: Call, code: str, node: str | None, dry_run: bool) -> None:
    run(call, partial(_unmute, call, code, node, dry_run))


@command("mutes", help_key="help.mutes", examples_key="help.mutes.examples", exits=_EXITS)
def mutes(call: Call) -> None:
    run(call, partial(_mutes, call))


async def _mute(
    call: Call,
    code: str,
    node: str | None,
    span_s: float | None,
    until_ms: int | None,
    dry_run: bool,
    session: Session,
) -> None:
    number = node_named(session.roster, node) or 0
    now_ms = (await ask_mutes(session.own)).clock_ms  # a span is by the node's clock, which ends it
    end_ms = until_ms if until_ms is not None else now_ms + round((span_s or 0.0) * 1000)
    if not now_ms < end_ms <= now_ms + MUTE_MS_MAX:
        raise CommandFailed(ExitCode.USAGE, "mute.bounds", days=_DAYS_MAX, now=shown_time(now_ms))
    what = _what(call, session, code, number)
    if dry_run:
        call.console.say("mute.would", what=what, end=shown_time(end_ms))
    else:
        await send_mute(session.own, code, number, end_ms)
        call.console.say("mute.done", what=what, end=shown_time(end_ms))
    row = reports_pb2.MuteRow(code=code, node=number, until_ms=end_ms)
    call.console.json("lumbung.health.mute/1", {**_row_json(session, row), "done": not dry_run})


async def _unmute(call: Call, code: str, node: str | None, dry_run: bool, session: Session) -> None:
    number = node_named(session.roster, node) or 0
    held = (await ask_mutes(session.own)).mutes
    found = next((row for row in held if (row.code, row.node) == (code, number)), None)
    what = _what(call, session, code, number)
    if found is None:
        call.console.say("mute.not_muted", what=what)
    elif dry_run:
        call.console.say("mute.would_end", what=what)
    else:
        await send_mute(session.own, code, number, 0)
        call.console.say("mute.ended", what=what)
    node_shown = session.roster.name(number) if number else None
    was_muted = found is not None
    fields = {"code": code, "node": node_shown, "was_muted": was_muted, "done": was_muted and not dry_run}
    call.console.json("lumbung.health.unmute/1", fields)


async def _mutes(call: Call, session: Session) -> None:
    held = (await ask_mutes(session.own)).mutes
    _print(call, session, held)
    for row in held:
        call.console.json("lumbung.health.mutes/1", _row_json(session, row))


def _print(call: Call, session: Session, held: Sequence[reports_pb2.MuteRow]) -> None:
    console = call.console
    if not held:
        console.say("mute.none")
        return
    heads = [console.text(f"mute.column.{head}") for head in ("code", "node", "end")]
    rows = [[row.code, session.roster.name(row.node) if row.node else "", shown_time(row.until_ms)] for row in held]
    console.table(heads, rows)


def _what(call: Call, session: Session, code: str, node: int) -> str:
    return call.console.text("mute.about", code=code, node=session.roster.name(node)) if node else code


def _row_json(session: Session, row: reports_pb2.MuteRow) -> dict[str, str | None]:
    return {
        "code": row.code,
        "node": session.roster.name(row.node) if row.node else None,
        "until": rfc3339(row.until_ms),
    }
