"""`lumbung roster collect`: custodians signed the same roster, each at home; their signatures come into one file."""

from __future__ import annotations

from pathlib import Path

import click

from lumbung_cluster.roster_codec import SignedRoster
from lumbung_cluster.roster_rules import count_signatures
from lumbung_node.adapters.keys.ed25519 import Ed25519Verifier
from lumbung_tools.cli.framework import Call, command, dry_run, option
from lumbung_tools.cli.new_files import write_new
from lumbung_tools.output.exit_codes import ExitCode
from lumbung_tools.output.failures import CommandFailed
from lumbung_tools.roster_files import read_signed

__all__ = ["collect", "collected"]

_DIGITS_SHOWN = 16
_PATH = click.Path(path_type=Path)


@command(
    "collect",
    help_key="help.roster.collect",
    examples_key="help.roster.collect.examples",
    exits=(ExitCode.OK, ExitCode.USAGE),
)
@click.argument("files", nargs=-1, required=True, type=_PATH)
@option("-o", "--output", type=_PATH, required=True, help_key="help.roster.output")
@dry_run
def collect(call: Call, files: tuple[Path, ...], output: Path) -> None:
    together = collected([(str(file), read_signed(file)) for file in files])
    found = together.parse()
    write_new(call, output, together.encode())
    given = count_signatures(found.custodians, together, Ed25519Verifier())
    digits, needed = together.hash.hex()[:_DIGITS_SHOWN], found.custodians.threshold
    call.console.say("roster.signed", epoch=found.epoch, hash=digits, given=given, needed=needed, file=output)
    call.console.say("roster.signed.enough" if given >= needed else "roster.signed.next", file=output)
    call.console.json(
        "lumbung.roster.signed/1",
        {
            "epoch": found.epoch,
            "hash": together.hash.hex(),
            "custodians_signed": given,
            "custodians_needed": needed,
            "file": str(output),
        },
    )


def collected(named: list[tuple[str, SignedRoster]]) -> SignedRoster:
    """One body with everybody's signatures. Raises CommandFailed when two files are not the same roster."""
    first_name, first = named[0]
    for name, signed in named[1:]:
        if signed.body != first.body:
            raise CommandFailed(ExitCode.USAGE, "roster.collect.differ", first=first_name, other=name)
    by_key = {entry.key_public: entry for _, signed in named for entry in signed.signatures}
    return SignedRoster(first.body, tuple(by_key[key] for key in sorted(by_key)))
