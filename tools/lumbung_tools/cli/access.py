"""`lumbung access`: an office says who may call its node, and which vans are its own; no roster changes by it.

The way of a change: `next`, `add`, `revoke` and `add-van` write a draft of the next version (TOML); `sign` signs it,
where the office's access key is; `publish` gives it to the own node, which passes it on.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import click

from lumbung_cluster.access import AccessEntry, AccessList, Duty, SignedAccess, access_objection, sign_access
from lumbung_cluster.canonical import Malformed
from lumbung_cluster.identity_uri import AccessIdentity, parse_identity
from lumbung_cluster.naming_vans import name_van
from lumbung_cluster.roster import Roster
from lumbung_node.adapters.keys.certificates import read_certificate
from lumbung_node.adapters.keys.ed25519 import Ed25519Signer, Ed25519Verifier
from lumbung_tools.access_toml import parse_access_toml, render_access_toml
from lumbung_tools.catalogue.text import rfc3339
from lumbung_tools.cli.bounds import parse_bound
from lumbung_tools.cli.common import profile_of, run, shown_time
from lumbung_tools.cli.framework import Call, LumbungGroup, command, dry_run, option
from lumbung_tools.cli.giving import give_access_list
from lumbung_tools.cli.new_files import write_new
from lumbung_tools.cli.roster_add import compare_fingerprint
from lumbung_tools.cli.roster_trial import try_access_lists
from lumbung_tools.client.session import Session
from lumbung_tools.client.trust import read_roster
from lumbung_tools.joining.asking import load_request
from lumbung_tools.joining.lists import operator_entry
from lumbung_tools.output.exit_codes import ExitCode
from lumbung_tools.output.failures import CommandFailed
from lumbung_tools.output.refusals import reason_of
from lumbung_tools.toml_document import read_document_file

__all__ = ["access"]

_LOCAL = (ExitCode.OK, ExitCode.USAGE)
_SIGN = (ExitCode.OK, ExitCode.USAGE, (ExitCode.REFUSED, "exit.access.6"))
_REMOTE = (ExitCode.OK, ExitCode.USAGE, ExitCode.UNKNOWN, ExitCode.REFUSED, ExitCode.UNREACHABLE)
_PATH = click.Path(path_type=Path)

access = LumbungGroup("access", "help.access")


@command("show", help_key="help.access.show", examples_key="help.access.show.examples", exits=_LOCAL)
@click.argument("file", type=_PATH)
def show(call: Call, file: Path) -> None:
    _show(call, _read(file), file)


@command("next", help_key="help.access.next", examples_key="help.access.next.examples", exits=_LOCAL)
@click.argument("held", type=_PATH)
@option("-o", "--output", type=_PATH, required=True, help_key="help.access.output")
@option("--dry-run", "is_dry", is_flag=True, help_key="help.dry_run")
def next_version(call: Call, held: Path, output: Path, is_dry: bool) -> None:
    """The same callers and vans, to be edited, or signed with the office's next access key."""
    draft = _next(held)
    assert draft is not None, "a file is required"
    _write_draft(call, draft, output, is_dry=is_dry)


@command("add", help_key="help.access.add", examples_key="help.access.add.examples", exits=_LOCAL)
@click.argument("certificates", nargs=-1, required=True, type=_PATH)
@option("--list", "held", type=_PATH, help_key="help.access.list")
@option("--duty", type=click.Choice(["station", "operator"]), default="station", help_key="help.cert.admit.duty")
@option("-o", "--output", type=_PATH, required=True, help_key="help.access.output")
@option("--dry-run", "is_dry", is_flag=True, help_key="help.dry_run")
def add(call: Call, certificates: tuple[Path, ...], held: Path | None, duty: str, output: Path, is_dry: bool) -> None:
    draft = _next(held)
    for file in certificates:
        identity, entry = _caller(file, Duty[duty.upper()])
        draft = _with_entry(draft or _first(identity), identity, entry)
    assert draft is not None, "at least one certificate is required"
    _write_draft(call, draft, output, is_dry=is_dry)


