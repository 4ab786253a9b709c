"""From what a person named to sealed files that are ready to go out, a batch at a time."""

from __future__ import annotations

import os
import sys
import threading
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import IO

from lumbung_cluster import limits
from lumbung_cluster.errors import LumbungError
from lumbung_cluster.ids import blob_hasher
from lumbung_node.ports.world import Blocking
from lumbung_tools.client.outbox import Outbox, OutboxEntry
from lumbung_tools.client.put_frames import PutItem
from lumbung_tools.sealing import PlaintextRefused, SealRecipients, not_a_file
from lumbung_tools.tags import TagSecret

__all__ = ["STDIN", "OnUnusable", "Preparer", "refuse_too_large", "walk"]

STDIN = "-"
OnUnusable = Callable[[str, Exception], None]
"""Told of a file that cannot be used: its label and why."""

_BATCH_FILES = 64  # one hop and one folder sync for so many; about 10 ms of sealing 4 KiB files
_BATCH_SIZE_BYTES = 8 * limits.MIB  # a batch of large files must not keep the line idle
_READ_SIZE_BYTES = limits.MIB


def walk(named: Sequence[str], on_unusable: OnUnusable) -> Iterator[str]:
    """The files under what was named, each folder in the order of names. Links and hidden files in folders are left.

    What was named itself is taken as it is, a pipe as well: whether it can be read shows when it is sealed. A folder
    that cannot be read is told to `on_unusable`: nobody knows what is in it, so it must not look as if nothing were. So
    is what is no file in a folder: to open a pipe there would wait for ever.
    """
    for name in named:
        if name == STDIN or not os.path.isdir(name):
            yield name
            continue
        for folder, folders, files in os.walk(name, onerror=lambda exc: on_unusable(str(exc.filename), exc)):
            folders[:] = sorted(entry for entry in folders if not entry.startswith("."))
            for file in sorted(files):
                path = os.path.join(folder, file)
                if file.startswith(".") or os.path.islink(path):
                    continue
                if os.path.exists(path) and not os.path.isfile(path):
                    on_unusable(path, not_a_file())
                else:
                    yield path


