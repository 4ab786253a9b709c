"""`lumbung health`: troubles for people and for monitoring."""

from __future__ import annotations

from functools import partial

from lumbung_tools.cli.common import run
from lumbung_tools.cli.framework import Call, command
from lumbung_tools.client.ask import status as ask_status
from lumbung_tools.client.session import Session
from lumbung_tools.output.exit_codes import ExitCode
from lumbung_tools.output.health import exit_code_of, sentence_of_trouble, severity_key, severity_name

__all__ = ["health"]


@command(
    "health",
    help_key="help.health",
    examples_key="help.health.examples",
    exits=(
        ExitCode.OK,
        ExitCode.USAGE,
        (ExitCode.COPIES_SHORT, "exit.health.3"),
        ExitCode.UNKNOWN,
        ExitCode.REFUSED,
        ExitCode.UNREACHABLE,
        (ExitCode.DAMAGED, "exit.health.8"),
    ),
)
def health(call: Call) -> None:
    run(call, partial(_health, call))


async def _health(call: Call, session: Session) -> None:
    console, name = call.console, session.roster.name
    answer = await ask_status(session.own)
    code = exit_code_of(answer.health)
    if code is ExitCode.OK:
        console.say("health.fine")
    for trouble in answer.health:
        severity, sentence = console.text(severity_key(trouble)), sentence_of_trouble(console, trouble, name)
        console.say("health.line", severity=severity, code=trouble.code, sentence=sentence)
    console.json(
        "lumbung.health/1",
        {
            "node": answer.name,
            "exit_code": int(code),
            "troubles": [
                {
                    "code": trouble.code,
                    "severity": severity_name(trouble),
                    "node": name(trouble.node) if trouble.node else None,
                    "values": dict(trouble.values),
                    "sentence": sentence_of_trouble(console, trouble, name),
                }
                for trouble in answer.health
            ],
        },
    )
    call.end(code)
