"""A client's session: the verified roster, the transport under the station's certificate, and channels to nodes."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import TypeVar

import trio

from lumbung_cluster import limits
from lumbung_cluster.errors import KeyRefused, LumbungError, PeerGone, PeerUnreachable, Rejected, StatusCode
from lumbung_cluster.ids import NodeNumber
from lumbung_cluster.signed import Verifier
from lumbung_node.adapters.identity_folder import replace_file
from lumbung_node.ports.transport import Channel, Dialer, Endpoint
from lumbung_node.ports.world import Blocking
from lumbung_tools.client.ask import BlobName
from lumbung_tools.client.get import Source
from lumbung_tools.client.learning import LearningChannel
from lumbung_tools.client.profile import Profile
from lumbung_tools.client.rosters import fetch_roster
from lumbung_tools.client.trust import VerifiedRoster, read_roster, renew_roster
from lumbung_tools.client.waits import Waits, WatchedChannel

__all__ = ["OpenTransport", "Session", "Threads", "open_session"]

T = TypeVar("T")
OpenTransport = Callable[[Profile], AbstractAsyncContextManager[Dialer]]
"""How to make the transport for a profile's certificate; the composition root gives the gRPC one."""

_ROSTER_AGE_S_MAX = 24 * 3600.0  # recipients change a few times a year; a roster is up to 900 KiB on a thin line
_ROSTER_FETCH_S = 5.0  # sealing never waits longer for a newer roster


class Threads:
    """Blocking work in trio's threads. A cancel waits for the work to end, or `leaves` it to its thread."""

    def __init__(self, *, leaves: bool) -> None:
        self._leaves = leaves

    async def run(self, work: Callable[[], T]) -> T:
        return await trio.to_thread.run_sync(work, abandon_on_cancel=self._leaves)


