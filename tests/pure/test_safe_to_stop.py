"""What `lumbung node safe-to-stop` says of origins that could not be asked."""

from __future__ import annotations

import io
from dataclasses import replace

from lumbung_cluster.roster import Roster
from lumbung_cluster.roster_node import Departure, NodeState
from lumbung_node.config import Language
from lumbung_proto.v1.leaving_pb2 import OriginStake
from lumbung_testing.rosters import founding
from lumbung_tools.catalogue.text import Catalogue
from lumbung_tools.cli.safe_to_stop import verdict_sentences
from lumbung_tools.output.console import Console

_GONE, _NODE = 2, "drc-batam"
_KNOWN = OriginStake(origin=1, known=True, blobs=5)


def said(roster: Roster, *stakes: OriginStake) -> list[str]:
    console = Console(Catalogue(Language.INDONESIAN), io.StringIO(), io.StringIO(), is_json=False)
    return verdict_sentences(console, roster, _NODE, stakes)


def without_second() -> Roster:
    departure = Departure(epoch=1, drain_proof=None, override_by="test", reason="burnt down")
    found = founding()
    nodes = [
        replace(node, state=NodeState.GONE, departure=departure) if node.number == _GONE else node
        for node in found.nodes
    ]
    return replace(found, nodes=tuple(nodes))


def test_an_origin_whose_line_is_down_is_to_be_asked_again() -> None:
    (sentence,) = said(founding(), _KNOWN, OriginStake(origin=_GONE))
    assert sentence.startswith("Belum diketahui")
    assert "Ulangi bila salurannya" in sentence


def test_an_origin_that_is_newer_than_our_roster_has_not_left() -> None:
    """It was said that nobody else keeps its recordings, and to ask the central office."""
    (sentence,) = said(founding(), _KNOWN, OriginStake(origin=5))
    assert sentence.startswith("Belum diketahui")
    assert "keluar dari klaster" not in sentence


def test_of_an_origin_that_has_left_it_is_said_that_asking_again_changes_nothing_and_who_keeps_its_recordings() -> None:
    (sentence,) = said(without_second(), _KNOWN, OriginStake(origin=_GONE))
    assert sentence.startswith("34.04 sudah keluar dari klaster")
    assert "bertanya lagi tidak mengubah apa pun" in sentence
    assert "juga ada di 51.71. Sebelum drc-batam berhenti" in sentence


def test_an_origin_that_nobody_else_keeps_holds_the_node() -> None:
    found = without_second()
    alone = [
        replace(each, holders=tuple(share for share in each.holders if found.name_of(share.node) == _NODE))
        for each in found.assignments
    ]
    (sentence,) = said(replace(found, assignments=tuple(alone)), OriginStake(origin=_GONE))
    assert "jangan hentikan" in sentence


def test_what_is_at_stake_at_others_is_said_before_those_that_have_left() -> None:
    at_stake = OriginStake(origin=1, known=True, blobs=5, with_one_copy=3)
    no, gone = said(without_second(), at_stake, OriginStake(origin=_GONE))
    assert no.startswith("Tidak: tanpa drc-batam ada 3 rekaman")
    assert gone.startswith("34.04 sudah keluar")
