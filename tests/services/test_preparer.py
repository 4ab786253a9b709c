"""Sealed files and their end, also where a cancel has left a batch to its thread."""

from __future__ import annotations

import threading
from pathlib import Path

import pyrage

from lumbung_testing.world import InlineWork
from lumbung_tools.client.outbox import Outbox, OutboxEntry
from lumbung_tools.client.prepare import Preparer
from lumbung_tools.sealing import SealRecipients
from lumbung_tools.tags import TagSecret

_SECRET = TagSecret(bytes(range(32)))
_OVERLAP_S_MAX = 0.3  # how long a removal waits for another one beside it: none comes when they take turns


class _Watched(Outbox):
    """Tells whether two removals were under way at once."""

    overlapped = False

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, _SECRET)
        self._inside = threading.Lock()
        self.begun, self._second = threading.Event(), threading.Event()

    def forget(self, entry: OutboxEntry) -> None:
        if not self._inside.acquire(blocking=False):
            self.overlapped = True
            self._second.set()
            return
        self.begun.set()
        self._second.wait(_OVERLAP_S_MAX)
        super().forget(entry)
        self._inside.release()


def _file(folder: Path, name: str) -> str:
    (folder / name).write_text(name)
    return str(folder / name)


async def test_the_end_of_a_put_and_a_batch_that_a_cancel_left_to_its_thread_take_turns(tmp_path: Path) -> None:
    """Both removed at once: the same file twice, or one that the queue had lost to the other; the put ended with a
    bug."""
    names = [_file(tmp_path, name) for name in "ab"]
    outbox = _Watched(tmp_path / "outbox")
    recipients = SealRecipients((str(pyrage.x25519.Identity.generate().to_public()),), 1)
    preparer = Preparer(outbox, _SECRET, recipients, InlineWork(), lambda _label, _why: None)
    items = [item async for batch in preparer.batches(names, None) for item in batch]
    for item in items:
        preparer.forget(item)
    left = threading.Thread(target=preparer.finish)
    left.start()
    outbox.begun.wait()
    preparer.finish()
    left.join()
    assert not outbox.overlapped
    assert list((tmp_path / "outbox").glob("*.age")) == []
    outbox.close()
