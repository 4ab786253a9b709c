"""A share of the hostile input; `make fuzz` runs a million."""

from __future__ import annotations

import pytest

from lumbung_cluster.canonical import Malformed
from lumbung_testing.fuzzing.campaign import fuzz_live, fuzz_target, targets_of
from lumbung_testing.fuzzing.targets import Broken, Target, feed

_INPUTS = 300
_RUNS = 40
_TARGETS = targets_of(1)


@pytest.mark.parametrize("target", _TARGETS, ids=[target.name.replace(" ", "-") for target in _TARGETS])
def test_a_reader_takes_its_samples_and_refuses_mutated_ones_as_it_says(target: Target) -> None:
    assert all(feed(target, sample) for sample in target.samples)

    tally = fuzz_target(target, _INPUTS, seed=1)

    assert 0 < tally.accepted <= _INPUTS


def test_sessions_and_calls_survive_mutated_messages() -> None:
    seen = fuzz_live(_RUNS, seed=1)

    assert seen["sessions"] == 3 * _RUNS
    assert min(seen["mutated frames"], seen["mutated put streams"], seen["mutated reads"]) > _RUNS


def _takes_two_forms(raw: bytes) -> bytes:
    return raw.strip()


def _lets_out_a_bug(raw: bytes) -> bytes:
    return bytes([raw[5]])


@pytest.mark.parametrize("read", [_takes_two_forms, _lets_out_a_bug])
def test_a_reader_that_is_not_strict_or_raises_something_else_is_found(read: object) -> None:
    assert callable(read)
    target = Target("planted", [b" a "], read, (Malformed,))

    with pytest.raises(Broken):
        feed(target, b" a ")
