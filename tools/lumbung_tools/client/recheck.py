"""Asks again about blobs whose copies were short when the node stopped waiting for each.

The node waits per blob, the person once for all paths: what was short early may have its copies by the end. So the
last word is asked for, until the person's time after the last durable answer is up, and at least once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import trio

from lumbung_cluster.errors import LumbungError
from lumbung_node.ports.transport import Channel
from lumbung_tools.client.answers import PutAnswer, read_copies
from lumbung_tools.client.ask import BlobName, stat

__all__ = ["recheck"]

_ASKED_AT_ONCE = 8
_BLOBS_PER_PASS_MAX = 1000  # about a second; for more than that the early word has to do
_PAUSE_S = 0.5


async def recheck(channel: Channel, answers: Sequence[PutAnswer], copies: int, until: float) -> list[PutAnswer]:
    """The same answers in the same order, with the copies of now. `until` is on trio's clock.

    Errors end it early: the answers at hand stay true, they are only older.
    """
    known = list(answers)
    while True:
        short = [place for place, answer in enumerate(known) if answer.id and answer.copies.count < copies]
        if not short or not await _ask_all(channel, known, short[:_BLOBS_PER_PASS_MAX]):
            return known
        if trio.current_time() + _PAUSE_S >= until:
            return known
        await trio.sleep(_PAUSE_S)


async def _ask_all(channel: Channel, known: list[PutAnswer], places: Sequence[int]) -> bool:
    """Ask about these; False when the node could not be asked."""
    left = iter(places)
    is_fine = True

    async def ask_some(scope: trio.CancelScope) -> None:
        nonlocal is_fine
        for place in left:
            try:
                found = await stat(channel, BlobName(digits=str(known[place].id)), 0)
            except LumbungError:
                is_fine = False
                scope.cancel()
                return
            if found.blob.HasField("copies"):
                known[place] = replace(known[place], copies=read_copies(found.blob.copies))

    async with trio.open_nursery() as nursery:
        for _ in range(_ASKED_AT_ONCE):
            nursery.start_soon(ask_some, nursery.cancel_scope)
    return is_fine
