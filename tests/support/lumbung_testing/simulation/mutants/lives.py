"""Mistakes about lives and rosters: which machine, and which roster, is the present one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

import trio

from lumbung_cluster import roster_rules
from lumbung_cluster.ids import NodeNumber
from lumbung_cluster.life import Life, PeerVerdict, SignedLife, judge_peer_life
from lumbung_cluster.roster_codec import SignedRoster
from lumbung_cluster.roster_rules import Accept, Refuse, Verdict
from lumbung_node.ports.identity import IdentityRecord
from lumbung_node.ports.world import Verifier
from lumbung_node.services import rosters
from lumbung_node.services.core import Core
from lumbung_node.services.replicator import Replicator
from lumbung_node.services.session import greeting, lives, session
from lumbung_node.services.session.gossip import Gossip
from lumbung_node.services.session.greeting import Greeting
from lumbung_node.store import own_lives
from lumbung_testing.simulation.mutants.mutant import Mutant
from lumbung_testing.simulation.patching import patched
from lumbung_testing.world import MemoryDocuments

__all__ = ["MUTANTS"]


def _two_machines_with_one_identity_both_believed() -> AbstractContextManager[object]:
    async def judge(core: Core, peer: NodeNumber, greeting: Greeting) -> None:
        await core.store.see_life(greeting.life)

    return patched(session, "judge_greeting", judge)


def _generation_taken_from_the_own_record_only() -> AbstractContextManager[object]:
    original = own_lives.recovered_record

    def recovered(record: IdentityRecord | None, seen: Sequence[Life], now_ms: int) -> IdentityRecord:
        return original(record, (), now_ms)

    return patched(own_lives, "recovered_record", recovered)


def _rival_life_believed() -> AbstractContextManager[object]:
    def judge(known: Life | None, shown: Life) -> PeerVerdict:
        verdict = judge_peer_life(known, shown)
        return PeerVerdict.KNOWN if verdict is PeerVerdict.RIVAL else verdict

    return patched(lives, "judge_peer_life", judge)


def _stopped_machine_begins_another_life() -> AbstractContextManager[object]:
    """Whoever is told that his history is not what it was begins a new one: why look at anything else?"""
    original = Replicator._begin_life

    async def begin(
        self: Replicator, tell: Callable[..., object], beyond: int = 0, *, unless_above: int | None = None
    ) -> None:
        before, self._core.condition.stopped = self._core.condition.stopped, False
        try:
            await original(self, tell, beyond, unless_above=unless_above)
        finally:
            self._core.condition.stopped |= before

    @contextmanager
    def both() -> Iterator[None]:
        with patched(Core, "may_doubt", lambda core, peer: True), patched(Replicator, "_begin_life", begin):
            yield

    return both()


def _roster_not_kept() -> AbstractContextManager[object]:
    async def save_roster(self: MemoryDocuments, epoch: int, raw: bytes) -> None:
        await trio.lowlevel.checkpoint()

    return patched(MemoryDocuments, "save_roster", save_roster)


def _shown_a_newer_life_and_gone_on() -> AbstractContextManager[object]:
    async def judge(core: Core, peer: NodeNumber, shown: SignedLife, epoch: int) -> None:
        await trio.lowlevel.checkpoint()

    return patched(greeting, "judge_our_life", judge)


def _lower_epoch_obeyed() -> AbstractContextManager[object]:
    original = roster_rules.judge

    def judge(
        held: SignedRoster, offered: SignedRoster, verifier: Verifier, chain: Sequence[SignedRoster] = ()
    ) -> Verdict:
        verdict = original(held, offered, verifier, chain)
        is_old = isinstance(verdict, Refuse) and offered.epoch < held.epoch
        return Accept(offered, offered.parse()) if is_old else verdict

    return patched(rosters, "judge", judge)


def _rosters_not_passed_on() -> AbstractContextManager[object]:
    async def greet(self: Gossip, greeting: Greeting) -> None:
        await trio.lowlevel.checkpoint()

    return patched(Gossip, "greet", greet)


MUTANTS = (
    Mutant("two machines with one identity both believed", _two_machines_with_one_identity_both_believed),
    Mutant("generation taken from the own record only", _generation_taken_from_the_own_record_only),
    Mutant("rival life in one generation believed", _rival_life_believed, is_quick=False),
    Mutant("stopped machine begins another life", _stopped_machine_begins_another_life, is_quick=False),
    Mutant("roster not kept", _roster_not_kept, is_quick=False),
    Mutant("shown a newer life and gone on", _shown_a_newer_life_and_gone_on, is_quick=False),
    Mutant("lower epoch obeyed", _lower_epoch_obeyed),
    Mutant("rosters not passed on", _rosters_not_passed_on),
)
