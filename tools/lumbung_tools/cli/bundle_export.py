"""`lumbung bundle export`: fill a disk with what a holder lacks."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

import click

from lumbung_cluster.limits import BUNDLE_DISK_RESERVE_BYTES, GIB, KIB, MIB
from lumbung_node.config import Language
from lumbung_tools.bundles.export import Exported, ExportOrder, export
from lumbung_tools.bundles.folder import find_bundles
from lumbung_tools.bundles.foresee import foresee
from lumbung_tools.catalogue.text import Catalogue
from lumbung_tools.cli.bundle_common import DIGITS_SHOWN, DISK, bar
from lumbung_tools.cli.common import node_named, run
from lumbung_tools.cli.framework import Call, command, dry_run, option
from lumbung_tools.client.session import Session
from lumbung_tools.output.console import JsonValue
from lumbung_tools.output.exit_codes import ExitCode, worst
from lumbung_tools.output.failures import CommandFailed

__all__ = ["export_command"]

_IDS_SHOWN_MAX = 5
_UNITS = {"": 1, "K": KIB, "M": MIB, "G": GIB, "T": 1024 * GIB}
_SIZE = re.compile(r"([0-9]{1,9})\s*([KMGT]?)(i?B)?", re.IGNORECASE)


class _Size(click.ParamType[int]):
    """Bytes, with K, M, G or T for powers of 1,024."""

    name = "size"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        found = _SIZE.fullmatch(str(value).strip())
        if found is None or not int(found[1]):
            self.fail(f"expected a size such as 500M or 16G, got {value!r}", param, ctx)
        return int(found[1]) * _UNITS[found[2].upper()]


@command(
    "export",
    help_key="help.bundle.export",
    examples_key="help.bundle.export.examples",
    exits=(
        ExitCode.OK,
        ExitCode.USAGE,
        (ExitCode.COPIES_SHORT, "exit.bundle.export.3"),
        ExitCode.UNKNOWN,
        ExitCode.REFUSED,
        ExitCode.UNREACHABLE,
        (ExitCode.DAMAGED, "exit.bundle.export.8"),
    ),
)
@DISK
@option("--for", "holder", required=True, metavar="NODE", help_key="help.bundle.export.for")
@option("--origin", "origins", multiple=True, metavar="NODE", help_key="help.bundle.export.origin")
@option("--all", "everything", is_flag=True, help_key="help.bundle.export.all")
@option("--after", type=click.IntRange(0), default=0, help_key="help.bundle.export.after")
@option("--anew", is_flag=True, help_key="help.bundle.export.anew")
@option("--limit", type=_Size(), help_key="help.bundle.export.limit")
@dry_run
def export_command(
    call: Call,
    dir: Path,
    holder: str,
    origins: tuple[str, ...],
    everything: bool,
    after: int,
    anew: bool,
    limit: int | None,
) -> None:
    if origins and everything:
        raise CommandFailed(ExitCode.USAGE, "bundle.origin_or_all")
    if after and len(origins) != 1:
        raise CommandFailed(ExitCode.USAGE, "bundle.after_one_origin")

    async def work(session: Session) -> None:
        named = [node_named(session.roster, name) for name in (holder, *origins)]
        first, *others = [number for number in named if number is not None]
        await _export(call, session, dir, ExportOrder(first, tuple(others), everything, after, anew, limit))

    run(call, work)


async def _export(call: Call, session: Session, disk: Path, order: ExportOrder) -> None:
    if find_bundles(disk) == [disk]:
        disk = disk.parent  # the folder of a bundle was named: its disk is meant
    holder = session.roster.name(order.holder)
    exporter = session.roster.name(session.profile.node)
    if call.console.is_dry:
        await _foresee(call, session, disk, order, exporter, holder)
        return
    with bar(call, call.console.text("bundle.export.progress", holder=holder)) as on_progress:
        try:
            done = await export(session, order, disk, partial(_read_me, exporter, holder), on_progress)
        except* OSError as failures:
            why = _first_words(failures)
            raise CommandFailed(ExitCode.UNKNOWN, "bundle.export.disk_failed", why=why) from failures
    _say_exported(call, holder, order, done)
    codes = [ExitCode.OK]
    if not done.is_complete:
        codes.append(ExitCode.COPIES_SHORT)
    if done.unreadable:
        codes.append(ExitCode.DAMAGED)
    call.end(worst(codes))
    call.console.json("lumbung.bundle.export/1", _exported_json(exporter, holder, done, worst(codes)))


async def _foresee(call: Call, session: Session, disk: Path, order: ExportOrder, exporter: str, holder: str) -> None:
    """--dry-run: what the node would give now, and whether the disk would take it."""
    console, words = call.console, call.console.catalogue
    seen = await foresee(session, order, disk)
    code = ExitCode.OK if seen.fits else ExitCode.COPIES_SHORT
    if not seen.entries:
        console.say("bundle.export.nothing", holder=holder)
    else:
        if seen.resumed:
            console.say("bundle.export.resumed", bundle=seen.bundle.hex()[:DIGITS_SHOWN], disk=seen.disk)
        size, room = words.size(seen.size_bytes), words.size(seen.room_bytes)
        console.say("bundle.export.foreseen", entries=seen.entries, size=size, holder=holder, room=room)
        if not seen.fits:
            console.warn("bundle.export.foreseen_more")
    call.end(code)
    fields: dict[str, JsonValue] = {
        "bundle": seen.bundle.hex() if seen.resumed else None,
        "exporter": exporter,
        "holder": holder,
        "disk": seen.disk,
        "resumed": seen.resumed,
        "recordings": seen.entries,
        "size_bytes": seen.size_bytes,
        "room_bytes": seen.room_bytes,
        "complete": seen.fits,
        "exit_code": int(code),
    }
    console.json("lumbung.bundle.export/1", fields)


def _read_me(exporter: str, holder: str, bundle_id: bytes, disk: int) -> str:
    """For whoever finds the disk: both languages, Bahasa Indonesia first."""
    values = {"exporter": exporter, "holder": holder, "bundle": bundle_id.hex()[:DIGITS_SHOWN], "disk": disk}
    texts = [
        Catalogue(language).text("bundle.read_me", **values) for language in (Language.INDONESIAN, Language.ENGLISH)
    ]
    return "\n----\n\n".join(texts)


def _say_exported(call: Call, holder: str, order: ExportOrder, done: Exported) -> None:
    console, words = call.console, call.console.catalogue
    bundle_id = done.bundle.hex()[:DIGITS_SHOWN]
    if done.unreadable:
        ids = ", ".join(str(blob)[:16] for blob in done.unreadable[:_IDS_SHOWN_MAX])
        console.warn("bundle.export.unreadable", count=len(done.unreadable), ids=ids)
    if done.folder is None:
        console.say("bundle.export.nothing", holder=holder)
        return
    if done.resumed:
        console.say("bundle.export.resumed", bundle=bundle_id, disk=done.disk)
    console.say(
        "bundle.export.written",
        entries=done.entries,
        size=words.size(done.blob_bytes),
        holder=holder,
        folder=done.folder,
        disk=done.disk,
        bundle=bundle_id,
    )
    if done.is_complete:
        console.say("bundle.export.complete", holder=holder)
    elif not done.entries and order.limit_bytes is not None:
        needed = done.refused + BUNDLE_DISK_RESERVE_BYTES + MIB
        console.warn("bundle.export.limit_small", size=words.size(done.refused), needed=words.size(needed))
    elif not done.entries:
        console.warn("bundle.export.too_small", size=words.size(done.refused))
    else:
        key = "bundle.export.more" if order.limit_bytes is None else "bundle.export.limit"
        console.warn(key, holder=holder, entries=done.entries_left, size=words.size(done.bytes_left))
    console.say("bundle.export.not_proven", holder=holder)


def _exported_json(exporter: str, holder: str, done: Exported, code: ExitCode) -> dict[str, JsonValue]:
    return {
        "bundle": done.bundle.hex(),
        "exporter": exporter,
        "holder": holder,
        "disk": done.disk,
        "resumed": done.resumed,
        "folder": str(done.folder) if done.folder is not None else None,
        "recordings": done.entries,
        "size_bytes": done.blob_bytes,
        "files": done.parts,
        "complete": done.is_complete,
        "left": {"recordings": done.entries_left, "size_bytes": done.bytes_left},
        "unreadable": [str(blob) for blob in done.unreadable],
        "exit_code": int(code),
    }


def _first_words(group: BaseExceptionGroup[OSError]) -> str:
    first: BaseException = group
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    return str(first)
