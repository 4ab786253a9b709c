"""Cuts sealed files into the frames of a put stream: many small blobs in one frame, a large one over many frames.

No I/O waits here and no task: `next_frame` blocks on the disk and runs off the event loop, once per frame of up to
1 MiB and 256 parts, so that the cost of a hop is shared by all the blobs in it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import BinaryIO

from lumbung_cluster import limits
from lumbung_cluster.errors import LumbungError
from lumbung_proto.codec import encode_frame
from lumbung_proto.v1 import blobs_pb2 as wire

__all__ = ["Frame", "FrameCutter", "PutItem", "PutTerms", "SourceFailed"]

_FIRST_PART_BYTES_MIN = 1024  # the age header is 22 bytes; a node judges a blob by its first part


@dataclass(frozen=True, slots=True, eq=False)
class PutItem:
    """A sealed file that is ready to go out; `label` is what the person called it.

    Each is itself alone: a file that was named twice makes two of them with equal fields, and each gets an answer.
    """

    label: str
    path: str
    size_bytes: int
    id: bytes
    record_tag: bytes
    content_tag: bytes
    seal_epoch: int


@dataclass(frozen=True, slots=True)
class PutTerms:
    """How many proven copies to wait for, how long after a blob is durable, and how long to try when the line fails.

    `retry_s` counts from the last answer or frame that got through.
    """

    copies: int
    wait_s: float
    retry_s: float


class SourceFailed(LumbungError):
    """A sealed file cannot be read, or is no longer what was announced: its blob cannot go out."""

    def __init__(self, item: PutItem, sentence: str) -> None:
        super().__init__(f"{item.label}: {sentence}")
        self.item = item
        self.sentence = sentence


@dataclass(frozen=True, slots=True)
class Frame:
    """Bytes to send, `size_bytes` of which are of blobs; the blobs that start in it, and those that were unreadable.

    `broken` is a blob that could not be read any further: the stream cannot go on, the node waits for its bytes.
    """

    message: bytes
    size_bytes: int
    started: list[tuple[int, PutItem]]
    failed: list[SourceFailed]
    broken: SourceFailed | None


@dataclass(slots=True)
class _Open:
    """The blob that is being cut."""

    ticket: int
    item: PutItem
    source: BinaryIO
    left_bytes: int


@dataclass(slots=True)
class _Draft:
    """A frame under construction."""

    size_bytes_max: int
    room_bytes: int
    header: wire.PutRequest = field(default_factory=wire.PutRequest)
    payload: list[bytes] = field(default_factory=list)
    started: list[tuple[int, PutItem]] = field(default_factory=list)
    failed: list[SourceFailed] = field(default_factory=list)

    @property
    def is_full(self) -> bool:
        return self.room_bytes == 0 or len(self.payload) >= limits.FRAME_PARTS_MAX


class FrameCutter:
    """The blobs of one put stream, in order, as frames. One caller at a time; `close` lets go of an open file."""

    def __init__(self, terms: PutTerms) -> None:
        self._copies = terms.copies
        self._wait_ms = round(terms.wait_s * 1000)
        self._waiting: deque[PutItem] = deque()
        self._open: _Open | None = None
        self._ticket = 0

    def add(self, items: Iterable[PutItem]) -> None:
        self._waiting.extend(items)

    @property
    def is_inside_blob(self) -> bool:
        """True while a blob has begun and has not ended: it may go on without a free slot."""
        return self._open is not None

    @property
    def has_work(self) -> bool:
        return self._open is not None or bool(self._waiting)

    def take_waiting(self) -> list[PutItem]:
        """Those of which no byte was cut yet; they are ours no longer."""
        taken = list(self._waiting)
        self._waiting.clear()
        return taken

    def next_frame(self, slots: int, size_bytes_max: int) -> Frame:
        """The next frame, in which at most `slots` blobs begin."""
        draft = _Draft(size_bytes_max, size_bytes_max)
        while not draft.is_full:
            if self._open is None and not (slots > len(draft.started) and self._fits(draft) and self._begin(draft)):
                break
            try:
                self._cut(draft)
            except SourceFailed as exc:
                return Frame(b"", 0, draft.started, draft.failed, exc)
        message = encode_frame(draft.header, draft.payload) if draft.payload else b""
        return Frame(message, size_bytes_max - draft.room_bytes, draft.started, draft.failed, None)

    def close(self) -> None:
        if self._open is not None:
            self._open.source.close()
            self._open = None

    def _fits(self, draft: _Draft) -> bool:
        """Whether the next blob may begin here.

        Its first part has to be long enough for the node to see that it is sealed; and a blob that fits the next frame
        whole is not cut by one that is half full: the node copies a whole one only once.
        """
        if not self._waiting:
            return False
        size, room, most = self._waiting[0].size_bytes, draft.room_bytes, draft.size_bytes_max
        would_cut = 2 * room <= most >= size > room
        return room >= min(size, _FIRST_PART_BYTES_MIN) and not would_cut

    def _begin(self, draft: _Draft) -> bool:
        """Open the next readable file; False when none is left."""
        while self._waiting:
            item = self._waiting.popleft()
            try:
                # Unbuffered: a part is read in one call of exactly its size.
                source = open(item.path, "rb", buffering=0)  # noqa: SIM115 - lives on in _open, over many frames
            except OSError as exc:
                draft.failed.append(SourceFailed(item, str(exc)))
                continue
            self._ticket += 1
            self._open = _Open(self._ticket, item, source, item.size_bytes)
            draft.started.append((self._ticket, item))
            return True
        return False

    def _cut(self, draft: _Draft) -> None:
        """Move the open blob's next bytes into the frame."""
        current = self._open
        assert current is not None
        size = min(current.left_bytes, draft.room_bytes)
        piece = _read(current, size)
        part = draft.header.parts.add(ticket=current.ticket, length_bytes=size)
        if current.left_bytes == current.item.size_bytes:
            self._announce(part.start, current.item)
        draft.payload.append(piece)
        draft.room_bytes -= size
        current.left_bytes -= size
        if not current.left_bytes:
            self.close()

    def _announce(self, start: wire.PutStart, item: PutItem) -> None:
        start.size_bytes = item.size_bytes
        start.id = item.id
        start.record_tag = item.record_tag
        start.content_tag = item.content_tag
        start.seal_epoch = item.seal_epoch
        start.copies = self._copies
        start.wait_ms = self._wait_ms


def _read(current: _Open, size: int) -> bytes:
    try:
        piece = current.source.read(size)
    except OSError as exc:
        raise SourceFailed(current.item, str(exc)) from exc
    if len(piece) != size:
        left = current.left_bytes
        raise SourceFailed(current.item, f"expected {left} more bytes of the sealed file, got {len(piece)}")
    return piece
