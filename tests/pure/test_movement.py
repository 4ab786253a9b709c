"""How long a plan's movement takes."""

from __future__ import annotations

from dataclasses import replace

from lumbung_cluster.ids import NodeNumber, all_units
from lumbung_cluster.movement import Carriage, carriages
from lumbung_cluster.placement import Move
from lumbung_testing.rosters import drc, founding, office

N1, N2, N3, N4 = (NodeNumber(number) for number in range(1, 5))


def test_a_line_takes_as_long_as_its_busier_direction_and_the_slowest_comes_first() -> None:
    nodes = [
        replace(office(1, "36.02"), link_bytes_per_s=1000),
        replace(office(2, "61.01"), link_bytes_per_s=100),
        replace(office(3, "34.04"), link_bytes_per_s=0),
        replace(drc(4), link_bytes_per_s=10**6),
    ]
    roster = founding(nodes, assignments=())
    moves = [
        Move(N1, N2, all_units(), 3000),
        Move(N1, N4, all_units(), 2000),
        Move(N2, N1, all_units(), 4000),
        Move(N3, N4, all_units(), 10),
    ]

    assert carriages(roster, moves) == (
        Carriage(N2, 3000, 4000, 40.0),
        Carriage(N1, 4000, 5000, 5.0),
        Carriage(N4, 2010, 0, 0.00201),
        Carriage(N3, 0, 10, None),
    )


def test_nothing_moves_in_no_time() -> None:
    assert carriages(founding(assignments=()), []) == ()
