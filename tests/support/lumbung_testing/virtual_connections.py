"""A virtual connection between two hosts: who learns when that the other is gone.

alive --cut, kill, stop--> lost, at once or when the last packet arrives
alive --a line closed--> quiet --both open in time--> alive
                         quiet --patience over--> lost at that side; the other learns it when the lines open
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from lumbung_node.ports.transport import Endpoint, LinkClass
from lumbung_testing.virtual_lines import Line, Pipe

__all__ = ["CallOnConnection", "Connection", "Side"]


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a side lives with silence: having nothing to send (keepalive), and with bytes that nobody confirms."""

    idle_s: float
    unconfirmed_s: float


# As the gRPC adapter's options have it. Who dials knows the class of the link; a server does not, so it gives up late:
# long after the client has dialled anew. A satellite line has no keepalive: TCP sends again for a quarter of an hour.
_CLIENT_PATIENCE = {
    LinkClass.LAN: Patience(idle_s=2.0, unconfirmed_s=1.0),
    LinkClass.WAN: Patience(idle_s=50.0, unconfirmed_s=20.0),
    LinkClass.SATELLITE: Patience(idle_s=math.inf, unconfirmed_s=900.0),
}
_SERVER_PATIENCE = Patience(idle_s=320.0, unconfirmed_s=20.0)


class Side(Enum):
    CLIENT = "client"
    SERVER = "server"


class CallOnConnection(Protocol):
    """What a connection knows of its calls."""

    def wake(self) -> None:
        """Something about the connection or its lines changed."""
        ...

    def outgoing(self, side: Side) -> Pipe: ...


class Connection:
    """`there` leads from the client to the server, `back` the other way."""

    def __init__(self, endpoint: Endpoint, there: Line, back: Line, now: float) -> None:
        self.endpoint = endpoint
        self.there = there
        self.back = back
        self.calls: dict[CallOnConnection, None] = {}
        self.established_at = math.inf
        self._patience = {Side.CLIENT: _CLIENT_PATIENCE[endpoint.link], Side.SERVER: _SERVER_PATIENCE}
        self._lost_at = {Side.CLIENT: math.inf, Side.SERVER: math.inf}
        self._quiet_since: float | None = None
        self._quiet_until = -math.inf
        self._asked_since: dict[Side, float] = {}
        self._is_silent_for_ever = False
        self.follow_lines(now)

    @property
    def is_established(self) -> bool:
        return self.established_at < math.inf

    @property
    def round_trip_s(self) -> float:
        return self.there.shape.latency_s + self.back.shape.latency_s

    def lost_at(self, side: Side) -> float:
        """When this side learns that the other is gone, as things stand; inf while nothing speaks for it."""
        noticed_at = math.inf
        if self._quiet_since is not None:
            # A dial has its own timeout: the patience of a connection begins when there is one.
            quiet_since = max(self._quiet_since, self.established_at)
            asked_since = max(self._asked_since.get(side, math.inf), self.established_at)
            patience = self._patience[side]
            noticed_at = min(quiet_since + patience.idle_s, asked_since + patience.unconfirmed_s)
        return min(self._lost_at[side], noticed_at if noticed_at < self._quiet_until else math.inf)

    def lose(self, side: Side, at: float) -> None:
        """This side learns at that time that the other is gone."""
        self._lost_at[side] = min(self._lost_at[side], at)
        self.wake()

    def hang_up(self, side: Side, now: float) -> None:
        """This side's process closes it or dies; the other learns it when the last packet arrives.

        Over a closed line none does: then by patience, or from the kernel when the line opens.
        """
        line, other = (self.there, Side.SERVER) if side is Side.CLIENT else (self.back, Side.CLIENT)
        told_at = line.arrival(0, now)
        self.lose(side, now)
        self.lose(other, told_at)

    def fall_silent(self, now: float) -> None:
        """The other host lost power: nothing ever comes back, and only patience tells."""
        self._be_quiet(now, math.inf)
        self._is_silent_for_ever = True
        self.wake()

    def note_sending(self, side: Side, now: float) -> None:
        """A side sends, and waits for the bytes to be confirmed."""
        if self._quiet_since is not None and now < self._quiet_until:
            self._asked_since.setdefault(side, now)

    def follow_lines(self, now: float) -> None:
        """One of the lines was closed or opened."""
        if self._is_silent_for_ever:
            return
        until = max(self.there.closed_until, self.back.closed_until)
        if until > now:
            self._be_quiet(now, until)
        elif self._quiet_since is not None:
            self._be_heard(now)
        self.wake()

    def is_over(self, now: float) -> bool:
        """Whether both sides know that it is lost."""
        return all(self.lost_at(side) <= now for side in Side)

    def wake(self) -> None:
        for call in list(self.calls):
            call.wake()

    def _be_quiet(self, now: float, until: float) -> None:
        if self._quiet_since is not None and now >= self._quiet_until:
            self._be_heard(now)
        if self._quiet_since is None:
            self._quiet_since = now
            self._asked_since.clear()
            for side in Side:
                if any(call.outgoing(side).is_under_way(now) for call in self.calls):
                    self._asked_since[side] = now
        self._quiet_until = until

    def _be_heard(self, now: float) -> None:
        # Whoever gave up while it was quiet has forgotten the connection, and tells the other so at its next packet.
        was_given_up = any(self.lost_at(side) <= now for side in Side)
        self._quiet_since, self._quiet_until = None, -math.inf
        if was_given_up:
            for side in Side:
                self.lose(side, now)
