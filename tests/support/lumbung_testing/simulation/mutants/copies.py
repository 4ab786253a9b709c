"""Mistakes about what counts as a copy: receipts, withdrawals, questions."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import replace

import trio

from lumbung_cluster.ids import Generation, NodeNumber
from lumbung_cluster.ledger import HolderAccount, Ledger
from lumbung_cluster.receipt import SignedStatement, StatementKind
from lumbung_node.ports.keyvalue import Family
from lumbung_node.services.session.outgoing import OpenOffer, Outgoing
from lumbung_node.services.session.proving import Proving
from lumbung_node.store.jobs import Job
from lumbung_node.store.layout import blob_key
from lumbung_node.store.proofs import Proofs
from lumbung_proto.v1 import peer_pb2
from lumbung_testing.simulation.mutants.mutant import Mutant
from lumbung_testing.simulation.patching import patched

__all__ = ["MUTANTS"]


def _mark_counted_as_a_copy() -> AbstractContextManager[object]:
    original = Outgoing.on_applied

    def on_applied(self: Outgoing, applied: peer_pb2.Applied) -> OpenOffer | None:
        offer = original(self, applied)
        if offer is not None and offer.origin == self._core.number and applied.mark.number:
            numbers = range(1, applied.mark.number + 1)
            ledger = self._core.store.proofs.ledger
            ledger.receive(self._peer, self._greeting.generation, offer.nonce, numbers, 0)
            self._core.store.proofs.changed.beat()
        return offer

    return patched(Outgoing, "on_applied", on_applied)


def _withdrawal_applied_as_a_deletion() -> AbstractContextManager[object]:
    original = Proofs.record

    async def record(self: Proofs, statement: SignedStatement, now_ms: int) -> None:
        await original(self, statement, now_ms)
        if statement.content.kind is StatementKind.WITHDRAWAL:
            job = Job()
            for blob in statement.content.blobs:
                job.extra.delete(Family.BLOBS, blob_key(self._state.node, blob))
            await self._committer.commit(job)

    return patched(Proofs, "record", record)


def _receipt_of_an_old_generation_counted() -> AbstractContextManager[object]:
    def meet(self: Ledger, holder: NodeNumber, generation: Generation) -> bool:
        account = self._accounts.setdefault(holder, HolderAccount(generation))
        account.generation = max(account.generation, generation)
        return False

    return patched(Ledger, "meet", meet)


def _receipts_ordered_by_the_holders_clock() -> AbstractContextManager[object]:
    original = Proofs.record

    async def record(self: Proofs, statement: SignedStatement, now_ms: int) -> None:
        content = replace(statement.content, nonce=statement.content.verified_since_ms)
        await original(self, replace(statement, content=content), now_ms)

    return patched(Proofs, "record", record)


def _withdrawal_ignored() -> AbstractContextManager[object]:
    async def take_withdrawal(self: Proving, message: peer_pb2.Withdraw) -> None:
        await trio.lowlevel.checkpoint()

    return patched(Proving, "take_withdrawal", take_withdrawal)


def _nobody_asks_for_proof() -> AbstractContextManager[object]:
    return patched(Proving, "_ask_for_proofs", _sleep)


def _damage_kept_quiet() -> AbstractContextManager[object]:
    return patched(Proving, "_tell_damage", _sleep)


async def _sleep(self: Proving) -> None:
    await trio.sleep_forever()


MUTANTS = (
    Mutant("mark counted as a copy", _mark_counted_as_a_copy, is_quick=False),
    Mutant("withdrawal applied as a deletion", _withdrawal_applied_as_a_deletion),
    Mutant("receipt of an old generation counted", _receipt_of_an_old_generation_counted),
    Mutant("receipts ordered by the holder's clock", _receipts_ordered_by_the_holders_clock, is_quick=False),
    Mutant("withdrawal ignored", _withdrawal_ignored, is_quick=False),
    Mutant("nobody asks for proof", _nobody_asks_for_proof),
    Mutant("damage kept quiet", _damage_kept_quiet),
)
