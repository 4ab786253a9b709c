"""`lumbung node safe-to-stop`: may this node stop, and what would be at stake?"""

from __future__ import annotations

from functools import partial

import click

from lumbung_cluster.ids import NodeNumber
from lumbung_proto.v1 import leaving_pb2
from lumbung_tools.catalogue.text import rfc3339
from lumbung_tools.cli.common import node_named, run
from lumbung_tools.cli.framework import Call, command
from lumbung_tools.client.leaving import ask_stakes
from lumbung_tools.client.session import Session
from lumbung_tools.output.exit_codes import ExitCode

__all__ = ["safe_to_stop"]


@command(
    "safe-to-stop",
    help_key="help.stop",
    examples_key="help.stop.examples",
    exits=(
        (ExitCode.OK, "exit.stop.0"),
        ExitCode.USAGE,
        (ExitCode.COPIES_SHORT, "exit.stop.3"),
        (ExitCode.UNKNOWN, "exit.stop.5"),
        ExitCode.REFUSED,
        ExitCode.UNREACHABLE,
    ),
)
@click.argument("node", metavar="NODE")
def safe_to_stop(call: Call, node: str) -> None:
    run(call, partial(_safe_to_stop, call, node))


async def _safe_to_stop(call: Call, name: str, session: Session) -> None:
    number = node_named(session.roster, name)
    assert number is not None, "a name that the roster does not know was refused"
    stakes = await ask_stakes(session.own, number)
    _print(call, session, name, stakes)
    _print_json(call, session, number, stakes)
    if any(not stake.known for stake in stakes):
        call.end(ExitCode.UNKNOWN)
    if any(stake.without_copy or stake.with_one_copy for stake in stakes):
        call.end(ExitCode.COPIES_SHORT)


def _print(call: Call, session: Session, name: str, stakes: list[leaving_pb2.OriginStake]) -> None:
    console = call.console
    at_stake = sum(stake.without_copy + stake.with_one_copy for stake in stakes)
    unknown = sum(not stake.known for stake in stakes)
    if at_stake:
        console.say("stop.no", node=name, blobs=at_stake)
    elif unknown:
        console.say("stop.unknown", node=name, origins=unknown)
    else:
        console.say("stop.yes", node=name, origins=len(stakes))
    rows = [_row(call, session, stake) for stake in stakes]
    if rows:
        heads = ("origin", "blobs", "none", "one")
        console.table([console.text(f"stop.column.{head}") for head in heads], rows)


def _row(call: Call, session: Session, stake: leaving_pb2.OriginStake) -> list[str]:
    name = session.roster.name(stake.origin)
    if not stake.known:
        return [name, call.console.text("stop.not_asked"), "?", "?"]
    return [name, f"{stake.blobs}", f"{stake.without_copy}", f"{stake.with_one_copy}"]


def _print_json(call: Call, session: Session, node: NodeNumber, stakes: list[leaving_pb2.OriginStake]) -> None:
    unsafe = any(stake.without_copy or stake.with_one_copy for stake in stakes)
    call.console.json(
        "lumbung.safe-to-stop/1",
        {
            "node": session.roster.name(node),
            "safe": not unsafe and all(stake.known for stake in stakes),
            "origins": [
                {
                    "origin": session.roster.name(stake.origin),
                    "known": stake.known,
                    "blobs": stake.blobs,
                    "without_copy": stake.without_copy,
                    "with_one_copy": stake.with_one_copy,
                    "verified_since": rfc3339(stake.verified_since_ms),
                }
                for stake in stakes
            ],
        },
    )
