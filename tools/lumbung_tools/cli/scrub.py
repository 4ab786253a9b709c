"""`lumbung scrub`: how far the reading of everything is, what it found, and start, pause, confirm."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import click

from lumbung_proto.v1 import scrub_pb2 as wire
from lumbung_tools.catalogue.text import rfc3339
from lumbung_tools.cli.common import run, shown_time
from lumbung_tools.cli.framework import Call, LumbungGroup, command, dry_run, option
from lumbung_tools.client.scrub import confirm_scrub, pause_scrub, scrub_status, start_scrub
from lumbung_tools.client.session import Session
from lumbung_tools.output.console import Console, JsonValue
from lumbung_tools.output.exit_codes import ExitCode

__all__ = ["scrub"]

_EVENTS_SHOWN = 10
_EVENTS_MAX = 1000
_EXITS = (ExitCode.OK, ExitCode.USAGE, ExitCode.UNKNOWN, ExitCode.REFUSED, ExitCode.UNREACHABLE)
_STATUS_EXITS = (
    ExitCode.OK,
    ExitCode.USAGE,
    (ExitCode.COPIES_SHORT, "exit.scrub.3"),
    ExitCode.UNKNOWN,
    ExitCode.REFUSED,
    ExitCode.UNREACHABLE,
    (ExitCode.DAMAGED, "exit.scrub.8"),
)

scrub = LumbungGroup("scrub", "help.scrub")


@command("status", help_key="help.scrub.status", examples_key="help.scrub.status.examples", exits=_STATUS_EXITS)
@option("--events", type=click.IntRange(0, _EVENTS_MAX), default=_EVENTS_SHOWN, help_key="help.scrub.status.events")
def status(call: Call, events: int) -> None:
    run(call, partial(_status, call, events))


@command("start", help_key="help.scrub.start", examples_key="help.scrub.start.examples", exits=_EXITS)
@dry_run
def start(call: Call) -> None:
    run(call, partial(_start, call))


@command("pause", help_key="help.scrub.pause", examples_key="help.scrub.pause.examples", exits=_EXITS)
@dry_run
def pause(call: Call) -> None:
    run(call, partial(_pause, call))


@command("confirm", help_key="help.scrub.confirm", examples_key="help.scrub.confirm.examples", exits=_EXITS)
@option("--dry-run", "is_dry", is_flag=True, help_key="help.dry_run")
def confirm(call: Call, is_dry: bool) -> None:
    run(call, partial(_try_confirm if is_dry else _confirm, call))


async def _status(call: Call, count: int, session: Session) -> None:
    console, answer, name = call.console, await scrub_status(session.own, count), session.roster.name
    _say_state(console, answer.state, name)
    if answer.events:
        heads = [console.text(f"scrub.column.{column}") for column in ("time", "what", "blob", "from")]
        console.table(heads, [_row(console, event, name) for event in answer.events])
    events: list[JsonValue] = [_event_json(event, name) for event in answer.events]
    console.json("lumbung.scrub.status/1", {**_state_json(answer.state, name), "events": events})
    call.end(_code(answer.state))


async def _start(call: Call, session: Session) -> None:
    if call.console.is_dry:
        await _try(call, session, "start")
        return
    state = await start_scrub(session.own)
    call.console.say("scrub.started")
    call.console.json("lumbung.scrub.start/1", _state_json(state, session.roster.name))


async def _pause(call: Call, session: Session) -> None:
    if call.console.is_dry:
        await _try(call, session, "pause")
        return
    state = await pause_scrub(session.own)
    call.console.say("scrub.paused")
    call.console.json("lumbung.scrub.pause/1", _state_json(state, session.roster.name))


async def _try(call: Call, session: Session, what: str) -> None:
    """How it stands now, and that nothing was asked of the node."""
    state = (await scrub_status(session.own, 0)).state
    _say_state(call.console, state, session.roster.name)
    call.console.json(f"lumbung.scrub.{what}/1", _state_json(state, session.roster.name))


async def _confirm(call: Call, session: Session) -> None:
    console, answer, name = call.console, await confirm_scrub(session.own), session.roster.name
    origins = [name(origin) for origin in answer.origins]
    if origins:
        freed = console.catalogue.size(answer.freed_bytes)
        console.say("scrub.confirmed", origins=", ".join(origins), freed=freed)
    else:
        console.say("scrub.nothing_to_confirm")
    fields: dict[str, JsonValue] = {"origins": origins, "freed_bytes": answer.freed_bytes}
    console.json("lumbung.scrub.confirm/1", {**fields, "state": _state_json(answer.state, name)})


async def _try_confirm(call: Call, session: Session) -> None:
    console, name = call.console, session.roster.name
    state = (await scrub_status(session.own, 0)).state
    origins: list[JsonValue] = [name(origin) for origin in state.braked_origins]
    if origins:
        freed = console.catalogue.size(state.evidence_bytes)
        console.say("scrub.would_confirm", origins=", ".join(map(str, origins)), freed=freed)
    else:
        console.say("scrub.nothing_to_confirm")
    fields: dict[str, JsonValue] = {"origins": origins, "freed_bytes": 0, "would_free_bytes": state.evidence_bytes}
    console.json("lumbung.scrub.confirm/1", {**fields, "state": _state_json(state, name)})


def _code(state: wire.ScrubState) -> ExitCode:
    """Red while the brake is on or something is damaged; yellow while it does not keep its period."""
    if state.braked_origins or state.damaged:
        return ExitCode.DAMAGED
    return ExitCode.COPIES_SHORT if state.is_paused or state.period_s > state.period_wanted_s else ExitCode.OK


def _say_state(console: Console, state: wire.ScrubState, name: Callable[[int], str]) -> None:
    words = console.catalogue
    if state.braked_origins:
        origins = ", ".join(name(origin) for origin in state.braked_origins)
        console.say("scrub.brake", origins=origins, evidence=words.size(state.evidence_bytes))
    read, total = words.size(state.read_bytes), words.size(state.total_bytes)
    if state.is_paused:
        console.say("scrub.is_paused", read=read, total=total)
    elif state.is_going:
        percent = min(100, 100 * state.read_bytes // max(1, state.total_bytes))
        console.say("scrub.going", percent=percent, read=read, total=total, since=shown_time(state.begun_ms))
    elif state.ended_ms:
        console.say("scrub.ended", read=read, ended=shown_time(state.ended_ms))
    else:
        console.say("scrub.never")
    if state.left_s:
        console.say("scrub.left", left=words.duration(state.left_s), rate=words.size(int(state.rate_bytes_per_s)))
    if state.period_s:
        key = "scrub.period_late" if state.period_s > state.period_wanted_s else "scrub.period"
        wanted = words.duration(state.period_wanted_s)
        console.say(key, period=words.duration(state.period_s), wanted=wanted)
    console.say("scrub.found", wrong=state.wrong, mended=state.mended + state.mended_in_alarm, damaged=state.damaged)


def _row(console: Console, event: wire.ScrubEvent, name: Callable[[int], str]) -> list[str]:
    key = f"scrub.event.{event.kind.lower()}"
    what = console.text(key) if console.catalogue.has(key) else event.kind
    blob = f"{event.id.hex()[:16]} ({name(event.origin)})" if event.id else name(event.origin)
    return [shown_time(event.time_ms), what, blob, name(event.source) if event.source else ""]


def _event_json(event: wire.ScrubEvent, name: Callable[[int], str]) -> dict[str, JsonValue]:
    return {
        "serial": event.serial,
        "kind": event.kind,
        "found_by": event.found_by,
        "in_alarm": event.in_alarm,
        "origin": name(event.origin),
        "id": event.id.hex() or None,
        "number": event.number or None,
        "time": rfc3339(event.time_ms),
        "mended_from": name(event.source) if event.source else None,
    }


def _state_json(state: wire.ScrubState, name: Callable[[int], str]) -> dict[str, JsonValue]:
    return {
        "is_paused": state.is_paused,
        "is_going": state.is_going,
        "begun": rfc3339(state.begun_ms),
        "ended": rfc3339(state.ended_ms),
        "total_bytes": state.total_bytes,
        "read_bytes": state.read_bytes,
        "blobs": state.blobs,
        "wrong": state.wrong,
        "mended": state.mended,
        "mended_in_alarm": state.mended_in_alarm,
        "damaged": state.damaged,
        "rate_bytes_per_s": state.rate_bytes_per_s,
        "left_s": state.left_s or None,
        "period_s": state.period_s or None,
        "period_wanted_s": state.period_wanted_s,
        "verified_since": rfc3339(state.verified_since_ms),
        "braked_origins": [name(origin) for origin in state.braked_origins],
        "evidence_bytes": state.evidence_bytes,
    }


for _command in (status, start, pause, confirm):
    scrub.add_command(_command)
