"""`lumbung status`: is everything safe?"""

from __future__ import annotations

from functools import partial

from lumbung_tools.cli.common import run
from lumbung_tools.cli.framework import Call, command
from lumbung_tools.client.ask import status as ask_status
from lumbung_tools.client.outbox import count_waiting
from lumbung_tools.client.session import Session
from lumbung_tools.output.exit_codes import ExitCode
from lumbung_tools.output.status_page import print_status, status_json

__all__ = ["status"]


@command(
    "status",
    help_key="help.status",
    examples_key="help.status.examples",
    exits=(ExitCode.OK, ExitCode.USAGE, ExitCode.UNKNOWN, ExitCode.REFUSED, ExitCode.UNREACHABLE),
)
def status(call: Call) -> None:
    run(call, partial(_status, call))


async def _status(call: Call, session: Session) -> None:
    answer = await ask_status(session.own)
    waiting = count_waiting(session.profile.outbox)
    print_status(call.console, answer, session.roster.name, waiting)
    call.console.json("lumbung.status/1", status_json(call.console, answer, session.roster.name, waiting))
