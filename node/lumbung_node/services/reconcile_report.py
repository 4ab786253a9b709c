"""What a reconcile is asked to do, what it says of itself while it works and at its end, and what is kept of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import TypeAlias

import trio

from lumbung_cluster.ids import NodeNumber

__all__ = ["Cost", "Last", "Order", "Outcome", "Reason", "ReconcileBook", "Report", "Result", "say_nothing"]


class Outcome(Enum):
    """How one origin stands between us and one peer. Only the first two say that nothing is missing."""

    EQUAL = "equal"
    MENDED = "mended"  # what differed was moved, and the digests prove that nothing is left
    WORKING = "working"  # not an end: so far
    REBUILDING = "rebuilding"  # so much is missing that everything is offered anew
    BUSY = "busy"  # not to be told now; it will be looked at again
    PARTLY = "partly"  # what was found was moved; another go must look for the rest
    NOT_DELIVERED = "not delivered"  # some did not come: nobody of the two has good bytes, or a disk is full
    UNEXPLAINED = "unexplained"  # what the peer says does not add up
    REFUSED = "refused"  # the peer did not answer, or would not
    NOT_CONNECTED = "not connected"  # there is no session with the peer, or it ended meanwhile


class Reason(Enum):
    """Why an origin is not seen to be equal, by words that never change; NONE when it is."""

    NONE = "none"
    NO_SESSION = "no_session"
    SESSION_ENDED = "session_ended"
    NO_ANSWER = "no_answer"
    PEER_REFUSED = "peer_refused"  # the sentence is the peer's
    PEER_BUSY = "peer_busy"  # it keeps too many moments for others, or rebuilds its inventory
    ON_ITS_WAY = "on_its_way"  # the feed brings it
    INVENTORY_REBUILT = "inventory_rebuilt"  # ours
    EVERYTHING_OFFERED = "everything_offered"
    MORE_LEFT = "more_left"
    STOPPED = "stopped"  # whoever asked has gone
    NO_GOOD_BYTES = "no_good_bytes"  # at neither of the two
    DISK_FULL_HERE = "disk_full_here"
    NOT_TAKEN = "not_taken"  # the peer did not take what it lacks; the sentence is the peer's
    NOT_COME = "not_come"  # the peer did not bring what it has
    DOES_NOT_ADD_UP = "does_not_add_up"


@dataclass(slots=True)
class Cost:
    """Bytes of the protocol both ways (frames and their payload), and questions that were answered.

    `searches` are those of the questions that find out what differs; the others move it and settle. Offers and blobs
    are not counted: they are the same whoever finds out.
    """

    size_bytes: int = 0
    questions: int = 0
    searches: int = 0

    def since(self, before: Cost) -> Cost:
        """What came to it since `before` was copied from it."""
        return Cost(
            self.size_bytes - before.size_bytes, self.questions - before.questions, self.searches - before.searches
        )

    def add(self, other: Cost) -> None:
        self.size_bytes += other.size_bytes
        self.questions += other.questions
        self.searches += other.searches


@dataclass(slots=True)
class Result:
    """Numbers of ids: found lacking here and there, and brought since; and why others were not.

    `damaged_here` and `damaged_there` lie only there of the two, and their bytes are wrong; `not_taken` were offered
    and the peer did not take them, `not_come` were promised and did not come. `sentence` is for the log, or the peer's.
    """

    peer: NodeNumber
    origin: NodeNumber
    outcome: Outcome = Outcome.WORKING
    lacked_here: int = 0
    lacked_there: int = 0
    mended_here: int = 0
    mended_there: int = 0
    damaged_here: int = 0
    damaged_there: int = 0
    not_taken: int = 0
    not_come: int = 0
    reason: Reason = Reason.NONE
    sentence: str = ""

    @property
    def is_whole(self) -> bool:
        """Whether both sides were seen to hold the same."""
        return self.outcome in (Outcome.EQUAL, Outcome.MENDED)

    @property
    def is_all_here(self) -> bool:
        """Whether nothing that the peer has was left behind, though it may still lack something of ours."""
        is_theirs_alone = self.outcome is Outcome.NOT_DELIVERED and self.reason is Reason.NOT_TAKEN
        has_all = self.mended_here >= self.lacked_here and not (self.damaged_there or self.not_come)
        return self.is_whole or (is_theirs_alone and has_all)

    def end(self, outcome: Outcome, reason: Reason = Reason.NONE, sentence: str = "") -> Result:
        """This is how it ended."""
        self.outcome, self.reason, self.sentence = outcome, reason, sentence
        return self

    def after(self, before: Result | None) -> Result:
        """The sum of several goes over one origin; this one, the last, says how it ended."""
        if before is None:
            return self
        outcome = self.outcome
        if outcome is Outcome.EQUAL and (before.lacked_here or before.lacked_there):
            outcome = Outcome.MENDED
        return replace(
            self,
            outcome=outcome,
            lacked_here=max(before.lacked_here, before.mended_here + self.lacked_here),
            lacked_there=max(before.lacked_there, before.mended_there + self.lacked_there),
            mended_here=before.mended_here + self.mended_here,
            mended_there=before.mended_there + self.mended_there,
        )


Report: TypeAlias = Callable[[Result], None]


def say_nothing(_result: Result) -> None:
    """For a reconcile that nobody watches."""


@dataclass(slots=True)
class Order:
    """One reconcile that somebody asked for.

    When he has gone it ends at its next step, and not inside a question: the next one would take its late answer.
    """

    origins: tuple[NodeNumber, ...]
    report: Report = say_nothing
    cost: Cost = field(default_factory=Cost)
    _is_given_up: bool = False

    def give_up(self) -> None:
        self._is_given_up = True

    def goes_on(self) -> bool:
        return not self._is_given_up


@dataclass(frozen=True, slots=True)
class Last:
    """How a reconcile of one origin with one peer ended, and when (trio time)."""

    result: Result
    at: float


class ReconcileBook:
    """The last end of each (peer, origin) since the process began; those of pairs that share nothing now too."""

    def __init__(self) -> None:
        self._last: dict[tuple[NodeNumber, NodeNumber], Last] = {}

    def note(self, result: Result) -> None:
        self._last[result.peer, result.origin] = Last(replace(result), trio.current_time())

    def confirm(self, peer: NodeNumber, origin: NodeNumber) -> None:
        """The peer asked, and the two were seen to be equal."""
        self.note(Result(peer, origin, Outcome.EQUAL))

    def of(self, peer: NodeNumber, origins: Iterable[NodeNumber]) -> dict[NodeNumber, Last]:
        """Those of `origins` that were compared with this peer at all."""
        return {origin: self._last[peer, origin] for origin in origins if (peer, origin) in self._last}
