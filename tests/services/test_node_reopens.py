"""A node that has served opens again whatever holds its address; one that has not yet is refused."""

from __future__ import annotations

import errno
from collections.abc import Callable
from types import SimpleNamespace
from typing import cast

import pytest
import trio
import trio.testing

from lumbung_cluster.errors import BlobDamaged, DiskFailed, StoreDamaged
from lumbung_node.services import node
from lumbung_node.services.core import Core
from lumbung_node.services.node import NodeParts, run_node
from lumbung_testing.virtual_aside import VirtualAside
from lumbung_testing.virtual_disk import VirtualDisk
from lumbung_testing.world import ListLog, VirtualClock

_IN_USE = OSError(errno.EADDRINUSE, "cannot listen on 127.0.0.1:7443: it was in use")


class _Lives:
    """What each life of the store ends with, in turn, behind the moment at which it serves or before it."""

    def __init__(self, *ends: tuple[bool, Exception], lasting_s: float = 0.0) -> None:
        self._ends = list(ends)
        self._lasting_s = lasting_s
        self.served = 0
        self.aside = VirtualAside(VirtualDisk())
        self.set_aside_before: list[int] = []

    async def live(self, _parts: NodeParts, _opener: object, on_ready: Callable[[str, Core], None]) -> None:
        serves, failure = self._ends.pop(0)
        self.set_aside_before.append(len(self.aside.tables))
        await trio.sleep(self._lasting_s)
        if serves:
            self.served += 1
            on_ready("127.0.0.1:7443", cast(Core, None))
        raise ExceptionGroup("of a nursery", [failure])


async def _run(monkeypatch: pytest.MonkeyPatch, lives: _Lives) -> None:
    monkeypatch.setattr(node, "_live", lives.live)
    parts = SimpleNamespace(
        open_keyvalue=None, aside=lives.aside, clock=VirtualClock(), log=ListLog(), listen="127.0.0.1:7443"
    )
    await run_node(cast(NodeParts, parts), lambda _address, _core: None)


async def test_an_address_in_use_after_a_store_failure_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, autojump_clock: trio.testing.MockClock
) -> None:
    """Found by a flip (seed "second", bit 1697006 of a table): the node ended with exit code 2."""
    lives = _Lives((True, DiskFailed("a sync failed")), (False, _IN_USE), (True, ZeroDivisionError()))
    with pytest.raises(ExceptionGroup) as ended:
        await _run(monkeypatch, lives)
    assert ended.group_contains(ZeroDivisionError)
    assert lives.served == 2


async def test_a_block_of_the_index_that_nobody_expected_to_be_damaged_opens_the_store_again(
    monkeypatch: pytest.MonkeyPatch, autojump_clock: trio.testing.MockClock
) -> None:
    """The rows of inventory receipts are read behind the opening: one rotten block ended the node at every start."""
    lives = _Lives((False, BlobDamaged("a block under rows of proofs")), (True, ZeroDivisionError()))
    with pytest.raises(ExceptionGroup) as ended:
        await _run(monkeypatch, lives)
    assert ended.group_contains(ZeroDivisionError)
    assert lives.served == 1


@pytest.mark.parametrize("failure", [_IN_USE, OSError(errno.EACCES, "cannot listen")])
async def test_a_node_that_never_served_ends_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, autojump_clock: trio.testing.MockClock, failure: OSError
) -> None:
    with pytest.raises(ExceptionGroup) as ended:
        await _run(monkeypatch, _Lives((False, failure)))
    assert ended.group_contains(OSError)


async def test_another_failure_of_the_system_ends_it_also_later(
    monkeypatch: pytest.MonkeyPatch, autojump_clock: trio.testing.MockClock
) -> None:
    lives = _Lives((True, DiskFailed("a sync failed")), (False, OSError(errno.EACCES, "cannot listen")))
    with pytest.raises(ExceptionGroup):
        await _run(monkeypatch, lives)


def _damages(*names: str) -> list[tuple[bool, Exception]]:
    return [(True, BlobDamaged(f"a block of {name}.sst")) for name in names]


@pytest.mark.parametrize(
    ("lasting_s", "names", "before"),
    [
        (1.0, "abc", [0, 0, 1, 1]),
        (3600.0, "aaaa", [0, 0, 0, 1, 1]),
        (3600.0, "abab", [0, 0, 0, 0, 0]),
        (3600.0, "abcda", [0, 0, 0, 0, 0, 0]),
    ],
    ids=["soon", "the same place, an hour apart", "two places, twice each", "other places, an hour apart"],
)
async def test_a_store_is_set_aside_for_damages_in_a_row_and_for_one_that_is_met_again_and_again(
    monkeypatch: pytest.MonkeyPatch,
    autojump_clock: trio.testing.MockClock,
    lasting_s: float,
    names: str,
    before: list[int],
) -> None:
    """One that was met less often than once a minute had the store opened again each time, for ever."""
    lives = _Lives(*_damages(*names), (True, ZeroDivisionError()), lasting_s=lasting_s)
    with pytest.raises(ExceptionGroup):
        await _run(monkeypatch, lives)
    assert lives.set_aside_before == before


async def test_a_failing_disk_between_them_does_not_make_a_damage_forgotten(
    monkeypatch: pytest.MonkeyPatch, autojump_clock: trio.testing.MockClock
) -> None:
    damage, failing = (True, StoreDamaged("a block of a.sst")), (True, DiskFailed("a sync failed"))
    lives = _Lives(damage, failing, damage, failing, damage, (True, ZeroDivisionError()), lasting_s=1.0)
    with pytest.raises(ExceptionGroup):
        await _run(monkeypatch, lives)
    assert lives.set_aside_before == [0, 0, 0, 0, 0, 1]
