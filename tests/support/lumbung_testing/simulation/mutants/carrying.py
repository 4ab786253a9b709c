"""Mistakes about disks that are carried: what an import moves, what their words count for, and what they take back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace

import trio

from lumbung_cluster.feed import Mark, next_hash
from lumbung_cluster.ids import NodeNumber
from lumbung_cluster.limits import RECEIPT_IDS_MAX
from lumbung_cluster.receipt import SignedStatement, Statement, StatementKind
from lumbung_node.ports.keyvalue import Family
from lumbung_node.services.bundles.carried import CarriedReceipts
from lumbung_node.services.bundles.importing import ImportStream, _Taking
from lumbung_node.services.session.proving import Proving
from lumbung_node.services.statements import withdrawal
from lumbung_node.store.jobs import Job
from lumbung_node.store.layout import MarkRow, blob_key
from lumbung_node.store.proofs import Proofs
from lumbung_proto.v1 import bundles_pb2, peer_pb2
from lumbung_testing.simulation.mutants.mutant import Mutant
from lumbung_testing.simulation.patching import patched

__all__ = ["MUTANTS"]


def _carried_receipt_of_an_old_generation_counted() -> AbstractContextManager[object]:
    """The holder is right, the bundle is ours, the signature is true: it has earned its place."""
    checked = CarriedReceipts._checked

    async def check(self: CarriedReceipts, word: peer_pb2.SignedBytes) -> SignedStatement:
        signed = await checked(self, word)
        newest = self._core.store.state.generations_seen.get(signed.content.holder, signed.content.generation)
        return replace(signed, content=replace(signed.content, generation=max(newest, signed.content.generation)))

    def check_life(self: CarriedReceipts, content: Statement, key: bytes) -> None:
        """An older life is a life too."""

    @contextmanager
    def both() -> Iterator[None]:
        with patched(CarriedReceipts, "_checked", check), patched(CarriedReceipts, "_check_life", check_life):
            yield

    return both()


def _bundle_import_moves_a_mark() -> AbstractContextManager[object]:
    """The disk is the exporter's feed up to its last list: so we have applied it."""
    original = ImportStream._commit

    async def commit(self: ImportStream, taking: _Taking) -> None:
        await original(self, taking)
        exporter = self._manifest.content.exporter if self._manifest is not None else None
        held = self._core.store.state.marks.get((NodeNumber(exporter or 0), taking.origin))
        if exporter != taking.origin or not taking.places:
            return
        content = max((signed.content for signed, _ in taking.places), key=lambda each: each.first)
        running_hash = content.previous
        for entry in content.entries:
            running_hash = next_hash(running_hash, entry)
        number = content.first + len(content.entries) - 1
        if held is None or held.mark.number < number:
            units = self._core.rosters.roster.units_held(self._core.number, taking.origin)
            mark = MarkRow(Mark(content.generation, number, running_hash), units)
            await self._core.store.committer.commit(Job(marks={(taking.origin, taking.origin): mark}))

    return patched(ImportStream, "_commit", commit)


def _withdrawal_on_a_disk_under_the_disks_own_nonce() -> AbstractContextManager[object]:
    async def take_back(self: ImportStream) -> None:
        exporter = self._manifest.content.exporter if self._manifest is not None else NodeNumber(0)
        damaged = [blob for origin, blob in self._core.store.state.damaged if origin == exporter]
        nonce = self._nonce(exporter)
        if nonce and damaged and not self._core.condition.stopped:
            words = withdrawal(self._core, exporter, nonce, damaged[:RECEIPT_IDS_MAX])
            await self._send(bundles_pb2.ImportResponse(withdrawal=words))

    return patched(ImportStream, "_take_back", take_back)


def _withdrawal_over_a_line_under_the_lines_own_nonces() -> AbstractContextManager[object]:
    return patched(Proving, "_latest", lambda self: self._nonce_seen)


def _damage_not_told_on_the_disk() -> AbstractContextManager[object]:
    async def take_back(self: ImportStream) -> None:
        await trio.lowlevel.checkpoint()

    return patched(ImportStream, "_take_back", take_back)


def _withdrawal_on_a_disk_ignored() -> AbstractContextManager[object]:
    """Disks bring receipts."""
    answer = CarriedReceipts._answer

    async def answered(self: CarriedReceipts, word: peer_pb2.SignedBytes) -> bundles_pb2.ReceiptAnswer:
        if Statement.parse(word.body).kind is StatementKind.WITHDRAWAL:
            return bundles_pb2.ReceiptAnswer(outcome=bundles_pb2.RECEIPT_OUTCOME_KNOWN)
        return await answer(self, word)

    return patched(CarriedReceipts, "_answer", answered)


def _withdrawal_on_a_disk_applied_as_a_deletion() -> AbstractContextManager[object]:
    answer = CarriedReceipts._answer

    async def answered(self: CarriedReceipts, word: peer_pb2.SignedBytes) -> bundles_pb2.ReceiptAnswer:
        said, content = await answer(self, word), Statement.parse(word.body)
        if content.kind is StatementKind.WITHDRAWAL and said.outcome == bundles_pb2.RECEIPT_OUTCOME_COUNTED:
            job = Job()
            for blob in content.blobs:
                job.extra.delete(Family.BLOBS, blob_key(self._core.number, blob))
            await self._core.store.committer.commit(job)
        return said

    return patched(CarriedReceipts, "_answer", answered)


@contextmanager
def _disks_receipt_outlives_damage() -> Iterator[None]:
    """It is of this life, truly signed and asked for: what the line has said meanwhile, who looks?"""
    checked, changed_by = CarriedReceipts._checked, Proofs._changed_by
    carried: set[bytes] = set()

    async def check(self: CarriedReceipts, word: peer_pb2.SignedBytes) -> SignedStatement:
        signed = await checked(self, word)
        carried.add(signed.content.pack())
        return signed

    async def is_known(self: CarriedReceipts, content: Statement, numbers: set[int]) -> bool:
        await trio.lowlevel.checkpoint()
        return False

    async def all_of(self: Proofs, word: Statement, numbers: list[int]) -> list[int]:
        return numbers if word.pack() in carried else await changed_by(self, word, numbers)

    with ExitStack() as stack:
        stack.enter_context(patched(CarriedReceipts, "_checked", check))
        stack.enter_context(patched(CarriedReceipts, "_is_known", is_known))
        stack.enter_context(patched(Proofs, "_changed_by", all_of))
        yield


MUTANTS = (
    Mutant(
        "carried receipt of an old generation counted", _carried_receipt_of_an_old_generation_counted, is_quick=False
    ),
    Mutant("bundle import moves a mark", _bundle_import_moves_a_mark, is_quick=False),
    Mutant(
        "withdrawal on a disk under the disk's own nonce",
        _withdrawal_on_a_disk_under_the_disks_own_nonce,
        is_quick=False,
    ),
    Mutant(
        "withdrawal over a line under the line's own nonces",
        _withdrawal_over_a_line_under_the_lines_own_nonces,
        is_quick=False,
    ),
    Mutant("damage not told on the disk", _damage_not_told_on_the_disk, is_quick=False),
    Mutant("withdrawal on a disk ignored", _withdrawal_on_a_disk_ignored, is_quick=False),
    Mutant("withdrawal on a disk applied as a deletion", _withdrawal_on_a_disk_applied_as_a_deletion, is_quick=False),
    Mutant("a disk's receipt outlives damage", _disks_receipt_outlives_damage, is_quick=False),
)
