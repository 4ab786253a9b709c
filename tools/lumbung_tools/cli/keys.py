"""`lumbung keys`: make secrets, and show the public half that goes into rosters and requests."""

from __future__ import annotations

import secrets
from enum import Enum
from pathlib import Path

import click

from lumbung_cluster.errors import KeyRefused
from lumbung_node.adapters.keys.age_identity import AgeIdentity
from lumbung_node.adapters.keys.certificates import make_tls_key, pin_of_public_key, public_key_of
from lumbung_node.adapters.keys.cluster_secret import CLUSTER_SECRET, make_cluster_secret, save_cluster_secret
from lumbung_node.adapters.keys.ed25519 import Ed25519Signer
from lumbung_node.adapters.keys.key_files import read_secret, write_secret
from lumbung_tools.cli.framework import Call, LumbungGroup, command
from lumbung_tools.cli.keys_backup import backup, restore
from lumbung_tools.cli.keys_roster import pin, retire
from lumbung_tools.cli.keys_rotate import rotate
from lumbung_tools.cli.keys_status import status
from lumbung_tools.output.exit_codes import ExitCode
from lumbung_tools.tags import TAG_SECRET_SIZE_BYTES

__all__ = ["keys"]

_AGE_MARK = b"AGE-SECRET-KEY-"
_SECRET_DIGITS = 2 * TAG_SECRET_SIZE_BYTES
_FILE = click.Path(path_type=Path)

keys = LumbungGroup("keys", "help.keys")


class Kind(Enum):
    """Which key: what it is for stands in docs/keys.md."""

    SIGN = "sign"  # Ed25519: entry, receipt, access-list and custodian keys
    TLS = "tls"  # ECDSA P-256
    AGE = "age"  # opens recordings
    SECRET = "secret"  # 32 random bytes: tag secret
    CLUSTER = "cluster"  # the secret that all nodes of a cluster share


@command("new", help_key="help.keys.new", examples_key="help.keys.new.examples", exits=(ExitCode.OK, ExitCode.USAGE))
@click.argument("kind", metavar="KIND", type=click.Choice([kind.value for kind in Kind]))
@click.argument("file", type=_FILE)
def new(call: Call, kind: str, file: Path) -> None:
    match Kind(kind):
        case Kind.SIGN:
            Ed25519Signer.generate().save(file)
        case Kind.TLS:
            write_secret(file, make_tls_key())
        case Kind.AGE:
            AgeIdentity.generate().save(file)
        case Kind.SECRET:
            write_secret(file, f"{secrets.token_hex(TAG_SECRET_SIZE_BYTES)}\n".encode("ascii"))
        case Kind.CLUSTER:
            save_cluster_secret(file, make_cluster_secret())
    _tell(call, file, made=True)


@command("show", help_key="help.keys.show", examples_key="help.keys.show.examples", exits=(ExitCode.OK, ExitCode.USAGE))
@click.argument("file", type=_FILE)
def show(call: Call, file: Path) -> None:
    _tell(call, file, made=False)


for each_command in (new, show, status, rotate, pin, retire, backup, restore):
    keys.add_command(each_command)


def _tell(call: Call, file: Path, *, made: bool) -> None:
    kind, public = _public_half(file)
    if made:
        call.console.say("keys.made", file=file)
    call.console.say("keys.public", kind=kind.value, public=public or call.console.text("keys.no_public"))
    if made:
        call.console.say("keys.made.tls" if kind is Kind.TLS else "keys.made.backup", file=file)
    call.console.json("lumbung.key/1", {"file": str(file), "kind": kind.value, "public": public})


def _public_half(file: Path) -> tuple[Kind, str]:
    """What kind of key lies there, and its public half as rosters write it; empty for a shared secret."""
    raw = read_secret(file)
    if _AGE_MARK in raw:
        return Kind.AGE, AgeIdentity.load(file).recipient
    if len(raw.strip()) == _SECRET_DIGITS:
        return Kind.SECRET, ""
    if CLUSTER_SECRET.fullmatch(raw):
        return Kind.CLUSTER, ""
    try:
        return Kind.TLS, pin_of_public_key(public_key_of(raw)).hex()
    except KeyRefused:
        return Kind.SIGN, Ed25519Signer.load(file).public_key.hex()
