"""`lumbung node safe-to-stop`: may this node stop, and what would be at stake?"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import click

from lumbung_cluster.ids import UNITS, NodeNumber
from lumbung_cluster.roster import Roster
from lumbung_proto.v1.leaving_pb2 import OriginStake
from lumbung_tools.catalogue.text import rfc3339
from lumbung_tools.cli.common import node_named, run
from lumbung_tools.cli.framework import Call, command
from lumbung_tools.client.leaving import ask_stakes
from lumbung_tools.client.session import Session
from lumbung_tools.output.console import Console
from lumbung_tools.output.exit_codes import ExitCode

__all__ = ["safe_to_stop", "verdict_sentences"]


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


def verdict_sentences(console: Console, roster: Roster, name: str, stakes: Sequence[OriginStake]) -> list[str]:
    """Yes, no or not known; and of each origin that has left, that it stays unknown."""
    at_stake = sum(stake.without_copy + stake.with_one_copy for stake in stakes)
    silent = [stake for stake in stakes if not stake.known]
    gone = [NodeNumber(stake.origin) for stake in silent if _has_left(roster, stake.origin)]
    said = []
    if at_stake:
        said.append(console.text("stop.no", node=name, blobs=at_stake))
    elif len(silent) > len(gone):
        said.append(console.text("stop.unknown", node=name, origins=len(silent) - len(gone)))
    elif not gone:
        said.append(console.text("stop.yes", node=name, origins=len(stakes)))
    for origin in gone:
        others = ", ".join(_other_holders(roster, origin, name))
        key = "stop.gone" if others else "stop.gone_only"
        said.append(console.text(key, node=name, origin=roster.name_of(origin), holders=others))
    return said


def _print(call: Call, session: Session, name: str, stakes: list[OriginStake]) -> None:
    console = call.console
    for sentence in verdict_sentences(console, session.roster.roster, name, stakes):
        console.sentence(sentence)
    rows = [_row(call, session, stake) for stake in stakes]
    if rows:
        heads = ("origin", "blobs", "none", "one")
        console.table([console.text(f"stop.column.{head}") for head in heads], rows)


def _has_left(roster: Roster, origin: int) -> bool:
    """Whether nobody will ever again count the copies of this origin: only its own node did.

    One that this station's roster does not know has come since then.
    """
    node = roster.node(NodeNumber(origin))
    return node is not None and not node.is_present


def _other_holders(roster: Roster, origin: NodeNumber, name: str) -> list[str]:
    """Who keeps some unit of the origin besides the node of that name, and is present."""
    numbers = {number for unit in range(UNITS) for number in roster.holders_of(origin, unit)}
    names = (roster.name_of(number) for number in sorted(numbers) if roster.is_present(number))
    return [each for each in names if each != name]


def _row(call: Call, session: Session, stake: OriginStake) -> list[str]:
    name = session.roster.name(stake.origin)
    if not stake.known:
        key = "stop.has_left" if _has_left(session.roster.roster, stake.origin) else "stop.not_asked"
        return [name, call.console.text(key), "?", "?"]
    return [name, f"{stake.blobs}", f"{stake.without_copy}", f"{stake.with_one_copy}"]


def _print_json(call: Call, session: Session, node: NodeNumber, stakes: list[OriginStake]) -> None:
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
                    "has_left": _has_left(session.roster.roster, stake.origin),
                    "blobs": stake.blobs,
                    "without_copy": stake.without_copy,
                    "with_one_copy": stake.with_one_copy,
                    "verified_since": rfc3339(stake.verified_since_ms),
                }
                for stake in stakes
            ],
        },
    )
