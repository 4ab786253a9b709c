"""`lumbung lag`: which links are behind, how far and for how long."""

from __future__ import annotations

from functools import partial

import click

from lumbung_cluster.overview import NodeView
from lumbung_cluster.report import LinkReport, LinkWord
from lumbung_tools.cli.cluster_view import end_of_search, look
from lumbung_tools.cli.common import node_named, run
from lumbung_tools.cli.framework import Call, command, option
from lumbung_tools.client.session import Session
from lumbung_tools.output.console import Console
from lumbung_tools.output.exit_codes import ExitCode
from lumbung_tools.output.node_json import link_json

__all__ = ["lag"]

_LINES_DEFAULT = 40
_HEADS = ("from", "to", "condition", "lag", "age", "heard", "trip")


@command(
    "lag",
    help_key="help.lag",
    examples_key="help.lag.examples",
    exits=(
        (ExitCode.OK, "exit.lag.0"),
        ExitCode.USAGE,
        (ExitCode.COPIES_SHORT, "exit.lag.3"),
        ExitCode.UNKNOWN,
        ExitCode.REFUSED,
        ExitCode.UNREACHABLE,
    ),
)
@option("--node", help_key="help.lag.node")
@option("--all", "is_all", is_flag=True, help_key="help.lag.all")
@option("--limit", type=click.IntRange(0), default=_LINES_DEFAULT, show_default=True, help_key="help.lag.limit")
def lag(call: Call, node: str | None, is_all: bool, limit: int) -> None:
    run(call, partial(_lag, call, node, is_all, limit))


async def _lag(call: Call, node: str | None, is_all: bool, limit: int, session: Session) -> None:
    console, number = call.console, node_named(session.roster, node)
    answer = await look(call, session)
    name = answer.roster.name
    views = [view for view in answer.views() if view.report is not None]
    links = [(view, link) for view in views if view.report is not None for link in view.report.links]
    links = [(view, link) for view, link in links if number in (None, view.node, link.node)]
    behind = [(view, link) for view, link in links if _is_behind(link)]
    shown = sorted(links if is_all else behind, key=lambda each: _order(*each))
    cut = shown[:limit] if limit else shown
    if cut:
        heads = [console.text(f"lag.column.{head}") for head in _HEADS]
        console.table(heads, [_row(console, name(view.node), name(link.node), view, link) for view, link in cut])
    if len(shown) > len(cut):
        console.say("lag.more", links=len(shown) - len(cut))
    if not behind:
        console.say("lag.none", links=len(links))
    for view, link in cut:
        fields = link_json(link, name)
        console.json(
            "lumbung.lag/1",
            {"from": name(view.node), "to": fields.pop("node"), **fields, "age_s": round(view.age_s or 0.0, 1)},
        )
    asked = [view for view in answer.views() if number in (None, view.node)]
    end_of_search(call, answer, asked, has_found=bool(behind))


def _is_behind(link: LinkReport) -> bool:
    return link.word is not LinkWord.UP or link.lag_blobs > 0


def _order(view: NodeView, link: LinkReport) -> tuple[int, int, int, int, int]:
    """Who waits longest first; then who is further from being up."""
    return -link.lag_s, -link.lag_blobs, -link.word, view.node, link.node


def _row(console: Console, sender: str, receiver: str, view: NodeView, link: LinkReport) -> list[str]:
    """Ages go on since the report was made."""
    words, passed_s = console.catalogue, view.age_s or 0.0
    condition = console.text(f"lag.condition.{link.word.name.lower()}")
    lag_age = words.duration(link.lag_s + passed_s) if link.lag_blobs else ""
    heard = words.duration(link.heard_s + passed_s) if link.heard_s is not None else console.text("cluster.never")
    trip = (
        console.text("lag.trip", milliseconds=round(link.round_trip_us / 1000))
        if link.round_trip_us is not None
        else ""
    )
    return [sender, receiver, condition, console.text("cluster.number", number=link.lag_blobs), lag_age, heard, trip]
