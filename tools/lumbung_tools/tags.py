"""Keyed tags of records and plaintexts: equal input gives equal tags inside one office, and tells nobody else anything.

A tag is one version byte and 32 bytes of keyed BLAKE3. The key is derived from the office's tag secret with one context
for each use, so that a record's tag and a content's tag of the same bytes have nothing in common. Tags make retries
idempotent: the node answers a known record tag with a known content tag with the blob that it already has.
"""

from __future__ import annotations

from dataclasses import dataclass

from blake3 import blake3

__all__ = ["TAG_SECRET_SIZE_BYTES", "TAG_SIZE_BYTES", "TagSecret", "Tags"]

TAG_SECRET_SIZE_BYTES = 32
TAG_VERSION = b"\x01"
TAG_SIZE_BYTES = 1 + 32

_CONTEXT_RECORD = "lumbung 2026-11 tag of a record's own id"
_CONTEXT_CONTENT = "lumbung 2026-11 tag of a plaintext"
_CONTEXT_UNNAMED = "lumbung 2026-11 tag of a record that has no id, from its plaintext's tag"


@dataclass(frozen=True, slots=True)
class Tags:
    """What travels with a put: both tags, version byte included."""

    record: bytes
    content: bytes


class TagSecret:
    """The office's tag secret with its three derived keys. Never printed, never sent."""

    __slots__ = ("_content_key", "_record_key", "_unnamed_key")

    def __init__(self, secret: bytes) -> None:
        if len(secret) != TAG_SECRET_SIZE_BYTES:
            raise ValueError(f"tag secret: expected {TAG_SECRET_SIZE_BYTES} bytes, got {len(secret)}")
        self._record_key = _derive(secret, _CONTEXT_RECORD)
        self._content_key = _derive(secret, _CONTEXT_CONTENT)
        self._unnamed_key = _derive(secret, _CONTEXT_UNNAMED)

    def record_tag(self, record: str) -> bytes:
        """The tag of a record's own id, taken as UTF-8 without the blanks around it."""
        named = record.strip()
        if not named:
            raise ValueError("record id: expected some text, got none")
        return _tag(self._record_key, named.encode())

    def content_hasher(self) -> blake3:
        """Feed it the plaintext, then give it to `content_tag`."""
        return blake3(key=self._content_key)

    def content_tag(self, hasher: blake3) -> bytes:
        return TAG_VERSION + hasher.digest()

    def tags(self, record: str | None, content_tag: bytes) -> Tags:
        """Both tags; a record without an id is named by its plaintext, so that the same file twice is one blob."""
        named = self.record_tag(record) if record is not None else _tag(self._unnamed_key, content_tag)
        return Tags(named, content_tag)


def _derive(secret: bytes, context: str) -> bytes:
    return blake3(secret, derive_key_context=context).digest()


def _tag(key: bytes, message: bytes) -> bytes:
    return TAG_VERSION + blake3(message, key=key).digest()
