"""Mistakes about blobs that go out over one stream."""

from __future__ import annotations

from contextlib import AbstractContextManager

from lumbung_cluster.errors import Rejected
from lumbung_node.ports.transport import ServerCall
from lumbung_node.services.giving import Giving
from lumbung_testing.simulation.mutants.mutant import Mutant
from lumbung_testing.simulation.patching import patched

__all__ = ["MUTANTS"]


def _refused_without_a_word() -> AbstractContextManager[object]:
    async def keep_silent(self: Giving, call: ServerCall, why: Rejected) -> None:
        pass

    return patched(Giving, "_refuse", keep_silent)


MUTANTS = (Mutant("a blob of a stream left out without a word", _refused_without_a_word),)
