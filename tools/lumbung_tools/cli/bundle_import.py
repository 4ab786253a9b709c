"""`lumbung bundle import` at the holder, and `lumbung bundle receipts` at home."""

from __future__ import annotations

from pathlib import Path

from lumbung_tools.bundles.importing import Imported, NotABundle, import_bundle
from lumbung_tools.bundles.receipts import Carried, take_receipts
from lumbung_tools.cli.bundle_common import DISK, bar, bundles_on, opened, problems_json, say_problems
from lumbung_tools.cli.common import run
from lumbung_tools.cli.framework import Call, command
from lumbung_tools.client.session import Session
from lumbung_tools.client.trust import VerifiedRoster
from lumbung_tools.output.exit_codes import ExitCode, worst

__all__ = ["import_command", "receipts_command"]


@command(
    "import",
    help_key="help.bundle.import",
    examples_key="help.bundle.import.examples",
    exits=(
        ExitCode.OK,
        ExitCode.USAGE,
        (ExitCode.COPIES_SHORT, "exit.bundle.import.3"),
        (ExitCode.NOT_FOUND, "exit.bundle.4"),
        ExitCode.UNKNOWN,
        (ExitCode.REFUSED, "exit.bundle.import.6"),
        ExitCode.UNREACHABLE,
        (ExitCode.DAMAGED, "exit.bundle.import.8"),
    ),
)
@DISK
def import_command(call: Call, dir: Path) -> None:
    async def work(session: Session) -> None:
        codes = []
        for path in bundles_on(dir):
            with opened(path) as folder, bar(call, call.console.text("bundle.import.progress")) as on_progress:
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
    say_problems(call, done.problems)
    code = worst(done.problems.codes)
    if code is not ExitCode.REFUSED or done.stored or done.present:
        _say_taken(call, path, done, exporter)
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
            "withdrawn_recordings": done.withdrawn,
            "problems": problems_json(call, done.problems),
            "exit_code": int(code),
        },
    )
    return code


def _say_taken(call: Call, path: Path, done: Imported, exporter: str) -> None:
    console = call.console
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
        console.warn("bundle.import.lacking", count=lacking, exporter=exporter)
    if done.receipts:
        console.say("bundle.import.receipts", blobs=done.receipt_blobs, exporter=exporter)
    elif done.stored or done.present:
        console.say("bundle.import.no_receipts", exporter=exporter)
    if done.withdrawn:
        console.warn("bundle.import.withdrawn", count=done.withdrawn, exporter=exporter)
    if done.manifest is not None and not done.manifest.is_complete:
        console.say("bundle.import.more")


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
@DISK
def receipts_command(call: Call, dir: Path) -> None:
    async def work(session: Session) -> None:
        codes = []
        for path in bundles_on(dir):
            with opened(path) as folder, bar(call, call.console.text("bundle.receipts.progress")) as on_progress:
                done = await take_receipts(session, folder, on_progress)
            codes.append(_say_carried(call, session.roster, path, done))
        call.end(worst(codes))

    run(call, work)


def _say_carried(call: Call, roster: VerifiedRoster, path: Path, done: Carried) -> ExitCode:
    console = call.console
    say_problems(call, done.problems)
    code = worst(done.problems.codes)
    for holder, blobs in sorted(done.blobs.items()):
        if blobs:
            console.say("bundle.receipts.counted", blobs=blobs, holder=roster.name(holder))
    for holder, blobs in sorted(done.withdrawn.items()):
        if blobs:
            console.warn("bundle.receipts.withdrawn", count=blobs, holder=roster.name(holder))
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
            "newly_proven": {roster.name(holder): blobs for holder, blobs in sorted(done.blobs.items()) if blobs},
            "withdrawn": {roster.name(holder): blobs for holder, blobs in sorted(done.withdrawn.items()) if blobs},
            "problems": problems_json(call, done.problems),
            "exit_code": int(code),
        },
    )
    return code
