"""The allocator's settings, in a process of their own: they stay for its life."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence

import pytest
import trio
import trio.testing

from lumbung_node.adapters.allocator import give_back_when_idle, huge_pages_while_busy

_PROGRAM = """
from lumbung_node.adapters.allocator import bound_allocator
taken = bound_allocator()
before = int(open('/proc/self/statm').read().split()[1]) * 4096
blocks = [bytearray(600_000) for _ in range(200)]
last = blocks[-1]
del blocks
after = int(open('/proc/self/statm').read().split()[1]) * 4096
print(taken, after - before < 8_000_000)
"""


def test_freed_pieces_go_back_to_the_system() -> None:
    ended = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=True, timeout=60)
    assert ended.stdout.split() == ["True", "True"]


_FRAGMENTED = """
import trio
from lumbung_node.adapters.allocator import bound_allocator, give_back_when_idle
def resident(): return int(open('/proc/self/statm').read().split()[1]) * 4096
bound_allocator()
blocks = [bytearray(60_000) for _ in range(2_000)]
kept = blocks[::50]  # between those that are freed, so that the heap cannot shrink
del blocks
before = resident()
def used(script=iter([0.0, 5.0])): return next(script, 5.0)  # one time of work
async def main():
    with trio.move_on_after(100):
        await give_back_when_idle(used)
trio.run(main, clock=__import__('trio.testing').testing.MockClock(autojump_threshold=0.05))
print(before - resident() > 80_000_000, len(kept))
"""


def test_what_work_left_free_inside_the_heap_goes_back_too() -> None:
    ended = subprocess.run([sys.executable, "-c", _FRAGMENTED], capture_output=True, text=True, check=True, timeout=60)
    assert ended.stdout.split() == ["True", "40"]


class _OverError(Exception):
    """The script has come to its end."""


class _Used:
    """The CPU used, which grows by one step at each look; `at` is the step of the last one."""

    def __init__(self, steps_s: Sequence[float]) -> None:
        self.steps_s = steps_s
        self.at = -1

    def __call__(self) -> float:
        self.at += 1
        if self.at == len(self.steps_s):
            raise _OverError
        return sum(self.steps_s[: self.at + 1])


async def test_memory_is_given_back_once_after_each_time_of_work(autojump_clock: trio.testing.MockClock) -> None:
    used = _Used([0.0, 3.0, 9.0, 2.0, 0.0, 0.5, 0.9, 0.0, 4.0, 0.1, 0.0])
    given: list[float] = []

    with pytest.raises(_OverError):
        await give_back_when_idle(used, lambda: given.append(used.steps_s[used.at]))
    assert given == [0.0, 0.1], "after the three steps of work, and after the one"


_HUGE_PAGES = """
import ctypes, trio
from trio.testing import MockClock
from lumbung_node.adapters.allocator import huge_pages_while_busy
allowed = []
def used(script=iter([0.0, 0.5, 0.5, 0.5, 1.0])):
    allowed.append(ctypes.CDLL(None).prctl(42, 0, 0, 0, 0) == 0)
    return next(script, 1.0)
async def main():
    with trio.move_on_after(5.5):
        await huge_pages_while_busy(used)
trio.run(main, clock=MockClock(autojump_threshold=0))
print(*map(int, allowed))
"""


def test_the_kernel_makes_huge_pages_for_a_node_at_work_and_none_for_one_at_rest() -> None:
    """Else it would fill what was given back: 41 MB resident became 599."""
    ended = subprocess.run([sys.executable, "-c", _HUGE_PAGES], capture_output=True, text=True, check=True, timeout=60)
    assert ended.stdout.split() == ["1", "1", "1", "0", "0", "1"], "start, work, rest, rest, work; told a look later"


async def test_huge_pages_are_switched_only_when_work_begins_or_ends(autojump_clock: trio.testing.MockClock) -> None:
    used = _Used([0.0, 0.05, 0.09, 0.0, 0.9, 0.8, 0.2, 0.05, 0.02])
    switched: list[tuple[int, bool]] = []

    with pytest.raises(_OverError):
        await huge_pages_while_busy(used, lambda allowed: switched.append((used.at, allowed)))
    assert switched == [(1, False), (4, True), (7, False)]
