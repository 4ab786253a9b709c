"""A list of recordings, one a line, that a person or a program wrote: read as it is needed, whatever its length.

The first word of a line is an id or its first digits. Empty lines, lines that begin with # and the heading of
`lumbung ls` are passed over. A line that begins with { is an object of --json, and its `id` counts.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from lumbung_tools.client.ask import BlobName, NotAnId

__all__ = ["NotAList", "Wanted", "open_list", "read_list"]

_STDIN = "-"
_HEADING = "id"
_LINE_SIZE_BYTES_MAX = 64 * 1024  # an object of `lumbung ls --json` has less than 1 KiB; without lines it stops here
_TEXT_SHOWN_MAX = 80
_MARK = b"\xef\xbb\xbf"  # what some editors put before UTF-8


class NotAList(ValueError):
    """A file that holds no text: a recording that was named in the place of a list, for example."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A recording in the person's own words. `name` is None where they name none; `line` of a list, 0 outside."""

    text: str
    name: BlobName | None
    line: int = 0


def open_list(path: str) -> IO[bytes]:
    """`-` is the standard input. Raises OSError, NotAList."""
    if path != _STDIN:
        return Path(path).open("rb")
    if sys.stdin is None:
        raise NotAList("plaintext: expected a standard input, got a closed one")
    # Not `sys.stdin.buffer`: Python's end would abort over its lock while a thread still waits for bytes.
    return open(sys.stdin.fileno(), "rb", closefd=False)


def read_list(file: IO[bytes]) -> Iterator[Wanted]:
    """Raises OSError, NotAList. Memory: a line."""
    for number, line in enumerate(_lines(file), start=1):
        if b"\0" in line:
            raise NotAList(f"list: expected text, got something else in line {number}")
        text = line.decode("utf-8", "replace").strip()
        if not text or text.startswith("#") or text.split()[0].lower() == _HEADING:
            continue
        yield _wanted(text, number)


def _lines(file: IO[bytes]) -> Iterator[bytes]:
    first = file.readline(_LINE_SIZE_BYTES_MAX).removeprefix(_MARK)
    line = first
    while line:
        yield line
        while line and not line.endswith(b"\n"):  # what a line that is too long has left
            line = file.readline(_LINE_SIZE_BYTES_MAX)
        line = file.readline(_LINE_SIZE_BYTES_MAX)


def _wanted(text: str, line: int) -> Wanted:
    word = _id_of(text) if text.startswith("{") else text.split()[0]
    try:
        return Wanted(word, BlobName.parse(word), line)
    except NotAnId:
        return Wanted(text[:_TEXT_SHOWN_MAX], None, line)


def _id_of(text: str) -> str:
    """Of an object of --json; empty where it has none."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return ""
    return str(found.get("id", "")) if isinstance(found, dict) else ""
