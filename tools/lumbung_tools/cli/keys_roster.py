"""`lumbung keys pin` and `lumbung keys retire`: a change of keys as a draft of the next roster.

The input is a signed roster, of which the next epoch is drafted, or a draft (.toml), to which the change is added.
Custodians then read, sign and publish it as any other roster.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import click

from lumbung_cluster.canonical import Malformed
from lumbung_cluster.feed import Mark
from lumbung_cluster.ids import NodeNumber
from lumbung_cluster.roster import Custodian, Roster
from lumbung_cluster.roster_checks import check, tidy
from lumbung_cluster.roster_keys import (
    pin_authority,
    pin_escrow,
    pin_key,
    pin_recipient,
    replace_member,
    retire_authority,
    retire_escrow,
    retire_key,
    retire_recipient,
)
from lumbung_cluster.roster_node import KeyUse
from lumbung_node.adapters.keys.age_identity import check_recipient
from lumbung_node.adapters.keys.certificates import only_certificate
from lumbung_node.adapters.keys.ed25519 import Ed25519Verifier
from lumbung_proto.v1 import operations_pb2
from lumbung_tools.cli.bounds import parse_bound
from lumbung_tools.cli.common import profile_of, run
from lumbung_tools.cli.framework import Call, command, dry_run, option
from lumbung_tools.cli.keys_status import bound_text
from lumbung_tools.cli.new_files import write_new
from lumbung_tools.client.ask import status
from lumbung_tools.client.profile import PROFILE_FILE
from lumbung_tools.client.session import Session
from lumbung_tools.client.trust import read_roster
from lumbung_tools.joining.answering import next_draft
from lumbung_tools.output.exit_codes import ExitCode
from lumbung_tools.output.failures import CommandFailed
from lumbung_tools.roster_files import read_draft
from lumbung_tools.roster_toml import render_roster_toml

__all__ = ["PINNED", "pin", "retire"]

_EXITS = (ExitCode.OK, ExitCode.USAGE)
_PATH = click.Path(path_type=Path)
_OF_NODES = {use.name.lower(): use for use in KeyUse}
_KEY_SIZE_BYTES = 32
PINNED = (*_OF_NODES, "age", "escrow", "custodian", "recovery", "authority")


@command("pin", help_key="help.keys.pin", examples_key="help.keys.pin.examples", exits=_EXITS)
@click.argument("kind", metavar="KIND", type=click.Choice(PINNED))
@click.argument("public")
@option("--roster", "file", type=_PATH, required=True, help_key="help.keys.roster")
@option("--node", "node", help_key="help.keys.node")
@option("--name", help_key="help.keys.pin.name")
@option("--replaces", help_key="help.keys.pin.replaces")
@option("-o", "--output", type=_PATH, required=True, help_key="help.roster.output")
@dry_run
def pin(
    call: Call,
    kind: str,
    public: str,
    file: Path,
    node: str | None,
    name: str | None,
    replaces: str | None,
    output: Path,
) -> None:
    draft = _draft(file)
    change: Callable[[], Roster]
    match kind:
        case "age":
            change = partial(pin_recipient, draft, _number(draft, node), check_recipient(public))
        case "escrow":
            change = partial(pin_escrow, draft, check_recipient(public))
        case "custodian" | "recovery":
            member = Custodian(_needed(name, "--name"), _key(public))
            change = partial(_with_member, draft, kind, replaces, member)
        case "authority":
            # The certificate alone: a file that holds its private key as well must not send it to all nodes.
            pem = only_certificate(Path(public).read_bytes())
            change = partial(pin_authority, draft, _needed(name, "--name"), pem.decode("ascii"))
        case _:
            change = partial(pin_key, draft, _number(draft, node), _OF_NODES[kind], _key(public))
    _write(call, "keys.pinned", kind, _checked(change), output)


@command("retire", help_key="help.keys.retire", examples_key="help.keys.retire.examples", exits=_EXITS)
@click.argument("kind", metavar="KIND", type=click.Choice(PINNED))
@click.argument("public", required=False)
@option("--roster", "file", type=_PATH, required=True, help_key="help.keys.roster")
@option("--node", "node", help_key="help.keys.node")
@option("--bound", help_key="help.keys.retire.bound")
@option("-o", "--output", type=_PATH, required=True, help_key="help.roster.output")
@dry_run
def retire(
    call: Call, kind: str, public: str | None, file: Path, node: str | None, bound: str | None, output: Path
) -> None:
    draft = _draft(file)
    change: Callable[[], Roster]
    match kind:
        case "age":
            change = partial(retire_recipient, draft, _number(draft, node), _needed(public, "PUBLIC"))
        case "escrow":
            change = partial(retire_escrow, draft, _needed(public, "PUBLIC"))
        case "custodian" | "recovery":
            change = partial(_with_member, draft, kind, _needed(public, "NAME"), None)
        case "authority":
            change = partial(retire_authority, draft, _needed(public, "NAME"))
        case _:
            key = _key(public) if public is not None else None
            mark = parse_bound(bound) if bound is not None else None
            if kind == "entry":
                mark = _bound_of(call, draft, _number(draft, node), bound)
            change = partial(retire_key, draft, _number(draft, node), _OF_NODES[kind], key, mark)
    _write(call, "keys.retired", kind, _checked(change), output)


def _bound_of(call: Call, draft: Roster, number: NodeNumber, given: str | None) -> Mark:
    """Up to where the former entry key is good: as given, but never before the end that its node tells.

    A bound before that end would make honest recordings void. Only the office's own profile can ask its node; whoever
    retires the key of another office, or of a machine that is gone or does not know its end, brings the bound.
    """
    mark = parse_bound(given) if given is not None else None
    if not (call.home / PROFILE_FILE).exists() or profile_of(call).node != number:
        return mark or parse_bound(_needed(given, "--bound"))
    told: list[operations_pb2.StatusResponse] = []

    async def ask(session: Session) -> None:
        told.append(await status(session.own))

    run(call, ask)
    if not told[0].HasField("own_end"):
        if mark is None:
            raise CommandFailed(ExitCode.USAGE, "keys.end_unknown")
        return mark
    end, newest = told[0].own_end, draft.entry_keys(number)[-1]
    if end.public_key != newest.key:
        raise CommandFailed(ExitCode.USAGE, "keys.still_used", public=newest.key.hex())
    if mark is not None and (mark.generation, mark.number) < (end.generation, end.number):
        raise CommandFailed(ExitCode.USAGE, "keys.bound_too_low", given=given, end=bound_text(end))
    return mark or parse_bound(bound_text(end))


def _draft(file: Path) -> Roster:
    """The epoch that is being written: the draft itself, or the one that follows on a signed roster."""
    if file.suffix == ".toml":
        return read_draft(file)
    return next_draft(read_roster(file, None, Ed25519Verifier()).signed, time.time_ns() // 1_000_000)


def _with_member(draft: Roster, kind: str, former: str | None, following: Custodian | None) -> Roster:
    if kind == "custodian":
        return tidy(replace(draft, custodians=replace_member(draft.custodians, former, following)))
    return tidy(replace(draft, recovery=replace_member(draft.recovery, former, following)))


def _checked(change: Callable[[], Roster]) -> Roster:
    try:
        changed = change()
        check(changed)
    except Malformed as exc:
        raise CommandFailed(ExitCode.USAGE, "error.usage", why=exc) from exc
    return changed


def _write(call: Call, key: str, kind: str, changed: Roster, output: Path) -> None:
    write_new(call, output, render_roster_toml(changed).encode("utf-8"))
    call.console.say(key, kind=kind, epoch=changed.epoch, file=output)
    if kind == "recovery":
        call.console.say("keys.recovery_signs")
    call.console.json("lumbung.roster.draft/1", {"epoch": changed.epoch, "file": str(output)})


def _number(draft: Roster, name: str | None) -> NodeNumber:
    record = draft.by_name(_needed(name, "--node"))
    if record is None:
        known = ", ".join(sorted(node.name for node in draft.nodes if node.is_present))
        raise CommandFailed(ExitCode.USAGE, "name.unknown_node", name=name, epoch=draft.epoch, known=known)
    return record.number


def _needed(value: str | None, what: str) -> str:
    if value is None:
        raise CommandFailed(ExitCode.USAGE, "keys.needs", what=what)
    return value


def _key(text: str) -> bytes:
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) != _KEY_SIZE_BYTES:
        raise CommandFailed(ExitCode.USAGE, "keys.not_a_key", text=text)
    return key
