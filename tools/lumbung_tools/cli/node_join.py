"""`lumbung node join`: a pack makes a node of the machine that asked for it."""

from __future__ import annotations

import time
from pathlib import Path

import click

from lumbung_cluster.canonical import Malformed
from lumbung_cluster.enrolment_pack import EnrolmentPack
from lumbung_cluster.joining import JoinRefused
from lumbung_node.config import check_files, render_config
from lumbung_tools.bounded_file import read_bounded
from lumbung_tools.cli.framework import Call, command, option
from lumbung_tools.cli.roster_add import compare_fingerprint
from lumbung_tools.joining.asking import load_request
from lumbung_tools.joining.entering import Entry, join_office, judge_entry
from lumbung_tools.joining.places import OfficePlaces
from lumbung_tools.output.exit_codes import ExitCode
from lumbung_tools.output.failures import CommandFailed

__all__ = ["join"]

_PATH = click.Path(path_type=Path)
_PACK_SIZE_MAX = 80 << 20  # eight rosters and 256 access lists, each as long as it may be


@command(
    "join",
    help_key="help.node.join",
    examples_key="help.node.join.examples",
    exits=(ExitCode.OK, ExitCode.USAGE, (ExitCode.REFUSED, "exit.node_join.6")),
)
@click.argument("pack", type=_PATH)
@option("--dir", "folder", type=_PATH, required=True, help_key="help.node.join.dir")
@option("--fingerprint", help_key="help.fingerprint")
@option("--dry-run", "is_dry", is_flag=True, help_key="help.dry_run")
def join(call: Call, pack: Path, folder: Path, fingerprint: str | None, is_dry: bool) -> None:
    places = OfficePlaces.within(folder)
    if not places.request.exists():
        raise CommandFailed(ExitCode.USAGE, "join.no_request", folder=folder)
    try:
        brought = EnrolmentPack.decode(read_bounded(pack, _PACK_SIZE_MAX))
    except Malformed as exc:
        raise JoinRefused(f"{pack}: {exc}") from exc
    entry = judge_entry(places, brought, load_request(places.request), now_ms=time.time_ns() // 1_000_000)
    number = str(entry.welcome.node.number)
    if entry.has_joined:
        call.console.say("join.known", name=entry.config.name, number=number)
    elif is_dry:
        call.console.say("join.dry", name=entry.config.name, number=number, file=entry.config.file)
        call.console.line(render_config(entry.config).rstrip("\n"))
    else:
        compare_fingerprint(call, brought.fingerprint, fingerprint)
        join_office(places, entry)
        check_files(entry.config)
        call.console.say("join.done", name=entry.config.name, number=number)
    if not is_dry:
        call.console.say("join.next", file=entry.config.file)
        if brought.operator_chain is not None:
            call.console.say("join.client", client=places.client, access=places.access_key)
    _tell_json(call, places, entry, is_changed=not (is_dry or entry.has_joined))


def _tell_json(call: Call, places: OfficePlaces, entry: Entry, *, is_changed: bool) -> None:
    call.console.json(
        "lumbung.node.join/1",
        {
            "name": entry.config.name,
            "number": int(entry.config.number),
            "cluster": str(entry.pack.cluster),
            "epoch": entry.welcome.roster.epoch,
            "config": str(entry.config.file),
            "client_home": str(places.client) if entry.pack.operator_chain is not None else "",
            "changed": is_changed,
        },
    )
