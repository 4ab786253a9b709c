"""How far a node has come that refills an empty store: what its partners said they have, against what is here.

The store's first opening in the place of another one leaves a mark; it goes when of every partner and every origin that
we share with it a reconcile has shown that nothing of its set is lacking here. Equal numbers of blobs prove nothing: a
new recording here would stand for a lost one there. Which pairs are still open, and why, is told by name.

The figures are for people. A partner counts in them for an origin only when it holds no unit of it that we do not.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import trio

from lumbung_cluster.ids import NodeNumber
from lumbung_cluster.limits import REBUILD_LOOK_S, REBUILD_RATE_LOOKS
from lumbung_node.ports.keyvalue import Family
from lumbung_node.services.core import Core
from lumbung_node.services.reconcile_report import Reason, Result
from lumbung_node.services.replicator import Replicator
from lumbung_node.store.jobs import Job
from lumbung_node.store.layout import OriginCounts
from lumbung_node.store.state import KEY_REBUILD

__all__ = ["OpenPair", "Progress", "Rebuild"]


@dataclass(frozen=True, slots=True)
class OpenPair:
    """A partner and an origin; `lacking` ids of its set that are known not to be here, and why they are not."""

    partner: NodeNumber
    origin: NodeNumber
    lacking: int
    reason: Reason


@dataclass(frozen=True, slots=True)
class Progress:
    """`known` is the most that partners have of each origin together, `here` what is here of the same origins.

    `unmet` are partners that were not spoken to since the start: what only they have is not known yet. The rate is that
    of the last minute; 0 while nothing comes. `open_pairs`: partners and origins that were not seen to be equal.
    """

    since_ms: int
    known: OriginCounts
    here: OriginCounts
    rate_bytes_per_s: float
    unmet: tuple[NodeNumber, ...]
    open_pairs: tuple[OpenPair, ...]

    @property
    def is_complete(self) -> bool:
        return not self.unmet and not self.open_pairs

    @property
    def eta_s(self) -> float | None:
        """None while it cannot be told."""
        left = self.known.size_bytes - self.here.size_bytes
        return left / self.rate_bytes_per_s if left > 0 and self.rate_bytes_per_s > 0 else None


class Rebuild:
    """`run` looks until the rebuild is complete; `progress` is None when there is none."""

    def __init__(self, core: Core, replicator: Replicator) -> None:
        self._core = core
        self._replicator = replicator
        self._told: dict[NodeNumber, dict[NodeNumber, OriginCounts]] = {}
        self._brought: set[tuple[NodeNumber, NodeNumber]] = set()
        self._looks: deque[tuple[float, int]] = deque(maxlen=REBUILD_RATE_LOOKS)

    async def run(self) -> None:
        while self._core.store.state.rebuild_since_ms:
            self._listen()
            progress = self.progress()
            assert progress is not None
            self._looks.append((trio.current_time(), progress.here.size_bytes))
            if progress.is_complete:
                await self._end(progress)
                return
            await trio.sleep(REBUILD_LOOK_S)

    def progress(self) -> Progress | None:
        since_ms = self._core.store.state.rebuild_since_ms
        if not since_ms:
            return None
        known, here = self._known(), self._core.store.state
        met = [here.count(origin) for origin in known]
        partners = self._core.rosters.roster.partners_of(self._core.number)
        return Progress(
            since_ms,
            _total(list(known.values())),
            OriginCounts(
                sum(min(count.blobs, known[origin].blobs) for origin, count in zip(known, met, strict=True)),
                sum(min(count.size_bytes, known[origin].size_bytes) for origin, count in zip(known, met, strict=True)),
            ),
            self._rate(),
            tuple(sorted(set(partners) - set(self._told))),
            self._open_pairs(partners),
        )

    def _open_pairs(self, partners: Sequence[NodeNumber]) -> tuple[OpenPair, ...]:
        """Of partners that were met; once a partner's set was all here, it has told all that it had to tell."""
        core, found = self._core, []
        for peer in sorted(set(partners) & set(self._told)):
            origins = core.rosters.roster.origins_shared(core.number, peer)
            last = core.reconciles.of(peer, origins)
            self._brought |= {(peer, origin) for origin, each in last.items() if each.result.is_all_here}
            for origin in origins:
                if (peer, origin) not in self._brought:
                    result = last[origin].result if origin in last else Result(peer, origin)
                    lacking = max(0, result.lacked_here - result.mended_here)
                    found.append(OpenPair(peer, origin, lacking, result.reason))
        return tuple(found)

    def _listen(self) -> None:
        for peer in sorted(self._replicator.links):
            session = self._replicator.links[peer].session
            if session is not None and session.greeting is not None:
                self._told[peer] = session.greeting.held

    def _known(self) -> dict[NodeNumber, OriginCounts]:
        """By origin the most that one comparable partner has."""
        roster, own = self._core.rosters.roster, self._core.number
        known: dict[NodeNumber, OriginCounts] = {}
        for peer, held in sorted(self._told.items()):
            for origin, counts in sorted(held.items()):
                is_comparable = not roster.units_held(peer, origin) & ~roster.units_held(own, origin)
                if is_comparable and counts.blobs > known.get(origin, OriginCounts()).blobs:
                    known[origin] = counts
        return known

    def _rate(self) -> float:
        if len(self._looks) < 2:
            return 0.0
        (begun, before), (ended, after) = self._looks[0], self._looks[-1]
        return (after - before) / (ended - begun)

    async def _end(self, progress: Progress) -> None:
        job = Job()
        job.extra.delete(Family.SYSTEM, KEY_REBUILD)
        await self._core.store.committer.commit(job)
        self._core.store.state.rebuild_since_ms = 0
        self._core.log.info("rebuild complete", blobs=progress.here.blobs, size_bytes=progress.here.size_bytes)


def _total(counts: list[OriginCounts]) -> OriginCounts:
    return OriginCounts(sum(count.blobs for count in counts), sum(count.size_bytes for count in counts))
