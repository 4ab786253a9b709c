"""Mistakes of the scrub, and of what it withdraws and repairs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace

import trio

from lumbung_cluster.ids import BlobId, NodeNumber
from lumbung_cluster.receipt import StatementKind
from lumbung_node.services import statements
from lumbung_node.services.core import Core
from lumbung_node.services.scrub.reading import ByteReader
from lumbung_node.services.scrub.reading import Stored as Lying
from lumbung_node.services.scrub.scrubber import Scrubber
from lumbung_node.services.session import covering, proving
from lumbung_node.store.group import Group
from lumbung_node.store.jobs import FeedMend, ForeignBlob, Stored
from lumbung_node.store.layout import ListPlace, blob_key
from lumbung_node.store.mends import Mends
from lumbung_node.store.signing import GroupLists
from lumbung_proto.v1 import peer_pb2
from lumbung_testing.simulation.mutants.mutant import Mutant
from lumbung_testing.simulation.patching import patched

__all__ = ["MUTANTS"]


def _no_scrub() -> AbstractContextManager[object]:
    async def run(self: Scrubber) -> None:
        await trio.sleep_forever()

    return patched(Scrubber, "run", run)


def _scrub_skips_large_blobs() -> AbstractContextManager[object]:
    original = ByteReader.wrong

    async def wrong(self: ByteReader, stored: Sequence[Lying]) -> list[int]:
        small = [index for index, item in enumerate(stored) if item.row.chunks == 1]
        return [small[index] for index in await original(self, [stored[index] for index in small])]

    return patched(ByteReader, "wrong", wrong)


def _repair_without_list() -> AbstractContextManager[object]:
    original = Group._add_foreign

    def nowhere(self: GroupLists, item: ForeignBlob) -> ListPlace:
        return ListPlace.of(item.signed, item.index)

    def add_foreign(self: Group, item: ForeignBlob) -> Stored:
        entry = item.signed.content.entries[item.index]
        if blob_key(item.signed.content.origin, entry.blob) not in self._rows:
            return original(self, item)
        with patched(GroupLists, "keep", nowhere):
            return original(self, item)

    return patched(Group, "_add_foreign", add_foreign)


def _damaged_copy_still_counted() -> AbstractContextManager[object]:
    async def receipt(
        core: Core, origin: NodeNumber, nonce: int, blobs: Sequence[BlobId]
    ) -> peer_pb2.SignedBytes | None:
        rows = await core.store.reader.rows(origin, blobs)
        held = tuple(blob for blob, row in zip(blobs, rows, strict=True) if row is not None)
        if not held or core.condition.stopped:
            return None
        return statements._sign(core, StatementKind.COMMIT_RECEIPT, origin, nonce, 0, held)

    async def inventory(core: Core, origin: NodeNumber, nonce: int) -> peer_pb2.SignedBytes | None:
        blind = replace(core.store.state, damaged={})
        return await statements.inventory_receipt(replace(core, store=replace(core.store, state=blind)), origin, nonce)

    @contextmanager
    def both() -> Iterator[None]:
        with patched(proving, "commit_receipt", receipt), patched(covering, "inventory_receipt", inventory):
            yield

    return both()


def _mended_feed_row_offered_before_its_sync() -> AbstractContextManager[object]:
    original = Mends.mend_feed

    def mend_feed(self: Mends, item: FeedMend) -> None:
        before = set(self.repaired)
        original(self, item)
        self.repaired.intersection_update(before)

    return patched(Mends, "mend_feed", mend_feed)


def _checked_since_the_end_of_a_pass() -> AbstractContextManager[object]:
    """The pass is over: all bytes are checked."""
    original = Scrubber._save

    async def save(self: Scrubber, origin: NodeNumber | None, *, verified_since_ms: int = 0) -> None:
        now_ms = self._core.clock.now_ms()
        await original(self, origin, verified_since_ms=max(now_ms, verified_since_ms) if verified_since_ms else 0)

    return patched(Scrubber, "_save", save)


MUTANTS = (
    Mutant("checked since the end of a pass", _checked_since_the_end_of_a_pass, is_quick=False),
    Mutant("no scrub", _no_scrub, is_quick=False),
    Mutant("scrub skips large blobs", _scrub_skips_large_blobs, is_quick=False),
    Mutant("repair without list", _repair_without_list, is_quick=False),
    Mutant("damaged copy still counted", _damaged_copy_still_counted, is_quick=False),
    Mutant("mended feed row offered before its sync", _mended_feed_row_offered_before_its_sync, is_quick=False),
)
