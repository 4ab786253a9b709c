"""The bytes that simulated stations deliver: they begin as a sealed blob does, the rest comes from the seed."""

from __future__ import annotations

import random
from dataclasses import dataclass

from lumbung_cluster.ids import BlobId
from lumbung_cluster.limits import MEMORY_BLOB_BYTES_MAX, MIB

__all__ = ["Delivery", "draw_delivery"]

_SEALED_PREFIX = b"age-encryption.org/v1\n"
_TAG_VERSION = b"\1"
_STREAMED = 1 / 120
_CHUNKED = 1 / 40


@dataclass(frozen=True, slots=True)
class Delivery:
    """What a station puts; tags are empty for a record without an id of its own."""

    content: bytes
    record_tag: bytes = b""
    content_tag: bytes = b""

    @property
    def blob(self) -> BlobId:
        return BlobId.of(self.content)

    def sealed_again(self, luck: random.Random) -> Delivery:
        """The same record and the same plaintext under other sealed bytes: a client that lost its outbox."""
        return Delivery(_SEALED_PREFIX + luck.randbytes(64), self.record_tag, self.content_tag)

    def changed(self, luck: random.Random) -> Delivery:
        """The same record with other content: a new version."""
        return Delivery(_SEALED_PREFIX + luck.randbytes(80), self.record_tag, _TAG_VERSION + luck.randbytes(32))


def draw_delivery(luck: random.Random) -> Delivery:
    """Mostly small; some take several chunks, a few go to disk as they come. Half of them belong to a record."""
    size = luck.choice((1, 40, 300, 300, 2000, 2000))
    if (kind := luck.random()) < _STREAMED:
        size = MEMORY_BLOB_BYTES_MAX + luck.randrange(4 * MIB)
    elif kind < _CHUNKED:
        size = MIB + luck.randrange(MIB)
    content = _SEALED_PREFIX + luck.randbytes(size)
    if luck.random() < 0.5:
        return Delivery(content)
    return Delivery(content, _TAG_VERSION + luck.randbytes(32), _TAG_VERSION + luck.randbytes(32))
