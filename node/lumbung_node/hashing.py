"""Where hashing is done: in place while that is cheaper than a thread, off the event loop beyond that."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from lumbung_cluster.limits import KIB
from lumbung_node.ports.world import Blocking

__all__ = ["hash_where_it_pays"]

T = TypeVar("T")

# 0.1 to 0.4 ms of BLAKE3; a hop to a thread and back costs 0.2 to 0.4 ms of CPU in switches alone.
_OFF_LOOP_BYTES: Final = 512 * KIB


async def hash_where_it_pays(blocking: Blocking, size_bytes: int, work: Callable[[], T]) -> T:
    """The result of `work`, which hashes `size_bytes` in all."""
    return work() if size_bytes < _OFF_LOOP_BYTES else await blocking.run(work)
