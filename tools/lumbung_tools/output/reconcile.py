"""How a reconcile ended, in words and as an exit code."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lumbung_proto.v1 import operations_pb2
from lumbung_proto.v1 import reconcile_pb2 as wire
from lumbung_tools.output.console import Console, JsonValue
from lumbung_tools.output.exit_codes import ExitCode
from lumbung_tools.output.refusals import reason_of

__all__ = ["code_of", "is_whole", "outcome_name", "reconciles_json", "remark_of", "say_reconciles"]

_NAMES_MAX = 3
_CODES = {
    wire.RECONCILE_OUTCOME_EQUAL: ExitCode.OK,
    wire.RECONCILE_OUTCOME_MENDED: ExitCode.OK,
    wire.RECONCILE_OUTCOME_REBUILDING: ExitCode.COPIES_SHORT,
    wire.RECONCILE_OUTCOME_NOT_DELIVERED: ExitCode.COPIES_SHORT,
    wire.RECONCILE_OUTCOME_UNEXPLAINED: ExitCode.REFUSED,
    wire.RECONCILE_OUTCOME_REFUSED: ExitCode.REFUSED,
}
_REASONS = {"no_session": ExitCode.UNREACHABLE, "no_answer": ExitCode.UNKNOWN, "no_good_bytes": ExitCode.DAMAGED}


def is_whole(result: wire.ReconcileResult) -> bool:
    """Whether both sides were seen to hold the same."""
    return result.outcome in (wire.RECONCILE_OUTCOME_EQUAL, wire.RECONCILE_OUTCOME_MENDED)


def code_of(result: wire.ReconcileResult) -> ExitCode:
    """What is not known to be an end is "unknown": ask again."""
    if result.damaged_here or result.damaged_there:
        return ExitCode.DAMAGED
    return _REASONS.get(result.reason) or _CODES.get(result.outcome, ExitCode.UNKNOWN)


def outcome_name(outcome: wire.ReconcileOutcome.ValueType) -> str:
    return wire.ReconcileOutcome.Name(outcome).removeprefix("RECONCILE_OUTCOME_").lower()


def remark_of(console: Console, result: wire.ReconcileResult, partner: str) -> str:
    """Why it is not equal, and what to do; what a newer node says stays as it said it."""
    key = f"reconcile.reason.{result.reason}"
    why = reason_of(console, result.sentence)
    if not console.catalogue.has(key):
        return why
    return console.text(
        key,
        partner=partner,
        why=why or "-",
        here=result.damaged_here,
        there=result.damaged_there,
        not_taken=result.not_taken,
        not_come=result.not_come,
    )


def say_reconciles(console: Console, status: operations_pb2.StatusResponse, name: Callable[[int], str]) -> None:
    """One line of `lumbung status`: with how many partners everything was seen to be equal, and how long ago."""
    partners: Sequence[wire.PartnerReconciles] = status.reconciles
    if not partners:
        return
    equal = [partner for partner in partners if _is_equal(partner)]
    if len(equal) == len(partners):
        oldest_s = max(last.age_s for partner in equal for last in partner.last)
        console.say("status.reconcile", partners=len(partners), age=console.catalogue.duration(oldest_s))
        return
    apart = [name(partner.partner) for partner in partners if not _is_equal(partner)]
    names = ", ".join(apart[:_NAMES_MAX]) + (", ..." if len(apart) > _NAMES_MAX else "")
    console.say("status.reconcile_some", equal=len(equal), partners=len(partners), names=names)


def reconciles_json(status: operations_pb2.StatusResponse, name: Callable[[int], str]) -> list[JsonValue]:
    """Partners that are wholly equal without a word on each origin; of the others those that are not."""
    return [
        {
            "partner": name(partner.partner),
            "origins": partner.origins,
            "compared": len(partner.last),
            "equal": _is_equal(partner),
            "oldest_age_s": max((last.age_s for last in partner.last), default=None),
            "not_equal": [
                {
                    "origin": name(last.origin),
                    "outcome": outcome_name(last.outcome),
                    "reason": last.reason,
                    "age_s": last.age_s,
                }
                for last in partner.last
                if not _was_whole(last)
            ],
        }
        for partner in status.reconciles
    ]


def _is_equal(partner: wire.PartnerReconciles) -> bool:
    return len(partner.last) == partner.origins and all(_was_whole(last) for last in partner.last)


def _was_whole(last: wire.LastReconcile) -> bool:
    return last.outcome in (wire.RECONCILE_OUTCOME_EQUAL, wire.RECONCILE_OUTCOME_MENDED)
