"""Rosters and access lists in one session: whoever is behind gets them, and what comes is taken or refused."""

from __future__ import annotations

from lumbung_cluster import limits
from lumbung_cluster.errors import Rejected
from lumbung_cluster.ids import NodeNumber
from lumbung_node.services.core import Core
from lumbung_node.services.session.greeting import Greeting
from lumbung_node.services.session.link import FrameLink
from lumbung_proto.v1 import peer_pb2

__all__ = ["Gossip"]


class Gossip:
    """`greet` with the peer's hello, then `pass_on_access` until cancelled."""

    def __init__(self, core: Core, link: FrameLink, peer: NodeNumber) -> None:
        self._core = core
        self._link = link
        self._peer = peer
        self._access_known: dict[NodeNumber, int] = {}  # versions of access lists that the peer holds

    async def greet(self, greeting: Greeting) -> None:
        """Rosters travel with every session. A new one starts all sessions anew."""
        self._access_known.update(greeting.access_versions)
        rosters = self._core.rosters.newer_than(greeting.roster_epoch)
        if greeting.roster_epoch == self._core.rosters.roster.epoch:
            fork = greeting.roster_hash != self._core.rosters.signed.hash
            rosters = [self._core.rosters.signed.encode()] if fork else []
        for raw in rosters:  # one a frame: a roster may fill it
            await self._link.send(peer_pb2.SessionFrame(roster=peer_pb2.RosterGossip()), [raw])

    async def pass_on_access(self) -> None:
        """Access lists travel too, also those that come while the session lives: a name that an office strikes off
        must be gone everywhere at once.
        """
        rosters, known = self._core.rosters, self._access_known
        while True:
            news = [
                (office, signed)
                for office, signed in sorted(rosters.access_lists_in_force().items())
                if signed.content.version > known.get(office, 0)
            ]
            for office, signed in news:
                known[office] = signed.content.version
                gossip = peer_pb2.AccessGossip(lists=[signed.encode()])
                await self._link.send(peer_pb2.SessionFrame(access=gossip))
            if not news:
                await rosters.changed.wait()

    async def take_roster(self, raw: bytes) -> None:
        await self._core.until_roster(self._peer)
        try:
            await self._core.rosters.offer([raw])
        except Rejected as exc:  # the peer may be older than we are, or forked: the session itself goes on
            self._note("roster refused", exc)

    async def take_access(self, gossip: peer_pb2.AccessGossip) -> None:
        rosters, brought = self._core.rosters, gossip.lists[: limits.HELLO_MARKS_MAX]
        try:
            await rosters.offer_access(brought)
        except Rejected as exc:
            self._note("access list refused", exc)
            if not exc.retry_after_s:  # the next frame waits: to read a list of 128 KiB takes the loop for a while
                await self._core.until_roster(self._peer)
        for office, signed in rosters.access_lists.items():
            if signed.encode() in brought:  # it need not come back
                self._access_known[office] = signed.content.version

    def _note(self, event: str, refusal: Rejected) -> None:
        if not refusal.retry_after_s:  # what our disk did not take is said once for all sessions, and tried again
            self._core.log.warning(event, peer=self._peer, reason=refusal.sentence)
