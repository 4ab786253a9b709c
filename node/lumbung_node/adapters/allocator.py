"""glibc's allocator told to give memory back: a node's peak is what its machine must have.

Measured in one run of the quick benchmark (300 KiB puts at the origin, peak resident memory): 290 MiB as it comes,
272 MiB with two arenas, 241 MiB when large buffers are mapped and unmapped as well; the CPU did not rise.

What is mapped is filled with zeros page by page each time: with a threshold of 256 KiB every blob of 300 KiB paid for
75 faults at each copy. Above 512 KiB lie only frames, chunks and the engine's own blocks. Refill of 300 KiB blobs, CPU
of all three nodes: 5.9 ms a blob at 256 KiB, 5.0 at 512, 5.0 at 2 MiB; peak 161, 180 and 190 MiB, which smaller
memtables take back. With 2 MiB of free memory at the end of the heap instead of 8 the peak is 4 MiB lower, at the same
CPU.

What is freed between buffers that live on stays with the process all the same, until it is asked for: 9 to 59 of 193 to
237 MiB after loads of 300 KiB puts, 560 of 860 in a DRC node whose 514 sessions have ended. Giving it back took 0.2 to
6 ms at an office.

The kernel's huge pages (2 MiB instead of 4 KiB) spare a node about 5 % of its CPU in gets and in puts of many clients,
and would undo all that: the kernel fills the holes of a heap again to make huge pages of it. 600 MB of which all but 30
were freed and given back (41 MB resident) were 599 MB again, on a kernel whose huge pages are for everybody, as
Debian's are, and likewise where the heap asks for them (`TUNABLES`). So a node has them while it works, and does
without while it rests.
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable

import trio

__all__ = ["TUNABLES", "bound_allocator", "give_back_when_idle", "huge_pages_while_busy"]

TUNABLES = "glibc.malloc.hugetlb=1"
"""For GLIBC_TUNABLES in a node's environment: its heap asks for huge pages where the kernel gives them to who asks.
glibc reads it at the start of a process only; before 2.35 it does not know it and changes nothing."""

_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
_M_ARENA_MAX = -8
_ARENAS = 2  # one a core; each further one keeps its own free memory
_MMAP_BYTES = 512 * 1024  # frames and chunks of 1 MiB go back to the system when they are freed
_TRIM_BYTES = 2 * 1024 * 1024
_LOOK_S = 10.0
_IDLE_SHARE = 0.1  # of a core: 514 idle peers cost a DRC node half of that
_HUGE_LOOK_S = 1.0  # a load that begins finds them within a second
_PR_SET_THP_DISABLE = 41


def bound_allocator() -> bool:
    """Call before any thread starts. False where the C library is not glibc: then nothing changes."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    settings = ((_M_ARENA_MAX, _ARENAS), (_M_MMAP_THRESHOLD, _MMAP_BYTES), (_M_TRIM_THRESHOLD, _TRIM_BYTES))
    taken = [mallopt(name, value) == 1 for name, value in settings]
    return all(taken)


def _give_back() -> None:
    """What is free inside the heap, page by page. Nothing where the C library is not glibc."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


async def give_back_when_idle(
    used_s: Callable[[], float] = time.process_time, give_back: Callable[[], None] = _give_back
) -> None:
    """Until cancelled: each time that work has ended, what it left free goes back to the system.

    `used_s` is the CPU that this process has used.
    """
    before, was_busy = used_s(), False
    while True:
        await trio.sleep(_LOOK_S)
        now = used_s()
        is_busy, before = now - before > _IDLE_SHARE * _LOOK_S, now
        if was_busy and not is_busy:
            await trio.to_thread.run_sync(give_back)  # the heap is locked meanwhile: not in the loop's own time
        was_busy = is_busy


def _allow_huge_pages(allowed: bool) -> None:
    """For what this process touches from now on. Nothing where the kernel has none, or is not Linux."""
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl is not None:
        prctl(_PR_SET_THP_DISABLE, int(not allowed), 0, 0, 0)


async def huge_pages_while_busy(
    used_s: Callable[[], float] = time.process_time, allow: Callable[[bool], None] = _allow_huge_pages
) -> None:
    """Until cancelled: huge pages are allowed after a second of work and forbidden after one of rest.

    `used_s` is the CPU that this process has used.
    """
    before, was_busy = used_s(), True  # as the kernel has it
    while True:
        await trio.sleep(_HUGE_LOOK_S)
        now = used_s()
        is_busy, before = now - before > _IDLE_SHARE * _HUGE_LOOK_S, now
        if is_busy != was_busy:
            allow(is_busy)
        was_busy = is_busy
