"""What a node answered, as values: copies that are proven, and how a put ended."""

from __future__ import annotations

from enum import Enum

from lumbung_cluster.errors import StatusCode
from lumbung_cluster.ids import BlobId
from lumbung_cluster.record import record
from lumbung_proto.v1 import blobs_pb2 as wire

__all__ = ["NO_COPIES", "CopyCount", "Outcome", "PutAnswer", "read_answer", "read_copies"]


class Outcome(Enum):
    """How a put ended; the values stand in JSON."""

    STORED = "stored"
    REPEATED = "repeated"  # the node had it already, and read it again to be sure
    REFUSED = "refused"
    UNKNOWN = "unknown"  # neither stored nor failed: send the same bytes again
    NOT_SENT = "not_sent"  # no byte of it left; the client's own word, no node says it

    @property
    def is_durable(self) -> bool:
        return self in (Outcome.STORED, Outcome.REPEATED)


@record
class CopyCount:
    """Proven copies at the moment of the answer; node numbers, the origin first."""

    count: int
    wanted: int
    safe: bool
    holders: tuple[int, ...]
    missing: tuple[int, ...]


NO_COPIES = CopyCount(0, 0, False, (), ())


@record
class PutAnswer:
    """One answer about one blob. `final` is false while the node still waits for copies.

    `sentence` is the node's own words, empty when all is well; `code` says of a refusal what kind it is, and
    `retry_after_s` when to try again, 0 when that is not known. `other_bytes` is the size of what is stored where that
    is another sealing than was sent, else 0.
    """

    outcome: Outcome
    id: BlobId | None
    copies: CopyCount
    code: StatusCode
    sentence: str
    final: bool
    new_version: bool
    retry_after_s: float = 0.0
    other_bytes: int = 0


_OUTCOMES = {
    wire.PUT_OUTCOME_STORED: Outcome.STORED,
    wire.PUT_OUTCOME_REPEATED: Outcome.REPEATED,
    wire.PUT_OUTCOME_REFUSED: Outcome.REFUSED,
}
_CODES = {code.value: code for code in StatusCode}


def read_answer(raw: wire.PutAnswer) -> PutAnswer:
    """An outcome that this version does not know counts as unknown: the safe side is to ask again."""
    return PutAnswer(
        outcome=_OUTCOMES.get(raw.outcome, Outcome.UNKNOWN),
        id=BlobId(raw.id) if raw.id else None,
        copies=read_copies(raw.copies),
        code=_CODES.get(raw.status_code, StatusCode.UNKNOWN),
        sentence=raw.sentence,
        final=raw.final,
        new_version=raw.new_version,
        retry_after_s=raw.retry_after_ms / 1000,
        other_bytes=raw.size_bytes,
    )


def read_copies(raw: wire.CopyCount) -> CopyCount:
    return CopyCount(raw.count, raw.wanted, raw.safe, tuple(raw.holders), tuple(raw.missing))
