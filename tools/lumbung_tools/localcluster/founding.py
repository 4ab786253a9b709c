"""Founds a whole cluster in one folder, for loopback: every key, roster epoch 1, a home for each node and each client.

    nodes/NAME/             config.toml, keys/, identity/, data/
    clients/NAME/           the profile of an operator there: `lumbung --home DIR/clients/36.02 put FILE`
    roster.lumbung          epoch 1, signed by two of three custodians
    custodians-OFFLINE/     who may sign rosters, and the recovery set
    authority-OFFLINE/      issues certificates
    access-OFFLINE/         each office's key for its access list
    escrow-OFFLINE/         age identities that open everything

In the field the folders named OFFLINE lie on media in safes, at different places; no key that opens a blob lies in the
home of a node. The folder appears whole or not at all.
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lumbung_cluster.access import AccessEntry, AccessList, Duty, sign_access
from lumbung_cluster.identity_uri import AccessIdentity, NodeIdentity
from lumbung_cluster.ids import NodeNumber
from lumbung_cluster.placement import plan
from lumbung_cluster.roster import Roster
from lumbung_cluster.roster_checks import tidy
from lumbung_cluster.roster_codec import SignedRoster, encode_roster
from lumbung_node.adapters.keys.certificates import (
    BACKDATED_DAYS,
    LEAF_LIFETIME_DAYS,
    pin_of_public_key,
    public_key_of,
)
from lumbung_node.adapters.keys.key_files import write_public, write_secret
from lumbung_node.config import Language
from lumbung_tools.localcluster.founders import (
    CUSTODIANS_NEEDED,
    Founders,
    SiteKeys,
    draft_roster,
    make_founders,
    make_site_keys,
    office_of,
)
from lumbung_tools.localcluster.homes import ClientHome, NodeHome, write_client_home, write_node_home
from lumbung_tools.localcluster.sites import NoSuchPlan, Site

__all__ = ["OPERATOR", "ROSTER_FILE", "Founded", "found_cluster"]

ROSTER_FILE = "roster.lumbung"
OPERATOR = "operator"  # the name under which each office's profile stands in its access list
_DAY_MS = 24 * 3600 * 1000


@dataclass(frozen=True, slots=True)
class Founded:
    """What was made; `notes` are the plan's rules that could not be kept with these sites."""

    folder: Path
    roster: Roster
    sites: tuple[Site, ...]
    notes: tuple[str, ...]

    def client_home(self, name: str) -> Path:
        return self.folder / "clients" / name


def found_cluster(folder: Path, sites: Sequence[Site], language: Language, *, now_ms: int) -> Founded:
    """Make everything; the nodes will speak `language` to people.

    Raises NoSuchPlan when something is in `folder` already, OSError.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise NoSuchPlan(f"expected a new or empty folder, got {folder}, in which something is")
    folder = folder.resolve()
    folder.parent.mkdir(parents=True, exist_ok=True)
    part = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}.part")
    part.mkdir(mode=0o700)
    try:
        roster, notes = _found(part, sites, language, now_ms)
        part.rename(folder)
    except BaseException:
        shutil.rmtree(part)
        raise
    return Founded(folder, roster, tuple(sites), notes)


def _found(folder: Path, sites: Sequence[Site], language: Language, now_ms: int) -> tuple[Roster, tuple[str, ...]]:
    founders = make_founders(now_ms)
    keys = {site.number: make_site_keys(site) for site in sites}
    draft = draft_roster(founders, sites, keys, now_ms)
    planned = plan(draft)
    roster = tidy(replace(draft, assignments=planned.assignments))
    signed = SignedRoster(encode_roster(roster), ())
    for signer in founders.custodians[:CUSTODIANS_NEEDED]:
        signed = signed.signed_by(signer)
    access_lists = {site.number: _access_list(founders, site, keys[site.number], now_ms) for site in sites}
    write_public(folder / ROSTER_FILE, signed.encode())
    _write_offline(folder, founders, sites, keys)
    for site in sites:
        # Operators of an origin may read it at each of its holders, so every holder starts with its list.
        # A van is run by the operators of its office.
        held = {*roster.origins_held(site.number), office_of(site, sites)}
        lists = {other.name: access_lists[other.number] for other in sites if other.number in held}
        node = _node_home(founders, site, keys[site.number], signed.encode(), lists, language, now_ms)
        write_node_home(folder / "nodes" / site.name, node)
        client = _client_home(founders, site, keys[site.number], signed.encode(), now_ms)
        write_client_home(folder / "clients" / site.name, client)
    return roster, planned.notes


def _access_list(founders: Founders, site: Site, keys: SiteKeys, now_ms: int) -> bytes:
    """Version 1, naming the one operator whose profile is made here."""
    entry = AccessEntry(
        name=OPERATOR,
        duty=Duty.OPERATOR,
        pins=(pin_of_public_key(public_key_of(keys.client_tls_key)),),
        valid_from_ms=now_ms - BACKDATED_DAYS * _DAY_MS,
        valid_until_ms=now_ms + LEAF_LIFETIME_DAYS * _DAY_MS,
    )
    content = AccessList(founders.cluster, site.number, version=1, created_ms=now_ms, entries=(entry,))
    return sign_access(content, keys.access).encode()


def _node_home(
    founders: Founders,
    site: Site,
    keys: SiteKeys,
    roster: bytes,
    access_lists: Mapping[str, bytes],
    language: Language,
    now_ms: int,
) -> NodeHome:
    identity = NodeIdentity(founders.cluster, site.number)
    return NodeHome(
        name=site.name,
        number=site.number,
        address=site.address,
        language=language,
        link=site.link,
        tls_chain=founders.authority.issue(identity, public_key_of(keys.tls_key), now_ms=now_ms),
        tls_key=keys.tls_key,
        trust_roots=founders.authority.certificate_pem,
        entry=keys.entry,
        receipt=keys.receipt,
        cluster_secret=founders.cluster_secret,
        roster=roster,
        access_lists=access_lists,
    )


def _client_home(founders: Founders, site: Site, keys: SiteKeys, roster: bytes, now_ms: int) -> ClientHome:
    identity = AccessIdentity(founders.cluster, site.number, OPERATOR)
    return ClientHome(
        cluster=founders.cluster,
        node=site.number,
        certificate=founders.authority.issue(identity, public_key_of(keys.client_tls_key), now_ms=now_ms),
        key=keys.client_tls_key,
        trust_roots=founders.authority.certificate_pem,
        roster=roster,
        tag_secret=keys.tag_secret,
        age=keys.age,
    )


def _write_offline(
    folder: Path, founders: Founders, sites: Sequence[Site], keys: Mapping[NodeNumber, SiteKeys]
) -> None:
    """The keys that no running machine needs."""
    custodians, authority = folder / "custodians-OFFLINE", folder / "authority-OFFLINE"
    access, escrow = folder / "access-OFFLINE", folder / "escrow-OFFLINE"
    for each in (custodians, authority, access, escrow):
        each.mkdir(mode=0o700)
    for name, signers in (("custodian", founders.custodians), ("recovery", founders.recovery)):
        for at, signer in enumerate(signers, start=1):
            signer.save(custodians / f"{name}-{at}.key.pem")
    write_public(authority / "authority.crt", founders.authority.certificate_pem)
    write_secret(authority / "authority.key", founders.authority.key_pem)
    for site in sites:
        keys[site.number].access.save(access / f"{site.name}.key.pem")
    for at, identity in enumerate(founders.escrow, start=1):
        identity.save(escrow / f"escrow-{at}.agekey")
