"""When the office of the bare copies answers: not before the slowest holder has what it answers for."""

from __future__ import annotations

from lumbung_tools.bench.limits.copies_node import PAUSE, Answers, Arrived
from lumbung_tools.bench.limits.copies_office import Ledger

_SIZE_BYTES = 4
_THREE = bytes(3 * _SIZE_BYTES)


def _told(answers: Answers) -> list[int]:
    return [answers.get_nowait() for _ in range(answers.qsize())]


def test_a_client_hears_of_a_message_once_the_slower_holder_has_all_of_it() -> None:
    ledger, answers = Ledger(2, _SIZE_BYTES), Answers()
    ledger.expect([Arrived(_THREE, answers)])
    ledger.confirm(0, 3)
    ledger.confirm(1, 2)
    assert _told(answers) == []
    ledger.confirm(1, 1)
    assert _told(answers) == [3]


def test_each_client_hears_of_its_own_blobs_in_the_order_of_the_groups() -> None:
    ledger, first, second = Ledger(2, _SIZE_BYTES), Answers(), Answers()
    ledger.expect([Arrived(_THREE, first), Arrived(bytes(_SIZE_BYTES), second)])
    ledger.expect([Arrived(_THREE, first)])
    for holder in range(2):
        ledger.confirm(holder, 4)
    assert (_told(first), _told(second)) == ([3], [1])


def test_the_end_of_a_stream_is_told_behind_its_last_blob() -> None:
    ledger, answers = Ledger(1, _SIZE_BYTES), Answers()
    ledger.expect([Arrived(_THREE, answers), Arrived(PAUSE, answers)])
    assert _told(answers) == []
    ledger.confirm(0, 3)
    assert _told(answers) == [3, 0]
    ledger.expect([Arrived(PAUSE, answers)])  # nothing is under way: at once
    assert _told(answers) == [0]
