"""Mistakes about what counts as a copy: receipts, withdrawals, questions."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import fields, replace

import trio

from lumbung_cluster.ids import Generation, NodeNumber
from lumbung_cluster.inventory.inventory import Inventory
from lumbung_cluster.ledger import HolderAccount, Ledger
from lumbung_cluster.receipt import SignedStatement, StatementKind
from lumbung_cluster.signed import Signature
from lumbung_node.ports.keyvalue import Family
from lumbung_node.ports.world import Verifier
from lumbung_node.services import statements
from lumbung_node.services.core import Core
from lumbung_node.services.session import proving
from lumbung_node.services.session.offers import OpenOffer
from lumbung_node.services.session.outgoing import Outgoing
from lumbung_node.services.session.proving import Proving
from lumbung_node.store.committer import Committer
from lumbung_node.store.inventories import Inventories, Snapshot
from lumbung_node.store.inventory_folding import Kept
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
            peer, generation = self._feeds._peer, self._feeds._greeting.generation
            ledger.receive(peer, generation, offer.nonce, numbers, 0)
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


def _proofs_read_anew_before_their_sync() -> AbstractContextManager[object]:
    original = Committer.commit

    async def commit(self: Committer, job: Job) -> Job:
        parts = [getattr(job, each.name) for each in fields(job) if each.name not in ("extra", "error", "done")]
        extra = job.extra.puts or job.extra.deletes or job.extra.deletes_range
        return await original(self, job) if extra or any(parts) else job

    return patched(Committer, "commit", commit)


def _receipt_of_another_nonce_counted() -> AbstractContextManager[object]:
    def check(
        core: Core,
        message: peer_pb2.SignedBytes,
        *,
        kind: StatementKind,
        holder: NodeNumber,
        generation: int,
        nonce: int | None,
        is_carried: bool,
    ) -> SignedStatement:
        return statements.check_statement(
            core, message, kind=kind, holder=holder, generation=generation, nonce=None, is_carried=is_carried
        )

    return patched(proving, "check_statement", check)


def _replayed_receipt_counted() -> AbstractContextManager[object]:
    """The signature is true and the holder is right: what else should one ask?"""

    def check(
        core: Core,
        message: peer_pb2.SignedBytes,
        *,
        kind: StatementKind,
        holder: NodeNumber,
        generation: Generation,
        nonce: int | None,
        is_carried: bool,
    ) -> SignedStatement:
        word = SignedStatement.parse(message.body, Signature(message.public_key, message.signature))
        statements.check_statement(
            core,
            message,
            kind=kind,
            holder=holder,
            generation=word.content.generation,
            nonce=None,
            is_carried=is_carried,
        )
        present = replace(word.content, generation=generation, nonce=nonce or word.content.nonce)
        return replace(word, content=present)

    return patched(proving, "check_statement", check)


def _signature_of_a_receipt_not_checked() -> AbstractContextManager[object]:
    def is_valid(self: SignedStatement, verifier: Verifier) -> bool:
        return True

    return patched(SignedStatement, "is_valid", is_valid)


def _proof_counted_before_it_is_durable() -> AbstractContextManager[object]:
    original = Proofs.record

    async def record(self: Proofs, statement: SignedStatement, now_ms: int) -> None:
        content = statement.content
        if content.kind is StatementKind.COMMIT_RECEIPT:
            numbers = await self._numbers(content.blobs)
            self.ledger.receive(content.holder, content.generation, content.nonce, numbers, content.verified_since_ms)
            self.changed.beat()
        await original(self, statement, now_ms)

    return patched(Proofs, "record", record)


def _receipt_signed_over_unfolded_state() -> AbstractContextManager[object]:
    async def snapshot(self: Inventories, origin: NodeNumber) -> Snapshot:
        kept = self._kept.get(origin) or Kept(origin, Inventory(self.key))
        end = self._state.end(origin)
        return Snapshot(origin, end.number, end.running_hash, kept.inventory.copy(), 0)

    return patched(Inventories, "snapshot", snapshot)


MUTANTS = (
    Mutant("mark counted as a copy", _mark_counted_as_a_copy, is_quick=False),
    Mutant("withdrawal applied as a deletion", _withdrawal_applied_as_a_deletion),
    Mutant("receipt of an old generation counted", _receipt_of_an_old_generation_counted),
    Mutant("receipts ordered by the holder's clock", _receipts_ordered_by_the_holders_clock, is_quick=False),
    Mutant("withdrawal ignored", _withdrawal_ignored, is_quick=False),
    Mutant("nobody asks for proof", _nobody_asks_for_proof, is_quick=False),
    Mutant("damage kept quiet", _damage_kept_quiet, is_quick=False),
    Mutant("proofs read anew before their sync", _proofs_read_anew_before_their_sync, is_quick=False),
    Mutant("receipt of another nonce counted", _receipt_of_another_nonce_counted, is_quick=False),
    Mutant("replayed receipt of an old generation counted", _replayed_receipt_counted, is_quick=False),
    Mutant("signature of a receipt not checked", _signature_of_a_receipt_not_checked, is_quick=False),
    Mutant("proof counted before it is durable", _proof_counted_before_it_is_durable),
    Mutant("receipt signed over unfolded state", _receipt_signed_over_unfolded_state),
)
