"""`lumbung cert`: ask for a certificate, issue one, look at one, and let stations in by the office's access list.

A request is the public half of a TLS key: the private half never leaves its machine. Whoever issues knows by another
way (a visit, a call back) whose it is; the roster or the access list then pins the key.
"""

from __future__ import annotations

import time
from pathlib import Path

import click

from lumbung_cluster.access import AccessEntry, AccessList, Duty, SignedAccess, sign_access
from lumbung_cluster.identity_uri import AccessIdentity, NodeIdentity, parse_identity
from lumbung_cluster.ids import ClusterId
from lumbung_node.adapters.identity_folder import replace_file
from lumbung_node.adapters.keys.certificates import (
    is_renewal_due,
    make_authority,
    pin_of_public_key,
    public_key_of,
    read_certificate,
)
from lumbung_node.adapters.keys.ed25519 import Ed25519Signer
from lumbung_node.adapters.keys.key_files import read_secret, write_public, write_secret
from lumbung_node.adapters.keys.renewal import load_authority, renewed_chain
from lumbung_node.config import AUTHORITY_CERTIFICATE, AUTHORITY_KEY
from lumbung_tools.catalogue.text import rfc3339
from lumbung_tools.cli.common import shown_time
from lumbung_tools.cli.framework import Call, LumbungGroup, command, dry_run, option
from lumbung_tools.cli.new_files import write_new
from lumbung_tools.output.exit_codes import ExitCode
from lumbung_tools.output.failures import CommandFailed

__all__ = ["cert"]

_EXITS = (ExitCode.OK, ExitCode.USAGE)
_PATH = click.Path(path_type=Path)
_TRUST_ROOTS = "trust-roots.pem"  # beside a certificate, at nodes and in profiles

cert = LumbungGroup("cert", "help.cert")


@command("request", help_key="help.cert.request", examples_key="help.cert.request.examples", exits=_EXITS)
@option("--key", type=_PATH, required=True, help_key="help.cert.key")
@option("-o", "--output", type=_PATH, required=True, help_key="help.cert.output")
def request(call: Call, key: Path, output: Path) -> None:
    public = public_key_of(read_secret(key))
    write_public(output, public)
    pin = pin_of_public_key(public).hex()
    call.console.say("cert.requested", file=output, pin=pin)
    call.console.json("lumbung.cert.request/1", {"file": str(output), "pin": pin})


@command("authority", help_key="help.cert.authority", examples_key="help.cert.authority.examples", exits=_EXITS)
@click.argument("folder", type=_PATH)
@option("--cluster", "cluster_hex", required=True, help_key="help.cert.cluster")
@option("--name", default="authority", show_default=True, help_key="help.cert.authority.name")
@option("--under", type=_PATH, help_key="help.cert.authority.under")
def authority(call: Call, folder: Path, cluster_hex: str, name: str, under: Path | None) -> None:
    cluster, now_ms = _cluster(cluster_hex), _now_ms()
    if under is None:
        made = make_authority(cluster, name, now_ms=now_ms)
    else:
        made = load_authority(under).issue_authority(cluster, name, now_ms=now_ms)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_secret(folder / AUTHORITY_KEY, made.key_pem)
    write_public(folder / AUTHORITY_CERTIFICATE, made.certificate_pem)
    call.console.say("cert.authority_made", folder=folder)
    call.console.json("lumbung.cert.authority/1", {"folder": str(folder)})


@command("issue", help_key="help.cert.issue", examples_key="help.cert.issue.examples", exits=_EXITS)
@click.argument("public_key", type=_PATH)
@option("--authority", "folder", type=_PATH, required=True, help_key="help.cert.issue.authority")
@option("--identity", required=True, help_key="help.cert.issue.identity")
@option("-o", "--output", type=_PATH, required=True, help_key="help.cert.output")
@dry_run
def issue(call: Call, public_key: Path, folder: Path, identity: str, output: Path) -> None:
    issuer = load_authority(folder)
    who = parse_identity(identity)
    chain = issuer.issue(who, public_key.read_bytes(), now_ms=_now_ms())
    _write(call, output, chain)
    _tell(call, output, chain)
    call.console.say("cert.issued.node" if isinstance(who, NodeIdentity) else "cert.issued.access", file=output)