class Preparer:
    """Gives batches of sealed files for `put_many`; `forget` an item once its answer is definite.

    All work on the outbox is done between batches and in `finish`, never beside them: equal files share one entry,
    and it must not go while another of them still needs it. A cancel may leave a batch to its thread, and `finish` may
    be called beside it then: they take turns with the items. What the thread still seals is of no put, and waits in
    the outbox as after a crash.
    """

    def __init__(
        self,
        outbox: Outbox,
        secret: TagSecret,
        recipients: SealRecipients | None,
        blocking: Blocking,
        on_unusable: OnUnusable,
    ) -> None:
        """`recipients` None stores files as they are."""
        self._outbox = outbox
        self._secret = secret
        self._recipients = recipients
        self._blocking = blocking
        self._on_unusable = on_unusable
        self._entries: dict[str, tuple[OutboxEntry, set[PutItem]]] = {}  # by path, with the items that still need it
        self._forgotten: deque[PutItem] = deque()
        self._items_turn = threading.Lock()  # never held over a read of a file: that may give nothing for ever

    def batches(self, labels: Sequence[str], record: str | None) -> AsyncGenerator[Sequence[PutItem], None]:
        if self._recipients is None:
            return self._batches(labels, partial(self._take, record=record))
        return self._batches(labels, partial(self._seal, record=record))

    def waiting(self, paths: Sequence[Path]) -> AsyncGenerator[Sequence[PutItem], None]:
        """Those sealed files of the outbox, as they are; their paths are their labels."""
        return self._batches([str(path) for path in paths], self._take_up)

    def forget(self, item: PutItem) -> None:
        """It needs its sealed file no longer; twice says no more than once, a twin may still need the file."""
        self._forgotten.append(item)

    def finish(self) -> None:
        """Remove what nobody needs any longer. Blocks on the disk."""
        with self._items_turn:
            while self._forgotten:
                self._let_go(self._forgotten.popleft())

    def _let_go(self, item: PutItem) -> None:
        if item.path not in self._entries:
            return  # a file stored as it is, or gone already
        entry, users = self._entries[item.path]
        users.discard(item)
        if not users:
            del self._entries[item.path]
            self._outbox.forget(entry)

    async def _batches(
        self, labels: Sequence[str], make: Callable[[str], PutItem]
    ) -> AsyncGenerator[Sequence[PutItem], None]:
        for chunk in _chunks(labels):
            items, unusable = await self._blocking.run(partial(self._prepare, chunk, make))
            for label, why in unusable:
                self._on_unusable(label, why)
            if items:
                yield items

    def _prepare(
        self, labels: Sequence[str], make: Callable[[str], PutItem]
    ) -> tuple[list[PutItem], list[tuple[str, Exception]]]:
        self.finish()
        items: list[PutItem] = []
        unusable: list[tuple[str, Exception]] = []
        for label in labels:
            try:
                items.append(make(label))
            except (OSError, LumbungError) as exc:
                unusable.append((label, exc))
        if self._recipients:
            self._outbox.settle()
        return items, unusable

    def _seal(self, label: str, record: str | None) -> PutItem:
        assert self._recipients is not None
        with _open(label) as source:
            if label != STDIN:
                refuse_too_large(os.fstat(source.fileno()).st_size, limits.PLAINTEXT_SIZE_BYTES_MAX)
            entry = self._outbox.seal(source, record, self._recipients)
        return self._item(label, entry)

    def _take_up(self, label: str) -> PutItem:
        return self._item(label, self._outbox.entry(Path(label)))

    def _item(self, label: str, entry: OutboxEntry) -> PutItem:
        item = PutItem(
            label=label,
            path=str(entry.path),
            size_bytes=entry.size_bytes,
            id=entry.id.raw,
            record_tag=entry.tags.record,
            content_tag=entry.tags.content,
            seal_epoch=entry.seal_epoch,
        )
        with self._items_turn:
            self._entries.setdefault(item.path, (entry, set()))[1].add(item)
        return item

    def _take(self, label: str, record: str | None) -> PutItem:
        """The file as it is: it is its own outbox."""
        hasher, content_hasher, size_bytes = blob_hasher(), self._secret.content_hasher(), 0
        with Path(label).open("rb") as source:
            refuse_too_large(os.fstat(source.fileno()).st_size, limits.BLOB_SIZE_BYTES_MAX)
            while piece := source.read(_READ_SIZE_BYTES):
                hasher.update(piece)
                content_hasher.update(piece)
                size_bytes += len(piece)
        if size_bytes == 0:
            raise PlaintextRefused("plaintext: expected at least 1 byte, got an empty file")
        refuse_too_large(size_bytes, limits.BLOB_SIZE_BYTES_MAX)
        tags = self._secret.tags(record, self._secret.content_tag(content_hasher))
        return PutItem(label, label, size_bytes, hasher.digest(), tags.record, tags.content, 0)


def refuse_too_large(size_bytes: int, most_bytes: int) -> None:
    """By the size that the file says, before any of it is read. Raises PlaintextRefused."""
    if size_bytes > most_bytes:
        raise PlaintextRefused(f"plaintext: expected at most {most_bytes} bytes, got more")


def _open(label: str) -> IO[bytes]:
    if label != STDIN:
        return Path(label).open("rb")
    if sys.stdin is None:  # `lumbung put - <&-`
        raise PlaintextRefused("plaintext: expected a standard input, got a closed one")
    # Not `sys.stdin.buffer`: Python's end would abort over its lock while a thread still waits for bytes. And it stays
    # open: whoever names it twice gets an empty file the second time.
    return open(sys.stdin.fileno(), "rb", buffering=0, closefd=False)


def _chunks(labels: Sequence[str]) -> Iterator[list[str]]:
    chunk: list[str] = []
    size_bytes = 0
    for label in labels:
        chunk.append(label)
        size_bytes += _size(label)
        if len(chunk) >= _BATCH_FILES or size_bytes >= _BATCH_SIZE_BYTES:
            yield chunk
            chunk, size_bytes = [], 0
    if chunk:
        yield chunk


def _size(label: str) -> int:
    try:
        return os.stat(label).st_size
    except OSError:
        return 0  # whatever is wrong with it shows when it is opened
