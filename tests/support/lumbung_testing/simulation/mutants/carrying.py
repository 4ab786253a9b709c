"""Mistakes about disks that are carried: what they move, what their receipts count for, what they take back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace

import trio

from lumbung_cluster.feed import Mark, next_hash
from lumbung_cluster.ids import NodeNumber
from lumbung_cluster.limits import RECEIPT_IDS_MAX
from lumbung_cluster.receipt import SignedStatement, Statement
from lumbung_node.services.bundles.carried import CarriedReceipts
from lumbung_node.services.bundles.importing import ImportStream, _Taking
from lumbung_node.services.session.proving import Proving
from lumbung_node.services.statements import withdrawal
from lumbung_node.store.jobs import Job
from lumbung_node.store.layout import MarkRow
from lumbung_proto.v1 import bundles_pb2, peer_pb2
from lumbung_testing.simulation.mutants.mutant import Mutant
from lumbung_testing.simulation.patching import patched

__all__ = ["MUTANTS"]


def _bundle_receipt_counted_under_an_old_generation() -> AbstractContextManager[object]:
    """The holder is right, the bundle is ours, the signature is true: it has earned its place."""
    checked = CarriedReceipts._checked

    async def check(self: CarriedReceipts, word: peer_pb2.SignedBytes) -> SignedStatement:
        signed = await checked(self, word)
        newest = self._core.store.state.generations_seen.get(signed.content.holder, signed.content.generation)
        return replace(signed, content=replace(signed.content, generation=max(newest, signed.content.generation)))

    def check_life(self: CarriedReceipts, content: Statement) -> None:
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


def _damage_is_not_told_on_the_disk() -> AbstractContextManager[object]:
    async def take_back(self: ImportStream) -> None:
        await trio.lowlevel.checkpoint()

    return patched(ImportStream, "_take_back", take_back)


MUTANTS = (
    Mutant(
        "bundle receipt counted under an old generation",
        _bundle_receipt_counted_under_an_old_generation,
        is_quick=False,
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
    Mutant("damage is not told on the disk", _damage_is_not_told_on_the_disk, is_quick=False),
)
