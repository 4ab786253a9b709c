"""`lumbung roster`: look at rosters, plan and sign the next one, and hand it to a node.

The way of a change: `next` writes a TOML draft of the following epoch, `add` lets a join request into it; people edit
it; `plan` fills in the holders and shows what moves; each custodian signs (`sign`, offline), `collect` brings the
signatures together; `check` says what nodes will do; `publish` gives it to a node, `pack` answers the request.
"""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import click

from lumbung_cluster.access import SignedAccess
from lumbung_cluster.canonical import Malformed
from lumbung_cluster.errors import KeyRefused
from lumbung_cluster.ids import NodeNumber
from lumbung_cluster.placement import plan as make_plan
from lumbung_cluster.roster import Roster
from lumbung_cluster.roster_checks import tidy
from lumbung_cluster.roster_codec import SignedRoster
from lumbung_cluster.roster_rules import Accept, Alarm, Known, Refuse, count_signatures, judge
from lumbung_node.adapters.keys.ed25519 import Ed25519Signer, Ed25519Verifier
from lumbung_tools.catalogue.text import rfc3339
from lumbung_tools.cli.common import profile_of, run, shown_time
from lumbung_tools.cli.framework import Call, LumbungGroup, command, dry_run, option
from lumbung_tools.cli.giving import give_access_list
from lumbung_tools.cli.new_files import write_new
from lumbung_tools.cli.roster_add import add
from lumbung_tools.cli.roster_collect import collect
from lumbung_tools.cli.roster_leaving import check_departures, drained, gone, read_reports
from lumbung_tools.cli.roster_level import level
from lumbung_tools.cli.roster_pack import pack
from lumbung_tools.cli.roster_plan_page import print_plan
from lumbung_tools.cli.roster_trial import try_access_lists, try_rosters
from lumbung_tools.client.rosters import fetch_access_lists, fetch_roster, publish_roster
from lumbung_tools.client.session import Session
from lumbung_tools.client.trust import VerifiedRoster, newer_roster, read_roster, renew_roster
from lumbung_tools.joining.answering import next_draft
from lumbung_tools.output.exit_codes import ExitCode
from lumbung_tools.output.failures import CommandFailed
from lumbung_tools.output.refusals import reason_of
from lumbung_tools.roster_files import read_draft, read_signed
from lumbung_tools.roster_toml import render_roster_toml

__all__ = ["roster"]

_DIGITS_SHOWN = 16
_LOCAL = (ExitCode.OK, ExitCode.USAGE)
_REMOTE = (ExitCode.OK, ExitCode.USAGE, ExitCode.UNKNOWN, ExitCode.REFUSED, ExitCode.UNREACHABLE)
_PATH = click.Path(path_type=Path)

roster = LumbungGroup("roster", "help.roster")


@command("show", help_key="help.roster.show", examples_key="help.roster.show.examples", exits=_LOCAL)
@click.argument("file", required=False, type=_PATH)
@option("--toml", "as_toml", is_flag=True, help_key="help.roster.show.toml")
def show(call: Call, file: Path | None, as_toml: bool) -> None:
    verifier = Ed25519Verifier()
    path = file or profile_of(call).roster
    found = read_roster(path, None, verifier)
    if as_toml:
        call.console.line(render_roster_toml(found.roster).rstrip("\n"))
        return
    _print_roster(call, found)


