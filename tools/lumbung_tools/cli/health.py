"""`lumbung health`: troubles for people and for monitoring, here or everywhere; mutes and explanations."""

from __future__ import annotations

from functools import partial

from lumbung_cluster.overview import troubles_by_code
from lumbung_tools.catalogue.text import rfc3339
from lumbung_tools.cli.cluster_view import incomplete_code, look
from lumbung_tools.cli.common import run, shown_time
from lumbung_tools.cli.explain import explain
from lumbung_tools.cli.framework import Call, RunnableGroup, command, option
from lumbung_tools.cli.mute import mute, mutes, unmute
from lumbung_tools.client.ask import status as ask_status
from lumbung_tools.client.session import Session
from lumbung_tools.output.code_lines import code_json, exit_code_of_codes, print_codes
from lumbung_tools.output.exit_codes import ExitCode, worst
from lumbung_tools.output.failures import sentence_of
from lumbung_tools.output.health import exit_code_of, sentence_of_trouble, severity_key, severity_name
from lumbung_tools.output.node_json import asked_json

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
@option("--cluster", "is_cluster", is_flag=True, help_key="help.option.cluster")
def own_health(call: Call, is_cluster: bool) -> None:
    run(call, partial(_cluster if is_cluster else _health, call))


health = RunnableGroup(own_health, (mute, unmute, mutes, explain))


async def _health(call: Call, session: Session) -> None:
    console, name = call.console, session.roster.name
    answer = await ask_status(session.own)
    code = exit_code_of(answer.health)
    if code is ExitCode.OK:
        has_notes = any(not trouble.muted_until_ms for trouble in answer.health)
        console.say("health.notes_only" if has_notes else "health.fine")
    for trouble in answer.health:
        severity = console.text(severity_key(trouble))
        sentence = sentence_of_trouble(console, trouble, name, answer.links)
        console.say("health.line", severity=severity, code=trouble.code, sentence=sentence)
        if trouble.muted_until_ms:
            console.say("health.muted_line", end=shown_time(trouble.muted_until_ms))
    if answer.health:
        console.say("health.more", code=answer.health[0].code)
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
                    "muted_until": rfc3339(trouble.muted_until_ms),
                    "sentence": sentence_of_trouble(console, trouble, name, answer.links),
                }
                for trouble in answer.health
            ],
        },
    )
    call.end(code)


async def _cluster(call: Call, session: Session) -> None:
    console, answer = call.console, await look(call, session)
    name = answer.roster.name
    codes = troubles_by_code(answer.views())
    code = worst([exit_code_of_codes(codes), incomplete_code(answer)])
    if code is ExitCode.OK:
        console.say("health.cluster_fine", nodes=len(answer.expected()))
    print_codes(console, codes, name)
    if codes:
        console.say("health.more", code=codes[0].code)
    console.json(
        "lumbung.health.cluster/1",
        {
            "exit_code": int(code),
            "nodes": len(answer.expected()),
            "troubles": [code_json(each, name) for each in codes],
            **asked_json(answer, name, lambda exc: sentence_of(console, exc)),
        },
    )
    call.end(code)
