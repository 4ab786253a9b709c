"""What a reconcile says of itself, as messages for operators."""

from __future__ import annotations

import trio

from lumbung_node.services.core import Core
from lumbung_node.services.reconcile_report import Outcome, Result
from lumbung_proto.v1 import reconcile_pb2 as pb

__all__ = ["partner_messages", "result_message"]

_OUTCOMES = {
    Outcome.EQUAL: pb.RECONCILE_OUTCOME_EQUAL,
    Outcome.MENDED: pb.RECONCILE_OUTCOME_MENDED,
    Outcome.WORKING: pb.RECONCILE_OUTCOME_WORKING,
    Outcome.REBUILDING: pb.RECONCILE_OUTCOME_REBUILDING,
    Outcome.BUSY: pb.RECONCILE_OUTCOME_BUSY,
    Outcome.PARTLY: pb.RECONCILE_OUTCOME_PARTLY,
    Outcome.NOT_DELIVERED: pb.RECONCILE_OUTCOME_NOT_DELIVERED,
    Outcome.UNEXPLAINED: pb.RECONCILE_OUTCOME_UNEXPLAINED,
    Outcome.REFUSED: pb.RECONCILE_OUTCOME_REFUSED,
    Outcome.NOT_CONNECTED: pb.RECONCILE_OUTCOME_NOT_CONNECTED,
}


def result_message(result: Result) -> pb.ReconcileResult:
    return pb.ReconcileResult(
        partner=result.peer,
        origin=result.origin,
        outcome=_OUTCOMES[result.outcome],
        lacked_here=result.lacked_here,
        lacked_there=result.lacked_there,
        mended_here=result.mended_here,
        mended_there=result.mended_there,
        damaged_here=result.damaged_here,
        damaged_there=result.damaged_there,
        not_taken=result.not_taken,
        not_come=result.not_come,
        reason=result.reason.value,
        sentence=result.sentence,
    )


def partner_messages(core: Core) -> list[pb.PartnerReconciles]:
    """Of every partner that the roster names now, how the last reconcile of each origin ended."""
    roster, now = core.rosters.roster, trio.current_time()
    messages = []
    for peer in roster.partners_of(core.number):
        origins = roster.origins_shared(core.number, peer)
        message = pb.PartnerReconciles(partner=peer, origins=len(origins))
        for origin, last in core.reconciles.of(peer, origins).items():
            message.last.add(
                origin=origin,
                outcome=_OUTCOMES[last.result.outcome],
                age_s=now - last.at,
                reason=last.result.reason.value,
            )
        messages.append(message)
    return messages
