"""Lives: read as they were written or not at all, and of two machines with one identity exactly one goes on."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumbung_cluster.canonical import Malformed
from lumbung_cluster.ids import ClusterId, Generation, NodeNumber
from lumbung_cluster.life import (
    GENERATION_MAX,
    Life,
    OwnVerdict,
    PeerVerdict,
    SignedLife,
    judge_own_life,
    judge_peer_life,
    sign_life,
)
from lumbung_testing.rosters import CLUSTER, SeededSigner, TestVerifier

GENERATIONS = st.integers(1, GENERATION_MAX).map(Generation)
LIFE_IDS = st.binary(min_size=16, max_size=16)
LIVES = st.builds(
    Life,
    cluster=st.binary(min_size=16, max_size=16).map(ClusterId),
    node=st.integers(1, 2**32 - 1).map(NodeNumber),
    generation=GENERATIONS,
    life_id=LIFE_IDS,
    started_ms=st.integers(0, 2**64 - 1),
)
LIFE = Life(CLUSTER, NodeNumber(4), Generation(5), b"m" * 16, 1_795_500_000_000)


@given(LIVES)
def test_a_life_is_read_as_it_was_written(life: Life) -> None:
    assert Life.parse(life.pack()) == life
    signed = sign_life(life, SeededSigner("receipt 4"))
    assert SignedLife.from_bytes(signed.to_bytes()) == signed
    assert signed.is_valid(TestVerifier())


@given(LIVES, st.data())
def test_a_life_that_is_cut_or_longer_is_refused(life: Life, data: st.DataObject) -> None:
    body = life.pack()
    with pytest.raises(Malformed):
        Life.parse(body[: data.draw(st.integers(0, len(body) - 1))])
    with pytest.raises(Malformed):
        Life.parse(body + data.draw(st.binary(min_size=1, max_size=9)))


@pytest.mark.parametrize("generation", [0, GENERATION_MAX + 1, 2**32 - 1])
def test_a_generation_whose_nonces_would_not_fit_is_refused(generation: int) -> None:
    with pytest.raises(Malformed, match="generation"):
        Life.parse(replace(LIFE, generation=Generation(generation)).pack())


def test_a_changed_byte_makes_the_signature_invalid() -> None:
    signed = sign_life(LIFE, SeededSigner("receipt 4"))
    for at in range(len(signed.body)):
        body = bytearray(signed.body)
        body[at] ^= 1
        try:
            changed = SignedLife.parse(bytes(body), signed.signature)
        except Malformed:
            continue
        assert not changed.is_valid(TestVerifier())


@given(GENERATIONS, LIFE_IDS, GENERATIONS, LIFE_IDS)
def test_of_two_machines_that_are_shown_each_other_exactly_one_goes_on(
    generation: Generation, life_id: bytes, other_generation: Generation, other_id: bytes
) -> None:
    one = replace(LIFE, generation=generation, life_id=life_id)
    other = replace(LIFE, generation=other_generation, life_id=other_id)
    verdicts = {judge_own_life(one, other), judge_own_life(other, one)}

    if one.order == other.order:
        assert verdicts == {OwnVerdict.NOTHING}
    elif one.generation == other.generation:
        assert verdicts == {OwnVerdict.STOP, OwnVerdict.MOVE_ON}
    else:
        assert verdicts == {OwnVerdict.STOP, OwnVerdict.NOTHING}


@pytest.mark.parametrize(
    ("generation", "life_id", "verdict"),
    [
        (5, b"m" * 16, PeerVerdict.KNOWN),
        (6, b"a" * 16, PeerVerdict.NEWER),
        (4, b"z" * 16, PeerVerdict.OLDER),
        (5, b"z" * 16, PeerVerdict.RIVAL),
        (5, b"a" * 16, PeerVerdict.RIVAL),
    ],
)
def test_a_peer_believes_only_the_first_life_met_of_the_newest_generation(
    generation: int, life_id: bytes, verdict: PeerVerdict
) -> None:
    shown = replace(LIFE, generation=Generation(generation), life_id=life_id)
    assert judge_peer_life(LIFE, shown) is verdict


def test_the_first_life_of_a_node_is_new() -> None:
    assert judge_peer_life(None, LIFE) is PeerVerdict.NEWER
