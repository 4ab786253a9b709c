"""Fifty histories full of faults, each held to every promise at every message, and each must converge when healed."""

from __future__ import annotations

import pytest

from lumbung_testing.simulation.scenario import Plan, run_scenario

SEEDS = range(1, 51)  # fixed, so that a change is judged by what it changed; `make sim` goes where it likes


@pytest.mark.parametrize("seed", SEEDS)
def test_a_cluster_keeps_its_promises_through_faults_and_converges(seed: int) -> None:
    outcome = run_scenario(Plan(seed))
    assert outcome.counts["stored"]
    assert outcome.counts["converged"]


def test_a_cluster_without_faults_answers_every_put() -> None:
    outcome = run_scenario(Plan(0, has_faults=False))
    assert outcome.counts["stored"] > 20
    assert "put failed" not in outcome.counts
    assert "get refused" not in outcome.counts


def test_six_nodes_keep_their_promises_too() -> None:
    assert run_scenario(Plan(7, faults_s=120.0, nodes=6)).counts["converged"]
