"""The page of `lumbung status`: the verdict, then what it stands on, as sentences and as JSON."""

from __future__ import annotations

from collections.abc import Callable

from lumbung_proto.v1 import operations_pb2 as wire
from lumbung_tools.catalogue.text import rfc3339
from lumbung_tools.output.console import Console, JsonValue
from lumbung_tools.output.health import severity_name
from lumbung_tools.output.reconcile import reconciles_json, say_reconciles
from lumbung_tools.output.refusals import reason_of
from lumbung_tools.output.verdict import verdict_of

__all__ = ["print_status", "status_json"]

_COLUMNS = (
    "status.column.link",
    "status.column.condition",
    "status.column.lag",
    "status.column.proven",
    "status.column.age",
    "status.column.remark",
)
_COPIES_COUNTED = 3


def print_status(
    console: Console, status: wire.StatusResponse, name: Callable[[int], str], outbox_waiting: int
) -> None:
    console.sentence(verdict_of(console, status, name).sentence)
    if muted := sum(bool(trouble.muted_until_ms) for trouble in status.health):
        console.say("status.muted", troubles=muted)
    if outbox_waiting:
        console.say("status.outbox", blobs=outbox_waiting)
    console.line("")
    console.table([console.text(key) for key in _COLUMNS], [_link_row(console, status, link) for link in status.links])
    console.line("")
    _print_counts(console, status)
    _print_rebuild(console, status, name)
    say_reconciles(console, status, name)
    _print_node(console, status)


def status_json(
    console: Console, status: wire.StatusResponse, name: Callable[[int], str], outbox_waiting: int
) -> dict[str, JsonValue]:
    verdict, own = verdict_of(console, status, name), status.own
    return {
        "colour": verdict.colour.value,
        "sentence": verdict.sentence,
        "node": status.name,
        "number": status.node,
        "software": status.software,
        "generation": status.generation,
        "uptime_s": status.uptime_s,
        "takes_puts": status.takes_puts,
        "time": rfc3339(status.clock_ms),
        "certificate_expires": rfc3339(status.certificate_expires_ms),
        "roster": {"epoch": status.roster_epoch, "created": rfc3339(status.roster_created_ms)},
        "outbox_waiting": outbox_waiting,
        "own": {
            "blobs": own.blobs,
            "size_bytes": own.size_bytes,
            "by_copies": list(own.by_copies),
            "only_here": own.only_here,
            "oldest_only_here": rfc3339(own.oldest_only_here_ms),
            "oldest_unsafe": rfc3339(own.oldest_unsafe_ms),
            "damaged": own.damaged,
        },
        "links": [_link_json(status, link) for link in status.links],
        "origins": [
            {"origin": kept.name, "blobs": kept.blobs, "size_bytes": kept.size_bytes, "damaged": kept.damaged}
            for kept in status.origins
        ],
        "inventory": {
            "rows_behind": status.inventory.rows_behind,
            "units_doubted": status.inventory.units_doubted,
            "origins_unknown": status.inventory.origins_unknown,
        },
        "reconciles": reconciles_json(status, name),
        "disk": {
            "free_bytes": status.disk.free_bytes,
            "total_bytes": status.disk.total_bytes,
            "refuses_foreign": status.disk.refuses_foreign,
            "refuses_own": status.disk.refuses_own,
        },
        "rebuild": _rebuild_json(status, name),
        "set_aside": _set_aside_json(status),
        "fallback_folder": status.fallback_folder or None,
        "scrub": {
            "is_paused": status.scrub.is_paused,
            "period_s": status.scrub.period_s or None,
            "verified_since": rfc3339(status.scrub.verified_since_ms),
            "mass_damage": bool(status.scrub.braked_origins),
            "evidence_bytes": status.scrub.evidence_bytes,
        },
        "health": [
            {"code": each.code, "severity": severity_name(each), "muted_until": rfc3339(each.muted_until_ms)}
            for each in status.health
        ],
    }


def _link_row(console: Console, status: wire.StatusResponse, link: wire.LinkState) -> list[str]:
    words = console.catalogue
    since = words.duration(link.since_s)
    match link.condition:
        case wire.LINK_CONDITION_UP:
            condition = console.text("link.up")
        case wire.LINK_CONDITION_BEHIND:
            condition = console.text("link.behind")
        case wire.LINK_CONDITION_DOWN:
            condition = console.text("link.down", age=since)
        case wire.LINK_CONDITION_REFUSED:
            condition = console.text("link.refused", age=since)
        case _:
            condition = console.text("link.unknown")
    lag = console.text("link.no_lag")
    if link.lag_blobs:
        lag = console.text("link.lag", blobs=link.lag_blobs, age=words.duration(_age_s(status, link.lag_oldest_ms)))
    read = console.text("link.no_proof")
    if link.verified_since_ms:
        read = console.text("where.age", age=words.duration(_age_s(status, link.verified_since_ms)))
    return [link.name, condition, lag, str(link.proven_blobs), read, reason_of(console, link.sentence)]


