"""Two builds speak the highest wire version that both know, and nothing that the older one does not know."""

from __future__ import annotations

import pytest

from lumbung_cluster.wire import SPOKEN, WireRange, may_send, passes_over_unknown
from lumbung_proto.v1 import peer_pb2

KINDS = [field.name for field in peer_pb2.SessionFrame.DESCRIPTOR.oneofs_by_name["kind"].fields]


@pytest.mark.parametrize(
    ("ours", "theirs", "spoken"),
    [((0, 1), (0, 1), 1), ((0, 1), (0, 0), 0), ((0, 0), (0, 9), 0), ((1, 3), (2, 5), 3), ((0, 1), (2, 3), None)],
)
def test_the_highest_common_version_is_spoken(
    ours: tuple[int, int], theirs: tuple[int, int], spoken: int | None
) -> None:
    assert WireRange(*ours).common(WireRange(*theirs)) == spoken
    assert WireRange(*theirs).common(WireRange(*ours)) == spoken


def test_we_still_speak_the_version_before_ours() -> None:
    assert SPOKEN.low == 0
    assert SPOKEN.high == 3


@pytest.mark.parametrize("kind", KINDS)
def test_every_frame_may_be_said_under_the_newest_version(kind: str) -> None:
    assert may_send(kind, SPOKEN.high)


def test_a_kind_that_came_after_version_0_is_never_said_under_it() -> None:
    """Its reader would end the session; `0` is frozen: no kind may be added to it."""
    of_0 = [kind for kind in KINDS if may_send(kind, 0)]

    assert len(of_0) == 27
    assert not may_send("a kind of tomorrow", 0)
    assert may_send("a kind of tomorrow", 1)
    assert not passes_over_unknown(0)
