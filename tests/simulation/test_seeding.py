"""One seed gives one history, also in another process with other hashes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import trio

from lumbung_testing.simulation.seeding import luck, run_seeded

RUN = Path(__file__).with_name("run.py")


def test_two_processes_with_two_hash_seeds_tell_the_same_history() -> None:
    first, second = _digests("1"), _digests("2")
    assert len(first) == 3
    assert first == second


def test_another_seed_gives_another_history() -> None:
    assert len(set(_digests("1"))) == 3


def test_tasks_that_are_ready_together_run_in_an_order_that_only_the_seed_decides() -> None:
    orders = {seed: [run_seeded(seed, _race) for _ in range(3)] for seed in range(20)}
    assert all(runs[0] == runs[1] == runs[2] for runs in orders.values())
    assert len({runs[0] for runs in orders.values()}) > 1


def test_the_clock_jumps_and_trio_is_left_as_it_was() -> None:
    async def nap() -> float:
        await trio.sleep(86_400)
        return trio.current_time()

    before = trio._core._run._ALLOW_DETERMINISTIC_SCHEDULING
    assert run_seeded(1, nap) == 86_400
    assert trio._core._run._ALLOW_DETERMINISTIC_SCHEDULING is before


def test_each_purpose_draws_from_its_own_stream() -> None:
    assert luck(1, "network").random() == luck(1, "network").random()
    assert luck(1, "network").random() != luck(1, "nemesis").random()


async def _race() -> str:
    order: list[str] = []

    async def runner(name: str) -> None:
        for _ in range(5):
            await trio.lowlevel.checkpoint()
            order.append(name)

    async with trio.open_nursery() as nursery:
        for name in "abcd":
            nursery.start_soon(runner, name)
    return "".join(order)


def _digests(hash_seed: str) -> list[str]:
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    command = [sys.executable, str(RUN), "--seed", "1", "--seeds", "3", "--hours", "0.03", "--nodes", "4"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return [line.split("digest ")[1].split(",")[0] for line in done.stdout.splitlines() if ": digest " in line]