def _link_json(status: wire.StatusResponse, link: wire.LinkState) -> dict[str, JsonValue]:
    condition = wire.LinkCondition.Name(link.condition).removeprefix("LINK_CONDITION_").lower()
    return {
        "node": link.name,
        "number": link.node,
        "is_drc": link.is_drc,
        "condition": condition,
        "since_s": link.since_s,
        "lag_blobs": link.lag_blobs,
        "lag_s": _age_s(status, link.lag_oldest_ms) if link.lag_oldest_ms else 0.0,
        "proven_blobs": link.proven_blobs,
        "verified_since": rfc3339(link.verified_since_ms),
        "inventory_receipt": {
            "received": rfc3339(link.inventory_received_ms),
            "number": link.inventory_number,
            "units": link.inventory_units,
        },
        "generation": link.generation,
        "clock_offset_s": link.clock_offset_ms / 1000,
        "heard_s": link.heard_s if link.HasField("heard_s") else None,
        "round_trip_s": link.round_trip_s if link.HasField("round_trip_s") else None,
        "sentence": link.sentence,
    }


def _print_counts(console: Console, status: wire.StatusResponse) -> None:
    own, words = status.own, console.catalogue
    one, two, three = [*own.by_copies, *([0] * _COPIES_COUNTED)][:_COPIES_COUNTED]
    size = words.size(own.size_bytes)
    console.say("status.own", blobs=own.blobs, size=size, one=one, two=two, three=three)
    kept = [entry for entry in status.origins if entry.origin != status.node]
    size = words.size(sum(entry.size_bytes for entry in kept))
    console.say("status.kept", blobs=sum(entry.blobs for entry in kept), size=size, origins=len(kept))


def _print_rebuild(console: Console, status: wire.StatusResponse, name: Callable[[int], str]) -> None:
    rebuild, words = status.rebuild, console.catalogue
    if not status.HasField("rebuild"):
        return
    console.say(
        "status.rebuild",
        here=rebuild.here_blobs,
        known=rebuild.known_blobs,
        size_here=words.size(rebuild.here_bytes),
        size_known=words.size(rebuild.known_bytes),
        rate=words.size(round(rebuild.rate_bytes_per_s)),
    )
    if rebuild.eta_s:
        console.say("status.rebuild_left", age=words.duration(rebuild.eta_s))
    if rebuild.unmet:
        console.say("status.rebuild_unmet", names=", ".join(name(node) for node in rebuild.unmet))
    for pair in rebuild.open_pairs:
        words_of = {"partner": name(pair.partner), "origin": name(pair.origin), "lacking": pair.lacking}
        console.say("status.rebuild_lacking" if pair.lacking else "status.rebuild_open", **words_of)


def _rebuild_json(status: wire.StatusResponse, name: Callable[[int], str]) -> dict[str, JsonValue] | None:
    rebuild = status.rebuild
    if not status.HasField("rebuild"):
        return None
    return {
        "since": rfc3339(rebuild.since_ms),
        "known_blobs": rebuild.known_blobs,
        "known_bytes": rebuild.known_bytes,
        "here_blobs": rebuild.here_blobs,
        "here_bytes": rebuild.here_bytes,
        "rate_bytes_per_s": rebuild.rate_bytes_per_s,
        "left_s": rebuild.eta_s or None,
        "unmet": [name(node) for node in rebuild.unmet],
        "open_pairs": [
            {
                "partner": name(pair.partner),
                "origin": name(pair.origin),
                "lacking": pair.lacking,
                "reason": pair.reason,
            }
            for pair in rebuild.open_pairs
        ],
    }


def _set_aside_json(status: wire.StatusResponse) -> list[JsonValue]:
    return [
        {
            "folder": store.name,
            "state": "refuses" if store.refuses_to_open else "ended" if store.ended else "running",
            "expected": store.expected,
            "taken": store.taken,
            "taken_bytes": store.taken_bytes,
            "present": store.present,
            "lacking": store.lacking,
        }
        for store in status.set_aside
    ]


def _print_node(console: Console, status: wire.StatusResponse) -> None:
    words, disk = console.catalogue, status.disk
    key = "status.disk_own" if disk.refuses_own else "status.disk_foreign" if disk.refuses_foreign else "status.disk"
    console.say(key, free=words.size(disk.free_bytes), total=words.size(disk.total_bytes))
    if status.scrub.verified_since_ms:
        console.say("status.scrub", age=words.duration(_age_s(status, status.scrub.verified_since_ms)))
    else:
        console.say("status.scrub_never")
    console.say(
        "status.roster", epoch=status.roster_epoch, age=words.duration(_age_s(status, status.roster_created_ms))
    )
    if status.certificate_expires_ms:
        console.say("status.certificate", age=words.duration(-_age_s(status, status.certificate_expires_ms)))
    console.say(
        "status.node",
        name=status.name,
        number=status.node,
        software=status.software,
        generation=status.generation,
        uptime=words.duration(status.uptime_s),
    )


def _age_s(status: wire.StatusResponse, time_ms: int) -> float:
    """By the node's clock, against its own times."""
    return (status.clock_ms - time_ms) / 1000
