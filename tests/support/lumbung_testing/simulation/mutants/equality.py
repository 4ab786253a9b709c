"""Mistakes about reconcile: what is taken for equal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from lumbung_cluster.ids import NodeNumber
from lumbung_cluster.inventory.decoder import Difference, peel
from lumbung_cluster.inventory.symbols import Symbols
from lumbung_cluster.reconcile import search
from lumbung_node.services.reconcile_report import Order, Outcome, Result
from lumbung_node.services.session import reconcile_asker
from lumbung_node.services.session.reconcile_asker import Asker, Equal
from lumbung_node.services.session.reconcile_mending import Mender, Mending
from lumbung_node.services.session.reconcile_moments import Moment
from lumbung_node.services.session.reconcile_settling import Settling
from lumbung_node.services.session.reconcile_talk import Talk
from lumbung_testing.simulation.mutants.mutant import Mutant
from lumbung_testing.simulation.patching import patched

__all__ = ["MUTANTS"]


@contextmanager
def _marks_adopted_though_the_fingerprints_differ() -> Iterator[None]:
    async def settle_at_once(self: Asker, talk: Talk, result: Result, peer_count: int, order: Order) -> None:
        snapshot = await self._core.store.inventories.snapshot(result.origin)
        await self._settle(talk, Equal(result.origin, snapshot.number, snapshot.running_hash, bytes(16), 0), (), ())
        result.end(Outcome.MENDED)

    with ExitStack() as stack:
        stack.enter_context(patched(Asker, "_mend_or_say", settle_at_once))
        stack.enter_context(patched(Settling, "_is_explained", _believe_everything))
        yield


async def _believe_everything(
    self: Settling,
    root: bytes,
    moment: Moment,
    origin: NodeNumber,
    lacked: Sequence[int],
    undelivered: Sequence[bytes],
) -> bool:
    return True


@contextmanager
def _undecoded_units_taken_for_equal() -> Iterator[None]:
    def peel_or_nothing(difference: Symbols, units: int) -> Difference:
        return peel(difference, units) or Difference((), ())

    async def is_proven(self: Mender, mending: Mending) -> bool:
        return True

    with ExitStack() as stack:
        stack.enter_context(patched(search, "peel", peel_or_nothing))
        stack.enter_context(patched(Mender, "_is_proven", is_proven))
        yield


@contextmanager
def _equal_said_without_looking() -> Iterator[None]:
    with patched(reconcile_asker, "_differing", lambda compared, both, origins, views: {}):
        yield


MUTANTS = (
    Mutant("marks adopted though the fingerprints differ", _marks_adopted_though_the_fingerprints_differ),
    Mutant("an undecoded unit taken for equal", _undecoded_units_taken_for_equal, is_quick=False),
    Mutant("equal said without looking", _equal_said_without_looking, is_quick=False),
)
