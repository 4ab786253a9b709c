"""Frames of a put stream follow the line, whatever the line is."""

from __future__ import annotations

from collections import deque

import pytest

from lumbung_cluster.limits import BLOB_SILENCE_S, FLIGHT_BYTES_START, KIB, MIB, PIECE_SIZE_BYTES_MAX
from lumbung_cluster.put_flow import PutFlight


class Line:
    """A node that counts each frame when its last byte has come over a line of one rate."""

    def __init__(self, bytes_per_s: float, round_trip_s: float) -> None:
        self.flight = PutFlight()
        self.arrivals: list[float] = []
        self.sizes: list[int] = []
        self._bytes_per_s = bytes_per_s
        self._round_trip_s = round_trip_s
        self._under_way: deque[tuple[float, int]] = deque()

    def carry(self, total_bytes: int) -> float:
        """The seconds until all is counted."""
        now, free_at, sent = 0.0, 0.0, 0
        while sent < total_bytes or self._under_way:
            if sent < total_bytes and self.flight.has_room():
                size = min(self.flight.frame_bytes, total_bytes - sent)
                sent += size
                self.flight.send(size, now)
                free_at = max(free_at, now) + size / self._bytes_per_s
                self.sizes.append(size)
                self.arrivals.append(free_at + self._round_trip_s / 2)
                self._under_way.append((free_at + self._round_trip_s, sent))
            else:
                now, total = self._under_way.popleft()
                assert self.flight.count(total, now)
        return now


@pytest.mark.parametrize("bytes_per_s", [4_000.0, 16_000.0, 125_000.0, 1_250_000.0])
def test_the_node_never_waits_long_for_a_whole_frame(bytes_per_s: float) -> None:
    line = Line(bytes_per_s, 0.6)

    line.carry(int(bytes_per_s * 120))

    gaps = [later - before for before, later in zip([0.0, *line.arrivals], line.arrivals, strict=False)]
    assert max(gaps) < BLOB_SILENCE_S


@pytest.mark.parametrize("bytes_per_s", [16_000.0, 125_000.0, 1_250_000.0])
def test_a_slow_line_over_a_satellite_is_full(bytes_per_s: float) -> None:
    wanted = int(bytes_per_s * 120)

    assert wanted / Line(bytes_per_s, 0.6).carry(wanted) > 0.85 * bytes_per_s


def test_frames_on_a_local_network_soon_have_their_full_size() -> None:
    line = Line(100e6, 0.001)

    line.carry(64 * MIB)

    assert line.sizes[8] == PIECE_SIZE_BYTES_MAX


def test_the_first_frame_goes_alone_and_fits_the_slowest_line() -> None:
    flight = PutFlight()
    assert flight.frame_bytes == FLIGHT_BYTES_START

    flight.send(FLIGHT_BYTES_START, 0.0)

    assert not flight.has_room()


def test_a_node_that_never_counts_gets_frames_all_the_same() -> None:
    flight = PutFlight()
    flight.send(64 * KIB, 0.0)

    flight.give_up_counting()
    flight.send(64 * KIB, 15.0)

    assert flight.has_room()
    assert flight.frame_bytes == FLIGHT_BYTES_START


def test_a_count_of_more_than_was_sent_is_refused() -> None:
    flight = PutFlight()
    flight.send(100, 0.0)

    assert not flight.count(101, 1.0)
    assert flight.count(100, 1.0)
