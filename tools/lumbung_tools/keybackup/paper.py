"""A backup on paper: lines that a person can type or a scanner read, each with a check of its own.

    LUMBUNG KEY BACKUP 1
    01 ABCDE FGHIJ KLMNO PQRST UVWXY Z2345 67ABC DEFGH 4F3K
    ...
    END 02 1A2B3C4D

A line: its number, 25 bytes in base32 (no 0, 1, 8 and 9), four letters over number and bytes. The end: how many lines,
and the first 4 bytes of BLAKE3 of everything. What people mistake (0 for O, 1 for I, 8 for B) is read as meant.
"""

from __future__ import annotations

import base64
import re

from blake3 import blake3

from lumbung_cluster.errors import KeyRefused

__all__ = ["PAPER_MARK", "from_paper", "to_paper"]

PAPER_MARK = "LUMBUNG KEY BACKUP 1"
_LINE_BYTES = 25
_GROUP = 5
_CHECK_LETTERS = 4
_LINES_MAX = 10_000
_LINE = re.compile(r"([0-9]{2,5}) ([A-Z2-7]+) ([A-Z2-7]{4})")
_END = re.compile(r"END ([0-9]{2,5}) ([0-9A-F]{8})")
_MISTAKEN = str.maketrans("018", "OIB")


def to_paper(sealed: bytes) -> str:
    """The lines, without any words around them."""
    parts = [sealed[at : at + _LINE_BYTES] for at in range(0, len(sealed), _LINE_BYTES)]
    lines = [f"{number:02d} {_groups(part)} {_check(number, part)}" for number, part in enumerate(parts, start=1)]
    return "\n".join([PAPER_MARK, *lines, f"END {len(parts):02d} {blake3(sealed).hexdigest(4).upper()}", ""])


def from_paper(text: str) -> bytes:
    """The backup. Raises KeyRefused, which names the first line that is not as it was written."""
    rows = [" ".join(row.split()).upper() for row in text.splitlines()]
    if PAPER_MARK not in rows:
        raise KeyRefused(f"paper backup: expected the line {PAPER_MARK!r}, got none")
    parts: list[bytes] = []
    for row in rows[rows.index(PAPER_MARK) + 1 :]:
        end = _END.fullmatch(row)
        if end is not None:
            return _whole(b"".join(parts), len(parts), end)
        if row:
            parts.append(_part(row, len(parts) + 1))
        if len(parts) > _LINES_MAX:
            raise KeyRefused(f"paper backup: expected at most {_LINES_MAX} lines, got more")
    raise KeyRefused(f"paper backup: expected an END behind line {len(parts)}, got nothing more")


def _part(row: str, number: int) -> bytes:
    head, _, rest = row.partition(" ")
    body, check = rest.replace(" ", "")[:-_CHECK_LETTERS], rest.replace(" ", "")[-_CHECK_LETTERS:]
    found = _LINE.fullmatch(f"{head} {body.translate(_MISTAKEN)} {check.translate(_MISTAKEN)}")
    if found is None or int(found[1]) != number:
        raise KeyRefused(f"paper backup: expected line {number:02d}, got {row[:40]!r}")
    try:
        part = base64.b32decode(found[2] + "=" * (-len(found[2]) % 8))
    except ValueError as exc:
        raise KeyRefused(f"paper backup: line {number:02d} lacks letters or has too many") from exc
    if _check(number, part) != found[3]:
        raise KeyRefused(f"paper backup: line {number:02d} was not typed as it is written: compare it letter by letter")
    return part


def _whole(sealed: bytes, lines: int, end: re.Match[str]) -> bytes:
    if int(end[1]) != lines or blake3(sealed).hexdigest(4).upper() != end[2]:
        raise KeyRefused(f"paper backup: expected {int(end[1])} lines with the sum {end[2]}, got {lines} with another")
    return sealed


def _groups(part: bytes) -> str:
    letters = base64.b32encode(part).decode("ascii").rstrip("=")
    return " ".join(letters[at : at + _GROUP] for at in range(0, len(letters), _GROUP))


def _check(number: int, part: bytes) -> str:
    digest = blake3(number.to_bytes(4, "big") + part).digest(5)
    return base64.b32encode(digest).decode("ascii")[:_CHECK_LETTERS]
