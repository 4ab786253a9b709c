"""Looks a whole disk through, offline: what is on it, for whom, from whom, and whether every byte is what it was."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

from lumbung_cluster.bundle import PartHead
from lumbung_cluster.bundle_manifest import Manifest, PartRecord, SignedManifest
from lumbung_cluster.canonical import Malformed
from lumbung_cluster.entry import SignedList
from lumbung_cluster.ids import NodeNumber
from lumbung_cluster.receipt import StatementKind
from lumbung_cluster.roster import Roster
from lumbung_cluster.signed import Verifier
from lumbung_tools.bundles.folder import BundleFolder, part_name
from lumbung_tools.bundles.importing import NotABundle, read_manifest
from lumbung_tools.bundles.problem import Problems
from lumbung_tools.bundles.verify import PartReport, verify_part
from lumbung_tools.output.exit_codes import ExitCode

__all__ = ["Inspected", "inspect_bundle"]

_CHECKED_KEPT_MAX = 4096  # signatures that need not be checked twice: a list comes in several batches


@dataclass(slots=True)
class Inspected:
    """`signatures_checked` is False without a roster: then only hashes were."""

    head: PartHead | None = None
    manifest: Manifest | None = None
    parts: list[PartReport] = field(default_factory=list)
    origins: set[NodeNumber] = field(default_factory=set)
    receipts: int = 0
    receipt_blobs: int = 0
    withdrawn_blobs: int = 0
    signatures_checked: bool = False
    problems: Problems = field(default_factory=Problems)

    @property
    def entries(self) -> int:
        return sum(part.entries for part in self.parts)

    @property
    def blob_bytes(self) -> int:
        return sum(part.blob_bytes for part in self.parts)


def inspect_bundle(
    folder: BundleFolder, roster: Roster | None, verifier: Verifier, on_entry: Callable[[], None]
) -> Inspected:
    """Reads everything. Raises OSError when the folder cannot be listed, NotABundle."""
    return _Inspection(folder, roster, verifier, on_entry).run()


class _Inspection:
    def __init__(
        self, folder: BundleFolder, roster: Roster | None, verifier: Verifier, on_entry: Callable[[], None]
    ) -> None:
        self._folder = folder
        self._roster = roster
        self._verifier = verifier
        self._on_entry = on_entry
        self._found = Inspected(signatures_checked=roster is not None)
        self._checked: dict[bytes, bool] = {}

    def run(self) -> Inspected:
        found = self._found
        signed = read_manifest(self._folder, found.problems)
        if signed is not None:
            self._take_manifest(signed)
        there = self._folder.parts()
        if signed is None and not there:
            raise NotABundle(self._folder.name, "a manifest or a part", "none")
        listed = {part.part: part for part in found.manifest.parts} if found.manifest is not None else {}
        for number in sorted({*there, *listed}):
            if number in there:
                self._look(number, listed.get(number))
            else:
                self._bad("bundle.bad.part_missing", part=number, entries=listed[number].entries)
        self._count_receipts()
        return found

    def _take_manifest(self, signed: SignedManifest) -> None:
        content = signed.content
        self._found.manifest = content
        self._found.head = PartHead(
            content.cluster, content.bundle, content.exporter, content.holder, content.disk, part=1
        )
        if self._roster is None:
            return
        keys = [key.key for key in self._roster.receipt_keys(content.exporter) if key.holds_in(content.roster_epoch)]
        if content.cluster != self._roster.cluster:
            self._found.problems.add(ExitCode.REFUSED, "bundle.bad.cluster", bundle=self._folder.name)
        elif signed.signature.key_public not in keys or not signed.is_valid(self._verifier):
            self._bad("bundle.bad.manifest", why="signature")

    def _look(self, number: int, record: PartRecord | None) -> None:
        known = self._found.head
        expected = replace(known, part=number) if known is not None else None
        name = part_name(number)
        try:
            with self._folder.open_part(number) as file:
                report = verify_part(number, file, expected, partial(self._on_list, name), self._on_entry)
        except (Malformed, OSError) as exc:
            self._bad("bundle.bad.part_unreadable", part=name, why=str(exc))
            return
        self._found.parts.append(report)
        self._found.head = known or report.head
        for gap in report.gaps:
            key = "bundle.bad.part_cut" if gap.is_cut else "bundle.bad.part_damaged"
            self._bad(key, part=name, at=gap.first, why=gap.why)
        for blob in report.bad:
            self._bad("bundle.bad.blob", blob=str(blob), part=name)
        is_other = record is not None and record != report.record
        if is_other and not report.gaps and not report.bad:
            self._bad("bundle.bad.part_other", part=name)

    def _on_list(self, part: str, signed: SignedList) -> None:
        """Entries that their origin has not signed are told, once for each list."""
        self._found.origins.add(signed.content.origin)
        if self._roster is None:
            return
        key = signed.body + signed.signature.signature
        if key not in self._checked:
            if len(self._checked) >= _CHECKED_KEPT_MAX:
                self._checked.clear()
            self._checked[key] = self._is_signed(self._roster, signed)
            if not self._checked[key]:
                self._bad("bundle.bad.list", part=part, origin=signed.content.origin)

    def _is_signed(self, roster: Roster, signed: SignedList) -> bool:
        content = signed.content
        last = content.first + len(content.entries) - 1
        keys = [key.key for key in roster.entry_keys(content.origin) if key.covers(content.generation, last)]
        return signed.signature.key_public in keys and signed.is_valid(self._verifier)

    def _count_receipts(self) -> None:
        for name in self._folder.receipts():
            try:
                content = self._folder.read_receipts(name)
            except (Malformed, OSError) as exc:
                self._bad("bundle.bad.receipts_file", file=name, why=str(exc))
                continue
            for word in (found.content for found in content.receipts):
                if word.kind is StatementKind.WITHDRAWAL:
                    self._found.withdrawn_blobs += len(word.blobs)
                else:
                    self._found.receipts += 1
                    self._found.receipt_blobs += len(word.blobs)

    def _bad(self, key: str, **values: object) -> None:
        self._found.problems.add(ExitCode.DAMAGED, key, bundle=self._folder.name, **values)
