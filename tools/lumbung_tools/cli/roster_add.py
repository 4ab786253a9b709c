"""`lumbung roster add`: a join request enters the draft of the next roster, once its fingerprint was compared."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import click

from lumbung_cluster.canonical import Malformed
from lumbung_cluster.ids import NodeNumber
from lumbung_cluster.joining import Admission, admit
from lumbung_cluster.phone_groups import Misheard, read_phone_groups
from lumbung_cluster.roster import Roster
from lumbung_cluster.signed_join import SignedJoin
from lumbung_node.adapters.keys.ed25519 import Ed25519Verifier
from lumbung_tools.cli.bounds import parse_bound
from lumbung_tools.cli.common import shown_time
from lumbung_tools.cli.framework import Call, command, option
from lumbung_tools.cli.new_files import write_new
from lumbung_tools.client.trust import read_roster
from lumbung_tools.joining.answering import next_draft
from lumbung_tools.joining.asking import load_request
from lumbung_tools.output.exit_codes import ExitCode
from lumbung_tools.output.failures import CommandFailed
from lumbung_tools.roster_toml import parse_roster_toml, render_roster_toml
from lumbung_tools.toml_document import read_document_file

__all__ = ["add", "compare_fingerprint"]

_PATH = click.Path(path_type=Path)


@command(
    "add",
    help_key="help.roster.add",
    examples_key="help.roster.add.examples",
    exits=(ExitCode.OK, ExitCode.USAGE, (ExitCode.REFUSED, "exit.roster_add.6")),
)
@click.argument("request", type=_PATH)
@option("--to", "target", type=_PATH, required=True, help_key="help.roster.add.to")
@option("-o", "--output", type=_PATH, required=True, help_key="help.roster.output")
@option("--fingerprint", help_key="help.fingerprint")
@option("--number", type=click.IntRange(min=1), help_key="help.roster.add.number")
@option("--bound", help_key="help.roster.add.bound")
@option("--dry-run", "is_dry", is_flag=True, help_key="help.dry_run")
def add(
    call: Call,
    request: Path,
    target: Path,
    output: Path,
    fingerprint: str | None,
    number: int | None,
    bound: str | None,
    is_dry: bool,
) -> None:
    asked = load_request(request)
    draft = _draft(target)
    wanted = NodeNumber(number) if number is not None else None
    admitted = admit(draft, asked.request, number=wanted, bound=parse_bound(bound) if bound is not None else None)
    _show(call, asked, admitted)
    if not admitted.is_new:
        call.console.say("roster.add.known", name=admitted.node.name, number=str(admitted.node.number), file=target)
    elif is_dry:
        call.console.say("roster.add.dry")
    else:
        compare_fingerprint(call, asked.fingerprint, fingerprint)
        write_new(call, output, render_roster_toml(admitted.roster).encode())
        call.console.say("roster.add.done", number=str(admitted.node.number), epoch=draft.epoch, file=output)
    _tell_json(call, asked, admitted, draft, is_written=admitted.is_new and not is_dry, file=output)


def compare_fingerprint(call: Call, actual: str, typed: str | None) -> None:
    """What was read out by phone against what the file has. Raises CommandFailed: nothing may be written then."""
    if typed is None:
        if sys.stdin is None or not sys.stdin.isatty() or call.console.is_json:
            raise CommandFailed(ExitCode.USAGE, "fingerprint.missing")
        typed = str(click.prompt(call.console.text("fingerprint.ask")))
    try:
        read = read_phone_groups(typed)
    except Misheard as exc:
        raise CommandFailed(ExitCode.USAGE, "fingerprint.slip", place=exc.place) from exc
    except Malformed as exc:
        raise CommandFailed(ExitCode.USAGE, "fingerprint.not_one") from exc
    if read != actual:
        raise CommandFailed(ExitCode.REFUSED, "fingerprint.differs")


def _draft(target: Path) -> Roster:
    """A draft as it is, or the next epoch of a signed roster."""
    if target.suffix == ".toml":
        return parse_roster_toml(read_document_file(target))
    return next_draft(read_roster(target, None, Ed25519Verifier()).signed, time.time_ns() // 1_000_000)


def _show(call: Call, asked: SignedJoin, admitted: Admission) -> None:
    """Everything that a custodian compares with what he knows of the office."""
    console, request, node = call.console, asked.request, admitted.node
    console.say("roster.add.head", name=node.name, number=str(node.number), created=shown_time(request.created_ms))
    rows = [
        ("role", console.text(f"role.{node.role.name.lower()}")),
        ("province", f"{node.province}, {node.hazard_zone}"),
        ("addresses", ", ".join(node.addresses)),
        ("reach", f"{node.reach.text}, {node.link.value}"),
        ("capacity", console.catalogue.size(node.capacity_bytes)),
        ("load", console.catalogue.size(node.load_bytes)),
    ]
    for name, value in rows:
        console.line(f"  {console.text(f'roster.add.row.{name}')}: {value}")
    if request.replaces is not None:
        console.say("roster.add.replaces", number=str(request.replaces))


def _tell_json(
    call: Call, asked: SignedJoin, admitted: Admission, draft: Roster, *, is_written: bool, file: Path
) -> None:
    call.console.json(
        "lumbung.roster.add/1",
        {
            "name": admitted.node.name,
            "number": int(admitted.node.number),
            "role": admitted.node.role.name.lower(),
            "epoch": draft.epoch,
            "replaces": int(asked.request.replaces) if asked.request.replaces is not None else None,
            "fingerprint": asked.fingerprint,
            "changed": is_written,
            "file": str(file) if is_written else "",
        },
    )
