"""`lumbung bundle`: export to a disk, import from it, count its receipts at home, look at it anywhere."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import click

from lumbung_cluster.errors import KeyRefused
from lumbung_cluster.limits import GIB, KIB, MIB
from lumbung_node.adapters.keys.ed25519 import Ed25519Verifier
from lumbung_node.config import Language
from lumbung_tools.bundles.export import Exported, ExportOrder, export
from lumbung_tools.bundles.folder import BundleFolder, find_bundles
from lumbung_tools.bundles.importing import Imported, NotABundle, import_bundle
from lumbung_tools.bundles.inspect import Inspected, inspect_bundle
from lumbung_tools.bundles.problem import Problems
from lumbung_tools.bundles.receipts import Carried, take_receipts
from lumbung_tools.catalogue.text import Catalogue, rfc3339
from lumbung_tools.cli.common import node_named, run, shown_time
from lumbung_tools.cli.framework import Call, LumbungGroup, command, option
from lumbung_tools.client.profile import PROFILE_FILE, load_profile
from lumbung_tools.client.session import Session
from lumbung_tools.client.trust import VerifiedRoster, read_roster
from lumbung_tools.output.console import JsonValue
from lumbung_tools.output.exit_codes import ExitCode, worst
from lumbung_tools.output.failures import CommandFailed

__all__ = ["bundle"]

_DIGITS_SHOWN = 8
_IDS_SHOWN_MAX = 5
_PROBLEMS_SHOWN_MAX = 20
_UNITS = {"": 1, "K": KIB, "M": MIB, "G": GIB, "T": 1024 * GIB}
_SIZE = re.compile(r"([0-9]{1,9})\s*([KMGT]?)(i?B)?", re.IGNORECASE)
_DISK = click.argument("dir", type=click.Path(exists=True, file_okay=False, path_type=Path))

bundle = LumbungGroup("bundle", "help.bundle")


class _Size(click.ParamType[int]):
    """Bytes, with K, M, G or T for powers of 1,024."""

    name = "size"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        found = _SIZE.fullmatch(str(value).strip())
        if found is None or not int(found[1]):
            self.fail(f"expected a size such as 500M or 16G, got {value!r}", param, ctx)
        return int(found[1]) * _UNITS[found[2].upper()]


# --- export --------------------------------------------------------------------------------------------------------


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
@_DISK
@option("--for", "holder", required=True, metavar="NODE", help_key="help.bundle.export.for")
@option("--origin", "origins", multiple=True, metavar="NODE", help_key="help.bundle.export.origin")
@option("--all", "everything", is_flag=True, help_key="help.bundle.export.all")
@option("--after", type=click.IntRange(0), default=0, help_key="help.bundle.export.after")
@option("--anew", is_flag=True, help_key="help.bundle.export.anew")
@option("--limit", type=_Size(), help_key="help.bundle.export.limit")
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
    with _bar(call, call.console.text("bundle.export.progress", holder=holder)) as on_progress:
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


def _read_me(exporter: str, holder: str, bundle_id: bytes, disk: int) -> str:
    """For whoever finds the disk: both languages, Bahasa Indonesia first."""
    values = {"exporter": exporter, "holder": holder, "bundle": bundle_id.hex()[:_DIGITS_SHOWN], "disk": disk}
    texts = [
        Catalogue(language).text("bundle.read_me", **values) for language in (Language.INDONESIAN, Language.ENGLISH)
    ]
    return "\n----\n\n".join(texts)


def _say_exported(call: Call, holder: str, order: ExportOrder, done: Exported) -> None:
    console, words = call.console, call.console.catalogue
    bundle_id = done.bundle.hex()[:_DIGITS_SHOWN]
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


# --- import --------------------------------------------------------------------------------------------------------


@command(
    "import",
    help_key="help.bundle.import",
    examples_key="help.bundle.import.examples",
    exits=(
        ExitCode.OK,
        ExitCode.USAGE,
        (ExitCode.COPIES_SHORT, "exit.bundle.import.3"),
        ExitCode.UNKNOWN,
        (ExitCode.REFUSED, "exit.bundle.import.6"),
        ExitCode.UNREACHABLE,
        (ExitCode.DAMAGED, "exit.bundle.import.8"),
    ),
)
@_DISK
def import_command(call: Call, dir: Path) -> None:
    async def work(session: Session) -> None:
        codes = []
        for path in _bundles(dir):
            with _opened(path) as folder, _bar(call, call.console.text("bundle.import.progress")) as on_progress:
                try:
                    done = await import_bundle(session, folder, on_progress)
                except NotABundle:
                    call.console.warn("bundle.not_a_bundle", bundle=folder.name)
                    codes.append(ExitCode.DAMAGED)
                    continue
            codes.append(_say_imported(call, session.roster, path, done))
        call.end(worst(codes))

    run(call, work)


def _say_imported(call: Call, roster: VerifiedRoster, path: Path, done: Imported) -> ExitCode:
    console, exporter = call.console, roster.name(done.exporter)
    _say_problems(call, done.problems)
    console.say(
        "bundle.import.done",
        bundle=path.name,
        stored=done.stored,
        size=console.catalogue.size(done.stored_bytes),
        present=done.present,
        exporter=exporter,
    )
    lacking = done.broken + done.refused
    if done.not_ours:
        console.say("bundle.import.not_ours", count=done.not_ours)
    if lacking:
        console.warn("bundle.import.lacking", count=lacking)
    if done.receipts:
        console.say("bundle.import.receipts", blobs=done.receipt_blobs, exporter=exporter)
    elif done.stored or done.present:
        console.say("bundle.import.no_receipts", exporter=exporter)
    if done.manifest is not None and not done.manifest.is_complete:
        console.say("bundle.import.more")
    code = worst(done.problems.codes)
    console.json(
        "lumbung.bundle.import/1",
        {
            "folder": str(path),
            "bundle": done.bundle.hex(),
            "exporter": exporter,
            "holder": roster.name(done.holder),
            "disk": done.disk,
            "complete": done.manifest is not None and done.manifest.is_complete,
            "stored": done.stored,
            "stored_bytes": done.stored_bytes,
            "present": done.present,
            "not_ours": done.not_ours,
            "damaged": done.broken,
            "refused": done.refused,
            "receipts": done.receipts,
            "receipt_recordings": done.receipt_blobs,
            "problems": _problems_json(call, done.problems),
            "exit_code": int(code),
        },
    )
    return code


# --- receipts ------------------------------------------------------------------------------------------------------


@command(
    "receipts",
    help_key="help.bundle.receipts",
    examples_key="help.bundle.receipts.examples",
    exits=(
        ExitCode.OK,
        ExitCode.USAGE,
        (ExitCode.NOT_FOUND, "exit.bundle.receipts.4"),
        ExitCode.UNKNOWN,
        (ExitCode.REFUSED, "exit.bundle.receipts.6"),
        ExitCode.UNREACHABLE,
        ExitCode.DAMAGED,
    ),
)
@_DISK
def receipts_command(call: Call, dir: Path) -> None:
    async def work(session: Session) -> None:
        codes = []
        for path in _bundles(dir):
            with _opened(path) as folder, _bar(call, call.console.text("bundle.receipts.progress")) as on_progress:
                done = await take_receipts(session, folder, on_progress)
            codes.append(_say_carried(call, session.roster, path, done))
        call.end(worst(codes))

    run(call, work)


def _say_carried(call: Call, roster: VerifiedRoster, path: Path, done: Carried) -> ExitCode:
    console = call.console
    _say_problems(call, done.problems)
    code = worst(done.problems.codes)
    for holder, blobs in sorted(done.blobs.items()):
        console.say("bundle.receipts.counted", blobs=blobs, holder=roster.name(holder))
    if not done.receipts and code is ExitCode.OK:
        console.warn("bundle.receipts.none", bundle=path.name)
        code = ExitCode.NOT_FOUND
    elif not done.counted and done.known:
        console.say("bundle.receipts.nothing_new", bundle=path.name, known=done.known)
    console.json(
        "lumbung.bundle.receipts/1",
        {
            "folder": str(path),
            "receipts": done.receipts,
            "counted": done.counted,
            "known": done.known,
            "refused": done.refused,
            "newly_proven": {roster.name(holder): blobs for holder, blobs in sorted(done.blobs.items())},
            "problems": _problems_json(call, done.problems),
            "exit_code": int(code),
        },
    )
    return code


# --- inspect -------------------------------------------------------------------------------------------------------


@command(
    "inspect",
    help_key="help.bundle.inspect",
    examples_key="help.bundle.inspect.examples",
    exits=(ExitCode.OK, ExitCode.USAGE, ExitCode.REFUSED, (ExitCode.DAMAGED, "exit.bundle.inspect.8")),
)
@_DISK
@option("--roster", "roster_file", type=click.Path(path_type=Path), help_key="help.bundle.inspect.roster")
def inspect_command(call: Call, dir: Path, roster_file: Path | None) -> None:
    roster = _roster(call, roster_file)
    codes = []
    for path in _bundles(dir):
        with _opened(path) as folder, _bar(call, call.console.text("bundle.inspect.progress")) as on_progress:
            counted = _Counted(folder, on_progress)
            held = roster.roster if roster is not None else None
            try:
                found = inspect_bundle(folder, held, Ed25519Verifier(), counted.step)
            except NotABundle:
                call.console.warn("bundle.not_a_bundle", bundle=folder.name)
                codes.append(ExitCode.DAMAGED)
                continue
        codes.append(_say_inspected(call, roster, path, found))
    call.end(worst(codes))


class _Counted:
    """Steps of one, against what the manifest promises."""

    def __init__(self, folder: BundleFolder, on_progress: Callable[[int, int], None]) -> None:
        self._on_progress = on_progress
        self._at = 0
        signed = None
        try:
            signed = folder.manifest()
        except (ValueError, OSError):
            pass  # told by the inspection itself
        self._total = signed.content.entries if signed is not None else 0

    def step(self) -> None:
        self._at += 1
        if self._at % 64 == 0:  # drawing costs more than hashing a small recording
            self._on_progress(self._at, max(self._total, self._at))


def _roster(call: Call, file: Path | None) -> VerifiedRoster | None:
    """The roster to check with: the one named, the profile's, or none."""
    if file is not None:
        return read_roster(file, None, Ed25519Verifier())
    if not (call.home / PROFILE_FILE).exists():
        return None
    try:
        profile = load_profile(call.home)
        return read_roster(profile.roster, profile.cluster, Ed25519Verifier())
    except KeyRefused:
        return None


