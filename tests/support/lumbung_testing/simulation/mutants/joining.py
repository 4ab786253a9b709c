"""Mistakes about who comes later and who goes: what a new holder gets, and with whom a node still speaks."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import replace

from lumbung_cluster import with_vans
from lumbung_cluster.access import SignedAccess
from lumbung_cluster.ids import NodeNumber
from lumbung_cluster.roster import Roster
from lumbung_cluster.roster_node import NodeRecord
from lumbung_cluster.van import VanRecord
from lumbung_node.services.rosters import RosterKeeper
from lumbung_node.services.session.feed_lanes import FeedLanes
from lumbung_testing.simulation.mutants.mutant import Mutant
from lumbung_testing.simulation.patching import patched

__all__ = ["MUTANTS"]


def _new_holder_offered_only_what_is_new() -> AbstractContextManager[object]:
    """It has no mark: so it begins here and now."""
    original = FeedLanes._start_cursor

    async def start(self: FeedLanes, origin: NodeNumber) -> None:
        await original(self, origin)
        cursor = self.cursors[origin]
        if self._greeting.marks.get(origin) is None:
            cursor.offered = cursor.applied = cursor.end_at_start
            cursor.is_waiting = False

    return patched(FeedLanes, "_start_cursor", start)


def _van_that_is_gone_still_spoken_with() -> AbstractContextManager[object]:
    original = with_vans._node

    def node(roster: Roster, office: NodeRecord, van: VanRecord) -> NodeRecord:
        return original(roster, office, replace(van, is_gone=False, bound=None))

    return patched(with_vans, "_node", node)


def _key_stays_with_the_office_that_named_it_first() -> AbstractContextManager[object]:
    """A list with a key of another office's van is refused, with the names that it strikes off."""
    original = RosterKeeper._judge_list

    async def judge(self: RosterKeeper, raw: bytes) -> str:
        offered = SignedAccess.decode(raw).content
        lists = (signed.content for office, signed in self._access.items() if office != offered.office)
        taken = {key for content in lists for van in content.vans for key in van.keys}
        if any(not taken.isdisjoint(van.keys) for van in offered.vans):
            return "expected keys of its own vans"
        return await original(self, raw)

    return patched(RosterKeeper, "_judge_list", judge)


MUTANTS = (
    Mutant("a new holder offered only what is new", _new_holder_offered_only_what_is_new, is_quick=False),
    Mutant("a van that is gone still spoken with", _van_that_is_gone_still_spoken_with, is_quick=False),
    Mutant("a key is the first's who names it", _key_stays_with_the_office_that_named_it_first, is_quick=False),
)
