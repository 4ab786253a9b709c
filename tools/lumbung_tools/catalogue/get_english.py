"""What `get` says, of one recording and of many."""

from __future__ import annotations

from typing import Final

__all__ = ["GET_ENGLISH"]

GET_ENGLISH: Final[dict[str, str]] = {
    "get.written": "{target}: {size}, checked against its id, from {source}",
    "get.failed_source": "{source}: {why}",
    "get.target_exists": "{target} is there already. Name another file with -o, or move it away.",
    "get.no_folder": "There is no folder {folder}. Make it first, or name another file with -o.",
    "get.nobody": "Nobody gave {name}. Asked: {asked}.",
    "get.progress": "Fetching {name}",
    "get.not_ours": (
        "{target} was fetched whole, but it cannot be opened here: {why}. Use --sealed to keep it sealed "
        "and open it where the key is."
    ),
    "get.no_identities": (
        "This profile opens no recordings: files.identities in {file} names no key. With --sealed the recording comes "
        "as it lies; to open it here, name the file of the office's age identity there."
    ),
    "get.stdout_json": "-o - and --json both want the standard output: choose one.",
    "get.nothing_named": "Name at least one recording: by its id, with --record, or in a list with --list.",
    "get.output_of_many": (
        "-o names one file. Several recordings go into a folder, each under the first digits of its id: name the "
        "folder with --into."
    ),
    "get.no_into": "There is no folder {folder}. Make it first.",
    "get.list_unread": "The list {file} cannot be read: {why}",
    "get.nothing_listed": "The list names no recording: nothing was fetched.",
    "get.no_id": "Line {line} of the list begins with no id: 8 to 64 digits, 0-9 and a-f.",
    "get.there": "{target} is there already and stays as it is.",
    "get.failed_there": "{name}: not fetched. {why}",
    "get.passed_on": "{name}: its bytes at {source} are damaged; the next holder is asked.",
    "get.source_failed": "{source}: {why} Still wanted of it: {left:recording|recordings}.",
    "get.failed": "{name}: NOT written. {why}",
    "get.stopped": "Stopped: {why}. What is written already stays.",
    "get.summary": "{written} of {total:recording|recordings} written.",
    "get.summary.there": "{count:was|were} there already.",
    "get.summary.failed": "{count} NOT written; the reasons stand above.",
    "get.summary.repeated": "{count:name|names} came again; each recording was fetched once.",
    "get.progress_of_many": "Fetching",
    "help.get": (
        "Fetch recordings, check each against its id and open it. Asks the own node first, then the other holders."
    ),
    "help.get.examples": (
        "lumbung get 3f2a9c01 -o scan.zip\n"
        "lumbung get 3f2a9c01 --sealed -o scan.age\n"
        "lumbung get --record R-2026-000123 -o scan.zip --from drc-batam\n"
        "lumbung get 3f2a9c01 77b0e4d2 --into /media/DISK\n"
        "lumbung ls --limit 0 --json | lumbung get --list - --into /media/DISK"
    ),
    "help.get.record": "The record's own number instead of an id; can be given several times.",
    "help.get.list": (
        "File with an id at the beginning of each line, as lumbung ls prints it; - for the standard input."
    ),
    "help.get.output": (
        "File to write, or - for the standard output (default: the id's first digits in this folder). "
        "One recording only."
    ),
    "help.get.into": (
        "Folder to write into, each file under the first 16 digits of its id (default for several: this folder)."
    ),
    "help.get.sealed": "Leave it sealed: b3sum of the file is the id, and age opens it.",
    "help.get.from": "Ask only this node.",
}
