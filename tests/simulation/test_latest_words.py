"""What "the latest word counts" asks for where a disk brings a word late."""

from __future__ import annotations

import pytest

from lumbung_cluster.ids import BlobId, Generation, NodeNumber
from lumbung_cluster.receipt import Statement, StatementKind
from lumbung_testing.rosters import CLUSTER
from lumbung_testing.simulation.invariants.words import came_between

_RECEIPT, _WITHDRAWAL = StatementKind.COMMIT_RECEIPT, StatementKind.WITHDRAWAL


def _word(kind: StatementKind, nonce: int, generation: int = 2) -> Statement:
    origin, holder = NodeNumber(3), NodeNumber(4)
    blobs = (BlobId.of(b"a recording"),)
    return Statement(kind, CLUSTER, holder, Generation(generation), 1, origin, nonce, 9, 5_000, blobs, ())


@pytest.mark.parametrize(
    ("before", "held", "is_so"),
    [
        (_word(_RECEIPT, 830), _word(_WITHDRAWAL, 832), True),
        (None, _word(_WITHDRAWAL, 832), False),
        (_word(_WITHDRAWAL, 829), _word(_WITHDRAWAL, 832), False),
        (_word(_RECEIPT, 834), _word(_WITHDRAWAL, 832), False),
        (_word(_RECEIPT, 830, generation=1), _word(_WITHDRAWAL, 832), False),
        (_word(_RECEIPT, 830), _word(_RECEIPT, 832), False),
        (_word(_RECEIPT, 830), None, False),
    ],
    ids=["a late one", "was kept", "is a proof again", "an earlier one", "a new life", "no withdrawal", "nothing held"],
)
def test_a_withdrawal_that_comes_behind_a_receipt_which_said_nothing_new_counts(
    before: Statement | None, held: Statement | None, is_so: bool
) -> None:
    """Seed 77035: n4 proved a blob, took it back on a disk, proved it again on the line, and then the disk came."""
    assert came_between(before, held, _word(_RECEIPT, 836)) is is_so
