"""What others have named or said, made harmless for a terminal: a file name may hold a sequence that moves its cursor.

Controls, and marks that turn the direction of writing, are written by their numbers.
"""

from __future__ import annotations

import re
from typing import Final

__all__ = ["has_controls", "one_line", "without_controls"]

_CONTROLS: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")
_BREAKS: Final = re.compile("[\t\n]")


def without_controls(text: str) -> str:
    """The text with nothing but its line breaks and tabs left of its controls."""
    return _CONTROLS.sub(_number, text)


def one_line(text: str) -> str:
    """A name in a sentence: also its line breaks are shown, or it could say a sentence of its own."""
    return _BREAKS.sub(_number, without_controls(text))


def has_controls(text: str) -> bool:
    return _CONTROLS.search(text) is not None


def _number(found: re.Match[str]) -> str:
    number = ord(found[0])
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}"
