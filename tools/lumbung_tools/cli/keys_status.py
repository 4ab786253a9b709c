"""`lumbung keys status`: which keys the node uses, and where feeds end, for whoever retires an entry key."""

from __future__ import annotations

from functools import partial

from lumbung_cluster.ids import NodeNumber
from lumbung_proto.v1 import operations_pb2
from lumbung_tools.cli.common import node_named, run
from lumbung_tools.cli.framework import Call, command, option
from lumbung_tools.client.ask import status_with_ends
from lumbung_tools.client.session import Session
from lumbung_tools.output.exit_codes import ExitCode

__all__ = ["bound_text", "status"]


@command(
    "status",
    help_key="help.keys.status",
    examples_key="help.keys.status.examples",
    exits=(ExitCode.OK, ExitCode.USAGE, ExitCode.UNKNOWN, ExitCode.REFUSED, ExitCode.UNREACHABLE),
)
@option("--origin", help_key="help.keys.status.origin")
def status(call: Call, origin: str | None) -> None:
    run(call, partial(_status, call, origin))


async def _status(call: Call, origin: str | None, session: Session) -> None:
    number = node_named(session.roster, origin)
    answer = await status_with_ends(session.own)
    console = call.console
    console.say("keys.of_node", node=answer.name)
    for key in answer.keys:
        said = "keys.in_use" if key.in_force else "keys.in_use_unknown"
        console.say(said, use=key.use, public=key.public_key.hex())
    end = _end_of(answer, number)
    if end is None:
        console.say("keys.end_unknown" if number in (None, answer.node) else "keys.no_lists", origin=origin)
    else:
        console.say("keys.bound", origin=session.roster.name(end.origin), bound=bound_text(end))
    console.json(
        "lumbung.keys/1",
        {
            "node": answer.name,
            "roster_epoch": answer.roster_epoch,
            "keys": [{"use": key.use, "public": key.public_key.hex(), "in_force": key.in_force} for key in answer.keys],
            "origin": session.roster.name(end.origin) if end is not None else origin or "",
            "bound": bound_text(end) if end is not None else "",
            "bound_key": end.public_key.hex() if end is not None else "",
        },
    )


def bound_text(end: operations_pb2.FeedEndState) -> str:
    """GENERATION:NUMBER:HASH, as `keys retire --bound` reads it."""
    return f"{end.generation}:{end.number}:{end.running_hash.hex()}"


def _end_of(answer: operations_pb2.StatusResponse, origin: NodeNumber | None) -> operations_pb2.FeedEndState | None:
    """Of the node itself its own end, if it knows it; of another origin the newest list that lies there."""
    if origin is None or origin == answer.node:
        return answer.own_end if answer.HasField("own_end") else None
    return next((end for end in answer.list_ends if end.origin == origin), None)