@command("revoke", help_key="help.access.revoke", examples_key="help.access.revoke.examples", exits=_LOCAL)
@click.argument("names", nargs=-1, required=True)
@option("--list", "held", type=_PATH, required=True, help_key="help.access.list")
@option("--bound", help_key="help.access.revoke.bound")
@option("-o", "--output", type=_PATH, required=True, help_key="help.access.output")
@option("--dry-run", "is_dry", is_flag=True, help_key="help.dry_run")
def revoke(call: Call, names: tuple[str, ...], held: Path, bound: str | None, output: Path, is_dry: bool) -> None:
    """Callers are struck off; a van ends for ever."""
    draft = _next(held)
    assert draft is not None, "the option is required"
    known = {entry.name for entry in draft.entries} | {van.name for van in draft.vans}
    for name in names:
        if name not in known:
            raise CommandFailed(ExitCode.USAGE, "access.unknown_name", name=name, known=", ".join(sorted(known)))
    entries = tuple(entry for entry in draft.entries if entry.name not in names)
    ending = [van.name for van in draft.vans if van.name in names]
    if bound is not None and len(ending) != 1:
        raise CommandFailed(ExitCode.USAGE, "access.bound_of_one", vans=", ".join(ending) or "-")
    mark = parse_bound(bound) if bound is not None else None
    vans = tuple(
        replace(van, is_gone=True, bound=van.bound or mark) if van.name in names else van for van in draft.vans
    )
    for van in vans:
        if van.name in ending and van.bound is None:
            call.console.warn("access.van_unbound", name=van.name)
    _write_draft(call, replace(draft, entries=entries, vans=vans), output, is_dry=is_dry)


@command("add-van", help_key="help.access.add_van", examples_key="help.access.add_van.examples", exits=_SIGN)
@click.argument("request", type=_PATH)
@option("--list", "held", type=_PATH, required=True, help_key="help.access.list")
@option("--roster", "roster_file", type=_PATH, help_key="help.access.roster")
@option("-o", "--output", type=_PATH, required=True, help_key="help.access.output")
@option("--fingerprint", help_key="help.fingerprint")
@option("--dry-run", "is_dry", is_flag=True, help_key="help.dry_run")
def add_van(
    call: Call,
    request: Path,
    held: Path,
    roster_file: Path | None,
    output: Path,
    fingerprint: str | None,
    is_dry: bool,
) -> None:
    draft = _next(held)
    assert draft is not None, "the option is required"
    asked, roster = load_request(request), _roster(call, roster_file)
    office = roster.node(draft.office)
    if office is None:
        raise CommandFailed(ExitCode.USAGE, "access.no_office", office=str(draft.office))
    van, is_new = name_van(office, roster, draft.vans, asked.request)
    call.console.say("access.van" if is_new else "access.van_known", name=van.name, number=str(van.number))
    if not is_new:
        call.console.json("lumbung.access.draft/1", {"version": draft.version, "changed": False, "file": ""})
        return
    if not is_dry:
        compare_fingerprint(call, asked.fingerprint, fingerprint)
    operator = operator_entry(asked, now_ms=_now_ms())
    following = draft.naming(operator) if operator is not None else draft
    vans = tuple(sorted((*following.vans, van), key=lambda each: each.number))
    _write_draft(call, replace(following, vans=vans), output, is_dry=is_dry)


@command("sign", help_key="help.access.sign", examples_key="help.access.sign.examples", exits=_SIGN)
@click.argument("draft", type=_PATH)
@option("--key", type=_PATH, required=True, help_key="help.cert.admit.key")
@option("--held", type=_PATH, help_key="help.access.held")
@option("--roster", "roster_file", type=_PATH, help_key="help.access.roster")
@option("-o", "--output", type=_PATH, required=True, help_key="help.cert.output")
@dry_run
def sign(call: Call, draft: Path, key: Path, held: Path | None, roster_file: Path | None, output: Path) -> None:
    signed = sign_access(_read(draft).content, Ed25519Signer.load(key))
    before = SignedAccess.decode(held.read_bytes()) if held is not None else None
    objection = access_objection(_roster(call, roster_file), before, signed, Ed25519Verifier())
    if objection is not None:
        raise CommandFailed(ExitCode.REFUSED, "error.refused", why=reason_of(call.console, objection))
    write_new(call, output, signed.encode())
    call.console.say("access.signed", version=signed.content.version, file=output)
    names = [entry.name for entry in signed.content.entries]
    call.console.json("lumbung.access/1", {"version": signed.content.version, "names": names, "file": str(output)})


