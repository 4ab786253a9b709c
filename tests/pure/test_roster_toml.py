"""A roster's TOML form: nothing is lost, and mistakes are named."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lumbung_cluster.canonical import Malformed
from lumbung_cluster.feed import Mark
from lumbung_cluster.ids import Generation, NodeNumber, all_units
from lumbung_cluster.roster import HolderAssignment, Roster, Share, TrustRoot
from lumbung_cluster.roster_checks import tidy
from lumbung_cluster.roster_codec import encode_roster
from lumbung_cluster.roster_node import (
    AgeRecipient,
    Departure,
    Extension,
    KeyRecord,
    KeyUse,
    Label,
    LinkClass,
    NodeState,
    NumberRange,
    Reach,
    Role,
)
from lumbung_testing.rosters import drc, founding, node_record, office
from lumbung_tools.roster_toml import parse_roster_toml, render_roster_toml

N1, N2, N4 = NodeNumber(1), NodeNumber(2), NodeNumber(4)
TEXT = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "Zs")), max_size=12)


@st.composite
def rosters(draw: st.DrawFn) -> Roster:
    """Every kind of field, at random."""
    reason = draw(TEXT.filter(lambda text: text.isascii())) + "x"
    mask = draw(st.integers(1, all_units() - 1))
    gone = Departure(draw(st.integers(1, 3)), draw(st.none() | st.binary(min_size=32, max_size=32)), "Sri", reason)
    retired = KeyRecord(KeyUse.ENTRY, bytes(32), 1, 2, Mark(Generation(1), draw(st.integers(0, 2**63)), bytes(32)))
    first = replace(
        office(1, "36.02"),
        labels=(Label("36.02", 1, 1), Label("37.01", 2)),
        keys=(*office(1, "36.02").keys, retired),
        vans=draw(st.none() | st.just(NumberRange(NodeNumber(1000), 5))),
        reach=Reach(draw(st.sampled_from(("public", "vpn:a b", "dial-only")))),
        link=draw(st.sampled_from(LinkClass)),
        state=draw(st.sampled_from((NodeState.ACTIVE, NodeState.DRAINING))),
        extensions=(Extension("x", False, draw(st.binary(max_size=9))),),
    )
    van = replace(node_record(5, "36.02-van1", Role.VAN, "36", "z"), office=N1, recipients=(), addresses=())
    third = replace(office(3, "51.71"), state=NodeState.GONE, departure=gone)
    roster = founding(
        (first, office(2, "34.04"), third, drc(4), van),
        assignments=[HolderAssignment(N1, (Share(N2, mask), Share(N4, all_units())), (Share(N2, all_units() ^ mask),))],
    )
    pem = draw(st.sampled_from(("", "-----BEGIN-----\nAA==\n-----END-----\n", "a\r\nb\n", '"""\\', "\n\nx")))
    return tidy(
        replace(
            roster,
            epoch=3,
            predecessor_hash=b"\1" * 32,
            created_ms=draw(st.integers(0, 2**64 - 1)),
            escrow=(AgeRecipient("age1old", 1, 2), AgeRecipient("age1new", 2)),
            trust_roots=(TrustRoot("ca", pem, 1, draw(st.none() | st.integers(1, 3))),),
            abandons=tuple(draw(st.sets(st.binary(min_size=32, max_size=32), max_size=2))),
            extensions=(Extension("y", False, b""),),
        )
    )


@settings(max_examples=60)
@given(rosters())
def test_a_roster_survives_its_toml(roster: Roster) -> None:
    again = parse_roster_toml(render_roster_toml(roster))

    assert again == roster
    assert encode_roster(again) == encode_roster(roster)


def test_the_order_in_the_file_does_not_matter() -> None:
    roster = founding()
    shuffled = replace(roster, nodes=roster.nodes[::-1], assignments=roster.assignments[::-1])

    assert parse_roster_toml(render_roster_toml(shuffled)) == roster


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("epoch = 1", "epok = 1", "unknown field `epok`"),
        ("epoch = 1", 'epoch = "1"', r"Expected `int`, got `str` - at `\$.epoch`"),
        ("format = 1", "format = 2", "update lumbung for a newer one"),
        ('role = "office"', 'role = "offce"', "role: expected one of office, drc, van, ops, central"),
        ('link = "lan"', 'link = "radio"', "link: expected one of lan, wan, satellite"),
        ('units = "all"', 'units = "0-64"', "rising units below 64"),
        ('units = "all"', 'units = "0..9"', "ranges such as 0-31,40"),
        ('name = "34.04", units', 'name = "36.02", units', r"name of node 2: expected 34\.04, got 36\.02"),
        ('predecessor_hash = "00', 'predecessor_hash = "zz', "predecessor_hash: expected hex digits"),
        ("epoch = 1\n", "epoch = \n", "roster file: expected TOML"),
    ],
)
def test_a_mistake_in_the_file_is_named(old: str, new: str, message: str) -> None:
    text = render_roster_toml(founding())
    assert old in text

    with pytest.raises(Malformed, match=message):
        parse_roster_toml(text.replace(old, new, 1))


def test_units_are_written_as_ranges() -> None:
    share = Share(N2, sum(1 << unit for unit in (0, 1, 2, 7, 62, 63)))
    text = render_roster_toml(founding(assignments=[HolderAssignment(N1, (share,))]))

    assert 'units = "0-2,7,62-63"' in text
