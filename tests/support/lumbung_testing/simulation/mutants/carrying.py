"""Mistakes about disks that are carried: what an import moves, and what their receipts count for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace

from lumbung_cluster.feed import Mark, next_hash
from lumbung_cluster.ids import NodeNumber
from lumbung_cluster.receipt import SignedStatement, Statement
from lumbung_node.services.bundles.carried import CarriedReceipts
from lumbung_node.services.bundles.importing import ImportStream, _Taking
from lumbung_node.store.jobs import Job
from lumbung_node.store.layout import MarkRow
from lumbung_proto.v1 import peer_pb2
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


MUTANTS = (
    Mutant(
        "bundle receipt counted under an old generation",
        _bundle_receipt_counted_under_an_old_generation,
        is_quick=False,
    ),
    Mutant("bundle import moves a mark", _bundle_import_moves_a_mark, is_quick=False),
)