@command("next", help_key="help.roster.next", examples_key="help.roster.next.examples", exits=_LOCAL)
@click.argument("file", type=_PATH)
@option("-o", "--output", type=_PATH, required=True, help_key="help.roster.output")
@dry_run
def next_epoch(call: Call, file: Path, output: Path) -> None:
    held = read_roster(file, None, Ed25519Verifier())
    draft = next_draft(held.signed, time.time_ns() // 1_000_000)
    write_new(call, output, render_roster_toml(draft).encode())
    call.console.say("roster.drafted", epoch=draft.epoch, file=output)
    call.console.json("lumbung.roster.draft/1", {"epoch": draft.epoch, "file": str(output)})


@command("plan", help_key="help.roster.plan", examples_key="help.roster.plan.examples", exits=_LOCAL)
@click.argument("draft", type=_PATH)
@option("-o", "--output", type=_PATH, help_key="help.roster.output")
@option("--release", "released", multiple=True, metavar="ORIGIN:NODE", help_key="help.roster.plan.release")
@dry_run
def plan(call: Call, draft: Path, output: Path | None, released: tuple[str, ...]) -> None:
    found = read_draft(draft)
    planned = make_plan(found, released=[_pair(found, text) for text in released])
    print_plan(call, found, planned)
    if output is not None:
        following = tidy(replace(found, assignments=planned.assignments))
        write_new(call, output, render_roster_toml(following).encode())
        call.console.say("roster.planned", file=output)
    else:
        call.console.say("roster.plan.unwritten")


@command(
    "sign",
    help_key="help.roster.sign",
    examples_key="help.roster.sign.examples",
    exits=(ExitCode.OK, ExitCode.USAGE, (ExitCode.REFUSED, "exit.gone.6")),
)
@click.argument("file", type=_PATH)
@option("--key", type=_PATH, required=True, help_key="help.roster.sign.key")
@option("--drained", "reports", type=_PATH, multiple=True, help_key="help.roster.report")
@option("-o", "--output", type=_PATH, required=True, help_key="help.roster.output")
@dry_run
def sign(call: Call, file: Path, key: Path, reports: tuple[Path, ...], output: Path) -> None:
    """A draft (TOML) becomes a signed roster; a signed one gets one more signature."""
    unsigned = read_signed(file)
    check_departures(call, unsigned.parse(), read_reports(reports))
    signer = Ed25519Signer.load(key)
    signed = unsigned.signed_by(signer)
    write_new(call, output, signed.encode())
    found = signed.parse()
    given = count_signatures(found.custodians, signed, Ed25519Verifier())
    digits, needed = signed.hash.hex()[:_DIGITS_SHOWN], found.custodians.threshold
    call.console.say("roster.signed", epoch=found.epoch, hash=digits, given=given, needed=needed, file=output)
    known = {member.public_key for quorum in (found.custodians, found.recovery) for member in quorum.members}
    if signer.public_key not in known:
        call.console.warn("roster.signed.stranger")
    call.console.say("roster.signed.enough" if given >= needed else "roster.signed.next", file=output)
    call.console.json(
        "lumbung.roster.signed/1",
        {
            "epoch": found.epoch,
            "hash": signed.hash.hex(),
            "custodians_signed": given,
            "custodians_needed": needed,
            "file": str(output),
        },
    )


@command(
    "check",
    help_key="help.roster.check",
    examples_key="help.roster.check.examples",
    exits=(ExitCode.OK, ExitCode.USAGE, (ExitCode.REFUSED, "exit.roster.6")),
)
@click.argument("file", type=_PATH)
@option("--held", type=_PATH, help_key="help.roster.check.held")
def check(call: Call, file: Path, held: Path | None) -> None:
    verifier = Ed25519Verifier()
    present = read_roster(held or profile_of(call).roster, None, verifier)
    match judge(present.signed, read_signed(file), verifier):
        case Accept(roster=following):
            call.console.say("roster.accepted", epoch=following.epoch, held=present.roster.epoch)
            before, after = present.roster.format_level, following.format_level
            if after > before:
                call.console.warn("roster.level_rises", before=before, after=after)
            call.console.json("lumbung.roster.check/1", {"verdict": "accept", "epoch": following.epoch})
        case Known():
            call.console.say("roster.known", epoch=present.roster.epoch)
            call.console.json("lumbung.roster.check/1", {"verdict": "known", "epoch": present.roster.epoch})
        case Refuse(reason=reason) | Alarm(reason=reason):
            raise CommandFailed(ExitCode.REFUSED, "error.refused", why=reason_of(call.console, reason))


@command("publish", help_key="help.roster.publish", examples_key="help.roster.publish.examples", exits=_REMOTE)
@click.argument("files", nargs=-1, required=True, type=_PATH)
@option("--access", "is_access", is_flag=True, help_key="help.roster.publish.access")
@option("--dry-run", "is_dry", is_flag=True, help_key="help.dry_run")
def publish(call: Call, files: tuple[Path, ...], is_access: bool, is_dry: bool) -> None:
    raws = [_signed_bytes(file, is_access=is_access) for file in files]
    if is_dry:
        run(call, partial(try_access_lists if is_access else try_rosters, call, raws))
    else:
        run(call, partial(_publish, call, raws, is_access))


@command("fetch", help_key="help.roster.fetch", examples_key="help.roster.fetch.examples", exits=_REMOTE)
@click.argument("file", required=False, type=_PATH)
@dry_run
def fetch(call: Call, file: Path | None) -> None:
    """From the node; or from a file, where the node has new keys that this profile's roster does not know yet."""
    if file is None:
        run(call, partial(_fetch, call))
        return
    profile, verifier = profile_of(call), Ed25519Verifier()
    held, raw = read_roster(profile.roster, profile.cluster, verifier), _signed_bytes(file, is_access=False)
    if call.console.is_dry:
        taken = newer_roster(held, raw, verifier)
    else:
        taken = renew_roster(held, raw, profile.roster, verifier)
    _say_fetched(call, taken.roster.epoch, held.roster.epoch)


for entry in (show, next_epoch, add, plan, level, drained, gone, sign, collect, check, publish, pack, fetch):
    roster.add_command(entry)


async def _publish(call: Call, raws: list[bytes], is_access: bool, session: Session) -> None:
    if is_access:
        for raw in raws:
            version, changed = await give_access_list(call, session, raw)
            call.console.json("lumbung.roster.publish/1", {"access_version": version, "changed": changed})
        return
    epoch, changed = await publish_roster(session.own, raws)
    call.console.say("roster.obeyed" if changed else "roster.obeyed_before", epoch=epoch)
    call.console.json("lumbung.roster.publish/1", {"epoch": epoch, "changed": changed})


async def _fetch(call: Call, session: Session) -> None:
    before = session.roster.roster.epoch
    found = await fetch_roster(session.own)
    if call.console.is_dry:
        _say_fetched(call, newer_roster(session.roster, found, session.verifier).roster.epoch, before)
        return
    await session.blocking.run(partial(session.take_roster, found))
    office = session.roster.roster.office_of(session.profile.node)
    for listed in await fetch_access_lists(session.own):
        if listed.content.office == office:
            await session.blocking.run(partial(session.take_access_list, listed.encode()))
    _say_fetched(call, session.roster.roster.epoch, before)


def _signed_bytes(file: Path, *, is_access: bool) -> bytes:
    """What may be sent: a draft, or another file, is named here and not by the node, which sees bytes only."""
    raw = file.read_bytes()
    try:
        _ = SignedAccess.decode(raw) if is_access else SignedRoster.decode(raw)
    except Malformed as exc:
        raise KeyRefused(f"{file}: {exc}") from exc
    return raw


def _say_fetched(call: Call, after: int, before: int) -> None:
    call.console.say("roster.fetched", epoch=after, before=before)
    call.console.json("lumbung.roster.fetch/1", {"epoch": after, "changed": after != before})


def _print_roster(call: Call, found: VerifiedRoster) -> None:
    console, held = call.console, found.roster
    created = shown_time(held.created_ms)
    console.say("roster.head", epoch=held.epoch, created=created, hash=found.signed.hash.hex())
    console.say("roster.custodians", needed=held.custodians.threshold, members=len(held.custodians.members))
    rows = []
    for node in held.nodes:
        holders = {number for unit in range(64) for number in held.holders_of(node.number, unit)} - {node.number}
        names = ", ".join(found.name(number) for number in sorted(holders))
        rows.append(
            [
                str(node.number),
                node.name,
                console.text(f"roster.state.{node.state.name.lower()}"),
                node.province,
                node.hazard_zone,
                names,
            ]
        )
    heads = ("number", "name", "state", "province", "zone", "holders")
    console.table([console.text(f"roster.column.{head}") for head in heads], rows)
    console.json(
        "lumbung.roster/1",
        {
            "cluster": str(held.cluster),
            "epoch": held.epoch,
            "hash": found.signed.hash.hex(),
            "created": rfc3339(held.created_ms),
            "custodians_needed": held.custodians.threshold,
            "nodes": [
                {"number": node.number, "name": node.name, "role": node.role.name.lower(), "province": node.province}
                for node in held.nodes
            ],
        },
    )


def _pair(found: Roster, text: str) -> tuple[NodeNumber, NodeNumber]:
    """ORIGIN:NODE by names."""
    origin, colon, node = text.partition(":")
    records = found.by_name(origin), found.by_name(node)
    if not colon or records[0] is None or records[1] is None:
        raise CommandFailed(ExitCode.USAGE, "roster.plan.bad_release", text=text)
    return records[0].number, records[1].number
