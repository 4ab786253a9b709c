"""The roster and the keys of a country whose offices have one holder: the DRC node that is measured."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lumbung_cluster.identity_uri import NodeIdentity
from lumbung_cluster.ids import ClusterId, NodeNumber, all_units
from lumbung_cluster.inventory.fingerprint import InventoryKey
from lumbung_cluster.roster import HolderAssignment, Roster, Share
from lumbung_cluster.roster_checks import tidy
from lumbung_cluster.roster_codec import SignedRoster, encode_roster
from lumbung_cluster.roster_node import KeyRecord, KeyUse, Label, LinkClass, NodeRecord, Reach, Role
from lumbung_node.adapters.keys.certificates import Authority, make_tls_key, pin_of_public_key, public_key_of
from lumbung_node.adapters.keys.cluster_secret import load_cluster_secret
from lumbung_node.adapters.keys.ed25519 import Ed25519Signer
from lumbung_node.config import Language, load_config
from lumbung_tools.localcluster.founding import ROSTER_FILE, Founded, found_cluster
from lumbung_tools.localcluster.sites import choose_sites

__all__ = ["DRC", "Country", "OfficeKeys", "found_country"]

DRC = "drc-batam"
_OFFICE = "36.02"
_FIRST_NUMBER = 100
_SEED_BYTES = 32
_CAPACITY_BYTES = 10**16


@dataclass(frozen=True, slots=True)
class OfficeKeys:
    """What an office is started from; all of it can be handed to another process."""

    number: NodeNumber
    entry_seed: bytes
    receipt_seed: bytes
    tls_key: bytes
    tls_chain: bytes


@dataclass(frozen=True, slots=True)
class Country:
    """`founded` holds the DRC node's home and its operator's."""

    founded: Founded
    cluster: ClusterId
    secret: InventoryKey
    drc: NodeNumber
    roster: bytes
    trust_roots: bytes
    offices: Sequence[OfficeKeys]


def found_country(folder: Path, offices: int) -> Country:
    """The DRC node keeps every origin in whole, offices dial it over what counts as a wide-area line."""
    sites = choose_sites((_OFFICE,), (DRC.removeprefix("drc-"),), None)
    founded = found_cluster(folder, sites, Language.ENGLISH, now_ms=time.time_ns() // 1_000_000)
    offline = founded.folder / "authority-OFFLINE"
    authority = Authority((offline / "authority.crt").read_bytes(), (offline / "authority.key").read_bytes())
    cluster = founded.roster.cluster
    keys = [_keys(authority, cluster, NodeNumber(_FIRST_NUMBER + at)) for at in range(offices)]
    (drc,) = (site.number for site in sites if site.name == DRC)
    roster = _roster(founded.roster, keys, drc)
    signed = SignedRoster(encode_roster(roster), ())
    for at in (1, 2):
        signed = signed.signed_by(Ed25519Signer.load(founded.folder / f"custodians-OFFLINE/custodian-{at}.key.pem"))
    for home in ("nodes", "clients"):
        (founded.folder / home / DRC / ROSTER_FILE).write_bytes(signed.encode())
    config = founded.folder / "nodes" / DRC / "config.toml"
    config.write_text(config.read_text().replace('class = "lan"', 'class = "wan"'))
    secret = load_cluster_secret(load_config(config).keys.cluster_secret)
    country = replace(founded, roster=roster)
    return Country(country, cluster, secret, drc, signed.encode(), authority.certificate_pem, keys)


def _keys(authority: Authority, cluster: ClusterId, number: NodeNumber) -> OfficeKeys:
    tls_key = make_tls_key()
    now_ms = time.time_ns() // 1_000_000
    chain = authority.issue(NodeIdentity(cluster, number), public_key_of(tls_key), now_ms=now_ms)
    return OfficeKeys(number, os.urandom(_SEED_BYTES), os.urandom(_SEED_BYTES), tls_key, chain)


def _roster(founded: Roster, keys: Sequence[OfficeKeys], drc: NodeNumber) -> Roster:
    pattern = next(node for node in founded.nodes if node.role is Role.OFFICE)
    centre = next(node for node in founded.nodes if node.number == drc)
    centre = replace(centre, link=LinkClass.WAN, capacity_bytes=_CAPACITY_BYTES)
    nodes = tuple(_record(pattern, office, at) for at, office in enumerate(keys))
    share = (Share(drc, all_units()),)
    assignments = tuple(HolderAssignment(office.number, share) for office in keys)
    return tidy(replace(founded, nodes=(centre, *nodes), assignments=assignments))


def _record(pattern: NodeRecord, office: OfficeKeys, at: int) -> NodeRecord:
    keys = tuple(
        sorted(
            (
                KeyRecord(KeyUse.TLS, pin_of_public_key(public_key_of(office.tls_key)), 1),
                KeyRecord(KeyUse.ENTRY, Ed25519Signer.from_seed(office.entry_seed).public_key, 1),
                KeyRecord(KeyUse.RECEIPT, Ed25519Signer.from_seed(office.receipt_seed).public_key, 1),
                KeyRecord(KeyUse.ACCESS, random.Random(at).randbytes(_SEED_BYTES), 1),
            ),
            key=lambda key: key.use.value,
        )
    )
    label = Label(f"{11 + at // 80:02d}.{1 + at % 80:02d}", 1)
    return replace(
        pattern,
        number=office.number,
        office=office.number,
        labels=(label,),
        keys=keys,
        reach=Reach(Reach.DIAL_ONLY),
        link=LinkClass.WAN,
        vans=None,
    )
