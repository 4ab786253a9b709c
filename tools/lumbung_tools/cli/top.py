"""`lumbung top`: the cluster on one screen, renewed as reports come; where nobody watches, once."""

from __future__ import annotations

import sys
from functools import partial

import trio
from rich.console import Console as RichConsole
from rich.live import Live

from lumbung_cluster.overview import sums_of
from lumbung_tools.cli.cluster_view import incomplete_code, look
from lumbung_tools.cli.common import run
from lumbung_tools.cli.framework import Call, command, option
from lumbung_tools.cli.spans import Seconds
from lumbung_tools.client.reports import ClusterAnswer, follow_cluster
from lumbung_tools.client.session import Session
from lumbung_tools.output.cluster_page import cluster_colour, sums_json
from lumbung_tools.output.exit_codes import ExitCode
from lumbung_tools.output.failures import sentence_of
from lumbung_tools.output.screen import draw_screen

__all__ = ["top"]

_INTERVAL_S = Seconds(0.5, 60.0)


@command(
    "top",
    help_key="help.top",
    examples_key="help.top.examples",
    exits=(ExitCode.OK, ExitCode.USAGE, ExitCode.UNKNOWN, ExitCode.REFUSED, ExitCode.UNREACHABLE),
)
@option(
    "--interval",
    type=_INTERVAL_S,
    default=2.0,
    show_default=True,
    help_key="help.top.interval",
)
@option("--once", is_flag=True, help_key="help.top.once")
def top(call: Call, interval: float, once: bool) -> None:
    if once or call.console.is_json or not sys.stdout.isatty():
        run(call, partial(_once, call))
        return
    try:
        run(call, partial(_live, call, interval))
    except* KeyboardInterrupt:  # how it ends
        call.end(ExitCode.OK)


async def _once(call: Call, session: Session) -> None:
    answer = await look(call, session)
    views = answer.views()
    if not call.console.is_json:
        screen = RichConsole(file=sys.stdout, highlight=False, width=None if sys.stdout.isatty() else 100)
        screen.print(draw_screen(call.console, answer, answer.roster.name, {}, height=len(views) + 20))
    call.console.json(
        "lumbung.top/1", {"colour": cluster_colour(answer, views).value, "sums": sums_json(sums_of(views))}
    )
    call.end(incomplete_code(answer))


async def _live(call: Call, interval_s: float, session: Session) -> None:
    screen, newest = RichConsole(file=sys.stdout, highlight=False), list[ClusterAnswer]()

    def keep(answer: ClusterAnswer) -> None:
        newest[:] = [answer]

    async def draw(live: Live) -> None:
        while True:
            if newest:
                answer = newest[0]
                why = {drc: sentence_of(call.console, exc) for drc, exc in answer.failures.items()}
                height = screen.size.height
                live.update(draw_screen(call.console, answer, answer.roster.name, why, height=height), refresh=True)
            await trio.sleep(interval_s)

    with Live(console=screen, screen=True, auto_refresh=False) as live:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(draw, live)
            await follow_cluster(session, keep)
