"""glibc's allocator told to give memory back: a node's peak is what its machine must have.

Measured in one run of the quick benchmark (300 KiB puts at the origin, peak resident memory): 290 MiB as it comes,
272 MiB with two arenas, 241 MiB when large buffers are mapped and unmapped as well; the CPU did not rise.

What is mapped is filled with zeros page by page each time: with a threshold of 256 KiB every blob of 300 KiB paid for
75 faults at each copy. Above 512 KiB lie only frames, chunks and the engine's own blocks. Refill of 300 KiB blobs, CPU
of all three nodes: 5.9 ms a blob at 256 KiB, 5.0 at 512, 5.0 at 2 MiB; peak 161, 180 and 190 MiB, which smaller
memtables take back.
"""

from __future__ import annotations

import ctypes

__all__ = ["bound_allocator"]

_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
_M_ARENA_MAX = -8
_ARENAS = 2  # one a core; each further one keeps its own free memory
_MMAP_BYTES = 512 * 1024  # frames and chunks of 1 MiB go back to the system when they are freed
_TRIM_BYTES = 8 * 1024 * 1024


def bound_allocator() -> bool:
    """Call before any thread starts. False where the C library is not glibc: then nothing changes."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    settings = ((_M_ARENA_MAX, _ARENAS), (_M_MMAP_THRESHOLD, _MMAP_BYTES), (_M_TRIM_THRESHOLD, _TRIM_BYTES))
    taken = [mallopt(name, value) == 1 for name, value in settings]
    return all(taken)
