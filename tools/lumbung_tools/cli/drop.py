"""`lumbung drop`: let go of others' blobs that this node need not hold any more; first shows what would go."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from lumbung_proto.v1 import leaving_pb2
from lumbung_tools.cli.common import node_named, run
from lumbung_tools.cli.framework import Call, command, option
from lumbung_tools.client.leaving import drop_units, plan_drop
from lumbung_tools.client.session import Session
from lumbung_tools.output.exit_codes import ExitCode

__all__ = ["drop"]


@command(
    "drop",
    help_key="help.drop",
    examples_key="help.drop.examples",
    exits=(ExitCode.OK, ExitCode.USAGE, ExitCode.UNKNOWN, ExitCode.REFUSED, ExitCode.UNREACHABLE),
)
@option("--origin", help_key="help.drop.origin")
@option("--yes", is_flag=True, help_key="help.drop.yes")
def drop(call: Call, origin: str | None, yes: bool) -> None:
    run(call, partial(_drop, call, origin, yes))


async def _drop(call: Call, origin: str | None, yes: bool, session: Session) -> None:
    plans = await plan_drop(session.own, node_named(session.roster, origin))
    _print_plan(call, session, plans)
    going = [plan for plan in plans if plan.units]
    if not plans:
        call.console.say("drop.nothing")
    elif not going:
        call.console.say("drop.all_kept")
    elif not yes:
        call.console.say("drop.dry")
    went = []
    for plan in going if yes else ():
        blobs, size_bytes = await drop_units(session.own, plan.origin, plan.units)
        size = call.console.catalogue.size(size_bytes)
        call.console.say("drop.done", origin=session.roster.name(plan.origin), blobs=blobs, size=size)
        went.append((plan.origin, blobs, size_bytes))
    _print_json(call, session, plans, went)


def _print_plan(call: Call, session: Session, plans: Sequence[leaving_pb2.OriginDrop]) -> None:
    console = call.console
    if not plans:
        return
    rows = []
    for plan in plans:
        kept = ", ".join(
            console.text("drop.kept", units=each.units, reason=console.text(f"drop.reason.{each.reason}"))
            for each in plan.kept
        )
        units = str(plan.units.bit_count())
        rows.append([session.roster.name(plan.origin), units, console.catalogue.size(plan.size_bytes), kept])
    heads = ("origin", "units", "size", "kept")
    console.table([console.text(f"drop.column.{head}") for head in heads], rows)


def _print_json(
    call: Call,
    session: Session,
    plans: Sequence[leaving_pb2.OriginDrop],
    went: Sequence[tuple[int, int, int]],
) -> None:
    call.console.json(
        "lumbung.drop/1",
        {
            "origins": [
                {
                    "origin": session.roster.name(plan.origin),
                    "units": plan.units.bit_count(),
                    "blobs": plan.blobs,
                    "size_bytes": plan.size_bytes,
                    "kept": {each.reason: each.units for each in plan.kept},
                }
                for plan in plans
            ],
            "dropped": [
                {"origin": session.roster.name(origin), "blobs": blobs, "size_bytes": size_bytes}
                for origin, blobs, size_bytes in went
            ],
        },
    )
