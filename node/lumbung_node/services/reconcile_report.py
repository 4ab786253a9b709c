"""What a reconcile says of itself, while it works and at its end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from lumbung_cluster.ids import NodeNumber

__all__ = ["Outcome", "Report", "Result"]


class Outcome(Enum):
    """How one origin stands between us and one peer. Only the first two say that nothing is missing."""

    EQUAL = "equal"
    MENDED = "mended"  # what differed was moved, and the digests prove that nothing is left
    WORKING = "working"  # not an end: so far
    REBUILDING = "rebuilding"  # so much is missing that everything is offered anew
    BUSY = "busy"  # what differs is on its way in feed order, or an inventory is being rebuilt
    PARTLY = "partly"  # what was found was moved; another go must look for the rest
    NOT_DELIVERED = "not delivered"  # some did not come: nobody of the two has good bytes, or a disk is full
    UNEXPLAINED = "unexplained"  # what the peer says does not add up
    REFUSED = "refused"  # the peer did not answer, or would not


@dataclass(slots=True)
class Result:
    """Numbers of ids: found lacking here and there, and brought since."""

    peer: NodeNumber
    origin: NodeNumber
    outcome: Outcome = Outcome.WORKING
    lacked_here: int = 0
    lacked_there: int = 0
    mended_here: int = 0
    mended_there: int = 0
    sentence: str = ""

    @property
    def is_whole(self) -> bool:
        """Whether both sides were seen to hold the same."""
        return self.outcome in (Outcome.EQUAL, Outcome.MENDED)

    def end(self, outcome: Outcome, sentence: str = "") -> Result:
        """This is how it ended."""
        self.outcome, self.sentence = outcome, sentence
        return self


Report: TypeAlias = Callable[[Result], None]
