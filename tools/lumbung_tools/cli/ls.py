"""`lumbung ls`: the recordings of an origin, a page at a time, so that a million lines cost no memory."""

from __future__ import annotations

from functools import partial

import click

from lumbung_proto.v1 import blobs_pb2 as wire
from lumbung_tools.catalogue.text import rfc3339
from lumbung_tools.cli.common import copies_json, node_named, run, shown_time
from lumbung_tools.cli.framework import Call, command, option
from lumbung_tools.client.answers import read_copies
from lumbung_tools.client.ask import list_blobs
from lumbung_tools.client.session import Session
from lumbung_tools.output.console import Console
from lumbung_tools.output.exit_codes import ExitCode

__all__ = ["ls"]

_LINES_DEFAULT = 100
_COPIES_MAX = 3
_DIGITS_SHOWN = 16


@command(
    "ls",
    help_key="help.ls",
    examples_key="help.ls.examples",
    exits=(ExitCode.OK, ExitCode.USAGE, ExitCode.UNKNOWN, ExitCode.REFUSED, ExitCode.UNREACHABLE),
)
@option("--copies-below", type=click.IntRange(1, _COPIES_MAX), help_key="help.ls.copies_below")
@option("--origin", help_key="help.option.origin")
@option("--limit", type=click.IntRange(0), default=_LINES_DEFAULT, show_default=True, help_key="help.ls.limit")
def ls(call: Call, copies_below: int | None, origin: str | None, limit: int) -> None:
    run(call, partial(_ls, call, copies_below or 0, origin, limit))


async def _ls(call: Call, copies_below: int, origin: str | None, limit: int, session: Session) -> None:
    console, number = call.console, node_named(session.roster, origin) or 0
    rows = 0
    async for blob in list_blobs(session.own, number, copies_below=copies_below, limit=limit or None):
        if rows == 0:
            console.line(_line(*(console.text(key) for key in _HEADS)))
        rows += 1
        console.line(_line(*_cells(console, blob)))
        console.json(
            "lumbung.ls/1",
            {
                "id": blob.id.hex(),
                "origin": session.roster.name(blob.origin),
                "size_bytes": blob.size_bytes,
                "time": rfc3339(blob.time_ms),
                "number": blob.number,
                "damaged_here": blob.damaged_here,
                "copies": copies_json(session.roster, read_copies(blob.copies)) if blob.HasField("copies") else None,
            },
        )
    if rows == 0:
        console.say("ls.none")
    elif rows == limit:
        console.say("ls.more", rows=rows)


_HEADS = ("ls.column.id", "ls.column.size", "ls.column.time", "ls.column.copies")


def _line(digits: str, size: str, time: str, copies: str) -> str:
    return f"{digits:<{_DIGITS_SHOWN}}  {size:>9}  {time:<16}  {copies}"


def _cells(console: Console, blob: wire.BlobSummary) -> tuple[str, str, str, str]:
    if blob.damaged_here:
        copies = console.text("ls.damaged")
    elif blob.HasField("copies"):
        copies = console.text("ls.copies", count=blob.copies.count, wanted=blob.copies.wanted)
    else:
        copies = console.text("ls.copies_unknown")
    return blob.id.hex()[:_DIGITS_SHOWN], console.catalogue.size(blob.size_bytes), shown_time(blob.time_ms), copies
