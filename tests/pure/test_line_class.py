"""Which lines are too slow for the class of their link, and who is warned."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lumbung_cluster.limits import LAN_RATE_BYTES_PER_S_MIN
from lumbung_cluster.line_class import is_too_slow_for_lan, too_slow_lines
from lumbung_cluster.roster_node import Departure, LinkClass, NodeState
from lumbung_testing.rosters import drc, founding, office


@pytest.mark.parametrize(
    ("bytes_per_s", "is_slow"), [(0, False), (1, True), (LAN_RATE_BYTES_PER_S_MIN - 1, True), (2 << 20, False)]
)
def test_a_line_is_too_slow_below_what_may_be_under_way_in_a_second(bytes_per_s: float, is_slow: bool) -> None:
    assert is_too_slow_for_lan(bytes_per_s) is is_slow


def test_only_present_nodes_of_class_lan_with_a_known_slow_line_are_named() -> None:
    gone = Departure(1, None, "Sri", "kebakaran")
    nodes = (
        replace(office(1, "36.02"), link_bytes_per_s=16_000),
        replace(office(2, "34.04"), link_bytes_per_s=16_000, link=LinkClass.WAN),
        replace(office(3, "51.71"), link_bytes_per_s=0),
        replace(office(4, "12.71"), link_bytes_per_s=16_000, state=NodeState.GONE, departure=gone),
        replace(drc(5), link_bytes_per_s=100_000_000),
    )
    assert [node.name for node in too_slow_lines(founding(nodes, assignments=()))] == ["36.02"]
