"""What users would pick instead, measured once: three nodes on loopback on two cores and one disk, without TLS.

docs/benchmarks.md says how. One run each on a shared machine: differences under 30 % are noise.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["OTHERS", "Other"]


@dataclass(frozen=True, slots=True)
class Other:
    """2,000 blobs of 300 KiB and 20,000 of 4 KiB to three copies; None where it was not measured or there is none."""

    name: str
    a300k_mb_s: float
    a4k_per_s: float | None
    ack_p50_ms: float | None
    ack_p99_ms: float | None
    cpu_ms: float
    peak_mib: float
    copies: str


OTHERS = (
    Other("rsync daemon", 141.0, 2187, None, None, 4, 60, "not durable"),
    Other("rsync --fsync", 46.2, 494, None, None, 5, 62, "durable"),
    Other("Ceph 16.2 RGW", 21.0, None, 102, 211, 19, 432, "3 of 3 committed"),
    Other("Syncthing 1.19", 16.6, 60, None, None, 18, 465, "no ack"),
    Other("Swift 2.38", 4.4, 27, 481, 1360, 91, 719, "2 of 3 fsynced"),
    Other("Tahoe-LAFS 1.20", 4.8, 20, None, None, 65, 371, "no fsync"),
)
