"""What the benchmark of a rebuild counts: bytes that were sent to the wiped node, and which of them came twice."""

from __future__ import annotations

from lumbung_cluster.ids import NodeNumber
from lumbung_tools.bench.refill import Refill, sent_to

_VICTIM = NodeNumber(1)
_LOG = [
    '{"event": "store open", "generation": 1}',
    '{"event": "session ended", "peer": 1, "sent_bytes": 700, "received_bytes": 5}',
    '{"event": "session ended", "peer": 2, "sent_bytes": 9000, "received_bytes": 0}',
    "I0000 00:00:1 a line of gRPC's own",
    '{"event": "session ended", "peer": 1, "sent_bytes": 400, "received_bytes": 0}',
]


def test_only_what_went_to_the_wiped_node_is_counted_over_all_its_sessions() -> None:
    assert sent_to(_VICTIM, _LOG) == 1100


def test_what_was_sent_beyond_the_load_was_sent_again() -> None:
    refill = Refill(10, 1000, first_s=1.0, elapsed_s=3.0, sent_bytes=1100, killed_at=5, cpu_s={})
    assert refill.resent_bytes == 100
    assert refill.flowing_mb_s > refill.mb_s > 0
