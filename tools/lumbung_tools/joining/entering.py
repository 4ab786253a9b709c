"""The office's side of the answer: judge the pack, then write what makes a node of this machine.

Everything is judged before the first byte is written. The config comes last: a join that was cut off is done again, a
machine that has a config has joined.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pyrage

from lumbung_cluster.enrolment_pack import EnrolmentPack, Welcome, judge_pack
from lumbung_cluster.errors import KeyRefused
from lumbung_cluster.identity_uri import AccessIdentity, NodeIdentity
from lumbung_cluster.inventory.fingerprint import InventoryKey
from lumbung_cluster.joining import JoinRefused
from lumbung_cluster.limits import DISK_FOREIGN_FREE_BYTES_MIN, DISK_OWN_FREE_BYTES_MIN
from lumbung_cluster.roster_codec import SignedRoster
from lumbung_cluster.schedule import ALWAYS_FREE
from lumbung_cluster.scrub_pace import ScrubSettings
from lumbung_cluster.signed_join import SignedJoin
from lumbung_node.adapters.identity_folder import replace_file
from lumbung_node.adapters.keys.age_identity import AgeIdentity
from lumbung_node.adapters.keys.certificates import (
    CertificateFacts,
    read_certificate,
)
from lumbung_node.adapters.keys.cluster_secret import parse_cluster_secret, render_cluster_secret
from lumbung_node.adapters.keys.ed25519 import Ed25519Verifier
from lumbung_node.adapters.keys.key_files import read_secret, write_secret
from lumbung_node.adapters.keys.tls_proofs import is_issued_by
from lumbung_node.config import DiskMarks, KeyFiles, LogFormat, LogLevel, NodeConfig, load_config, render_config
from lumbung_node.ports.transport import LinkClass
from lumbung_tools.client.profile import PROFILE_FILE, Profile, write_profile
from lumbung_tools.joining.asking import has_keys
from lumbung_tools.joining.lists import access_file, lists_of_entry
from lumbung_tools.joining.places import Machine, OfficePlaces

__all__ = ["Entry", "join_office", "judge_entry"]

_PRIVATE_MODE = 0o700


@dataclass(frozen=True, slots=True)
class Entry:
    """A pack that was judged good for this machine, the config that it will get, and whether it has one already."""

    welcome: Welcome
    pack: EnrolmentPack
    asked: SignedJoin
    secret: InventoryKey
    config: NodeConfig
    access_lists: Mapping[str, bytes]
    has_joined: bool


def judge_entry(places: OfficePlaces, pack: EnrolmentPack, asked: SignedJoin, *, now_ms: int) -> Entry:
    """Whether this machine may join by this pack; writes nothing. Raises JoinRefused, KeyRefused, ConfigError."""
    verdict = judge_pack(pack, asked, Ed25519Verifier())
    if not isinstance(verdict, Welcome):
        raise JoinRefused(verdict.reason)
    if not has_keys(places, asked):
        raise JoinRefused(f"{places.keys}: expected the keys of the join request, got others")
    _judge_identity(places, verdict)
    _judge_certificates(verdict, pack, asked)
    secret = _open_secret(places, pack)
    lists = lists_of_entry(places, verdict, asked, now_ms)
    config = _config(places, verdict, Machine.load(places), lists)
    has_joined = config.file.exists()
    if has_joined and load_config(config.file).number != verdict.node.number:
        raise JoinRefused(f"{config.file}: expected no node here or node {verdict.node.number}, got another")
    return Entry(verdict, pack, asked, secret, config, lists, has_joined)


def join_office(places: OfficePlaces, entry: Entry) -> None:
    """Write it all; repeating a join that was cut off ends it. Raises KeyRefused, OSError."""
    config, keys = entry.config, entry.config.keys
    for folder in (places.node, places.keys, config.identity, config.data):
        folder.mkdir(mode=_PRIVATE_MODE, parents=True, exist_ok=True)
    roots = entry.welcome.roster.trust_roots_pem().encode("ascii")
    replace_file(keys.tls_chain, entry.pack.node_chain.encode("ascii"))
    replace_file(keys.trust_roots, roots)
    _write_secret_once(keys.cluster_secret, render_cluster_secret(entry.secret))
    for path, raw in zip(config.access_lists, entry.access_lists.values(), strict=True):
        replace_file(path, raw)
    _write_rosters(entry)
    if entry.pack.operator_chain is not None:
        _write_client(places, entry, entry.pack.operator_chain, roots)
    replace_file(config.file, render_config(config).encode("utf-8"))


def _judge_identity(places: OfficePlaces, welcome: Welcome) -> None:
    """What stations will seal to must open here, or the office records what only the escrow can read."""
    file = places.client / "office.agekey"
    if not file.exists():  # it has gone to its safe already, or there is none here
        return
    recipient = AgeIdentity.load(file).recipient
    if recipient not in [entry.recipient for entry in welcome.node.recipients if entry.last_epoch is None]:
        raise JoinRefused(f"{file}: expected the age identity that the roster names, got {recipient[:16]}")


def _judge_certificates(welcome: Welcome, pack: EnrolmentPack, asked: SignedJoin) -> None:
    """The certificates name us, hold our keys, and come from an authority that the roster names. Raises JoinRefused."""
    roots = welcome.roster.trust_roots_pem().encode("ascii")
    request = asked.request
    identity = NodeIdentity(request.cluster, welcome.node.number)
    _judge_certificate("node", pack.node_chain, identity.uri, request.tls_pin, roots)
    if (request.operator is None) != (pack.operator_chain is None):
        raise JoinRefused("pack: expected a certificate for each TLS key of the request, got another number of them")
    if request.operator is not None and pack.operator_chain is not None:
        of_operator = AccessIdentity(request.cluster, welcome.list_office, request.operator.name)
        _judge_certificate("operator", pack.operator_chain, of_operator.uri, request.operator.pin, roots)


def _judge_certificate(whose: str, chain: str, uri: str, pin: bytes, roots: bytes) -> CertificateFacts:
    facts = read_certificate(chain.encode("ascii", "replace"))
    if facts.uri != uri:
        raise JoinRefused(f"certificate of the {whose}: expected {uri}, got {facts.uri}")
    if facts.pin != pin:
        raise JoinRefused(f"certificate of the {whose}: expected our key {pin.hex()[:16]}, got {facts.pin.hex()[:16]}")
    if not roots or not is_issued_by(chain.encode("ascii"), roots):
        raise JoinRefused(f"certificate of the {whose}: expected one by an authority of the roster, got another's")
    return facts


def _open_secret(places: OfficePlaces, pack: EnrolmentPack) -> InventoryKey:
    identity = AgeIdentity.load(places.pack_key)
    try:
        line = pyrage.decrypt(pack.secret_sealed, [pyrage.x25519.Identity.from_str(identity.secret)])
    except pyrage.DecryptError as exc:
        raise JoinRefused("pack: expected a cluster secret sealed to this machine, got one that does not open") from exc
    secret = parse_cluster_secret(line)
    if secret is None:
        raise JoinRefused("pack: expected a cluster secret of one line, got something else")
    return secret


def _config(places: OfficePlaces, welcome: Welcome, machine: Machine, lists: Mapping[str, bytes]) -> NodeConfig:
    """What the centre's record and the machine's own facts propose; people edit it afterwards."""
    home, keys, node = places.node, places.keys, welcome.node
    return NodeConfig(
        file=places.config,
        name=node.name,
        number=node.number,
        identity=home / "identity",
        data=home / machine.data,
        fallback=home / "fallback",
        listen=machine.listen,
        advertised=node.addresses[0] if node.addresses else machine.listen,
        language=machine.language,
        accept_unsealed=False,
        keys=KeyFiles(
            tls_chain=keys / "tls.chain.pem",
            tls_key=keys / "tls.key.pem",
            trust_roots=keys / "trust-roots.pem",
            entry_key=keys / "entry.key.pem",
            receipt_key=keys / "receipt.key.pem",
            cluster_secret=keys / "cluster.secret",
        ),
        roster=home / "roster.lumbung",
        access_lists=tuple(access_file(places, name) for name in lists),
        disk=DiskMarks(DISK_FOREIGN_FREE_BYTES_MIN, DISK_OWN_FREE_BYTES_MIN),
        scrub=ScrubSettings(),
        link=LinkClass(node.link.value),
        bandwidth=ALWAYS_FREE,
        log_format=LogFormat.JSON,
        log_level=LogLevel.INFO,
        metrics_listen=None,
    )


def _write_rosters(entry: Entry) -> None:
    """The oldest is the one that was vouched for; the node walks from it to the newest."""
    rosters = entry.pack.rosters
    replace_file(entry.config.roster, rosters[0])
    for raw in rosters[1:]:
        replace_file(entry.config.identity / "rosters" / f"{SignedRoster.decode(raw).epoch:010d}", raw)


def _write_client(places: OfficePlaces, entry: Entry, chain: str, roots: bytes) -> None:
    home = places.client
    identity = home / "office.agekey"
    profile = Profile(
        home=home,
        cluster=entry.pack.cluster,
        node=entry.pack.node,
        address=None,
        certificate=home / "station.crt",
        key=home / "station.key",
        trust_roots=home / "trust-roots.pem",
        roster=home / "roster.lumbung",
        tag_secret=home / "tag.secret",
        identities=(identity,) if identity.exists() else (),
    )
    if entry.welcome.list_office != entry.pack.node:  # the profile speaks to a van, which no roster names
        replace_file(profile.access_list, next(iter(entry.access_lists.values())))
    replace_file(profile.certificate, chain.encode("ascii"))
    replace_file(profile.trust_roots, roots)
    replace_file(profile.roster, entry.pack.rosters[-1])
    if not (home / PROFILE_FILE).exists():  # somebody may have edited it
        write_profile(profile)


def _write_secret_once(path: Path, content: bytes) -> None:
    """Raises KeyRefused when another secret lies there."""
    if not path.exists():
        write_secret(path, content)
    elif read_secret(path) != content:
        raise KeyRefused(f"key file {path}: expected the cluster secret of the pack or nothing, got another one")