def _say_inspected(call: Call, roster: VerifiedRoster | None, path: Path, found: Inspected) -> ExitCode:
    console, head, manifest = call.console, found.head, found.manifest
    name: Callable[[int], str] = roster.name if roster is not None else str
    if head is not None:
        console.say(
            "bundle.inspect.whose",
            bundle=path.name,
            exporter=name(head.exporter),
            holder=name(head.holder),
            disk=head.disk,
            time=shown_time(manifest.created_ms) if manifest is not None else "?",
        )
    origins = [name(origin) for origin in sorted(found.origins)]
    console.say(
        "bundle.inspect.contents",
        entries=found.entries,
        size=console.catalogue.size(found.blob_bytes),
        parts=len(found.parts),
        origins=", ".join(origins) or "-",
        receipts=found.receipt_blobs,
    )
    _say_problems(call, found.problems)
    code = worst(found.problems.codes)
    if code is ExitCode.OK:
        console.say("bundle.inspect.whole")
        if roster is not None:
            console.say("bundle.inspect.signed", epoch=roster.roster.epoch)
    if roster is None:
        console.say("bundle.inspect.unsigned")
    if manifest is not None:
        console.say("bundle.inspect.last" if manifest.is_complete else "bundle.inspect.not_last")
    console.json(
        "lumbung.bundle.inspect/1",
        {
            "folder": str(path),
            "bundle": head.bundle.hex() if head is not None else None,
            "exporter": name(head.exporter) if head is not None else None,
            "holder": name(head.holder) if head is not None else None,
            "disk": head.disk if head is not None else None,
            "created": rfc3339(manifest.created_ms) if manifest is not None else "",
            "complete": manifest is not None and manifest.is_complete,
            "recordings": found.entries,
            "size_bytes": found.blob_bytes,
            "origins": origins,
            "receipts": found.receipts,
            "receipt_recordings": found.receipt_blobs,
            "signatures_checked": found.signatures_checked,
            "whole": code is ExitCode.OK,
            "files": [
                {
                    "part": part.part,
                    "size_bytes": part.file_bytes,
                    "recordings": part.entries,
                    "damaged": len(part.bad),
                    "whole": part.is_whole,
                    "hash": part.record.hash.hex() if part.record is not None else None,
                }
                for part in found.parts
            ],
            "problems": _problems_json(call, found.problems),
            "exit_code": int(code),
        },
    )
    return code


