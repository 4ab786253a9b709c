"""What can go wrong, one class for each different thing that the caller does next.

A `Rejected` crosses the wire as a gRPC status with its sentence; everything else is translated at a border.
"""

from __future__ import annotations

from enum import Enum

__all__ = [
    "BlobDamaged",
    "ClockSkewed",
    "DiskFailed",
    "DiskFull",
    "InventoryUnknown",
    "KeyRefused",
    "LumbungError",
    "OutcomeUnknown",
    "PeerGone",
    "PeerUnreachable",
    "Rejected",
    "StatusCode",
    "StoreClosed",
    "StoreDamaged",
    "StoreLocked",
    "StoreMisconfigured",
    "TrustRefused",
    "leaves_of",
]


class StatusCode(Enum):
    """The gRPC status codes that lumbung uses; the value is gRPC's number."""

    OK = 0
    CANCELLED = 1
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    OUT_OF_RANGE = 11
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    DATA_LOSS = 15
    UNAUTHENTICATED = 16


class LumbungError(Exception):
    """The root of what lumbung raises on purpose."""


class Rejected(LumbungError):
    """A request was refused: raised by a handler it leaves as this status, raised by a client it came from the peer.

    The sentence says what was expected and what came, in lower case. `retry_after_s`: when to come again, 0 when that
    is not known.
    """

    def __init__(self, code: StatusCode, sentence: str, *, retry_after_s: float = 0.0) -> None:
        super().__init__(f"{code.name}: {sentence}")
        self.code = code
        self.sentence = sentence
        self.retry_after_s = retry_after_s


class PeerUnreachable(LumbungError):
    """Nobody answers at the peer's addresses: try again later."""


class TrustRefused(LumbungError):
    """Somebody answers, but the TLS handshake failed or the certificate is not the one that the roster pins."""


class PeerGone(LumbungError):
    """The connection or the stream ended before its end: what was under way is unknown."""


class OutcomeUnknown(LumbungError):
    """An error came before the covering fsync returned: neither done nor failed. Ask again; never retry the fsync."""


class DiskFull(LumbungError):
    """No space left: refuse new bytes, keep reading, wait for space."""


class DiskFailed(LumbungError):
    """The disk answered with an I/O error: stop taking in, say so."""


class InventoryUnknown(LumbungError):
    """Rows from which an origin's inventory follows cannot be read: say nothing of its set, and go on recording."""


class StoreDamaged(LumbungError):
    """The store does not open, or its own structure is corrupt: set it aside and record into a fresh one."""


class StoreLocked(LumbungError):
    """Another process has this store open."""


class StoreMisconfigured(LumbungError):
    """The store was made by a newer lumbung or with other options: exit with the sentence."""


class StoreClosed(LumbungError):
    """The store is closing or closed: drop the request."""


class BlobDamaged(LumbungError):
    """Stored bytes do not hash to their id (or cannot be read): quarantine, withdraw, refetch."""


class KeyRefused(LumbungError):
    """A signature, key or certificate that must be right is not: an operator has to act."""


class ClockSkewed(LumbungError):
    """The wall clock jumped: certificates and times cannot be trusted until it is set."""


def leaves_of(failure: BaseException) -> list[BaseException]:
    """The errors themselves, out of all groups that nurseries have put around them."""
    if isinstance(failure, BaseExceptionGroup):
        return [leaf for part in failure.exceptions for leaf in leaves_of(part)]
    return [failure]
