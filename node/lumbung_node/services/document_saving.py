"""Rosters and access lists to disk, and once more what it did not take: the folder may lie on a full system disk.

Nobody waits for that. What was not saved is not obeyed, it is said once, and it is offered again until it is in force
or outdated: partners bring it but once a session.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import trio

from lumbung_cluster import limits
from lumbung_cluster.errors import DiskFailed, DiskFull, Rejected, StatusCode
from lumbung_cluster.ids import NodeNumber
from lumbung_node.ports.documents import Documents
from lumbung_node.ports.log import Log
from lumbung_node.store.state import Pulse

__all__ = ["DocumentSaving"]


class DocumentSaving:
    """Both `save` raise Rejected, with `retry_after_s`, when the disk does not take it."""

    def __init__(self, documents: Documents, log: Log) -> None:
        self._documents = documents
        self._log = log
        self._unsaved: dict[NodeNumber | None, bytes] = {}  # the last list of each office, and under None the roster
        self._failed = Pulse()

    async def save_roster(self, epoch: int, raw: bytes) -> None:
        await self._save(self._documents.save_roster(epoch, raw), None, raw)

    async def save_access_list(self, office: NodeNumber, raw: bytes) -> None:
        await self._save(self._documents.save_access_list(office, raw), office, raw)

    async def run(
        self,
        offer_roster: Callable[[list[bytes]], Awaitable[object]],
        offer_access: Callable[[list[bytes]], Awaitable[object]],
    ) -> None:
        """Offer again what was not saved, until cancelled."""
        while True:
            while not self._unsaved:
                await self._failed.wait()
            await trio.sleep(limits.DOCUMENTS_AGAIN_S)
            for office, raw in list(self._unsaved.items()):
                is_done = await _is_answered(offer_roster if office is None else offer_access, raw)
                if is_done and self._unsaved.get(office) == raw:
                    del self._unsaved[office]  # something later is in force meanwhile

    async def _save(self, saving: Awaitable[None], office: NodeNumber | None, raw: bytes) -> None:
        try:
            await saving
        except (DiskFull, DiskFailed) as exc:
            what = "roster" if office is None else f"access list of node {office}"
            if office not in self._unsaved:  # every partner brings it, and the log may lie on the same disk
                self._log.error("not saved and not obeyed, tried again", document=what, reason=str(exc))
            self._unsaved[office] = raw
            self._failed.beat()
            code, after_s = StatusCode.RESOURCE_EXHAUSTED, limits.DOCUMENTS_AGAIN_S
            raise Rejected(code, f"{what} not saved: {exc}", retry_after_s=after_s) from exc
        self._unsaved.pop(office, None)


async def _is_answered(offer: Callable[[list[bytes]], Awaitable[object]], raw: bytes) -> bool:
    """Whether it was taken or refused for good: not when the disk is as it was."""
    try:
        await offer([raw])
    except Rejected as exc:
        return not exc.retry_after_s
    return True
