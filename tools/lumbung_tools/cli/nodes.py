"""`lumbung nodes`: every node on a line."""

from __future__ import annotations

from functools import partial

import click

from lumbung_cluster.overview import NodeColour, by_badness
from lumbung_tools.cli.cluster_view import incomplete_code, look
from lumbung_tools.cli.common import run
from lumbung_tools.cli.framework import Call, command, option
from lumbung_tools.client.session import Session
from lumbung_tools.output.cluster_page import NODE_HEADS, node_row
from lumbung_tools.output.exit_codes import ExitCode
from lumbung_tools.output.node_json import node_json

__all__ = ["nodes"]


@command(
    "nodes",
    help_key="help.nodes",
    examples_key="help.nodes.examples",
    exits=(ExitCode.OK, ExitCode.USAGE, ExitCode.UNKNOWN, ExitCode.REFUSED, ExitCode.UNREACHABLE),
)
@option(
    "--state", type=click.Choice([colour.value for colour in NodeColour]), multiple=True, help_key="help.nodes.state"
)
@option("--by-number", is_flag=True, help_key="help.nodes.by_number")
def nodes(call: Call, state: tuple[str, ...], by_number: bool) -> None:
    run(call, partial(_nodes, call, state, by_number))


async def _nodes(call: Call, states: tuple[str, ...], by_number: bool, session: Session) -> None:
    console, answer = call.console, await look(call, session)
    name = answer.roster.name
    views = answer.views() if by_number else by_badness(answer.views())
    shown = [view for view in views if not states or view.colour.value in states]
    if shown:
        heads = [console.text(f"cluster.column.{head}") for head in NODE_HEADS]
        console.table(heads, [node_row(console, view, name) for view in shown])
    else:
        console.say("cluster.no_nodes")
    for view in shown:
        console.json("lumbung.nodes/1", node_json(view, answer, name))
    call.end(incomplete_code(answer))
