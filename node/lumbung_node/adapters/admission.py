"""Who gets a call slot, and what a handler's failure says to the caller: the rules that every transport shares.

Order of judgement: the access check first, so that a stranger never takes a slot; then the slots of the one caller;
then those of all. A bound over all callers alone would let one peer with 16 idle streams starve everybody.

Streams are bounded once more: each may keep whole windows of bytes that nobody reads. A few are every caller's own, the
others are shared, so that no caller's own ones depend on what the rest do.
"""

from __future__ import annotations

from collections import Counter

from lumbung_cluster.errors import PeerGone, Rejected, StatusCode, leaves_of
from lumbung_cluster.limits import STREAMS_OWN, STREAMS_SHARED_MAX
from lumbung_node.ports.transport import AccessCheck, Caller, CallKind, Method

__all__ = ["Admission", "AnswerCount", "internal_error", "refusal_in"]

_ONE_ANSWER = (CallKind.UNARY, CallKind.CLIENT_STREAM)


class Admission:
    """Admits calls and counts them by the caller's URI; every `admit` that returned needs one `leave`."""

    def __init__(self, access_check: AccessCheck, *, calls_per_peer_max: int, calls_total_max: int) -> None:
        self._access_check = access_check
        self._calls_per_peer_max = calls_per_peer_max
        self._calls_total_max = calls_total_max
        self._open: Counter[str] = Counter()
        self._streams: Counter[str] = Counter()
        self._streams_shared = 0

    def admit(self, caller: Caller, method: Method) -> None:
        """Take a slot. Raises Rejected: PERMISSION_DENIED by the access check, RESOURCE_EXHAUSTED without a slot."""
        self._access_check(caller, method)
        own = self._open[caller.uri]
        if own >= self._calls_per_peer_max:
            sentence = f"open calls of {caller.uri}: expected at most {self._calls_per_peer_max}, got {own + 1}"
            raise Rejected(StatusCode.RESOURCE_EXHAUSTED, sentence)
        if self._open.total() >= self._calls_total_max:
            sentence = f"open calls of all peers: expected at most {self._calls_total_max}, try again later"
            raise Rejected(StatusCode.RESOURCE_EXHAUSTED, sentence)
        if method.kind is not CallKind.UNARY:
            self._admit_stream(caller.uri)
        self._open[caller.uri] += 1

    def _admit_stream(self, uri: str) -> None:
        is_shared = self._streams[uri] >= STREAMS_OWN
        if is_shared and self._streams_shared >= STREAMS_SHARED_MAX:
            sentence = (
                f"open streams above {STREAMS_OWN} of a caller: expected at most {STREAMS_SHARED_MAX} of all callers"
            )
            raise Rejected(StatusCode.RESOURCE_EXHAUSTED, f"{sentence}, got one more: try again later")
        self._streams[uri] += 1
        self._streams_shared += is_shared

    def leave(self, caller: Caller, method: Method) -> None:
        """Give the slot back."""
        _count_down(self._open, caller.uri)
        if method.kind is not CallKind.UNARY:
            self._streams_shared -= self._streams[caller.uri] > STREAMS_OWN
            _count_down(self._streams, caller.uri)


def _count_down(counts: Counter[str], uri: str) -> None:
    counts[uri] -= 1
    if not counts[uri]:
        del counts[uri]


class AnswerCount:
    """Holds a handler of one answer to it: a second message, or none at the end, is our bug and not the caller's."""

    def __init__(self, method: Method) -> None:
        self._is_single = method.kind in _ONE_ANSWER
        self._name = method.name
        self._sent = 0

    def add(self) -> None:
        """Before each message. Raises RuntimeError for one too many."""
        if self._is_single and self._sent:
            raise RuntimeError(f"handler of {self._name}: expected one answer, got another")
        self._sent += 1

    def close(self) -> None:
        """When the handler returned. Raises RuntimeError if it owes its answer."""
        if self._is_single and not self._sent:
            raise RuntimeError(f"handler of {self._name}: expected one answer, got none")


def refusal_in(failure: BaseException) -> Rejected | None:
    """The refusal that a handler meant to raise, also from inside its nurseries; None when anything else is in there.

    A PeerGone beside a refusal is its echo in another task of the handler. Alone it is a caller who has left, which is
    no bug of ours, from however deep it comes: CANCELLED.
    """
    leaves = leaves_of(failure)
    if not all(isinstance(leaf, Rejected | PeerGone) for leaf in leaves):
        return None
    refusals = [leaf for leaf in leaves if isinstance(leaf, Rejected)]
    return refusals[0] if refusals else Rejected(StatusCode.CANCELLED, str(leaves[0]))


def internal_error(event_id: str) -> Rejected:
    """What a bug says to the outside: an id to find it in the log by, and nothing of its text."""
    return Rejected(StatusCode.INTERNAL, f"internal error, event {event_id}")
