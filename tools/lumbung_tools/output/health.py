"""Health codes: the sentence of each, with what to do, and the order of their weight."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from lumbung_proto.v1 import operations_pb2 as wire
from lumbung_tools.output.console import Console
from lumbung_tools.output.exit_codes import ExitCode
from lumbung_tools.output.refusals import who_left

__all__ = ["exit_code_of", "sentence_of_trouble", "severity_key", "severity_name"]

_SENTENCES = {
    "COPIES_SHORT": "health.copies_short",
    "LINK_DOWN": "health.link_down",
    "LINK_BREAKS": "health.link_breaks",
    "TRUST_FAILED": "health.trust_failed",
    "DISK_LOW": "health.disk_low",
    "CERT_EXPIRES": "health.cert_expires",
    "ROSTER_FORK": "health.roster_fork",
    "ROSTER_REFUSED": "health.roster_refused",
    "CLOCK_SKEW": "health.clock_skew",
    "TWO_LIVES": "health.two_lives",
    "KEYS_TOGETHER": "health.keys_together",
    "KEY_NOT_IN_FORCE": "health.key_not_in_force",
    "ENTRY_NOT_OURS": "health.entry_not_ours",
    "DISK_UNMOUNTED": "health.disk_unmounted",
    "REBUILDING": "health.rebuilding",
    "INVENTORY_DOUBTED": "health.inventory_doubted",
    "SCRUB_LATE": "health.scrub_late",
    "MASS_DAMAGE": "health.mass_damage",
    "REPORT_LATE": "health.report_late",
}
_SHOWN_VALUES = ("folder", "taken", "lacking", "keys")  # a node's words go into sentences only under names that we know


def sentence_of_trouble(
    console: Console, trouble: wire.HealthItem, name: Callable[[int], str], links: Iterable[wire.LinkState] = ()
) -> str:
    """What is wrong and what to do; a code of a newer node is named as it is. `links` may know more of the cause."""
    left = next((who_left(link.sentence) for link in links if link.node == trouble.node), None)
    if trouble.code == "TRUST_FAILED" and left is not None:
        return console.text("health.has_left", node=name(trouble.node), left=left)
    key = _SENTENCES.get(trouble.code)
    if trouble.code == "COPIES_SHORT" and trouble.values.get("reason") == "damaged":
        key = "health.damaged"
    elif trouble.code == "COPIES_SHORT" and trouble.severity == wire.SEVERITY_NOTE:
        key = "health.copies_young"
    if trouble.code == "STORE_SET_ASIDE":
        key = _set_aside_key(trouble)
    if key is None:
        return console.text("health.unknown", code=trouble.code)
    values = {value: trouble.values[value] for value in sorted(trouble.values) if value in _SHOWN_VALUES}
    return console.text(key, node=name(trouble.node) if trouble.node else "", **values)


def _set_aside_key(trouble: wire.HealthItem) -> str:
    match trouble.values.get("state"):
        case "running":
            return "health.set_aside_running"
        case "refuses":
            return "health.set_aside_refuses"
        case _:
            return "health.set_aside_lacking" if trouble.values.get("lacking") != "0" else "health.set_aside_ended"


def severity_key(trouble: wire.HealthItem) -> str:
    """An unknown severity counts as red: better one call too many."""
    match trouble.severity:
        case wire.SEVERITY_NOTE:
            return "health.severity.note"
        case wire.SEVERITY_WARNING:
            return "health.severity.warning"
        case _:
            return "health.severity.critical"


def severity_name(trouble: wire.HealthItem) -> str:
    """For JSON: note, warning or critical."""
    return severity_key(trouble).rpartition(".")[2]


def exit_code_of(troubles: Sequence[wire.HealthItem]) -> ExitCode:
    """0 while nothing that is not muted is above a note, 3 when the worst is yellow, 8 when something is red."""
    severities = {severity_name(trouble) for trouble in troubles if not trouble.muted_until_ms}
    if "critical" in severities:
        return ExitCode.DAMAGED
    return ExitCode.COPIES_SHORT if "warning" in severities else ExitCode.OK
