"""Fifty histories full of faults, each held to every promise at every message, and each must converge when healed."""

from __future__ import annotations

import pytest

from lumbung_testing.simulation.pool import run_plan
from lumbung_testing.simulation.scenario import Outcome, Plan

SEEDS = range(1, 51)  # fixed, so that a change is judged by what it changed; `make sim` goes where it likes
# Every fifth is as long as those of `make sim`: what needs a long history is found there, the tests take ten minutes.
# Every tenth runs on RocksDB too, as there.
PLANS = {
    f"seed {seed}": Plan(seed, faults_s=120.0 if seed % 5 else 300.0, on_rocks=seed % 10 == 0) for seed in SEEDS
} | {
    "six nodes": Plan(7, faults_s=120.0, nodes=6),
    "on RocksDB": Plan(9, faults_s=120.0, on_rocks=True),
    "a stopped machine's keys change": Plan(910003, faults_s=180.0, nodes=5),
}


@pytest.mark.parametrize("name", PLANS)
def test_a_cluster_keeps_its_promises_through_faults_and_converges(name: str) -> None:
    outcome = run_plan(PLANS[name])
    assert isinstance(outcome, Outcome), outcome
    assert outcome.counts["stored"]
    assert outcome.counts["converged"]


def test_a_cluster_without_faults_answers_every_put() -> None:
    outcome = run_plan(Plan(0, has_faults=False))
    assert isinstance(outcome, Outcome), outcome
    assert outcome.counts["converged"]
    assert outcome.counts["stored"] > 20
    assert "put failed" not in outcome.counts
    assert "get refused" not in outcome.counts
