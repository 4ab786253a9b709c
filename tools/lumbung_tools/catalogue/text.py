"""Looks up sentences and writes numbers, times and sizes as each language does.

A template names its values in braces. A number may carry its noun in both forms, `{count:recording|recordings}`, which
gives "1 recording" and "37 recordings"; Bahasa Indonesia has one form and simply writes the noun behind `{count}`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from string import Formatter
from typing import Final

from lumbung_node.config import Language
from lumbung_tools.catalogue.access_english import ACCESS_ENGLISH
from lumbung_tools.catalogue.access_indonesian import ACCESS_INDONESIAN
from lumbung_tools.catalogue.bundle_english import BUNDLE_ENGLISH
from lumbung_tools.catalogue.bundle_indonesian import BUNDLE_INDONESIAN
from lumbung_tools.catalogue.doctor_english import DOCTOR_ENGLISH
from lumbung_tools.catalogue.doctor_indonesian import DOCTOR_INDONESIAN
from lumbung_tools.catalogue.english import ENGLISH
from lumbung_tools.catalogue.file_english import FILE_ENGLISH
from lumbung_tools.catalogue.file_indonesian import FILE_INDONESIAN
from lumbung_tools.catalogue.get_english import GET_ENGLISH
from lumbung_tools.catalogue.get_indonesian import GET_INDONESIAN
from lumbung_tools.catalogue.health_pages_english import HEALTH_PAGES_ENGLISH
from lumbung_tools.catalogue.health_pages_indonesian import HEALTH_PAGES_INDONESIAN
from lumbung_tools.catalogue.indonesian import INDONESIAN
from lumbung_tools.catalogue.inventory_english import INVENTORY_ENGLISH
from lumbung_tools.catalogue.inventory_indonesian import INVENTORY_INDONESIAN
from lumbung_tools.catalogue.joining_english import JOINING_ENGLISH
from lumbung_tools.catalogue.joining_indonesian import JOINING_INDONESIAN
from lumbung_tools.catalogue.keys_english import KEYS_ENGLISH
from lumbung_tools.catalogue.keys_indonesian import KEYS_INDONESIAN
from lumbung_tools.catalogue.leaving_english import LEAVING_ENGLISH
from lumbung_tools.catalogue.leaving_indonesian import LEAVING_INDONESIAN
from lumbung_tools.catalogue.lives_english import LIVES_ENGLISH
from lumbung_tools.catalogue.lives_indonesian import LIVES_INDONESIAN
from lumbung_tools.catalogue.local_english import LOCAL_ENGLISH
from lumbung_tools.catalogue.local_indonesian import LOCAL_INDONESIAN
from lumbung_tools.catalogue.ops_english import OPS_ENGLISH
from lumbung_tools.catalogue.ops_indonesian import OPS_INDONESIAN
from lumbung_tools.catalogue.phrases import phrase_indonesian
from lumbung_tools.catalogue.reason_english import REASON_ENGLISH
from lumbung_tools.catalogue.reason_indonesian import REASON_INDONESIAN
from lumbung_tools.catalogue.reconcile_english import RECONCILE_ENGLISH
from lumbung_tools.catalogue.reconcile_indonesian import RECONCILE_INDONESIAN
from lumbung_tools.catalogue.scrub_english import SCRUB_ENGLISH
from lumbung_tools.catalogue.scrub_indonesian import SCRUB_INDONESIAN
from lumbung_tools.catalogue.service_english import SERVICE_ENGLISH
from lumbung_tools.catalogue.service_indonesian import SERVICE_INDONESIAN
from lumbung_tools.catalogue.usage_english import USAGE_ENGLISH
from lumbung_tools.catalogue.usage_indonesian import USAGE_INDONESIAN

__all__ = ["MESSAGES", "Catalogue", "placeholders", "rfc3339"]

_MINUTE_S = 60
_HOUR_S = 60 * _MINUTE_S
_DAY_S = 24 * _HOUR_S
_DURATION_S_MAX = 1e15  # what an answer says is endless is shown as 30 million years
_TIME_MS_MAX = 253_402_300_799_000  # the last second of the year 9999
_SIZES = ("B", "KiB", "MiB", "GiB", "TiB")


MESSAGES: Final = {
    Language.INDONESIAN: {
        **INDONESIAN,
        **GET_INDONESIAN,
        **LOCAL_INDONESIAN,
        **BUNDLE_INDONESIAN,
        **DOCTOR_INDONESIAN,
        **INVENTORY_INDONESIAN,
        **ACCESS_INDONESIAN,
        **JOINING_INDONESIAN,
        **KEYS_INDONESIAN,
        **LEAVING_INDONESIAN,
        **USAGE_INDONESIAN,
        **REASON_INDONESIAN,
        **FILE_INDONESIAN,
        **RECONCILE_INDONESIAN,
        **LIVES_INDONESIAN,
        **SCRUB_INDONESIAN,
        **SERVICE_INDONESIAN,
        **OPS_INDONESIAN,
        **HEALTH_PAGES_INDONESIAN,
    },
    Language.ENGLISH: {
        **ENGLISH,
        **GET_ENGLISH,
        **LOCAL_ENGLISH,
        **BUNDLE_ENGLISH,
        **DOCTOR_ENGLISH,
        **INVENTORY_ENGLISH,
        **ACCESS_ENGLISH,
        **JOINING_ENGLISH,
        **KEYS_ENGLISH,
        **LEAVING_ENGLISH,
        **USAGE_ENGLISH,
        **REASON_ENGLISH,
        **FILE_ENGLISH,
        **RECONCILE_ENGLISH,
        **LIVES_ENGLISH,
        **SCRUB_ENGLISH,
        **SERVICE_ENGLISH,
        **OPS_ENGLISH,
        **HEALTH_PAGES_ENGLISH,
    },
}


class Catalogue:
    """All sentences in one language."""

    def __init__(self, language: Language) -> None:
        self.language = language
        self._messages = MESSAGES[language]
        self._thousands = "." if language is Language.INDONESIAN else ","
        self._decimal = "," if language is Language.INDONESIAN else "."

    def text(self, key: str, **values: object) -> str:
        """The sentence under `key`. An unknown key is a bug and raises KeyError."""
        return self._messages[key].format(**{name: self._shown(value) for name, value in values.items()})

    def phrase(self, text: str) -> str:
        """A part of what a check expected or got; checks speak English."""
        return phrase_indonesian(text) if self.language is Language.INDONESIAN else text

    def decimal(self, number: str) -> str:
        """A number that a check has written, such as 3.48."""
        return number.replace(".", self._decimal)

    def has(self, key: str) -> bool:
        return key in self._messages

    def size(self, size_bytes: int) -> str:
        """Three digits at most, in powers of 1,024."""
        value, unit = float(size_bytes), 0
        while value >= 1000 and unit < len(_SIZES) - 1:
            value /= 1024
            unit += 1
        digits = f"{value:.1f}" if unit and value < 100 else f"{value:.0f}"
        return f"{digits.replace('.', self._decimal)} {_SIZES[unit]}"

    def duration(self, seconds: float) -> str:
        """The two largest units: "2 h 10 min", "3 days 4 h", "12 s"."""
        whole = round(min(max(0.0, seconds), _DURATION_S_MAX))
        if whole < _MINUTE_S:
            return self.text("time.seconds", seconds=whole)
        if whole < _HOUR_S:
            return self.text("time.minutes", minutes=whole // _MINUTE_S)
        if whole < _DAY_S:
            hours, minutes = whole // _HOUR_S, whole % _HOUR_S // _MINUTE_S
            return self.text("time.hours_minutes", hours=hours, minutes=minutes)
        return self.text("time.days_hours", days=whole // _DAY_S, hours=whole % _DAY_S // _HOUR_S)

    def _shown(self, value: object) -> object:
        if isinstance(value, int) and not isinstance(value, bool):
            return _Number(value, self._thousands)
        return value


class _Number(int):
    """Writes itself with thousands set apart, and with the right form of its noun."""

    _thousands: str

    def __new__(cls, value: int, thousands: str) -> _Number:
        number = super().__new__(cls, value)
        number._thousands = thousands
        return number

    def __format__(self, nouns: str) -> str:
        written = f"{int(self):,}".replace(",", self._thousands)
        if not nouns:
            return written
        one, many = nouns.split("|")
        return f"{written} {one if self == 1 else many}"


def placeholders(template: str) -> set[str]:
    """The names of the values that a template takes."""
    return {name for _, name, _, _ in Formatter().parse(template) if name is not None}


def rfc3339(time_ms: int) -> str:
    """UTC milliseconds as text for JSON; empty for 0, which stands for "none" on the wire.

    A time behind the year 9999 is shown as its end: a node says of its clock what it likes, and one that says that must
    not hide how all the others stand.
    """
    if not time_ms:
        return ""
    return (
        datetime.fromtimestamp(min(time_ms, _TIME_MS_MAX) / 1000, UTC)
        .isoformat(timespec="milliseconds")
        .replace("+00:00", "Z")
    )
