"""Nodes that do not do what they say, for a while: patched at the seams, by number, in the simulation only.

lossy   applies offers and moves its mark, but stores nothing of what it was sent
lying   sends wrong bytes for what is wanted
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from lumbung_cluster.ids import NodeNumber
from lumbung_node.services.session.pieces import PieceSender
from lumbung_node.store.committer import Committer
from lumbung_node.store.jobs import Job
from lumbung_testing.simulation.patching import patched

__all__ = ["Misbehaviour", "misbehaving"]


class Misbehaviour:
    """Who misbehaves now."""

    def __init__(self) -> None:
        self.lossy: set[NodeNumber] = set()
        self.lying: set[NodeNumber] = set()
        self.boasting: set[NodeNumber] = set()

    def is_false_tongued(self, node: NodeNumber) -> bool:
        """Whether what it signs is not to be taken for the word of an honest node."""
        return node in self.boasting


@contextmanager
def misbehaving(who: Misbehaviour) -> Iterator[None]:
    """While the block runs, the nodes named in `who` misbehave."""
    submit, send_bytes = Committer.submit, PieceSender._send_bytes

    async def lossy_submit(self: Committer, job: Job) -> None:
        if self._state.node in who.lossy:
            job.foreign = [item for item in job.foreign if item.signed.content.origin == self._state.node]
        await submit(self, job)

    async def lying_send(self: PieceSender, serial: int, index: int, content: memoryview) -> None:
        if self._core.number in who.lying and content:
            content = memoryview(bytes([content[0] ^ 1]) + bytes(content[1:]))
        await send_bytes(self, serial, index, content)

    with patched(Committer, "submit", lossy_submit), patched(PieceSender, "_send_bytes", lying_send):
        yield