@command("renew", help_key="help.cert.renew", examples_key="help.cert.renew.examples", exits=_EXITS)
@click.argument("certificate", type=_PATH)
@option("--authority", "folder", type=_PATH, required=True, help_key="help.cert.issue.authority")
@option("--now", "is_asked", is_flag=True, help_key="help.cert.renew.now")
@dry_run
def renew(call: Call, certificate: Path, folder: Path, is_asked: bool) -> None:
    """The same identity and key, so no roster and no list has to change; the file is replaced as a whole."""
    held, roots = certificate.read_bytes(), certificate.with_name(_TRUST_ROOTS)
    facts = read_certificate(held)
    is_due = is_renewal_due(facts, _now_ms())
    if is_due or is_asked:
        known = roots.read_bytes() if roots.exists() else None
        held = renewed_chain(held, load_authority(folder), known, now_ms=_now_ms())
        if not call.console.is_dry:
            replace_file(certificate, held)
        call.console.say("cert.renewed", file=certificate)
    else:
        call.console.say("cert.not_due", file=certificate, until=shown_time(facts.not_after_ms))
    _tell(call, certificate, held)


@command("show", help_key="help.cert.show", examples_key="help.cert.show.examples", exits=_EXITS)
@click.argument("file", type=_PATH)
def show(call: Call, file: Path) -> None:
    _tell(call, file, file.read_bytes())


@command("admit", help_key="help.cert.admit", examples_key="help.cert.admit.examples", exits=_EXITS)
@click.argument("certificate", type=_PATH)
@option("--list", "held", type=_PATH, help_key="help.cert.admit.list")
@option("--duty", type=click.Choice(["station", "operator"]), default="station", help_key="help.cert.admit.duty")
@option("--key", type=_PATH, required=True, help_key="help.cert.admit.key")
@option("-o", "--output", type=_PATH, required=True, help_key="help.cert.output")
@dry_run
def admit(call: Call, certificate: Path, held: Path | None, duty: str, key: Path, output: Path) -> None:
    facts = read_certificate(certificate.read_bytes())
    identity = parse_identity(facts.uri or "")
    if not isinstance(identity, AccessIdentity):
        raise CommandFailed(ExitCode.USAGE, "cert.not_a_station", uri=facts.uri or "-")
    entry = AccessEntry(identity.name, Duty[duty.upper()], (facts.pin,), facts.not_before_ms, facts.not_after_ms)
    following = _with_entry(SignedAccess.decode(held.read_bytes()).content if held else None, identity, entry)
    _write(call, output, sign_access(following, Ed25519Signer.load(key)).encode())
    version, names = following.version, [each.name for each in following.entries]
    call.console.say("cert.admitted", name=identity.name, version=version, file=output)
    call.console.json("lumbung.access/1", {"version": version, "names": names, "file": str(output)})


for each_command in (request, authority, issue, renew, show, admit):
    cert.add_command(each_command)


def _with_entry(held: AccessList | None, identity: AccessIdentity, entry: AccessEntry) -> AccessList:
    """The next version, with this caller added or replaced."""
    if held is not None and (held.cluster, held.office) != (identity.cluster, identity.office):
        raise CommandFailed(ExitCode.USAGE, "cert.other_office", uri=identity.uri, office=str(held.office))
    before = held or AccessList(identity.cluster, identity.office, 0, _now_ms(), ())
    return before.following(_now_ms()).naming(entry)


def _write(call: Call, output: Path, content: bytes) -> None:
    if call.console.is_dry:
        write_new(call, output, content)  # which only looks whether a file is there
    else:
        write_public(output, content)


def _tell(call: Call, file: Path, chain: bytes) -> None:
    facts = read_certificate(chain)
    uri = facts.uri or call.console.text("cert.no_identity")
    first, last = shown_time(facts.not_before_ms), shown_time(facts.not_after_ms)
    if facts.not_before_ms:  # dated back to 1970 says nothing
        call.console.say("cert.shown_from", uri=uri, pin=facts.pin.hex(), first=first, last=last)
    else:
        call.console.say("cert.shown", uri=uri, pin=facts.pin.hex(), last=last)
    call.console.json(
        "lumbung.cert/1",
        {
            "file": str(file),
            "uri": facts.uri,
            "pin": facts.pin.hex(),
            "not_before": rfc3339(facts.not_before_ms),
            "not_after": rfc3339(facts.not_after_ms),
        },
    )


def _cluster(text: str) -> ClusterId:
    try:
        return ClusterId(bytes.fromhex(text))
    except ValueError as exc:
        raise CommandFailed(ExitCode.USAGE, "error.usage", why=exc) from exc


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