@command("publish", help_key="help.access.publish", examples_key="help.access.publish.examples", exits=_REMOTE)
@click.argument("file", type=_PATH)
@dry_run
def publish(call: Call, file: Path) -> None:
    if call.console.is_dry:
        run(call, partial(try_access_lists, call, [file.read_bytes()]))
    else:
        run(call, partial(_publish, call, file.read_bytes()))


for each_command in (show, next_version, add, revoke, add_van, sign, publish):
    access.add_command(each_command)


async def _publish(call: Call, raw: bytes, session: Session) -> None:
    version, changed = await give_access_list(call, session, raw)
    call.console.json("lumbung.access.publish/1", {"version": version, "changed": changed})


class _Listed:
    """A list from a file, and whether it is signed."""

    def __init__(self, content: AccessList, signed: SignedAccess | None) -> None:
        self.content = content
        self.signed = signed


def _read(file: Path) -> _Listed:
    if file.suffix == ".toml":
        return _Listed(parse_access_toml(read_document_file(file)), None)
    signed = SignedAccess.decode(file.read_bytes())
    return _Listed(signed.content, signed)


def _next(file: Path | None) -> AccessList | None:
    """A draft as it is, or the next version of a signed list."""
    if file is None:
        return None
    listed = _read(file)
    if listed.signed is None:
        return listed.content
    return listed.content.following(_now_ms())


def _first(identity: AccessIdentity) -> AccessList:
    return AccessList(identity.cluster, identity.office, 1, _now_ms(), ())


def _caller(file: Path, duty: Duty) -> tuple[AccessIdentity, AccessEntry]:
    facts = read_certificate(file.read_bytes())
    try:
        identity = parse_identity(facts.uri or "")
    except Malformed:
        identity = None
    if not isinstance(identity, AccessIdentity):
        raise CommandFailed(ExitCode.USAGE, "cert.not_a_station", uri=facts.uri or "-")
    return identity, AccessEntry(identity.name, duty, (facts.pin,), facts.not_before_ms, facts.not_after_ms)


def _with_entry(draft: AccessList, identity: AccessIdentity, entry: AccessEntry) -> AccessList:
    if (draft.cluster, draft.office) != (identity.cluster, identity.office):
        raise CommandFailed(ExitCode.USAGE, "cert.other_office", uri=identity.uri, office=str(draft.office))
    return draft.naming(entry)


def _write_draft(call: Call, draft: AccessList, output: Path, *, is_dry: bool) -> None:
    draft.encode()  # a draft that no node would read is not written
    if is_dry:
        call.console.say("access.dry", version=draft.version)
    else:
        write_new(call, output, render_access_toml(draft).encode())
        call.console.say("access.drafted", version=draft.version, file=output)
    file = "" if is_dry else str(output)
    call.console.json("lumbung.access.draft/1", {"version": draft.version, "changed": not is_dry, "file": file})


def _roster(call: Call, file: Path | None) -> Roster:
    return read_roster(file or profile_of(call).roster, None, Ed25519Verifier()).roster


def _show(call: Call, listed: _Listed, file: Path) -> None:
    console, content = call.console, listed.content
    head = {"version": content.version, "office": str(content.office)}
    if listed.signed is not None:
        console.say("access.head", signer=listed.signed.signature.key_public.hex()[:16], **head)
    else:
        console.say("access.head_of_draft", **head)
    rows: list[Sequence[str]] = [
        [entry.name, entry.duty.name.lower(), shown_time(entry.valid_from_ms), shown_time(entry.valid_until_ms)]
        for entry in content.entries
    ]
    console.table([console.text(f"access.column.{head}") for head in ("name", "duty", "from", "until")], rows)
    for van in content.vans:
        console.say("access.van_gone" if van.is_gone else "access.van_line", name=van.name, number=str(van.number))
    console.json(
        "lumbung.access.show/1",
        {
            "file": str(file),
            "cluster": str(content.cluster),
            "office": int(content.office),
            "version": content.version,
            "is_signed": listed.signed is not None,
            "callers": [
                {
                    "name": entry.name,
                    "duty": entry.duty.name.lower(),
                    "valid_from": rfc3339(entry.valid_from_ms),
                    "valid_until": rfc3339(entry.valid_until_ms),
                }
                for entry in content.entries
            ],
            "vans": [{"name": van.name, "number": int(van.number), "gone": van.is_gone} for van in content.vans],
        },
    )


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
