"""`lumbung receipt`: show and save receipts, and verify one offline."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import click

from lumbung_cluster.canonical import Malformed
from lumbung_cluster.receipt import SignedStatement, Statement, StatementKind
from lumbung_node.adapters.keys.ed25519 import Ed25519Verifier
from lumbung_tools.catalogue.text import rfc3339
from lumbung_tools.cli.common import blob_name, run, shown_time
from lumbung_tools.cli.framework import Call, LumbungGroup, command, option
from lumbung_tools.client.ask import BlobName, NotAnId, stat
from lumbung_tools.client.receipts import fault_of
from lumbung_tools.client.session import Session
from lumbung_tools.client.trust import VerifiedRoster, read_roster
from lumbung_tools.output.console import JsonValue
from lumbung_tools.output.exit_codes import ExitCode
from lumbung_tools.output.failures import CommandFailed

__all__ = ["receipt"]

_DIGITS_SHOWN = 16
_SUFFIX = ".receipt"

receipt = LumbungGroup("receipt", "help.receipt")


@command(
    "show",
    help_key="help.receipt.show",
    examples_key="help.receipt.show.examples",
    exits=(ExitCode.OK, ExitCode.USAGE, ExitCode.NOT_FOUND, ExitCode.UNKNOWN, ExitCode.REFUSED, ExitCode.UNREACHABLE),
)
@click.argument("id", required=False)
@option("--record", help_key="help.option.record")
@option("--save", type=click.Path(file_okay=False, path_type=Path), help_key="help.receipt.show.save")
def show(call: Call, id: str | None, record: str | None, save: Path | None) -> None:
    run(call, partial(_show, call, id, record, save))


@command(
    "verify",
    help_key="help.receipt.verify",
    examples_key="help.receipt.verify.examples",
    exits=(ExitCode.OK, ExitCode.USAGE, (ExitCode.REFUSED, "exit.receipt.6")),
)
@click.argument("file", type=click.Path(path_type=Path))
@option(
    "--roster", "roster_file", type=click.Path(path_type=Path), required=True, help_key="help.receipt.verify.roster"
)
@option("--id", "digits", help_key="help.receipt.verify.id")
def verify(call: Call, file: Path, roster_file: Path, digits: str | None) -> None:
    roster = read_roster(roster_file, None, Ed25519Verifier())
    try:
        wanted = BlobName.parse(digits) if digits is not None else None
        found = SignedStatement.from_bytes(file.read_bytes())
    except NotAnId as exc:
        raise CommandFailed(ExitCode.USAGE, "error.usage", why=exc) from exc
    except Malformed as exc:
        raise CommandFailed(ExitCode.REFUSED, "receipt.bad", why=exc) from exc
    fault = fault_of(found, roster.roster, Ed25519Verifier(), wanted)
    if fault is not None:
        raise CommandFailed(ExitCode.REFUSED, "receipt.bad", why=call.console.text(fault.key, **fault.values))
    _say_good(call, roster, found, wanted)


receipt.add_command(show)
receipt.add_command(verify)


@dataclass(frozen=True, slots=True)
class _Shown:
    holder: str
    statement: SignedStatement


async def _show(call: Call, digits: str | None, record: str | None, save: Path | None, session: Session) -> None:
    answer = await stat(session.own, blob_name(session, digits, record), 0)
    id_digits = answer.blob.id.hex()
    receipts = [
        _Shown(session.roster.name(proof.holder), SignedStatement.from_bytes(proof.receipt))
        for proof in answer.proofs
        if proof.receipt and not proof.withdrawn
    ]
    if not receipts:
        call.console.say("receipt.none", id=id_digits[:_DIGITS_SHOWN])
    for entry in receipts:
        file = await session.blocking.run(partial(_save, entry, save, id_digits)) if save is not None else None
        _say(call, entry, file)
        fields = _as_json(session.roster.name, entry.statement)
        call.console.json("lumbung.receipt/1", {"id": id_digits, **fields, "file": str(file) if file else None})


def _save(entry: _Shown, folder: Path, id_digits: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{id_digits[:_DIGITS_SHOWN]}-{entry.holder}{_SUFFIX}"
    file.write_bytes(entry.statement.to_bytes())
    return file


def _say(call: Call, entry: _Shown, file: Path | None) -> None:
    content = entry.statement.content
    is_inventory = content.kind is StatementKind.INVENTORY_RECEIPT
    call.console.say(
        "receipt.shown.inventory" if is_inventory else "receipt.shown",
        holder=entry.holder,
        generation=int(content.generation),
        epoch=content.roster_epoch,
        nonce=str(content.nonce),
        time=shown_time(content.verified_since_ms),
        ids=_count(content),
        units=len(content.units),
    )
    if file is not None:
        call.console.say("receipt.saved", holder=entry.holder, file=file)


def _say_good(call: Call, roster: VerifiedRoster, found: SignedStatement, wanted: BlobName | None) -> None:
    content = found.content
    is_inventory = content.kind is StatementKind.INVENTORY_RECEIPT
    call.console.say(
        "receipt.good.inventory" if is_inventory else "receipt.good",
        holder=roster.name(content.holder),
        origin=roster.name(content.origin),
        ids=_count(content),
        units=len(content.units),
        time=shown_time(content.verified_since_ms),
    )
    covered = [str(blob) for blob in content.blobs if wanted is None or wanted.matches(blob.raw)]
    for blob in covered:
        call.console.say("receipt.covers", id=blob)
    fields = _as_json(roster.name, found)
    call.console.json("lumbung.receipt.verified/1", {**fields, "valid": True, "covered": covered})


def _count(content: Statement) -> int:
    """How many recordings a receipt speaks of: named one by one, or counted by unit."""
    return len(content.blobs) + sum(claim.blobs for claim in content.units)


def _as_json(name: Callable[[int], str], found: SignedStatement) -> dict[str, JsonValue]:
    content = found.content
    return {
        "holder": name(content.holder),
        "origin": name(content.origin),
        "generation": int(content.generation),
        "roster_epoch": content.roster_epoch,
        "nonce": content.nonce,
        "durable_number": content.durable_number,
        "verified_since": rfc3339(content.verified_since_ms),
        "kind": content.kind.name.lower(),
        "ids": _count(content),
        "units": [claim.unit for claim in content.units],
        "receipt": found.to_bytes().hex(),
    }
