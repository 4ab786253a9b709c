"""`lumbung where`: who holds a recording, and what proves it."""

from __future__ import annotations

import time
from functools import partial

import click

from lumbung_proto.v1 import blobs_pb2 as wire
from lumbung_tools.catalogue.text import rfc3339
from lumbung_tools.cli.common import blob_name, copies_json, names, node_named, run, shown_time
from lumbung_tools.cli.framework import Call, command, option
from lumbung_tools.client.answers import read_copies
from lumbung_tools.client.ask import stat
from lumbung_tools.client.session import Session
from lumbung_tools.output.console import Console, JsonValue
from lumbung_tools.output.exit_codes import ExitCode

__all__ = ["where"]

_DIGITS_SHOWN = 16


@command(
    "where",
    help_key="help.where",
    examples_key="help.where.examples",
    exits=(
        ExitCode.OK,
        ExitCode.USAGE,
        ExitCode.COPIES_SHORT,
        ExitCode.NOT_FOUND,
        ExitCode.UNKNOWN,
        ExitCode.REFUSED,
        ExitCode.UNREACHABLE,
    ),
)
@click.argument("id", required=False)
@option("--record", help_key="help.option.record")
@option("--origin", help_key="help.option.origin")
def where(call: Call, id: str | None, record: str | None, origin: str | None) -> None:
    run(call, partial(_where, call, id, record, origin))


async def _where(call: Call, digits: str | None, record: str | None, origin: str | None, session: Session) -> None:
    wanted = blob_name(session, digits, record)
    answer = await stat(session.own, wanted, node_named(session.roster, origin) or 0)
    _print(call.console, session, answer)
    call.console.json("lumbung.where/1", _as_json(session, answer))
    is_ours = answer.blob.HasField("copies")
    call.end(ExitCode.COPIES_SHORT if is_ours and not answer.blob.copies.safe else ExitCode.OK)


def _print(console: Console, session: Session, answer: wire.StatResponse) -> None:
    blob, roster = answer.blob, session.roster
    if not blob.HasField("copies"):
        console.say("where.unproven")
    else:
        key = "where.safe" if blob.copies.safe else "where.short"
        missing = ", ".join(names(roster, blob.copies.missing)) or console.text("put.nobody")
        console.say(key, count=blob.copies.count, wanted=blob.copies.wanted, missing=missing)
    if blob.damaged_here:
        console.say("where.damaged")
    size, origin = console.catalogue.size(blob.size_bytes), roster.name(blob.origin)
    console.say("where.facts", id=blob.id.hex(), size=size, origin=origin, time=shown_time(blob.time_ms))
    if answer.proofs:
        heads = [console.text(key) for key in ("where.column.holder", "where.column.proof", "where.column.age")]
        console.table(heads, [_row(console, session, proof) for proof in answer.proofs])
    older = [version.hex()[:_DIGITS_SHOWN] for version in answer.versions if version != blob.id]
    if older:
        console.say("where.versions", versions=" ".join(older))


def _row(console: Console, session: Session, proof: wire.CopyProof) -> list[str]:
    if proof.withdrawn:
        word = console.text("where.withdrawn")
    elif proof.own:
        word = console.text("where.own")
    else:
        word = console.text("where.receipt", generation=proof.generation)
    age_s = time.time() - proof.verified_since_ms / 1000
    age = console.text("where.age", age=console.catalogue.duration(age_s)) if proof.verified_since_ms else ""
    return [session.roster.name(proof.holder), word, age]


def _as_json(session: Session, answer: wire.StatResponse) -> dict[str, JsonValue]:
    blob = answer.blob
    return {
        "id": blob.id.hex(),
        "origin": session.roster.name(blob.origin),
        "size_bytes": blob.size_bytes,
        "time": rfc3339(blob.time_ms),
        "damaged_here": blob.damaged_here,
        "copies": copies_json(session.roster, read_copies(blob.copies)) if blob.HasField("copies") else None,
        "proofs": [
            {
                "holder": session.roster.name(proof.holder),
                "own": proof.own,
                "generation": proof.generation,
                "verified_since": rfc3339(proof.verified_since_ms),
                "received": rfc3339(proof.received_ms),
                "withdrawn": proof.withdrawn,
            }
            for proof in answer.proofs
        ],
        "versions": [version.hex() for version in answer.versions if version != blob.id],
    }
