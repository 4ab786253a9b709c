"""Files that people carry by hand begin with what they are: the domain of their bytes and a zero byte.

So a pack that is taken for a request, a file cut at its beginning, and one of a later lumbung are each refused with
their own sentence before anything else is read.
"""

from __future__ import annotations

import re

from lumbung_cluster.canonical import Malformed
from lumbung_cluster.signed import Domain

__all__ = ["with_head", "without_head"]

_HEAD = re.compile(rb"lumbung/([a-z]{1,16})/([0-9]{1,4})\0")


def with_head(domain: Domain, content: bytes) -> bytes:
    return domain.value + b"\0" + content


def without_head(domain: Domain, what: str, raw: bytes) -> bytes:
    """The content. Raises Malformed for a file of another kind or version."""
    head = domain.value + b"\0"
    if raw.startswith(head):
        return raw[len(head) :]
    found = _HEAD.match(raw)
    if found is None:
        raise Malformed("file", what, "something else")
    if found[1] != domain.value.split(b"/")[1]:
        raise Malformed("file", what, f"a file of the kind {found[1].decode('ascii')!r}")
    expected = domain.value.rpartition(b"/")[2].decode("ascii")
    version = found[2].decode("ascii")
    raise Malformed("file", f"{what} of format {expected} (update this lumbung for later ones)", f"format {version}")
