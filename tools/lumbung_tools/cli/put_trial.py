"""`lumbung put --dry-run`: which files would go, to whom they would be sealed, and whether the node takes them now."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from lumbung_cluster import limits
from lumbung_cluster.errors import Rejected, StatusCode
from lumbung_tools.cli.framework import Call
from lumbung_tools.client.ask import status
from lumbung_tools.client.prepare import STDIN, refuse_too_large
from lumbung_tools.client.rosters import fetch_roster
from lumbung_tools.client.session import Session
from lumbung_tools.output.exit_codes import ExitCode, of_error, worst
from lumbung_tools.output.failures import sentence_of
from lumbung_tools.output.plain_text import one_line
from lumbung_tools.sealing import PlaintextRefused

__all__ = ["Unusable", "try_put"]

Unusable = tuple[str, Exception]
"""A folder that cannot be read, and why."""


async def try_put(
    call: Call, labels: Sequence[str], unread: Sequence[Unusable], no_seal: bool, session: Session
) -> None:
    """Opens every file and reads none; asks the node how it stands. Nothing is sealed, kept or sent."""
    console, codes = call.console, [ExitCode.OK]
    most = limits.BLOB_SIZE_BYTES_MAX if no_seal else limits.PLAINTEXT_SIZE_BYTES_MAX
    total_bytes = files = 0
    for folder, why in unread:
        codes.append(of_error(why))
        console.warn("put.not_readable", path=one_line(folder), why=sentence_of(console, why))
    for label in labels:
        try:
            size_bytes = await session.blocking.run(partial(_size, label, most))
        except (OSError, PlaintextRefused) as exc:
            codes.append(of_error(exc))
            console.warn("put.not_readable", path=one_line(label), why=sentence_of(console, exc))
            continue
        files, total_bytes = files + 1, total_bytes + size_bytes
    if not no_seal:
        session.roster.seal_recipients(session.profile.node)  # raises where nobody could open them again
    takes_puts, node = await _takes_puts(session), session.roster.name(session.profile.node)
    console.say("put.would", files=files, size=console.catalogue.size(total_bytes), node=node)
    if takes_puts is None:
        console.say("put.would_ask", node=node)
    elif not takes_puts:
        codes.append(ExitCode.REFUSED)
        console.warn("put.would_be_refused", node=node)
    code = worst(codes)
    fields = {"total": len(labels) + len(unread), "files": files, "size_bytes": total_bytes, "takes_puts": takes_puts}
    console.json("lumbung.put.summary/1", {**fields, "exit_code": int(code)})
    call.end(code)


async def _takes_puts(session: Session) -> bool | None:
    """None where the caller may not ask: a station may store, and what it is told is that the node knows it."""
    try:
        return (await status(session.own)).takes_puts
    except Rejected as exc:
        if exc.code is not StatusCode.PERMISSION_DENIED:
            raise
        await fetch_roster(session.own)
        return None


def _size(label: str, most: int) -> int:
    """Of a file that could be sealed now. Raises OSError, PlaintextRefused; 0 for what comes through a pipe."""
    if label == STDIN or Path(label).is_fifo():  # to open a pipe waits for a writer, and takes him his reader
        return 0
    with open(label, "rb") as file:
        size_bytes = os.fstat(file.fileno()).st_size
    if size_bytes == 0:
        raise PlaintextRefused("plaintext: expected at least 1 byte, got an empty file")
    refuse_too_large(size_bytes, most)
    return size_bytes
