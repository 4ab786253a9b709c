"""Strict reading of TOML: every key is known, every value has its type, a mistake is one line that names its place."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection
from difflib import get_close_matches
from enum import Enum
from pathlib import Path
from typing import TypeVar

from lumbung_cluster.errors import LumbungError

__all__ = ["ConfigError", "TomlTable", "load_toml", "read_toml"]

E = TypeVar("E", bound=Enum)

_SIZE_BYTES_MAX = 8 << 20  # the roster of 514 offices has 1 MiB as TOML
_LONG_KEY = re.compile(r"""(?>(?:[A-Za-z0-9_-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+){32}""")
"""A key of so many parts: tomllib's memory grows with their square, and 200 KB of `a.a.a...` end the machine."""


class ConfigError(LumbungError):
    """A configuration that cannot be used: nothing was changed, a person has to edit it (exit code 2).

    `file` is the file that has to be edited, `place` the key in it, or empty for the file as a whole.
    """

    def __init__(self, file: Path, place: str, sentence: str) -> None:
        super().__init__(f"{file}: {place}: {sentence}" if place else f"{file}: {sentence}")
        self.file = file
        self.place = place
        self.sentence = sentence


class TomlTable:
    """One table of a file. Opening it refuses unknown keys, so a misspelt required key is named, not called missing.

    Paths are relative to the folder of the file. All methods raise ConfigError.
    """

    __slots__ = ("_file", "_name", "_values")

    def __init__(self, file: Path, name: str, values: dict[str, object], known: Collection[str]) -> None:
        self._file = file
        self._name = name
        self._values = values
        for key in values:
            if key not in known:
                raise self.error(key, f"unknown key, {_nearest(key, known)}")

    def table(self, key: str, known: Collection[str], *, required: bool) -> TomlTable:
        """The table under `key`; an empty one when it is absent and not required."""
        values = self._values.get(key)
        if values is None and not required:
            values = {}
        if values is None:
            raise self.error(f"[{key}]", "expected this table, got none")
        if not isinstance(values, dict):
            raise self.error(key, f"expected a table, got {_kind(values)}")
        return TomlTable(self._file, key, values, known)

    def tables(self, key: str, known: Collection[str]) -> tuple[TomlTable, ...]:
        """The tables written as `[[name.key]]`, in their order; none when there is none."""
        values = self._value(key, [])
        if not isinstance(values, list) or not all(isinstance(item, dict) for item in values):
            raise self.error(key, f"expected tables, each headed [[{self._name}.{key}]]")
        return tuple(
            TomlTable(self._file, f"{self._name}.{key} {place}", item, known)
            for place, item in enumerate(values, start=1)
        )

    def has(self, key: str) -> bool:
        return key in self._values

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts; empty when the key is absent."""
        value = self._value(key, [])
        if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
            raise self.error(key, "expected a list of texts in quotes")
        return tuple(value)

    def text(self, key: str, default: str | None = None) -> str:
        value = self._value(key, default)
        if not isinstance(value, str):
            raise self.error(key, f"expected a text in quotes, got {_kind(value)}")
        if not value:
            raise self.error(key, "expected a text, got an empty one")
        return value

    def whole(self, key: str, default: int | None = None, *, low: int, high: int) -> int:
        """A whole number from `low` to `high`, both included."""
        value = self._value(key, default)
        # bool is an int in Python, but `number = true` is a mistake in a config.
        if not isinstance(value, int) or isinstance(value, bool):
            raise self.error(key, f"expected a whole number, got {_kind(value)}")
        if not low <= value <= high:
            raise self.error(key, f"expected {low} to {high}, got {value}")
        return value

    def flag(self, key: str, default: bool) -> bool:
        value = self._value(key, default)
        if not isinstance(value, bool):
            raise self.error(key, f"expected true or false, got {_kind(value)}")
        return value

    def choice(self, key: str, kind: type[E], default: E) -> E:
        """One of the enum's values, written as text."""
        text = self.text(key, str(default.value))
        for member in kind:
            if member.value == text:
                return member
        allowed = ", ".join(str(member.value) for member in kind)
        raise self.error(key, f"expected one of {allowed}, got {text}")

    def path(self, key: str, default: Path | None = None) -> Path:
        return self._resolve(self.text(key, str(default) if default is not None else None))

    def paths(self, key: str) -> tuple[Path, ...]:
        """A list of paths; empty when the key is absent."""
        return tuple(self._resolve(item) for item in self.texts(key))

    def error(self, key: str, sentence: str) -> ConfigError:
        """A mistake at `key` of this table."""
        return ConfigError(self._file, f"{self._name}.{key}" if self._name else key, sentence)

    def _resolve(self, text: str) -> Path:
        return (self._file.parent / text).resolve()

    def _value(self, key: str, default: object) -> object:
        value = self._values.get(key, default)
        if value is None:
            raise self.error(key, "expected a value, got none")
        return value


def load_toml(text: str) -> dict[str, object]:
    """What tomllib reads, within bounds: a file from somebody else must cost neither memory nor a traceback.

    Raises ValueError with the reason.
    """
    if len(text) > _SIZE_BYTES_MAX:
        raise ValueError(f"expected at most {_SIZE_BYTES_MAX} characters, got {len(text)}")
    if _LONG_KEY.search(text):
        raise ValueError("expected keys of few parts, got one of more than 32")
    try:
        return tomllib.loads(text)
    except RecursionError as exc:
        raise ValueError("expected few brackets inside each other, got too many") from exc


def read_toml(file: Path, known: Collection[str]) -> TomlTable:
    """The root table of a file. Raises ConfigError when it cannot be read or is not TOML."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigError(file, "", f"cannot be read: {exc}") from exc
    try:
        values = load_toml(text)
    except ValueError as exc:
        raise ConfigError(file, "", f"is not TOML: {exc}") from exc
    return TomlTable(file, "", values, known)


def _nearest(key: str, known: Collection[str]) -> str:
    # A cutoff of 0 always names one: a person who is far off learns more from any key than from none.
    match get_close_matches(key, sorted(known), n=1, cutoff=0.0):
        case [nearest]:
            return f"the nearest known one is {nearest}"
        case _:
            return "no key is known here"


def _kind(value: object) -> str:
    match value:
        case bool():
            return "true or false"
        case str():
            return "a text"
        case int() | float():
            return "a number"
        case list():
            return "a list"
        case dict():
            return "a table"
        case _:
            return type(value).__name__
