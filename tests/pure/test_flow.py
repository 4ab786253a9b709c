"""How a sender finds out what its link carries."""

from __future__ import annotations

import random
from collections import deque

from lumbung_cluster.flow import FLIGHT_S, SHORT_FLIGHT_S, Flight
from lumbung_cluster.limits import FLIGHT_BYTES_MAX, FLIGHT_BYTES_MIN, FLIGHT_BYTES_START, KIB, MIB

SATELLITE_S = 0.6
_PACKET_BYTES = 1400


class _Line:
    """A line of some rate with a delay there and back, kept busy with pieces for as long as there is room."""

    def __init__(self, bytes_per_s: float, round_trip_s: float, loss: float = 0.0, flight_s: float = FLIGHT_S) -> None:
        self.flight = Flight(flight_s)
        self.waited_s_max = 0.0
        self._rate = bytes_per_s
        self._round_trip_s = round_trip_s
        self._now = self._free_at = 0.0
        self._total = 0
        self._loss = loss
        self._luck = random.Random(3)
        self._answers: deque[tuple[float, int]] = deque()

    def carry(self, size_bytes: int) -> float:
        """Send so much; gives how long it took."""
        begun, sent = self._now, 0
        while sent < size_bytes or self._answers:
            piece = self.flight.piece_bytes()
            if sent < size_bytes and self.flight.has_room(piece):
                self.flight.send(piece, self._now)
                sent += piece
                self._total += piece
                self._free_at = max(self._free_at, self._now) + piece / self._rate
                came = self._free_at + self._round_trip_s * (1 + self._retransmissions(piece))
                in_order = max(came, self._answers[-1][0]) if self._answers else came
                self._answers.append((in_order, self._total))
                self.waited_s_max = max(self.waited_s_max, self._free_at - self._now)
            else:
                answered, total = self._answers.popleft()
                self._now = max(self._now, answered)
                assert self.flight.count(total, self._now)
        return self._now - begun

    def _retransmissions(self, piece: int) -> int:
        """How many round trips later a piece is whole: its packets are lost one by one, and then again."""
        lost, packets = 0, -(-piece // _PACKET_BYTES)
        while (packets := sum(self._luck.random() < self._loss for _ in range(packets))) > 0:
            lost += 1
        return lost


def test_a_line_that_loses_packets_is_used_whole() -> None:
    line = _Line(62_500, SATELLITE_S, loss=0.02)  # half of 1 Mbit/s: two sessions share it
    line.carry(MIB)
    assert line.carry(4 * MIB) < 1.1 * 4 * MIB / 62_500
    assert line.waited_s_max < 4


def test_the_slowest_line_is_used_whole_and_never_filled_for_long() -> None:
    line = _Line(16_000, SATELLITE_S)
    taken_s = line.carry(4 * MIB)
    assert taken_s < 1.1 * 4 * MIB / 16_000
    assert line.waited_s_max < 10  # a put that somebody waits for stands behind no more


def test_a_ping_of_class_lan_comes_through_a_slow_line_that_broke_before() -> None:
    line = _Line(125_000, 0.02, flight_s=SHORT_FLIGHT_S)
    line.carry(MIB)
    assert line.carry(8 * MIB) < 1.1 * 8 * MIB / 125_000
    assert line.waited_s_max < 1.5


def test_a_quick_line_is_filled_after_a_few_rounds() -> None:
    line = _Line(1_250_000, SATELLITE_S)  # 10 Mbit/s over a satellite
    line.carry(8 * MIB)
    assert line.carry(32 * MIB) < 1.2 * 32 * MIB / 1_250_000


def test_lone_puts_on_a_slow_line_do_not_widen_the_window() -> None:
    flight, now = Flight(), 0.0
    for number in range(1, 500):
        flight.send(4 * KIB, now)
        now += 0.9
        assert flight.count(number * 4 * KIB, now)
    assert flight.window_bytes == FLIGHT_BYTES_START


def test_a_line_that_turned_slow_narrows_the_window() -> None:
    line = _Line(50_000_000, 0.001)
    line.carry(64 * MIB)
    assert line.flight.window_bytes == FLIGHT_BYTES_MAX
    line._rate = 16_000
    line.carry(20 * MIB)
    assert line.flight.window_bytes <= 4 * FLIGHT_BYTES_MIN


def test_one_send_always_goes_into_an_empty_flight() -> None:
    flight = Flight()
    assert flight.has_room(MIB)
    flight.send(1, 0.0)
    assert not flight.has_room(MIB)


def test_a_receiver_cannot_have_taken_more_than_was_sent() -> None:
    flight = Flight()
    flight.send(1000, 0.0)
    assert not flight.count(1001, 1.0)
    assert flight.count(600, 1.0)
    assert flight.count(400, 1.0)  # an older word that came later
    assert flight.bytes_in_flight == 400
