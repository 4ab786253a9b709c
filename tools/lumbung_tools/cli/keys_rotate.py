"""`lumbung keys rotate`: the next key of a kind, and what comes next; typed again it goes on where it stands.

For the keys of a node (tls, entry, receipt) it reads the node's configuration and the newest roster that it obeys:

    1 no next key           it is made beside the present one (FILE.next)
    2 not in the roster     it waits to be pinned
    3 both in force         the node changes over by itself; then the former one is retired
    4 the former retired    the next one moves into its place; the former stays as FILE.former-DIGITS
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import click

from lumbung_cluster.canonical import Malformed
from lumbung_cluster.errors import KeyRefused
from lumbung_cluster.inventory.fingerprint import INVENTORY_SECRET_SIZE_BYTES, InventoryKey
from lumbung_cluster.roster import Roster
from lumbung_cluster.roster_codec import SignedRoster
from lumbung_cluster.roster_node import KeyUse
from lumbung_node.adapters.keys.age_identity import AgeIdentity
from lumbung_node.adapters.keys.certificates import make_tls_key, pin_of_public_key, public_key_of
from lumbung_node.adapters.keys.cluster_secret import load_cluster_secret, save_cluster_secret
from lumbung_node.adapters.keys.ed25519 import Ed25519Signer
from lumbung_node.adapters.keys.key_files import read_secret, write_public, write_secret
from lumbung_node.adapters.keys.key_folder import next_file
from lumbung_node.config import NodeConfig, load_config
from lumbung_node.toml_table import ConfigError
from lumbung_tools.cli.framework import Call, command, dry_run, option
from lumbung_tools.output.exit_codes import ExitCode
from lumbung_tools.output.failures import CommandFailed
from lumbung_tools.tags import TAG_SECRET_SIZE_BYTES

__all__ = ["rotate"]

_PATH = click.Path(path_type=Path)
_OF_NODES = {"tls": KeyUse.TLS, "entry": KeyUse.ENTRY, "receipt": KeyUse.RECEIPT}
_SIGNING = ("access", "custodian", "recovery")
_KINDS = (*_OF_NODES, *_SIGNING, "age", "escrow", "cluster", "tag")


@command(
    "rotate", help_key="help.keys.rotate", examples_key="help.keys.rotate.examples", exits=(ExitCode.OK, ExitCode.USAGE)
)
@click.argument("kind", metavar="KIND", type=click.Choice(_KINDS))
@click.argument("file", type=_PATH, required=False)
@option("--config", "config_file", type=_PATH, help_key="help.keys.rotate.config")
@dry_run
def rotate(call: Call, kind: str, file: Path | None, config_file: Path | None) -> None:
    if kind in _OF_NODES:
        if config_file is None:
            raise CommandFailed(ExitCode.USAGE, "keys.needs", what="--config")
        _rotate_of_node(call, kind, _config(config_file))
        return
    if file is None:
        raise CommandFailed(ExitCode.USAGE, "keys.needs", what="FILE")
    _rotate_file(call, kind, file)


def _rotate_file(call: Call, kind: str, file: Path) -> None:
    """A key that lies where a person keeps it: the next one is written to FILE (cluster: beside FILE)."""
    if call.console.is_dry:
        _tell_dry(call, kind, "make", next_file(file) if kind == "cluster" else file)
        return
    if kind == "cluster":
        held, following = load_cluster_secret(file), next_file(file)
        fresh = InventoryKey(held.version + 1, secrets.token_bytes(INVENTORY_SECRET_SIZE_BYTES))
        save_cluster_secret(following, fresh)
        _tell(call, "cluster", "made", following, "", version=fresh.version)
        return
    public = ""
    if kind in _SIGNING:
        signer = Ed25519Signer.generate()
        signer.save(file)
        public = signer.public_key.hex()
    elif kind == "tag":
        write_secret(file, f"{secrets.token_hex(TAG_SECRET_SIZE_BYTES)}\n".encode("ascii"))
    else:
        identity = AgeIdentity.generate()
        identity.save(file)
        public = identity.recipient
    _tell(call, kind, "made", file, public)


def _rotate_of_node(call: Call, kind: str, config: NodeConfig) -> None:
    path = {"tls": config.keys.tls_key, "entry": config.keys.entry_key, "receipt": config.keys.receipt_key}[kind]
    following, use = next_file(path), _OF_NODES[kind]
    if not following.exists() and call.console.is_dry:
        _tell_dry(call, kind, "make", following)
        return
    if not following.exists():
        if kind == "tls":
            write_secret(following, make_tls_key())
            write_public(following.with_name(f"{following.name}.request"), public_key_of(read_secret(following)))
        else:
            Ed25519Signer.generate().save(following)
        _tell(call, kind, "made", following, _public_of(kind, following))
        return
    record = _newest_roster(config).node(config.number)
    opened = record.open_keys(use) if record is not None else ()
    present, coming = _public_of(kind, path), _public_of(kind, following)
    if coming not in [key.hex() for key in opened]:
        _tell(call, kind, "unpinned", following, coming)
    elif present in [key.hex() for key in opened]:
        lacks = kind == "tls" and not next_file(config.keys.tls_chain).exists()
        _tell(call, kind, "uncertified" if lacks else "pinned", following, coming)
    elif call.console.is_dry:
        _tell_dry(call, kind, "move", path)
    else:
        _move_into_place(path, present)
        if kind == "tls":
            _move_into_place(config.keys.tls_chain, present)
        _tell(call, kind, "moved", path, coming)


def _move_into_place(path: Path, former_public: str) -> None:
    """FILE.next becomes FILE, FILE becomes FILE.former-DIGITS; FILE is there at every moment in between."""
    following, former = next_file(path), path.with_name(f"{path.name}.former-{former_public[:8]}")
    if not following.exists():
        return  # moved before the last call was cut off
    if not former.exists():
        os.link(path, former)
    following.replace(path)


def _newest_roster(config: NodeConfig) -> Roster:
    """The newest that the node ever obeyed: its own word, so nothing is checked again here."""
    folder = config.identity / "rosters"
    names = sorted(path.name for path in folder.iterdir() if not path.name.startswith(".")) if folder.is_dir() else []
    file = folder / names[-1] if names else config.roster
    try:
        return SignedRoster.decode(file.read_bytes()).parse()
    except Malformed as exc:
        raise CommandFailed(ExitCode.USAGE, "error.usage", why=exc) from exc


def _public_of(kind: str, path: Path) -> str:
    if kind == "tls":
        return pin_of_public_key(public_key_of(read_secret(path))).hex()
    return Ed25519Signer.load(path).public_key.hex()


def _config(file: Path) -> NodeConfig:
    try:
        return load_config(file)
    except (ConfigError, KeyRefused) as exc:
        raise CommandFailed(ExitCode.USAGE, "error.usage", why=exc) from exc


def _tell_dry(call: Call, kind: str, step: str, file: Path) -> None:
    """What the same words without --dry-run would do. Raises CommandFailed where a key lies already."""
    if step == "make" and file.exists():
        raise CommandFailed(ExitCode.USAGE, "get.target_exists", target=file)
    call.console.say(f"keys.would_{step}", kind=kind, file=file)
    call.console.json("lumbung.keys.rotate/1", {"kind": kind, "step": f"would_{step}", "file": str(file), "public": ""})


def _tell(call: Call, kind: str, step: str, file: Path, public: str, *, version: int = 0) -> None:
    console = call.console
    if step == "made":
        console.say("keys.rotate.made", file=file)
    if public:
        console.say("keys.public", kind=kind, public=public)
    if step == "made" and kind in ("cluster", "tag", "age", "escrow", "access", "custodian", "recovery", "tls"):
        console.say(f"keys.next.{kind}", file=file, public=public, version=version)
    elif step == "made":
        console.say("keys.next.node", kind=kind, public=public)
    else:
        console.say(f"keys.step.{step}", kind=kind, file=file, public=public)
    console.json("lumbung.keys.rotate/1", {"kind": kind, "step": step, "file": str(file), "public": public})
