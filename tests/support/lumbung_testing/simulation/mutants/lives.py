"""Mistakes about lives and rosters: which machine, and which roster, is the present one."""

from __future__ import annotations

from contextlib import AbstractContextManager

import trio

from lumbung_cluster.ids import NodeNumber
from lumbung_node.services.core import Core
from lumbung_node.services.session import session
from lumbung_node.services.session.greeting import Greeting
from lumbung_testing.simulation.mutants.mutant import Mutant
from lumbung_testing.simulation.patching import patched
from lumbung_testing.world import MemoryDocuments

__all__ = ["MUTANTS"]


def _two_machines_with_one_identity_both_believed() -> AbstractContextManager[object]:
    async def judge(core: Core, peer: NodeNumber, greeting: Greeting) -> None:
        await core.store.see_generation(peer, greeting.generation)

    return patched(session, "judge_greeting", judge)


def _roster_not_kept() -> AbstractContextManager[object]:
    async def save_roster(self: MemoryDocuments, epoch: int, raw: bytes) -> None:
        await trio.lowlevel.checkpoint()

    return patched(MemoryDocuments, "save_roster", save_roster)


MUTANTS = (
    Mutant("two machines with one identity both believed", _two_machines_with_one_identity_both_believed),
    Mutant("roster not kept", _roster_not_kept, is_quick=False),
)
