"""`lumbung reconcile`: compare with partners now, mend what differs, and say how it stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

from lumbung_cluster.errors import LumbungError
from lumbung_cluster.ids import NodeNumber
from lumbung_proto.v1 import reconcile_pb2 as wire
from lumbung_tools.cli.bundle_common import bar
from lumbung_tools.cli.common import node_named, run
from lumbung_tools.cli.framework import Call, command, option
from lumbung_tools.client.reconcile import reconcile as ask_reconcile
from lumbung_tools.client.session import Session
from lumbung_tools.output.console import Console, JsonValue
from lumbung_tools.output.exit_codes import ExitCode, of_error, worst
from lumbung_tools.output.failures import CommandFailed, sentence_of, unwrap
from lumbung_tools.output.reconcile import code_of, is_whole, outcome_name, remark_of

__all__ = ["reconcile"]

_ROWS_MAX = 40
_COLUMNS = ("partner", "origin", "outcome", "here", "there", "remark")


@dataclass(slots=True)
class _Seen:
    """What the node said: the newest word on each (partner, origin)."""

    pairs: int = 0
    results: dict[tuple[int, int], wire.ReconcileResult] = field(default_factory=dict)
    ended: wire.ReconcileEnded | None = None
    failure: BaseException | None = None

    @property
    def done(self) -> int:
        working = wire.RECONCILE_OUTCOME_WORKING
        return sum(result.outcome != working for result in self.results.values())

    def in_order(self) -> list[wire.ReconcileResult]:
        return [self.results[pair] for pair in sorted(self.results)]


@command(
    "reconcile",
    help_key="help.reconcile",
    examples_key="help.reconcile.examples",
    exits=(
        (ExitCode.OK, "exit.reconcile.0"),
        ExitCode.USAGE,
        (ExitCode.COPIES_SHORT, "exit.reconcile.3"),
        (ExitCode.UNKNOWN, "exit.reconcile.5"),
        (ExitCode.REFUSED, "exit.reconcile.6"),
        (ExitCode.UNREACHABLE, "exit.reconcile.7"),
        (ExitCode.DAMAGED, "exit.reconcile.8"),
    ),
)
@option("--with", "partner", metavar="NODE", help_key="help.reconcile.with")
@option("--origin", metavar="NODE", help_key="help.reconcile.origin")
@option("--all", "is_all", is_flag=True, help_key="help.reconcile.all")
def reconcile(call: Call, partner: str | None, origin: str | None, is_all: bool) -> None:
    if origin and is_all:
        raise CommandFailed(ExitCode.USAGE, "reconcile.origin_or_all")
    run(call, partial(_reconcile, call, partner, origin, is_all))


async def _reconcile(call: Call, partner: str | None, origin: str | None, is_all: bool, session: Session) -> None:
    numbers = node_named(session.roster, partner), node_named(session.roster, origin)
    seen = _Seen()
    try:
        await _watch(call, session, seen, *numbers, is_all=is_all)
    except (LumbungError, BaseExceptionGroup) as exc:
        seen.failure = unwrap(exc)
        if not seen.pairs or not isinstance(seen.failure, LumbungError):
            raise
    codes = [code_of(result) for result in seen.results.values()]
    if seen.failure is not None:
        codes.append(of_error(seen.failure))
    elif seen.ended is None or seen.done < seen.pairs:
        codes.append(ExitCode.UNKNOWN)
    _say_end(call.console, session, seen)
    call.end(worst(codes))
    call.console.json("lumbung.reconcile/1", _end_json(session, seen, worst(codes)))


async def _watch(
    call: Call, session: Session, seen: _Seen, partner: NodeNumber | None, origin: NodeNumber | None, *, is_all: bool
) -> None:
    with bar(call, call.console.text("reconcile.progress")) as on_progress:

        def take(response: wire.ReconcileResponse) -> None:
            match response.WhichOneof("kind"):
                case "waits":
                    call.console.warn("reconcile.waits")
                case "begun":
                    seen.pairs = response.begun.pairs
                case "result":
                    seen.results[response.result.partner, response.result.origin] = response.result
                case "ended":
                    seen.ended = response.ended
            on_progress(seen.done, seen.pairs)

        await ask_reconcile(session.own, partner, origin, is_all=is_all, on_response=take)


def _say_end(console: Console, session: Session, seen: _Seen) -> None:
    results = seen.in_order()
    if seen.failure is not None:
        console.warn("reconcile.cut", why=sentence_of(console, seen.failure))
    apart = [result for result in results if not is_whole(result)]
    mended = sum(result.mended_here + result.mended_there for result in results)
    if not apart and len(results) == seen.pairs:
        console.say("reconcile.all_equal", pairs=seen.pairs, mended=mended)
    else:
        console.say("reconcile.not_equal", equal=len(results) - len(apart), pairs=seen.pairs, mended=mended)
    shown = [result for result in results if result.outcome != wire.RECONCILE_OUTCOME_EQUAL]
    shown.sort(key=is_whole)
    if shown:
        rows = [_row(console, session, result) for result in shown[:_ROWS_MAX]]
        console.table([console.text(f"reconcile.column.{column}") for column in _COLUMNS], rows)
    if len(shown) > _ROWS_MAX:
        console.say("reconcile.more", count=len(shown) - _ROWS_MAX)
    if seen.ended is not None:
        size = console.catalogue.size(seen.ended.protocol_bytes)
        console.say("reconcile.cost", size=size, questions=seen.ended.questions)


def _row(console: Console, session: Session, result: wire.ReconcileResult) -> list[str]:
    name = session.roster.name
    return [
        name(result.partner),
        name(result.origin),
        console.text(f"reconcile.outcome.{outcome_name(result.outcome)}"),
        _mended_of(console, result.mended_here, result.lacked_here),
        _mended_of(console, result.mended_there, result.lacked_there),
        remark_of(console, result, name(result.partner)),
    ]


def _end_json(session: Session, seen: _Seen, code: ExitCode) -> dict[str, JsonValue]:
    results: Sequence[wire.ReconcileResult] = seen.in_order()
    return {
        "complete": seen.ended is not None,
        "equal": len(results) == seen.pairs and all(is_whole(result) for result in results),
        "pairs": seen.pairs,
        "protocol_bytes": seen.ended.protocol_bytes if seen.ended is not None else None,
        "questions": seen.ended.questions if seen.ended is not None else None,
        "results": [_result_json(session, result) for result in results],
        "exit_code": int(code),
    }


def _result_json(session: Session, result: wire.ReconcileResult) -> dict[str, JsonValue]:
    return {
        "partner": session.roster.name(result.partner),
        "origin": session.roster.name(result.origin),
        "outcome": outcome_name(result.outcome),
        "missing_here": result.lacked_here,
        "mended_here": result.mended_here,
        "missing_there": result.lacked_there,
        "mended_there": result.mended_there,
        "damaged_here": result.damaged_here,
        "damaged_there": result.damaged_there,
        "not_taken": result.not_taken,
        "not_come": result.not_come,
        "reason": result.reason if result.reason != "none" else None,
        "sentence": result.sentence or None,
    }


def _mended_of(console: Console, mended: int, lacked: int) -> str:
    """A dash where nothing was found lacking, or nothing was compared: "0 of 0" says neither."""
    return console.text("reconcile.mended_of", mended=mended, lacked=lacked) if lacked else "-"
