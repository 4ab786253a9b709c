"""What `lumbung roster plan` says: what moves, how long it takes on whose line, and what could not be kept.

A plan of the whole country has a thousand moves: people see the first of them, the slowest lines, and each remark once
with the names that it is about. JSON has all.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

from lumbung_cluster.ids import NodeNumber
from lumbung_cluster.line_class import too_slow_lines
from lumbung_cluster.movement import Carriage, carriages
from lumbung_cluster.placement import Plan
from lumbung_cluster.roster import Roster
from lumbung_tools.cli.framework import Call
from lumbung_tools.output.refusals import reason_of

__all__ = ["print_plan"]

T = TypeVar("T")
_CARRIAGES_SHOWN_MAX = 12  # the slowest lines decide
_MOVES_SHOWN_MAX = 40
_NAMES_SHOWN_MAX = 6


def print_plan(call: Call, found: Roster, planned: Plan) -> None:
    console, words = call.console, call.console.catalogue
    names = {node.number: node.name for node in found.nodes}
    rows = [
        [names[move.origin], names[move.target], str(move.units.bit_count()), words.size(move.size_bytes)]
        for move in planned.moves
    ]
    if rows:
        heads = ("origin", "target", "units", "size")
        console.table([console.text(f"roster.plan.column.{head}") for head in heads], rows[:_MOVES_SHOWN_MAX])
    if len(rows) > _MOVES_SHOWN_MAX:
        console.say("roster.plan.more_moves", moves=len(rows) - _MOVES_SHOWN_MAX)
    console.say("roster.plan.moved", units=planned.units_moved, size=words.size(planned.bytes_moved))
    carried = carriages(found, planned.moves)
    _print_carriages(call, names, carried)
    slow = too_slow_lines(found)
    for rate, nodes in _grouped((node.link_bytes_per_s, node.name) for node in slow):
        console.warn("roster.plan.lan_slow", names=_few(call, nodes), rate=words.size(rate))
    for what, nodes in _grouped((note.partition(": ")[2], note.partition(": ")[0]) for note in planned.notes):
        said = reason_of(console, f"{nodes[0]}: {what}")
        console.say("roster.plan.note", note=said.replace(nodes[0], _few(call, nodes), 1))
    console.json(
        "lumbung.roster.plan/1",
        {
            "units_moved": planned.units_moved,
            "moved_bytes": planned.bytes_moved,
            "moves": [
                {
                    "origin": names[move.origin],
                    "target": names[move.target],
                    "units": move.units.bit_count(),
                    "size_bytes": move.size_bytes,
                }
                for move in planned.moves
            ],
            "loads": [
                {"node": names[load.node], "load_bytes": load.load_bytes, "fair_bytes": load.fair_bytes}
                for load in planned.loads
            ],
            "carriages": [
                {
                    "node": names[carriage.node],
                    "received_bytes": carriage.received_bytes,
                    "sent_bytes": carriage.sent_bytes,
                    "time_s": carriage.seconds,
                }
                for carriage in carried
            ],
            "notes": list(planned.notes),
            "lines_too_slow_for_lan": [node.name for node in slow],
        },
    )


def _grouped(told: Iterable[tuple[T, str]]) -> list[tuple[T, list[str]]]:
    """What is the same for many nodes of a country, once, with their names."""
    groups: dict[T, list[str]] = {}
    for what, name in told:
        groups.setdefault(what, []).append(name)
    return list(groups.items())


def _few(call: Call, names: Sequence[str]) -> str:
    shown, more = ", ".join(names[:_NAMES_SHOWN_MAX]), len(names) - _NAMES_SHOWN_MAX
    return call.console.text("roster.plan.and_more", names=shown, more=more) if more > 0 else shown


def _print_carriages(call: Call, names: dict[NodeNumber, str], carried: Sequence[Carriage]) -> None:
    """The slowest lines, and when the last one is through."""
    console, words = call.console, call.console.catalogue
    rows = [
        [
            names[carriage.node],
            words.size(carriage.received_bytes),
            words.size(carriage.sent_bytes),
            words.duration(carriage.seconds) if carriage.seconds is not None else "?",
        ]
        for carriage in carried[:_CARRIAGES_SHOWN_MAX]
    ]
    if not rows:
        return
    heads = ("node", "receives", "sends", "time")
    console.table([console.text(f"roster.plan.column.{head}") for head in heads], rows)
    if carried[0].seconds is not None:
        console.say("roster.plan.slowest", node=names[carried[0].node], time=words.duration(carried[0].seconds))
    unknown = sum(carriage.seconds is None for carriage in carried)
    if unknown:
        console.say("roster.plan.rate_unknown", nodes=unknown)
