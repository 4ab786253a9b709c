"""The format level rises only when every node that stores has said that it can write it."""

from __future__ import annotations

from dataclasses import replace

from lumbung_cluster.format_level import WIRE_OF_LEVEL, not_ready
from lumbung_cluster.ids import NodeNumber
from lumbung_cluster.roster_checks import FORMAT_LEVEL_MAX
from lumbung_cluster.roster_node import Departure, KeyUse, NodeState, Role
from lumbung_cluster.wire import SPOKEN
from lumbung_testing.rosters import founding

ONE, TWO, THREE, CENTRE = (NodeNumber(number) for number in range(1, 5))
ALL_NEW = {ONE: 1, TWO: 1, THREE: 1, CENTRE: 1}


def test_it_may_rise_when_all_have_said_so() -> None:
    assert not_ready(founding(), 1, ALL_NEW) == ()
    assert not_ready(founding(), 0, dict.fromkeys(ALL_NEW, 0)) == ()


def test_an_older_node_and_one_that_said_nothing_are_named() -> None:
    assert not_ready(founding(), 1, {**ALL_NEW, TWO: 0}) == (TWO,)
    assert not_ready(founding(), 1, {ONE: 1, TWO: 1}) == (THREE, CENTRE)
    assert not_ready(founding(), 0, {ONE: 0, TWO: 1, THREE: 1}) == (CENTRE,)


def test_nodes_that_are_gone_or_store_nothing_are_not_waited_for() -> None:
    roster = founding(assignments=())
    gone = replace(roster.nodes[0], state=NodeState.GONE, departure=Departure(1, None, "Sri", "banjir"))
    watching = replace(
        roster.nodes[1], role=Role.OPS, keys=tuple(key for key in roster.nodes[1].keys if key.use is KeyUse.TLS)
    )
    fewer = replace(roster, nodes=(gone, watching, *roster.nodes[2:]))

    assert not_ready(fewer, 1, {THREE: 1, CENTRE: 1}) == ()


def test_every_level_that_we_can_write_has_its_wire_version() -> None:
    assert sorted(WIRE_OF_LEVEL) == list(range(FORMAT_LEVEL_MAX + 1))
    assert max(WIRE_OF_LEVEL.values()) <= SPOKEN.high
