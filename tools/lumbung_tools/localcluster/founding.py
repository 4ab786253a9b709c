"""Founds a whole cluster in one folder, for loopback: every key, roster epoch 1, a home for each node and each client.

    nodes/NAME/             config.toml, keys/, identity/, data/
    clients/NAME/           the profile of an operator there: `lumbung --home DIR/clients/36.02 put FILE`
    roster.lumbung          epoch 1, signed by two of three custodians
    joining/NAME/           the node's request and pack, as they go to and fro in the field
    custodians-OFFLINE/     who may sign rosters, and the recovery set
    authority-OFFLINE/      issues certificates
    access-OFFLINE/         each office's key for its access list
    escrow-OFFLINE/         age identities that open everything
    centre-OFFLINE/         the cluster secret, for packs of later nodes

In the field the folders named OFFLINE lie on media in safes, at different places; no key that opens a blob lies in the
home of a node. The folder appears whole or not at all.

There is no other way into a cluster than joining (docs/joining.en.md), and founding goes it for every node: a request
with keys made for it, admission into the draft, custodians' signatures, a pack, and the join.
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lumbung_cluster.enrolment_pack import PACK_ACCESS_LISTS_MAX, EnrolmentPack
from lumbung_cluster.ids import NodeNumber
from lumbung_cluster.joining import admit
from lumbung_cluster.placement import plan
from lumbung_cluster.roster import Roster
from lumbung_cluster.roster_checks import tidy
from lumbung_cluster.roster_codec import SignedRoster, encode_roster
from lumbung_cluster.roster_node import LinkClass
from lumbung_cluster.signed_join import SignedJoin
from lumbung_node.adapters.keys.cluster_secret import save_cluster_secret
from lumbung_node.adapters.keys.ed25519 import Ed25519Signer
from lumbung_node.adapters.keys.key_files import write_public, write_secret
from lumbung_node.config import Language
from lumbung_tools.joining.answering import Centre, make_pack
from lumbung_tools.joining.asking import OPERATOR, Asking, make_request
from lumbung_tools.joining.entering import join_office, judge_entry
from lumbung_tools.joining.lists import first_access_list
from lumbung_tools.joining.places import Machine, OfficePlaces
from lumbung_tools.localcluster.founders import CUSTODIANS_NEEDED, Founders, first_draft, make_founders
from lumbung_tools.localcluster.sites import NoSuchPlan, Site

__all__ = ["CENTRE_FOLDER", "OPERATOR", "ROSTER_FILE", "Founded", "found_cluster"]

ROSTER_FILE = "roster.lumbung"
CENTRE_FOLDER = "centre-OFFLINE"


@dataclass(frozen=True, slots=True)
class Founded:
    """What was made; `notes` are the plan's rules that could not be kept with these sites."""

    folder: Path
    roster: Roster
    sites: tuple[Site, ...]
    notes: tuple[str, ...]

    def client_home(self, name: str) -> Path:
        return self.folder / "clients" / name


