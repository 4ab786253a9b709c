"""English sentences of disk bundles, by key, in the order of `bundle_indonesian`."""

from __future__ import annotations

from typing import Final

__all__ = ["BUNDLE_ENGLISH"]

BUNDLE_ENGLISH: Final[dict[str, str]] = {
    # export
    "bundle.export.progress": "writing for {holder}",
    "bundle.export.nothing": "{holder} has proven everything that it should keep: nothing to write.",
    "bundle.export.written": (
        "Written and synced: {entries:recording|recordings}, {size}, for {holder} in {folder} (disk {disk} of bundle"
        " {bundle})."
    ),
    "bundle.export.complete": (
        "The bundle is complete. Take the disk to {holder} and type there: lumbung bundle import DIR"
    ),
    "bundle.export.more": (
        "The disk is full. Still to go for {holder}: about {entries:recording|recordings}, {size}. Put in another disk"
        " and type the same command again: it goes on there."
    ),
    "bundle.export.limit": (
        "The limit is reached. Still to go for {holder}: about {entries:recording|recordings}, {size}. Type the same"
        " command again to go on, on this disk or another."
    ),
    "bundle.export.too_small": "The next recording has {size} and does not fit on this disk: take a larger one.",
    "bundle.export.foreseen": (
        "{entries} recordings, {size}, would be written for {holder}; the disk takes {room} now."
    ),
    "bundle.export.foreseen_more": "Not all of it fits: the same command goes on with the next disk.",
    "bundle.export.limit_small": (
        "The next recording has {size}; with what is kept free on a disk, --limit must be {needed} or more."
    ),
    "bundle.export.resumed": "Going on with bundle {bundle}, which is not complete yet (this is disk {disk}).",
    "bundle.export.unreadable": (
        "Not on the disk, because it could not be read here: {count:recording|recordings}: {ids}. See: lumbung health"
    ),
    "bundle.export.disk_failed": (
        "The disk failed ({why}). What was written and sealed before stays good. Check the disk and type the same"
        " command again: it goes on behind that."
    ),
    "bundle.export.not_proven": (
        "Nothing on the disk counts as a copy until {holder} has imported it and its receipts are back: lumbung bundle"
        " receipts DIR"
    ),
    # import
    "bundle.import.progress": "importing",
    "bundle.import.done": (
        "{bundle}: {stored:recording|recordings} stored and synced ({size}), {present} already here, from {exporter}."
    ),
    "bundle.import.not_ours": ("Passed by, because it is not for this node to keep: {count:recording|recordings}."),
    "bundle.import.receipts": (
        "Receipts for {blobs:recording|recordings} are on the disk. Take it back to {exporter} and type there: lumbung"
        " bundle receipts DIR"
    ),
    "bundle.import.no_receipts": "No receipt was written: {exporter} learns of these copies only over a line.",
    "bundle.import.withdrawn": (
        "Damaged here: {count:recording|recordings} of {exporter}. The disk says so now, and until it is mended such a"
        " copy does not count there. To send it again: lumbung bundle export at {exporter}, or a line."
    ),
    "bundle.import.more": "Another disk of this bundle follows.",
    "bundle.import.lacking": (
        "{count:recording|recordings} of this disk did not come in; what is here stays good. Once the receipts are back"
        " at {exporter}, lumbung bundle export there writes them to a disk again."
    ),
    # receipts
    "bundle.receipts.progress": "receipts",
    "bundle.receipts.none": "{bundle}: no receipts on this disk yet. They are written when the holder imports it.",
    "bundle.receipts.counted": "{blobs:recording has|recordings have} a newly proven copy at {holder}.",
    "bundle.receipts.withdrawn": (
        "No longer counted at {holder}: {count:recording|recordings}, damaged there. What is damaged goes out again"
        " with the next bundle for {holder}, or over a line."
    ),
    "bundle.receipts.nothing_new": "{bundle}: nothing new; {known:receipt was|receipts were} known already.",
    # inspect
    "bundle.inspect.progress": "checking",
    "bundle.inspect.whose": "{bundle}: from {exporter} for {holder}, disk {disk}, begun {time} (UTC).",
    "bundle.inspect.contents": (
        "{entries:recording|recordings}, {size}, in {parts:file|files}; origins: {origins}; receipts for {receipts}."
    ),
    "bundle.inspect.withdrawn": "The holder takes back {count:recording|recordings}: damaged there when it imported.",
    "bundle.inspect.whole": (
        "Whole: every recording has the bytes that its id says, every file the hash of the manifest."
    ),
    "bundle.inspect.not_whole": (
        "NOT whole: see above. What is good on it can still be imported; the rest comes with the next bundle."
    ),
    "bundle.inspect.signed": "Signatures of the manifest and of all entries are good (roster epoch {epoch}).",
    "bundle.inspect.unsigned": "Signatures were not checked: no roster. Give one with --roster FILE.",
    "bundle.inspect.last": "It is the last disk of the bundle.",
    "bundle.inspect.not_last": "The bundle goes on: another disk follows, or the export was interrupted.",
    # problems
    "bundle.none_here": "No bundle in {folder}. A bundle is a folder named lumbung-bundle-...",
    "bundle.not_a_bundle": "{bundle}: neither a manifest nor a part can be read; nothing was taken from it.",
    "bundle.after_one_origin": "--after goes with one --origin that is not this node's own.",
    "bundle.origin_or_all": "Give either --origin or --all.",
    "bundle.bad.no_manifest": "{bundle}: the manifest is missing. Recordings are taken; receipts need a manifest.",
    "bundle.bad.manifest": (
        "{bundle}: the manifest is damaged or was edited ({why}). Recordings are checked one by one; receipts need a"
        " manifest."
    ),
    "bundle.bad.cluster": "{bundle}: is of another cluster; nothing was taken from it.",
    "bundle.bad.holder": "{bundle}: is for {holder}, and this is {own}; nothing was taken from it.",
    "bundle.bad.part_missing": "{bundle}: file number {part} with {entries:recording|recordings} is missing.",
    "bundle.bad.part_unreadable": "{bundle}: {part} cannot be read ({why}).",
    "bundle.bad.part_cut": "{bundle}: {part} is cut off at byte {at} ({why}); what stands before that is good.",
    "bundle.bad.part_damaged": "{bundle}: {part} is damaged from byte {at} on ({why}); it goes on behind the damage.",
    "bundle.bad.part_other": "{bundle}: {part} is not the file that the manifest names.",
    "bundle.bad.blob": "{bundle}: recording {blob} in {part} is damaged or cut off.",
    "bundle.bad.list": "{bundle}: {part} has entries that node {origin} has not signed.",
    "bundle.bad.refused": "{bundle}: the node refused {entries:recording|recordings} of {part}: {why}",
    "bundle.bad.slow": "{bundle}: {part} gave no bytes for too long ({why}). Type the same command again.",
    "bundle.bad.node_full": (
        "{bundle}: the node's own disk is nearly full ({why}). Make room and type the same command again, not before"
        " {seconds} s have passed: what is here is not read twice."
    ),
    "bundle.bad.receipts": (
        "{bundle}: the receipts could not be written to the disk ({why}). The recordings are stored. Make the disk"
        " writable and type the same command again."
    ),
    "bundle.bad.receipts_file": (
        "{bundle}: receipts file {file} is damaged ({why}). Let the holder import the disk again."
    ),
    "bundle.bad.receipt": "{bundle}: {receipts:receipt counts|receipts count} for nothing: {why}",
    "bundle.bad.more": "... and {count} more problems.",
    # read-me on the disk
    "bundle.read_me": (
        "lumbung bundle {bundle}, disk {disk}: sealed recordings from {exporter} for {holder}.\n"
        "\n"
        "At {holder}, as its operator:   lumbung bundle import DIR\n"
        "Then bring the disk back, and at {exporter}:   lumbung bundle receipts DIR\n"
        "To look at it anywhere:   lumbung bundle inspect DIR\n"
        "\n"
        "Nothing here counts as a copy before that. Nobody can read the recordings without the keys of the office.\n"
        "Do not rename, edit or delete anything. The format: docs/bundle-format.md of lumbung.\n"
        "b3sum of a part gives the hash that the manifest names.\n"
    ),
    # help
    "help.bundle": "Carry recordings on a disk where no line suffices, with receipts on the way back.",
    "help.bundle.export": (
        "Write what a holder lacks to a disk. Fills a disk of any size; the same command goes on with the next one."
    ),
    "help.bundle.export.examples": (
        "lumbung bundle export --for drc-batam /media/usb\n"
        "lumbung bundle export --for drc-batam /media/usb --limit 16G\n"
        "lumbung bundle export --for drc-surabaya --all /media/usb"
    ),
    "help.bundle.export.for": "The holder that the disk is for.",
    "help.bundle.export.origin": "Origin to carry instead of the node's own; may be given more than once.",
    "help.bundle.export.all": "Everything that both this node and the holder should keep.",
    "help.bundle.export.after": "Begin behind this number of the node's feed; with one --origin.",
    "help.bundle.export.anew": "Begin a new bundle, for example when a disk was lost on the way.",
    "help.bundle.export.limit": "Write at most this much, such as 500M or 16G.",
    "help.bundle.import": "Take a disk in: verify and store what is good, say what is not, write receipts to the disk.",
    "help.bundle.import.examples": "lumbung bundle import /media/usb",
    "help.bundle.receipts": (
        "Read the receipts that came back on a disk, so that the copies count, and what the holder takes back."
    ),
    "help.bundle.receipts.examples": "lumbung bundle receipts /media/usb",
    "help.bundle.inspect": "Look at a disk without any node: what is on it, for whom, and whether it is whole.",
    "help.bundle.inspect.examples": (
        "lumbung bundle inspect /media/usb\nlumbung bundle inspect /media/usb --roster roster.lumbung"
    ),
    "help.bundle.inspect.roster": "Roster to check signatures with; without it that of the profile, if there is one.",
    "exit.bundle.export.3": "written, but more is left for another disk",
    "exit.bundle.export.8": "written, but some recordings could not be read at the node",
    "exit.bundle.import.3": "taken in as far as there was room, or the receipts could not be written",
    "exit.bundle.import.6": "a disk for another node or of another cluster, or entries that nobody signed",
    "exit.bundle.import.8": "part of the disk is damaged, cut off or missing; what is good is stored",
    "exit.bundle.4": "no bundle of lumbung on the disk",
    "exit.bundle.receipts.4": "no receipts on the disk",
    "exit.bundle.receipts.6": "some receipts count for nothing",
    "exit.bundle.inspect.8": "part of the disk is damaged, cut off or missing",
}
