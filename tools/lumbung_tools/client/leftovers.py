"""Clears the outbox of sealed files that another holder has proven: their answer was lost, or an old build left them.

The file that a person named may be gone by now, so that no put of it would ever meet the entry again.
"""

from __future__ import annotations

from functools import partial

import trio

from lumbung_cluster.errors import LumbungError, Rejected, StatusCode
from lumbung_node.ports.transport import Channel
from lumbung_node.ports.world import Blocking
from lumbung_tools.client.ask import BlobName, stat
from lumbung_tools.client.outbox import Outbox

__all__ = ["forget_stored"]

_COPIES_MIN = 2  # another holder has signed: a row that the node shows may be younger than its sync, a copy is not
_ENTRIES_MAX = 256
_TIME_S = 3.0  # another put waits for its turn meanwhile


async def forget_stored(channel: Channel, outbox: Outbox, blocking: Blocking) -> None:
    """For the end of a put, whose outcome it never changes. What only the node itself holds stays."""
    with trio.move_on_after(_TIME_S):
        for entry in await blocking.run(partial(outbox.waiting, _ENTRIES_MAX)):
            try:
                blob = (await stat(channel, BlobName(digits=str(entry.id)), 0)).blob
                if blob.copies.count >= _COPIES_MIN and not blob.damaged_here:
                    await blocking.run(partial(outbox.forget, entry))
            except (LumbungError, OSError) as exc:
                if not (isinstance(exc, Rejected) and exc.code is StatusCode.NOT_FOUND):
                    return
