"""`lumbung roster pack`: the answer to a join request, for the machine that asked and nobody else."""

from __future__ import annotations

import time
from pathlib import Path

import click

from lumbung_cluster.roster_codec import SignedRoster
from lumbung_node.adapters.keys.cluster_secret import load_cluster_secret
from lumbung_node.adapters.keys.renewal import load_authority
from lumbung_tools.cli.framework import Call, command, option
from lumbung_tools.cli.new_files import write_new
from lumbung_tools.joining.answering import Centre, make_pack
from lumbung_tools.joining.asking import load_request
from lumbung_tools.output.exit_codes import ExitCode

__all__ = ["pack"]

_PATH = click.Path(path_type=Path)


@command(
    "pack",
    help_key="help.roster.pack",
    examples_key="help.roster.pack.examples",
    exits=(ExitCode.OK, ExitCode.USAGE, (ExitCode.REFUSED, "exit.roster_pack.6")),
)
@click.argument("request", type=_PATH)
@option("--roster", "rosters", type=_PATH, multiple=True, required=True, help_key="help.roster.pack.roster")
@option("--authority", "folder", type=_PATH, required=True, help_key="help.cert.issue.authority")
@option("--secret", type=_PATH, required=True, help_key="help.roster.pack.secret")
@option("--access", "lists", type=_PATH, multiple=True, help_key="help.roster.pack.access")
@option("-o", "--output", type=_PATH, required=True, help_key="help.roster.output")
@option("--dry-run", "is_dry", is_flag=True, help_key="help.dry_run")
def pack(
    call: Call,
    request: Path,
    rosters: tuple[Path, ...],
    folder: Path,
    secret: Path,
    lists: tuple[Path, ...],
    output: Path,
    is_dry: bool,
) -> None:
    asked = load_request(request)
    chain = sorted((SignedRoster.decode(file.read_bytes()) for file in rosters), key=lambda signed: signed.epoch)
    centre = Centre(load_authority(folder), load_cluster_secret(secret))
    access_lists = [file.read_bytes() for file in lists]
    made = make_pack(asked, chain, centre, access_lists, now_ms=time.time_ns() // 1_000_000)
    if is_dry:
        call.console.say("roster.pack.dry", name=asked.request.name, number=str(made.node))
    else:
        write_new(call, output, made.encode())
        call.console.say("roster.pack.done", name=asked.request.name, number=str(made.node), file=output)
        call.console.say("roster.pack.fingerprint", fingerprint=made.fingerprint)
    call.console.json(
        "lumbung.roster.pack/1",
        {
            "name": asked.request.name,
            "number": int(made.node),
            "epoch": chain[-1].epoch,
            "fingerprint": "" if is_dry else made.fingerprint,
            "changed": not is_dry,
            "file": "" if is_dry else str(output),
        },
    )