def found_cluster(
    folder: Path, sites: Sequence[Site], language: Language, *, now_ms: int, joining: Collection[str] | None = None
) -> Founded:
    """Make everything; the nodes will speak `language` to people.

    Of a whole country only the sites named in `joining` enter at once; the others have made their keys and requests
    and stand in the roster.

    Raises NoSuchPlan when something is in `folder` already, OSError.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise NoSuchPlan(f"expected a new or empty folder, got {folder}, in which something is")
    folder = folder.resolve()
    folder.parent.mkdir(parents=True, exist_ok=True)
    part = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}.part")
    part.mkdir(mode=0o700)
    try:
        entering = [site for site in sites if joining is None or site.name in joining]
        roster, notes = _found(part, sites, entering, language, now_ms)
        part.rename(folder)
    except BaseException:
        shutil.rmtree(part)
        raise
    return Founded(folder, roster, tuple(sites), notes)


def _found(
    folder: Path, sites: Sequence[Site], entering: Sequence[Site], language: Language, now_ms: int
) -> tuple[Roster, tuple[str, ...]]:
    founders = make_founders(now_ms)
    _write_offline(folder, founders)
    draft = first_draft(founders, now_ms)
    asked: dict[NodeNumber, SignedJoin] = {}
    for site in sites:
        signed = make_request(_places(folder, site), _asking(founders, site, language), now_ms=now_ms)
        draft = admit(draft, signed.request, number=site.number, bound=None).roster
        asked[site.number] = signed
    planned = plan(draft)
    roster = tidy(replace(draft, assignments=planned.assignments))
    signed_roster = SignedRoster(encode_roster(roster), ())
    for signer in founders.custodians[:CUSTODIANS_NEEDED]:
        signed_roster = signed_roster.signed_by(signer)
    write_public(folder / ROSTER_FILE, signed_roster.encode())
    lists = {site.number: _access_list(folder, site, asked[site.number], now_ms) for site in sites}
    centre = Centre(founders.authority, founders.cluster_secret)
    for site in entering:
        held = _lists_held(roster, site, lists)
        pack = make_pack(asked[site.number], [signed_roster], centre, held, now_ms=now_ms)
        _join(_places(folder, site), asked[site.number], pack, now_ms)
    return roster, planned.notes


def _places(folder: Path, site: Site) -> OfficePlaces:
    return OfficePlaces(
        node=folder / "nodes" / site.name,
        client=folder / "clients" / site.name,
        access_key=folder / "access-OFFLINE" / f"{site.name}.key.pem",
        join=folder / "joining" / site.name,
    )


def _asking(founders: Founders, site: Site, language: Language) -> Asking:
    return Asking(
        cluster=founders.cluster,
        name=site.name,
        role=site.role,
        replaces=None,
        province=site.region.province_code,
        hazard_zone=site.region.zone,
        addresses=(site.address,),
        reach=site.reach,
        link=LinkClass(site.link.value),
        link_bytes_per_s=0,
        capacity_bytes=site.capacity_bytes,
        load_bytes=site.load_bytes,
        machine=Machine(site.address, Path("data"), language),
    )


def _access_list(folder: Path, site: Site, asked: SignedJoin, now_ms: int) -> bytes:
    """Version 1, naming the one operator whose profile is made here."""
    signer = Ed25519Signer.load(_places(folder, site).access_key)
    return first_access_list(asked, site.number, None, signer, now_ms=now_ms).encode()


def _lists_held(roster: Roster, site: Site, lists: Mapping[NodeNumber, bytes]) -> list[bytes]:
    """Operators of an origin may read it at each of its holders, so every holder starts with its list.

    A van is run by the operators of its office. A centre that holds more origins than a pack has room for starts with
    its own list and the first ones; the others come with the sessions.
    """
    office = roster.office_of(site.number) or site.number
    others = [origin for origin in roster.origins_held(site.number) if origin != office]
    held = sorted((office, *others[: PACK_ACCESS_LISTS_MAX - 1]))
    return [lists[number] for number in held if number in lists]


def _join(places: OfficePlaces, asked: SignedJoin, pack: EnrolmentPack, now_ms: int) -> None:
    write_public(places.join / "pack.lumbung", pack.encode())
    join_office(places, judge_entry(places, pack, asked, now_ms=now_ms))


def _write_offline(folder: Path, founders: Founders) -> None:
    """The keys that no running machine needs."""
    custodians, authority = folder / "custodians-OFFLINE", folder / "authority-OFFLINE"
    escrow, centre = folder / "escrow-OFFLINE", folder / CENTRE_FOLDER
    for each in (custodians, authority, escrow, centre):
        each.mkdir(mode=0o700)
    for name, signers in (("custodian", founders.custodians), ("recovery", founders.recovery)):
        for at, signer in enumerate(signers, start=1):
            signer.save(custodians / f"{name}-{at}.key.pem")
    write_public(authority / "authority.crt", founders.authority.certificate_pem)
    write_secret(authority / "authority.key", founders.authority.key_pem)
    for at, identity in enumerate(founders.escrow, start=1):
        identity.save(escrow / f"escrow-{at}.agekey")
    save_cluster_secret(centre / "cluster.secret", founders.cluster_secret)