class Session:
    """Made by `open_session`; channels live as long as it does."""

    def __init__(self, profile: Profile, roster: VerifiedRoster, transport: Dialer, verifier: Verifier) -> None:
        self.profile = profile
        self.roster = roster
        self.blocking: Blocking = Threads(leaves=False)
        # For what a person named: a pipe or a keyboard may give nothing for ever, and Ctrl-C must end that too.
        self.reading: Blocking = Threads(leaves=True)
        self._transport = transport
        self._verifier = verifier
        self.waits = Waits()
        self._channels: dict[tuple[NodeNumber, str], Channel] = {}
        self._roster_turn = threading.Lock()

    @property
    def own(self) -> Channel:
        """To the office's own node."""
        address = self.profile.address
        return self._channels_to(self.profile.node, address)[0]

    @property
    def verifier(self) -> Verifier:
        return self._verifier

    def channels(self, number: NodeNumber) -> list[Channel]:
        """To a node, at each of its addresses, best first. Raises KeyRefused when the roster names none."""
        return self._channels_to(number, self.profile.address if number == self.profile.node else None)

    def sources(self, wanted: BlobName, origin: NodeNumber | None, only: NodeNumber | None) -> list[Source]:
        """Whom to ask for a blob, in this order: the own node, then the origin and its holders, each address once.

        `origin` None is our own. Only the origin knows its records, so nobody else is asked by one.
        """
        node = self.profile.node
        whose = origin or node
        asked = (only,) if only is not None else (node, *self._holders(wanted, whose))
        return [source for number in dict.fromkeys(asked) for source in self._sources_at(number, whose)]

    async def renew_roster(self) -> None:
        """Take a newer roster from the own node, if ours was not compared for a day. Unreachable: keep what is held.

        Raises KeyRefused for a fork: then nobody should seal.
        """
        path = self.profile.roster
        if time.time() - os.stat(path).st_mtime < _ROSTER_AGE_S_MAX:
            return
        try:
            shown = await fetch_roster(self.own, deadline_s=_ROSTER_FETCH_S)
        except LumbungError:
            return
        self.take_roster(shown)

    def take_roster(self, raw: bytes) -> None:
        """Keep this roster if it rightfully follows ours. Raises KeyRefused. Blocks on the disk."""
        with self._roster_turn:  # two nodes may be asked at once, each from a thread: the older one must not win
            renewed = renew_roster(self.roster, raw, self.profile.roster, self._verifier)
            self.roster = _naming_vans(renewed, self.profile, self._verifier)
            os.utime(self.profile.roster)

    def take_access_list(self, raw: bytes) -> bool:
        """Keep our office's list if it names vans, so that we know them; whether it did. Blocks on the disk."""
        known = self.roster.naming_vans(raw, self._verifier)
        if known.roster.nodes == self.roster.signed.parse().nodes:
            return False
        replace_file(self.profile.access_list, raw)
        self.roster = known
        return True

    async def close(self) -> None:
        for channel in self._channels.values():
            await channel.close()

    def _holders(self, wanted: BlobName, origin: NodeNumber) -> list[NodeNumber]:
        roster = self.roster.roster
        if wanted.record_tag:
            return [origin]
        unit = wanted.prefix[0] >> 2
        return [number for number in roster.receivers_of(origin, unit) if roster.is_present(number)]

    def _sources_at(self, number: NodeNumber, origin: NodeNumber) -> list[Source]:
        address = self.profile.address if number == self.profile.node else None
        channels = self._channels_to(number, address)
        # On the wire 0 is the answering node's own origin.
        return [Source(self.roster.name(number), channel, 0 if number == origin else origin) for channel in channels]

    def _channels_to(self, number: NodeNumber, address: str | None) -> list[Channel]:
        endpoints = self.roster.endpoints(number, address)
        if not endpoints:
            raise KeyRefused(f"roster: expected an address of {self.roster.name(number)}, got none")
        for endpoint in endpoints:
            key = (number, endpoint.address)
            if key not in self._channels:
                whom = f"{self.roster.name(number)} ({endpoint.address})"
                self._channels[key] = WatchedChannel(self._learning(number, endpoint.address), self.waits, whom)
        return [self._channels[number, endpoint.address] for endpoint in endpoints]

    def _learning(self, number: NodeNumber, address: str) -> LearningChannel:
        def endpoint() -> Endpoint:
            return self.roster.endpoints(number, address)[0]

        async def learn() -> None:
            held = endpoint()
            channel = self._transport.dial(Endpoint(held.address, held.uri, (), held.link))
            try:
                shown = await fetch_roster(channel, deadline_s=_ROSTER_FETCH_S)
                await self.blocking.run(partial(self.take_roster, shown))
            except LumbungError as exc:
                is_late = isinstance(exc, Rejected) and exc.code is StatusCode.DEADLINE_EXCEEDED
                if is_late or isinstance(exc, PeerUnreachable | PeerGone):
                    raise _not_shown(held) from exc
                return  # the refusal of its key stands
            finally:
                await channel.close()

        return LearningChannel(endpoint, self._transport.dial, learn)


@asynccontextmanager
async def open_session(profile: Profile, open_transport: OpenTransport, verifier: Verifier) -> AsyncIterator[Session]:
    """Nothing is dialled yet. Raises KeyRefused for a roster or key that is not in order."""
    roster = _naming_vans(read_roster(profile.roster, profile.cluster, verifier), profile, verifier)
    async with open_transport(profile) as transport:
        session = Session(profile, roster, transport, verifier)
        try:
            yield session
        finally:
            with trio.CancelScope(shield=True, deadline=trio.current_time() + limits.DIAL_TIMEOUT_S):
                await session.close()


def _naming_vans(roster: VerifiedRoster, profile: Profile, verifier: Verifier) -> VerifiedRoster:
    if not profile.access_list.exists():
        return roster
    return roster.naming_vans(profile.access_list.read_bytes(), verifier)


def _not_shown(endpoint: Endpoint) -> PeerUnreachable:
    """A node that is just starting, or a thief that keeps silent: asked again, nothing goes to it meanwhile."""
    return PeerUnreachable(
        f"{endpoint.address}: it has another key than our roster names, and did not show its own roster"
    )