# --- what they share -----------------------------------------------------------------------------------------------


def _bundles(disk: Path) -> Sequence[Path]:
    found = find_bundles(disk)
    if not found:
        raise CommandFailed(ExitCode.NOT_FOUND, "bundle.none_here", folder=disk)
    return found


@contextmanager
def _opened(path: Path) -> Iterator[BundleFolder]:
    folder = BundleFolder(path)
    try:
        yield folder
    finally:
        folder.close()


@contextmanager
def _bar(call: Call, title: str) -> Iterator[Callable[[int, int], None]]:
    with call.console.progress() as progress:
        task = progress.add_task(title, total=None) if progress is not None else None

        def on_progress(done: int, total: int) -> None:
            if progress is not None and task is not None:
                progress.update(task, completed=done, total=total)

        yield on_progress


def _say_problems(call: Call, problems: Problems) -> None:
    for problem in problems.found[:_PROBLEMS_SHOWN_MAX]:
        call.console.warn(problem.key, **problem.values)
    more = len(problems.found) + problems.left_out - _PROBLEMS_SHOWN_MAX
    if more > 0:
        call.console.warn("bundle.bad.more", count=more)


def _problems_json(call: Call, problems: Problems) -> list[JsonValue]:
    return [
        {
            "code": problem.key.removeprefix("bundle.bad."),
            "exit_code": int(problem.code),
            "sentence": call.console.text(problem.key, **problem.values),
        }
        for problem in problems.found
    ]


def _first_words(group: BaseExceptionGroup[OSError]) -> str:
    first: BaseException = group
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    return str(first)


bundle.add_command(export_command)
bundle.add_command(import_command)
bundle.add_command(receipts_command)
bundle.add_command(inspect_command)
