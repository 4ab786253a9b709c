"""Exit codes of every command, and which one wins when several things happened.

0 ok              3 stored, but short of copies     6 refused
1 our bug         4 not found                       7 unreachable
2 usage, config   5 unknown, try again              8 damaged
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum

from lumbung_cluster.canonical import Malformed
from lumbung_cluster.errors import (
    BlobDamaged,
    KeyRefused,
    LumbungError,
    OutcomeUnknown,
    PeerGone,
    PeerUnreachable,
    Rejected,
    StatusCode,
    TrustRefused,
)
from lumbung_node.toml_table import ConfigError
from lumbung_tools.client.answers import Outcome, PutAnswer
from lumbung_tools.client.get import NobodyHasIt
from lumbung_tools.sealing import PlaintextRefused

__all__ = ["ExitCode", "of_error", "of_put", "worst"]


class ExitCode(IntEnum):
    OK = 0
    BUG = 1
    USAGE = 2
    COPIES_SHORT = 3
    NOT_FOUND = 4
    UNKNOWN = 5
    REFUSED = 6
    UNREACHABLE = 7
    DAMAGED = 8


# The design orders 1, 8, 5, 7, 6, 3; "not found" and "unreadable path" come between a refusal and a stored blob.
_WORST_FIRST = (
    ExitCode.BUG,
    ExitCode.DAMAGED,
    ExitCode.UNKNOWN,
    ExitCode.UNREACHABLE,
    ExitCode.REFUSED,
    ExitCode.NOT_FOUND,
    ExitCode.USAGE,
    ExitCode.COPIES_SHORT,
    ExitCode.OK,
)
_OF_STATUS = {
    StatusCode.NOT_FOUND: ExitCode.NOT_FOUND,
    StatusCode.DATA_LOSS: ExitCode.DAMAGED,
    StatusCode.UNAVAILABLE: ExitCode.UNKNOWN,
    StatusCode.ABORTED: ExitCode.UNKNOWN,
    StatusCode.CANCELLED: ExitCode.UNKNOWN,
    StatusCode.DEADLINE_EXCEEDED: ExitCode.UNKNOWN,
    StatusCode.INTERNAL: ExitCode.BUG,
    StatusCode.UNKNOWN: ExitCode.BUG,
}


def worst(codes: Iterable[ExitCode]) -> ExitCode:
    """The one code for several paths; OK for none."""
    return min(codes, key=_WORST_FIRST.index, default=ExitCode.OK)


def of_error(error: BaseException) -> ExitCode:
    """What an expected error means for the caller; BUG for everything that is not expected."""
    match error:
        case NobodyHasIt():
            return worst(of_error(failure) for _, failure in error.failures)
        case Rejected():
            return _OF_STATUS.get(error.code, ExitCode.REFUSED)
        case PeerUnreachable():
            return ExitCode.UNREACHABLE
        case TrustRefused():
            return ExitCode.REFUSED
        case PeerGone() | OutcomeUnknown():
            return ExitCode.UNKNOWN
        case BlobDamaged():
            return ExitCode.DAMAGED
        case ConfigError() | KeyRefused() | Malformed() | PlaintextRefused() | OSError():
            return ExitCode.USAGE
        case LumbungError():
            return ExitCode.REFUSED
        case _:
            return ExitCode.BUG


def of_put(answer: PutAnswer, copies_asked: int) -> ExitCode:
    """The code of one path that was sent: once bytes may have arrived, a failure of the line is "unknown"."""
    match answer.outcome:
        case Outcome.STORED | Outcome.REPEATED:
            return ExitCode.OK if answer.copies.count >= copies_asked else ExitCode.COPIES_SHORT
        case Outcome.UNKNOWN:
            return ExitCode.UNKNOWN
        case Outcome.NOT_SENT:
            return ExitCode.UNREACHABLE
        case Outcome.REFUSED:
            code = _OF_STATUS.get(answer.code, ExitCode.REFUSED)
            return ExitCode.REFUSED if code is ExitCode.NOT_FOUND else code
