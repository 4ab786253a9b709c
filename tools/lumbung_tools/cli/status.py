"""`lumbung status`: is everything safe, here, or with --cluster everywhere?"""

from __future__ import annotations

from functools import partial

from lumbung_cluster.overview import by_badness, sums_of, troubles_by_code
from lumbung_tools.cli.cluster_view import incomplete_code, look
from lumbung_tools.cli.common import run
from lumbung_tools.cli.framework import Call, command, option
from lumbung_tools.client.ask import status as ask_status
from lumbung_tools.client.outbox import count_waiting
from lumbung_tools.client.session import Session
from lumbung_tools.output.cluster_page import cluster_colour, cluster_sentence, print_cluster, sums_json
from lumbung_tools.output.code_lines import code_json
from lumbung_tools.output.exit_codes import ExitCode
from lumbung_tools.output.failures import sentence_of
from lumbung_tools.output.node_json import asked_json, node_json
from lumbung_tools.output.status_page import print_status, status_json

__all__ = ["status"]


@command(
    "status",
    help_key="help.status",
    examples_key="help.status.examples",
    exits=(ExitCode.OK, ExitCode.USAGE, ExitCode.UNKNOWN, ExitCode.REFUSED, ExitCode.UNREACHABLE),
)
@option("--cluster", "is_cluster", is_flag=True, help_key="help.option.cluster")
def status(call: Call, is_cluster: bool) -> None:
    run(call, partial(_cluster if is_cluster else _status, call))


async def _status(call: Call, session: Session) -> None:
    answer = await ask_status(session.own)
    waiting = count_waiting(session.profile.outbox)
    print_status(call.console, answer, session.roster.name, waiting)
    call.console.json("lumbung.status/1", status_json(call.console, answer, session.roster.name, waiting))


async def _cluster(call: Call, session: Session) -> None:
    console, answer = call.console, await look(call, session)
    name = answer.roster.name
    views = answer.views()
    print_cluster(console, answer, views, name)
    console.json(
        "lumbung.status.cluster/1",
        {
            "colour": cluster_colour(answer, views).value,
            "sentence": cluster_sentence(console, answer, views, name),
            "sums": sums_json(sums_of(views)),
            "troubles": [code_json(code, name) for code in troubles_by_code(views)],
            "nodes": [node_json(view, answer, name) for view in by_badness(views)],
            **asked_json(answer, name, lambda exc: sentence_of(console, exc)),
        },
    )
    call.end(incomplete_code(answer))
