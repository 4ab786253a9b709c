"""`lumbung bundle inspect`: a disk looked through offline."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import click

from lumbung_cluster.canonical import Malformed
from lumbung_cluster.errors import KeyRefused
from lumbung_node.adapters.keys.ed25519 import Ed25519Verifier
from lumbung_tools.bundles.folder import BundleFolder
from lumbung_tools.bundles.importing import NotABundle
from lumbung_tools.bundles.inspect import Inspected, inspect_bundle
from lumbung_tools.catalogue.text import rfc3339
from lumbung_tools.cli.bundle_common import DISK, bar, bundles_on, opened, problems_json, say_problems
from lumbung_tools.cli.common import shown_time
from lumbung_tools.cli.framework import Call, command, option
from lumbung_tools.client.profile import PROFILE_FILE, load_profile
from lumbung_tools.client.trust import VerifiedRoster, read_roster
from lumbung_tools.output.exit_codes import ExitCode, worst

__all__ = ["inspect_command"]

_STEP = 64
_EACH_SHOWN_MAX = 1000


@command(
    "inspect",
    help_key="help.bundle.inspect",
    examples_key="help.bundle.inspect.examples",
    exits=(
        ExitCode.OK,
        ExitCode.USAGE,
        (ExitCode.NOT_FOUND, "exit.bundle.4"),
        ExitCode.REFUSED,
        (ExitCode.DAMAGED, "exit.bundle.inspect.8"),
    ),
)
@DISK
@option("--roster", "roster_file", type=click.Path(path_type=Path), help_key="help.bundle.inspect.roster")
def inspect_command(call: Call, dir: Path, roster_file: Path | None) -> None:
    roster = _roster(call, roster_file)
    codes = []
    for path in bundles_on(dir):
        with opened(path) as folder, bar(call, call.console.text("bundle.inspect.progress")) as on_progress:
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
        self._total = 0
        with suppress(Malformed, OSError):  # told by the inspection itself
            signed = folder.manifest()
            self._total = signed.content.entries if signed is not None else 0
        on_progress(0, self._total or 1)

    def step(self) -> None:
        self._at += 1
        # Drawing costs more than hashing a small recording; a few large ones are each worth a step.
        if self._at % _STEP == 0 or self._total <= _EACH_SHOWN_MAX:
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
    if found.withdrawn_blobs:
        console.say("bundle.inspect.withdrawn", count=found.withdrawn_blobs)
    say_problems(call, found.problems)
    code = worst(found.problems.codes)
    if code is ExitCode.OK:
        console.say("bundle.inspect.whole")
        if roster is not None:
            console.say("bundle.inspect.signed", epoch=roster.roster.epoch)
    elif code is ExitCode.DAMAGED:
        console.warn("bundle.inspect.not_whole")
    if roster is None:
        console.say("bundle.inspect.unsigned")
    if manifest is not None:
        console.say("bundle.inspect.last" if manifest.is_complete else "bundle.inspect.not_last")
    _json_inspected(call, name, path, found, origins, code)
    return code


def _json_inspected(
    call: Call, name: Callable[[int], str], path: Path, found: Inspected, origins: list[str], code: ExitCode
) -> None:
    head, manifest = found.head, found.manifest
    call.console.json(
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
            "withdrawn_recordings": found.withdrawn_blobs,
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
            "problems": problems_json(call, found.problems),
            "exit_code": int(code),
        },
    )
