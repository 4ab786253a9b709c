"""The first sentence of `status`, for the head of an office: green, yellow or red, and what to do.

    red     recordings here are damaged, the node takes none, or a critical trouble stands
    yellow  some recordings exist only here, or have fewer proven copies than asked for, or a warning stands
    green   every recording is safe: as many proven copies as the roster asks for

A status that lies is the worst defect: nothing is green that is not proven, and the age of the oldest proof is said.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from lumbung_cluster.health import COPIES_SHORT_WARNING_MS
from lumbung_cluster.roster import COPIES_REQUIRED
from lumbung_proto.v1 import operations_pb2 as wire
from lumbung_tools.output.console import Console
from lumbung_tools.output.health import sentence_of_trouble, severity_name

__all__ = ["Colour", "Verdict", "verdict_of"]


class Colour(Enum):
    GREEN = "green"
    YELLOW = "yellow"
    RED = "red"


_CUT_OFF = (wire.LINK_CONDITION_DOWN, wire.LINK_CONDITION_REFUSED)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The value of the colour stands in JSON."""

    colour: Colour
    sentence: str


def verdict_of(console: Console, status: wire.StatusResponse, name: Callable[[int], str]) -> Verdict:
    """Ages are by the node's own clock, so that a wrong clock at the station changes nothing."""
    return _red(console, status, name) or _yellow(console, status, name) or _green(console, status)


def _red(console: Console, status: wire.StatusResponse, name: Callable[[int], str]) -> Verdict | None:
    critical = _first_trouble(console, status, "critical", name)
    if status.own.damaged:
        return Verdict(Colour.RED, console.text("status.red_damaged", blobs=status.own.damaged))
    if not status.takes_puts or status.disk.refuses_own:
        what = critical or console.text("health.disk_low" if status.disk.refuses_own else "status.red_ask")
        return Verdict(Colour.RED, console.text("status.red_refuses", what=what))
    return Verdict(Colour.RED, console.text("status.red_health", what=critical)) if critical else None


def _yellow(console: Console, status: wire.StatusResponse, name: Callable[[int], str]) -> Verdict | None:
    own = status.own
    if own.only_here:
        age = console.catalogue.duration(_age_s(status, own.oldest_only_here_ms))
        sentence = console.text("status.yellow_only_here", blobs=own.only_here, age=age)
        return Verdict(Colour.YELLOW, sentence + _what_to_do(console, status))
    unsafe = own.blobs - _safe(own)
    if unsafe:
        age = console.catalogue.duration(_age_s(status, own.oldest_unsafe_ms))
        sentence = console.text("status.yellow_short", blobs=unsafe, copies=COPIES_REQUIRED, age=age)
        return Verdict(Colour.YELLOW, sentence + _what_to_do(console, status))
    warning = _first_trouble(console, status, "warning", name)
    return Verdict(Colour.YELLOW, console.text("status.yellow_health", what=warning)) if warning else None


def _what_to_do(console: Console, status: wire.StatusResponse) -> str:
    """For recordings that are just being copied nothing, as `health` says of them too; else what it says first."""
    warning = any(severity_name(each) == "warning" and not each.muted_until_ms for each in status.health)
    age_ms = status.clock_ms - (status.own.oldest_unsafe_ms or status.own.oldest_only_here_ms)
    is_young = age_ms < COPIES_SHORT_WARNING_MS and not warning
    if is_young and status.links and all(link.condition in _CUT_OFF for link in status.links):
        return " " + console.text("status.yellow_no_link")
    return " " + console.text("status.yellow_young" if is_young else "status.yellow_look")


def _green(console: Console, status: wire.StatusResponse) -> Verdict:
    if not status.own.blobs:
        return Verdict(Colour.GREEN, console.text("status.green_empty"))
    # A holder that keeps none of our units has nothing proven, and so no time.
    times = [link.verified_since_ms for link in status.links if link.verified_since_ms]
    if not times:
        sentence = console.text("status.green_no_age", blobs=status.own.blobs, copies=COPIES_REQUIRED)
        return Verdict(Colour.GREEN, sentence)
    age = console.catalogue.duration(_age_s(status, min(times)))
    sentence = console.text("status.green", blobs=status.own.blobs, copies=COPIES_REQUIRED, age=age)
    return Verdict(Colour.GREEN, sentence)


def _safe(own: wire.OwnCounts) -> int:
    """`by_copies` counts blobs with 1, 2, 3 copies; what is not counted there is not safe."""
    return own.by_copies[COPIES_REQUIRED - 1] if len(own.by_copies) >= COPIES_REQUIRED else 0


def _age_s(status: wire.StatusResponse, time_ms: int) -> float:
    return (status.clock_ms - time_ms) / 1000


def _first_trouble(
    console: Console, status: wire.StatusResponse, severity: str, name: Callable[[int], str]
) -> str | None:
    """The sentence of the first trouble of that weight that is not muted; the node sends the worst first."""
    found = next((each for each in status.health if severity_name(each) == severity and not each.muted_until_ms), None)
    return sentence_of_trouble(console, found, name, status.links) if found is not None else None
