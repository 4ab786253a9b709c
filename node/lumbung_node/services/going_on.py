"""Tasks that recording does not need: a bug that one of them meets is logged, and the task begins again.

One number that a partner made up, in a look at how the node stands, ended the whole node, and again at every start.
What a task raises of the store or of a disk goes its way: the store is opened again for it, as everywhere.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import trio

from lumbung_cluster.errors import BlobDamaged
from lumbung_cluster.limits import TASK_AGAIN_S
from lumbung_node.services.core import STORE_FAILURES, Core

__all__ = ["going_on"]

_EVENT_ID_BYTES = 8
_OF_THE_DISK = (*STORE_FAILURES, BlobDamaged, OSError)


async def going_on(core: Core, name: str, run: Callable[[], Awaitable[None]]) -> None:
    """`run` until it returns or is cancelled, again after each bug. Raises only what is of the store or of a disk."""
    while True:
        try:
            return await run()
        except Exception as exc:
            failure = _of_the_disk(exc)
            if failure is not exc:
                event_id = core.randomness.bytes(_EVENT_ID_BYTES).hex()
                core.log.error("task failed, begins again", task=name, event_id=event_id, exc_info=exc)
            if failure is not None:
                raise failure from None
        await trio.sleep(TASK_AGAIN_S)


def _of_the_disk(exc: Exception) -> Exception | None:
    """What of it opens the store again: without a bug that came with it, which would end the process."""
    if isinstance(exc, ExceptionGroup):
        return exc.split(_OF_THE_DISK)[0]
    return exc if isinstance(exc, _OF_THE_DISK) else None
