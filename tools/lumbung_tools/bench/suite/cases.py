"""What is measured, as values: workloads, and who puts how many of their blobs at how many nodes."""

from __future__ import annotations

from dataclasses import dataclass

from lumbung_cluster.limits import KIB, MIB

__all__ = ["A4K", "A64M", "A300K", "PUT_CASES", "STREAM", "WORKLOADS", "PutCase", "Workload"]

STREAM = 0  # in the place of a number of clients: one stream, kept full


@dataclass(frozen=True, slots=True)
class Workload:
    name: str
    size_bytes: int


A300K, A4K, A64M = Workload("a300k", 300 * KIB), Workload("a4k", 4 * KIB), Workload("a64m", 64 * MIB)
WORKLOADS = (A300K, A4K, A64M)


@dataclass(frozen=True, slots=True)
class PutCase:
    """`nodes` is 1 (the office alone, every blob durable there) or 3 (every blob proven at three).

    Each of the clients has one blob under way at a time. `expected_s` is what an idle machine of two cores needs; only
    the estimate of what is left comes from it.
    """

    workload: Workload
    nodes: int
    clients: int
    files: int
    expected_s: float

    @property
    def name(self) -> str:
        return f"{self.workload.name}/{self.nodes}/{self.clients or 'stream'}"

    def files_at(self, scale: float) -> int:
        """How many of the files at this scale."""
        return max(1, round(self.files * scale))


# One client alone waits for the disk and the line each time, so it gets fewer blobs; the shares are what a quarter of
# an hour has room for. The load whose peak of memory is held against others' comes first in its cluster, as theirs did:
# other loads leave a larger heap (20,000 x 4 KiB before it: 216 to 225 MiB at the office, 190 to 209 without).
PUT_CASES = (
    PutCase(A300K, 1, 1, 300, 2),
    PutCase(A300K, 1, 8, 2_000, 5),
    PutCase(A300K, 1, 32, 2_000, 5),
    PutCase(A300K, 1, STREAM, 2_000, 4),
    PutCase(A4K, 1, 1, 1_000, 3),
    PutCase(A4K, 1, 8, 3_000, 4),
    PutCase(A4K, 1, 32, 6_000, 5),
    PutCase(A4K, 1, STREAM, 20_000, 4),
    PutCase(A64M, 1, 1, 3, 1),
    PutCase(A64M, 1, 8, 8, 4),
    PutCase(A64M, 1, STREAM, 20, 9),
    PutCase(A300K, 3, STREAM, 2_000, 10),
    PutCase(A300K, 3, 1, 200, 5),
    PutCase(A300K, 3, 8, 1_000, 12),
    PutCase(A300K, 3, 32, 2_000, 15),
    PutCase(A4K, 3, 1, 300, 6),
    PutCase(A4K, 3, 8, 1_500, 14),
    PutCase(A4K, 3, 32, 3_000, 14),
    PutCase(A4K, 3, STREAM, 20_000, 12),
    PutCase(A64M, 3, 1, 3, 3),
    PutCase(A64M, 3, 8, 8, 10),
    PutCase(A64M, 3, STREAM, 20, 25),
)
