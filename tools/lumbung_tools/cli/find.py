"""`lumbung find`: recordings that are short of copies, by id at their origin, by office over the cluster."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial

import click

from lumbung_cluster.ids import NodeNumber
from lumbung_cluster.overview import NodeView
from lumbung_cluster.report import OwnReport
from lumbung_cluster.roster_node import Role
from lumbung_node.ports.transport import Channel
from lumbung_proto.v1 import blobs_pb2 as wire
from lumbung_tools.catalogue.text import rfc3339
from lumbung_tools.cli.cluster_view import end_of_search, look
from lumbung_tools.cli.common import copies_json, names, node_named, run, shown_time
from lumbung_tools.cli.framework import Call, command, option
from lumbung_tools.cli.spans import SPAN
from lumbung_tools.client.answers import read_copies
from lumbung_tools.client.ask import list_blobs
from lumbung_tools.client.ask import status as ask_status
from lumbung_tools.client.session import Session
from lumbung_tools.output.console import Console, JsonValue
from lumbung_tools.output.exit_codes import ExitCode

__all__ = ["find"]

_COPIES_MAX = 3
_LINES_DEFAULT = 100
_DIGITS_SHOWN = 16


@command(
    "find",
    help_key="help.find",
    examples_key="help.find.examples",
    exits=(
        (ExitCode.OK, "exit.find.0"),
        ExitCode.USAGE,
        (ExitCode.COPIES_SHORT, "exit.find.3"),
        ExitCode.UNKNOWN,
        ExitCode.REFUSED,
        ExitCode.UNREACHABLE,
    ),
)
@option("--copies-below", type=click.IntRange(2, 3), default=3, show_default=True, help_key="help.find.copies")
@option("--origin", help_key="help.option.origin")
@option("--older-than", type=SPAN, help_key="help.find.older_than")
@option("--cluster", "is_cluster", is_flag=True, help_key="help.find.cluster")
@option("--limit", type=click.IntRange(0), default=_LINES_DEFAULT, show_default=True, help_key="help.ls.limit")
def find(
    call: Call, copies_below: int, origin: str | None, older_than: float | None, is_cluster: bool, limit: int
) -> None:
    work = _offices if is_cluster else partial(_recordings, limit)
    run(call, partial(work, call, copies_below, origin, older_than or 0.0))


# --- at the origin -------------------------------------------------------------------------------------------------


async def _recordings(
    limit: int, call: Call, copies_below: int, origin: str | None, older_s: float, session: Session
) -> None:
    console, number = call.console, node_named(session.roster, origin) or session.profile.node
    channel = session.channels(number)[0]  # only the origin counts copies
    rows = 0
    async for blob in _found(channel, copies_below, older_s):
        if rows == 0:
            console.line(_line(*(console.text(f"find.column.{head}") for head in ("id", "time", "copies", "missing"))))
        rows += 1
        copies = read_copies(blob.copies)
        missing = " ".join(names(session.roster, copies.missing))
        counted = console.text("ls.copies", count=copies.count, wanted=copies.wanted)
        console.line(_line(blob.id.hex()[:_DIGITS_SHOWN], shown_time(blob.time_ms), counted, missing))
        console.json(
            "lumbung.find/1",
            {
                "id": blob.id.hex(),
                "origin": session.roster.name(blob.origin),
                "size_bytes": blob.size_bytes,
                "time": rfc3339(blob.time_ms),
                "copies": copies_json(session.roster, copies),
            },
        )
        if rows == limit:
            console.say("ls.more", rows=rows)
            break
    if rows == 0:
        console.say("find.none", origin=session.roster.name(number))
        record = session.roster.roster.node(NodeNumber(number))
        if record is not None and record.role is Role.DRC:  # it records nothing of its own
            console.say("find.ask_cluster")
    call.end(ExitCode.COPIES_SHORT if rows else ExitCode.OK)


async def _found(channel: Channel, copies_below: int, older_s: float) -> AsyncIterator[wire.BlobSummary]:
    """Ages by the node's own clock, as it stamped them."""
    before_ms: float = 1 << 63
    if older_s:
        before_ms = (await ask_status(channel)).clock_ms - older_s * 1000
    async for blob in list_blobs(channel, 0, copies_below=copies_below, limit=None):
        if blob.time_ms <= before_ms:
            yield blob


def _line(digits: str, time: str, copies: str, missing: str) -> str:
    return f"{digits:<{_DIGITS_SHOWN}}  {time:<16}  {copies:<8}  {missing}".rstrip()


# --- over the cluster ----------------------------------------------------------------------------------------------


async def _offices(call: Call, copies_below: int, origin: str | None, older_s: float, session: Session) -> None:
    console, number = call.console, node_named(session.roster, origin)
    answer = await look(call, session)
    name = answer.roster.name
    views = [view for view in answer.views() if number in (None, view.node)]
    shorts = [_Short.of(view, copies_below) for view in views]
    found = sorted((each for each in shorts if each.blobs and each.oldest_s >= older_s), key=_Short.order)
    if found:
        heads = [console.text(f"find.column.{head}") for head in ("office", "short", "only_here", "oldest", "reported")]
        console.table(heads, [_row(console, name(each.view.node), each) for each in found])
    else:
        console.say("find.none_in_cluster", nodes=sum(view.report is not None for view in views))
    for each in found:
        console.json("lumbung.find.office/1", _json(name(each.view.node), each))
    end_of_search(call, answer, views, has_found=bool(found))


@dataclass(frozen=True, slots=True)
class _Short:
    """What a node says of its own recordings with too few copies; ages go on since its report was made."""

    view: NodeView
    own: OwnReport
    blobs: int
    oldest_s: float

    @classmethod
    def of(cls, view: NodeView, copies_below: int) -> _Short:
        own = view.report.own if view.report is not None else OwnReport()
        is_one = copies_below < _COPIES_MAX
        oldest_s = own.oldest_only_here_s if is_one else own.oldest_short_s
        blobs = own.by_copies[0] if is_one else own.short
        return cls(view, own, blobs, oldest_s + (view.age_s or 0.0))

    def order(self) -> tuple[float, int]:
        return -self.oldest_s, self.view.node


def _row(console: Console, origin: str, each: _Short) -> list[str]:
    words = console.catalogue
    counts = [console.text("cluster.number", number=count) for count in (each.blobs, each.own.only_here)]
    return [origin, *counts, words.duration(each.oldest_s), words.duration(each.view.age_s or 0.0)]


def _json(origin: str, each: _Short) -> dict[str, JsonValue]:
    return {
        "origin": origin,
        "short": each.blobs,
        "by_copies": list(each.own.by_copies),
        "only_here": each.own.only_here,
        "oldest_s": round(each.oldest_s, 1),
        "age_s": round(each.view.age_s, 1) if each.view.age_s is not None else None,
    }
