"""`lumbung office init`: the keys of a new node, made where it will stand, and its join request."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

import click

from lumbung_cluster.ids import ClusterId, NodeNumber
from lumbung_cluster.roster_node import LinkClass, Reach, Role
from lumbung_cluster.signed_join import SignedJoin
from lumbung_node.config import parse_address
from lumbung_tools.cli.framework import Call, LumbungGroup, command, option
from lumbung_tools.joining.asking import Asking, has_keys, load_request, make_request
from lumbung_tools.joining.places import Machine, OfficePlaces
from lumbung_tools.output.exit_codes import ExitCode
from lumbung_tools.output.failures import CommandFailed
from lumbung_tools.regions import Region, UnknownRegion, expected_load_bytes, region_of_city, region_of_code

__all__ = ["office"]

_CAPACITY_SHARE = 0.9  # of the data disk: the rest is for the system, marks and the ballast
_SIZE = re.compile(r"([0-9]{1,15})\s*([KMGT]?)B?", re.IGNORECASE)
_POWERS = ("", "K", "M", "G", "T")
_SECOND = re.compile(r"-[0-9]+$")
_PATH = click.Path(path_type=Path)

office = LumbungGroup("office", "help.office")


@dataclass(frozen=True, slots=True)
class _Who:
    """Which node it will be, and where it stands."""

    name: str
    role: Role
    province: str
    zone: str
    load_bytes: int = 0


@command(
    "init",
    help_key="help.office.init",
    examples_key="help.office.init.examples",
    exits=(ExitCode.OK, ExitCode.USAGE),
)
@click.argument("folder", metavar="DIR", type=_PATH)
@option("--cluster", "cluster_hex", required=True, help_key="help.office.init.cluster")
@option("--code", help_key="help.office.init.code")
@option("--drc", help_key="help.office.init.drc")
@option("--van", help_key="help.office.init.van")
@option("--province", help_key="help.office.init.province")
@option("--zone", help_key="help.office.init.zone")
@option("--address", "addresses", multiple=True, required=True, help_key="help.office.init.address")
@option("--reach", default=Reach.PUBLIC, show_default=True, help_key="help.office.init.reach")
@option(
    "--link",
    type=click.Choice([link.value for link in LinkClass]),
    default=LinkClass.WAN.value,
    show_default=True,
    help_key="help.office.init.link",
)
@option("--rate", type=click.IntRange(min=0), default=0, help_key="help.office.init.rate")
@option("--load", help_key="help.office.init.load")
@option("--capacity", help_key="help.office.init.capacity")
@option("--data", type=_PATH, help_key="help.office.init.data")
@option("--listen", help_key="help.office.init.listen")
@option("--replaces", type=click.IntRange(min=1), help_key="help.office.init.replaces")
@option("--dry-run", "is_dry", is_flag=True, help_key="help.dry_run")
def init(
    call: Call,
    folder: Path,
    cluster_hex: str,
    code: str | None,
    drc: str | None,
    van: str | None,
    province: str | None,
    zone: str | None,
    addresses: tuple[str, ...],
    reach: str,
    link: str,
    rate: int,
    load: str | None,
    capacity: str | None,
    data: Path | None,
    listen: str | None,
    replaces: int | None,
    is_dry: bool,
) -> None:
    who = _who(code, drc, van, _place(province, zone))
    for address in (*addresses, *([listen] if listen else [])):
        _check_address(address)
    home = (folder / "node").resolve()
    data_folder = data.resolve() if data is not None else home / "data"
    asking = Asking(
        cluster=_cluster(cluster_hex),
        name=who.name,
        role=who.role,
        replaces=NodeNumber(replaces) if replaces else None,
        province=who.province,
        hazard_zone=who.zone,
        addresses=addresses,
        reach=Reach(reach),
        link=LinkClass(link),
        link_bytes_per_s=rate,
        capacity_bytes=_size(capacity) if capacity else _disk_bytes(data_folder),
        load_bytes=_size(load) if load else who.load_bytes,
        machine=Machine(
            listen or addresses[0],
            data_folder.relative_to(home) if data_folder.is_relative_to(home) else data_folder,
            call.console.catalogue.language,
        ),
    )
    _ask(call, folder, asking, is_dry=is_dry)


office.add_command(init)


def _ask(call: Call, folder: Path, asking: Asking, *, is_dry: bool) -> None:
    places = OfficePlaces.within(folder)
    if places.request.exists():
        signed = load_request(places.request)
        _check_same(folder, places, signed, asking)
        _tell(call, folder, signed, is_new=False)
        return
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise CommandFailed(ExitCode.USAGE, "office.not_empty", folder=folder)
    call.console.say(
        "office.will", name=asking.name, folder=folder, size=call.console.catalogue.size(asking.capacity_bytes)
    )
    if is_dry:
        call.console.say("office.dry")
        call.console.json("lumbung.office.init/1", {"folder": str(folder), "name": asking.name, "changed": False})
        return
    _tell(call, folder, _make(folder, asking), is_new=True)


def _make(folder: Path, asking: Asking) -> SignedJoin:
    """Whole or not at all."""
    folder = folder.resolve()
    folder.parent.mkdir(parents=True, exist_ok=True)
    part = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}.part")
    part.mkdir(mode=0o700)
    try:
        signed = make_request(OfficePlaces.within(part), asking, now_ms=time.time_ns() // 1_000_000)
        part.rename(folder)
    except BaseException:
        shutil.rmtree(part)
        raise
    return signed


def _check_same(folder: Path, places: OfficePlaces, signed: SignedJoin, asking: Asking) -> None:
    """A second call with the same words changes nothing; with other words it must not look as if it had."""
    request = signed.request
    if not has_keys(places, signed):
        raise CommandFailed(ExitCode.USAGE, "office.other_keys", folder=folder)
    asked = (asking.cluster, asking.name, asking.role, asking.replaces, asking.addresses, asking.reach)
    if asked != (request.cluster, request.name, request.role, request.replaces, request.addresses, request.reach):
        raise CommandFailed(ExitCode.USAGE, "office.other_request", folder=folder, name=request.name)


def _tell(call: Call, folder: Path, signed: SignedJoin, *, is_new: bool) -> None:
    console, request = call.console, OfficePlaces.within(folder).request
    console.say("office.made" if is_new else "office.known", name=signed.request.name, folder=folder)
    console.say("office.fingerprint", fingerprint=signed.fingerprint)
    key = "office.next_van" if signed.request.role is Role.VAN else "office.next"
    console.say(key, request=request, folder=folder)
    console.json(
        "lumbung.office.init/1",
        {
            "folder": str(folder),
            "request": str(request),
            "name": signed.request.name,
            "role": signed.request.role.name.lower(),
            "cluster": str(signed.request.cluster),
            "fingerprint": signed.fingerprint,
            "hash": signed.hash.hex(),
            "capacity_bytes": signed.request.capacity_bytes,
            "changed": is_new,
        },
    )


def _who(code: str | None, drc: str | None, van: str | None, place: tuple[str, str] | None) -> _Who:
    """The regions that we know say where it stands; a newer one, split off since then, says so itself."""
    given = [each for each in (code, drc, van) if each is not None]
    if len(given) != 1:
        raise CommandFailed(ExitCode.USAGE, "office.one_of")
    try:
        if drc is not None:
            return _Who(f"drc-{drc}", Role.DRC, *(place or _place_of(region_of_city(_city(drc)))))
        name, role = (code, Role.OFFICE) if code is not None else (given[0], Role.VAN)
        if place is not None:
            return _Who(name, role, *place)
        region = region_of_code(name.partition("-")[0])
        return _Who(name, role, *_place_of(region), expected_load_bytes(region) if role is Role.OFFICE else 0)
    except UnknownRegion as exc:
        raise CommandFailed(ExitCode.USAGE, "error.usage", why=exc) from exc


def _place(province: str | None, zone: str | None) -> tuple[str, str] | None:
    if (province is None) != (zone is None):
        raise CommandFailed(ExitCode.USAGE, "office.half_a_place")
    return (province, zone) if province is not None and zone is not None else None


def _place_of(region: Region) -> tuple[str, str]:
    return region.province_code, region.zone


def _city(name: str) -> str:
    """`batam-2` is the second DRC node of a city."""
    return _SECOND.sub("", name)


def _check_address(address: str) -> None:
    try:
        parse_address(address)
    except ValueError as exc:
        raise CommandFailed(ExitCode.USAGE, "error.usage", why=exc) from exc


def _cluster(text: str) -> ClusterId:
    try:
        return ClusterId(bytes.fromhex(text))
    except ValueError as exc:
        raise CommandFailed(ExitCode.USAGE, "office.bad_cluster", text=text) from exc


def _size(text: str) -> int:
    """Such as `500GB`: powers of 1,000, as disks are sold."""
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        raise CommandFailed(ExitCode.USAGE, "office.bad_size", text=text)
    factor: int = 1000 ** _POWERS.index(found[2].upper())
    return int(found[1]) * factor


def _disk_bytes(folder: Path) -> int:
    """What the file system under the data folder can hold."""
    while not folder.exists():
        folder = folder.parent
    return int(shutil.disk_usage(os.fspath(folder)).total * _CAPACITY_SHARE)
