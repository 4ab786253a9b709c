"""Mistakes about stores that were set aside."""

from __future__ import annotations

from contextlib import AbstractContextManager

import trio

from lumbung_node.services.session.arrivals import Arrival, split_chunks
from lumbung_node.services.takeover import Takeover
from lumbung_node.services.takeover_entries import SourceEntries
from lumbung_node.store.jobs import Content
from lumbung_testing.simulation.mutants.mutant import Mutant
from lumbung_testing.simulation.patching import patched

__all__ = ["MUTANTS"]


def _bytes_believed_without_a_check() -> AbstractContextManager[object]:
    async def believe(self: SourceEntries, arrival: Arrival) -> Content | None:
        if arrival.reason:
            return None
        arrival._taken = True
        content = bytes(arrival._buffer)
        return Content(len(content), split_chunks(content))

    return patched(SourceEntries, "_verified", believe)


def _nothing_taken_over() -> AbstractContextManager[object]:
    async def rest(self: Takeover) -> None:
        await trio.sleep_forever()

    return patched(Takeover, "run", rest)


MUTANTS = (
    Mutant("a set-aside store's bytes believed without a check", _bytes_believed_without_a_check, is_quick=False),
    Mutant("a set-aside store never read", _nothing_taken_over, is_quick=False),
)
