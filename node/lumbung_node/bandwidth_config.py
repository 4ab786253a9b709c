"""The `[bandwidth]` table of a node's configuration: windows in local time (docs/configuration.md)."""

from __future__ import annotations

import json
import re

from lumbung_cluster.schedule import Schedule, TimeZone, Weekday, Window
from lumbung_node.toml_table import TomlTable

__all__ = ["BANDWIDTH_KEYS", "read_bandwidth", "render_bandwidth"]

BANDWIDTH_KEYS = ("time_zone", "window")
_WINDOW_KEYS = ("from", "until", "days", "links", "send_kbit_s", "receive_kbit_s", "backlog_percent")
_KBIT_BYTES = 125
_RATE_KBIT_S_MIN = 16  # one piece of 16 KiB takes 8 s then: less would end every blob by its silence bound
_RATE_KBIT_S_MAX = 10_000_000
_WINDOWS_MAX = 32
_CLOCK = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")


def read_bandwidth(table: TomlTable) -> Schedule:
    """Raises ConfigError."""
    windows = table.tables("window", _WINDOW_KEYS)
    if len(windows) > _WINDOWS_MAX:
        raise table.error("window", f"expected at most {_WINDOWS_MAX} windows, got {len(windows)}")
    zones = {zone.name: zone for zone in TimeZone}
    name = table.text("time_zone", TimeZone.WIB.name)
    if name not in zones:
        raise table.error("time_zone", f"expected one of {', '.join(zones)}, got {name}")
    return Schedule(zones[name], tuple(_window(window) for window in windows))


def _window(table: TomlTable) -> Window:
    first, behind = _minute(table, "from"), _minute(table, "until")
    if first == behind:
        raise table.error("until", "expected another time than `from`, got the same")
    send, receive = _rate(table, "send_kbit_s"), _rate(table, "receive_kbit_s")
    if send is None and receive is None:
        raise table.error("send_kbit_s", "expected send_kbit_s, receive_kbit_s or both, got none")
    share = table.whole("backlog_percent", 100, low=1, high=100)
    return Window(first, behind, _days(table), table.texts("links"), send, receive, share)


def _minute(table: TomlTable, key: str) -> int:
    text = table.text(key)
    match = _CLOCK.fullmatch(text)
    if match is None:
        raise table.error(key, f"expected a time from 00:00 to 23:59, got {text}")
    return int(match[1]) * 60 + int(match[2])


def _days(table: TomlTable) -> tuple[Weekday, ...]:
    known = {day.name.lower(): day for day in Weekday}
    names = table.texts("days")
    for name in names:
        if name not in known:
            raise table.error("days", f"expected {', '.join(known)}, got {name}")
    return tuple(known[name] for name in names) or tuple(Weekday)


def _rate(table: TomlTable, key: str) -> float | None:
    """Bytes a second; None when the key is absent."""
    kbit_s = table.whole(key, 0, low=0, high=_RATE_KBIT_S_MAX)
    if 0 < kbit_s < _RATE_KBIT_S_MIN:
        raise table.error(key, f"expected at least {_RATE_KBIT_S_MIN}, or 0 for no limit, got {kbit_s}")
    return float(kbit_s * _KBIT_BYTES) if kbit_s else None


def render_bandwidth(schedule: Schedule) -> str:
    """The table's text; `read_bandwidth` gives the schedule back."""
    return "".join(
        (f'[bandwidth]\ntime_zone = "{schedule.zone.name}"\n', *(_rendered(window) for window in schedule.windows))
    )


def _rendered(window: Window) -> str:
    return f"""
[[bandwidth.window]]
from = "{_clock(window.first_minute)}"
until = "{_clock(window.behind_minute)}"
days = {json.dumps([day.name.lower() for day in window.days])}
links = {json.dumps(list(window.links))}
send_kbit_s = {_kbit_s(window.send_bytes_per_s)}
receive_kbit_s = {_kbit_s(window.receive_bytes_per_s)}
backlog_percent = {window.backlog_percent}
"""


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def _kbit_s(bytes_per_s: float | None) -> int:
    return round(bytes_per_s / _KBIT_BYTES) if bytes_per_s is not None else 0
