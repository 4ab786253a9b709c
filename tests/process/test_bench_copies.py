"""The bare processes that three copies are held against: they really keep three, and end when they cannot."""

from __future__ import annotations

import os
import signal
import threading
import time
from multiprocessing import active_children
from pathlib import Path

import grpc
import pytest

from lumbung_cluster.limits import KIB
from lumbung_tools.bench.limits.copies import Copies, stream_copies, waiting_copies

_BLOBS = 12
_TOO_MANY = 10_000  # for them to be through before the kill
_KILL_AT_BYTES = 8_000_000


def _is_measured(copies: Copies) -> bool:
    return min(copies.mb_s, copies.per_s, copies.cpu_ms_a_blob, *copies.waits_s) > 0


def _kill_under_way(folder: Path, at: int) -> None:
    """SIGKILL for the one that was started `at` others, once a holder's store has grown."""
    while sum(file.stat().st_size for file in folder.glob("*/holder-1/*.log")) < _KILL_AT_BYTES:
        time.sleep(0.05)
    os.kill(sorted(child.pid or 0 for child in active_children())[at], signal.SIGKILL)


def test_a_full_stream_is_answered_once_three_stores_have_every_blob(tmp_path: Path) -> None:
    copies = stream_copies(tmp_path, 300 * KIB, _BLOBS)
    assert copies.stored == (_BLOBS, _BLOBS, _BLOBS)
    assert len(copies.waits_s) == _BLOBS
    assert _is_measured(copies)
    assert list(tmp_path.iterdir()) == []
    assert active_children() == []


def test_clients_that_wait_get_all_their_blobs_into_three_stores(tmp_path: Path) -> None:
    copies = waiting_copies(tmp_path, 300 * KIB, _BLOBS + 1, 2)
    assert copies.stored == (_BLOBS + 1,) * 3
    assert len(copies.waits_s) == _BLOBS + 1
    assert _is_measured(copies)


@pytest.mark.parametrize("at", [0, 2], ids=["a holder", "the office"])
def test_a_process_that_dies_ends_the_measurement_and_all_others(tmp_path: Path, at: int) -> None:
    killer = threading.Thread(target=_kill_under_way, args=(tmp_path, at))
    killer.start()
    with pytest.raises(grpc.RpcError):
        stream_copies(tmp_path, 300 * KIB, _TOO_MANY)
    killer.join()
    assert list(tmp_path.iterdir()) == []
    assert active_children() == []
