"""Reading the documents that people pass around as TOML: within bounds, and every mistake is named."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import TypeVar

import msgspec

from lumbung_cluster.canonical import Malformed
from lumbung_node.toml_table import load_toml
from lumbung_tools.bounded_file import read_bounded

__all__ = ["hex_bytes", "member_of", "number_of", "read_document", "read_document_file"]

T = TypeVar("T", bound=msgspec.Struct)
E = TypeVar("E", bound=Enum)

_FILE_BYTES_MAX = 8 << 20
_DIGITS_MAX = 20  # of the highest u64


def read_document(text: str, kind: type[T], what: str, keys: str) -> T:
    """The document in `text`; `what` and `keys` name it and its keys for people. Raises Malformed."""
    try:
        return msgspec.convert(load_toml(text), kind)
    except msgspec.ValidationError as exc:
        raise Malformed(what, keys, str(exc)) from exc
    except ValueError as exc:
        raise Malformed(what, "TOML", str(exc)) from exc


def read_document_file(file: Path) -> str:
    """The text of a document. Raises Malformed, OSError."""
    try:
        return read_bounded(file, _FILE_BYTES_MAX).decode("utf-8")
    except UnicodeDecodeError as exc:
        raise Malformed(str(file), "text in UTF-8", str(exc)) from exc


def hex_bytes(field: str, text: str, size: int | None = None) -> bytes:
    """Raises Malformed."""
    try:
        raw = bytes.fromhex(text)
    except ValueError as exc:
        raise Malformed(field, "hex digits", repr(text)) from exc
    if size is not None and len(raw) != size:
        raise Malformed(field, f"{2 * size} hex digits", str(len(text)))
    return raw


def number_of(field: str, text: str) -> int:
    """A number written as text. Raises Malformed."""
    if not (text.isascii() and text.isdigit()) or len(text) > _DIGITS_MAX:
        raise Malformed(field, f"at most {_DIGITS_MAX} digits", repr(text[: 2 * _DIGITS_MAX]))
    return int(text)


def member_of(field: str, names: dict[str, E], text: str) -> E:
    """Raises Malformed, which lists what there is."""
    found = names.get(text)
    if found is None:
        raise Malformed(field, f"one of {', '.join(names)}", repr(text))
    return found
