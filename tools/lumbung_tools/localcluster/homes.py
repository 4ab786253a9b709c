"""The folders that a founded cluster hands out: a home for each node, and a profile for an operator at each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lumbung_cluster.ids import ClusterId, NodeNumber
from lumbung_cluster.inventory.fingerprint import InventoryKey
from lumbung_cluster.limits import DISK_FOREIGN_FREE_BYTES_MIN, DISK_OWN_FREE_BYTES_MIN
from lumbung_cluster.schedule import ALWAYS_FREE
from lumbung_cluster.scrub_pace import ScrubSettings
from lumbung_node.adapters.keys.age_identity import AgeIdentity
from lumbung_node.adapters.keys.cluster_secret import save_cluster_secret
from lumbung_node.adapters.keys.ed25519 import Ed25519Signer
from lumbung_node.adapters.keys.key_files import write_public, write_secret
from lumbung_node.config import (
    DiskMarks,
    KeyFiles,
    Language,
    LogFormat,
    LogLevel,
    NodeConfig,
    render_config,
)
from lumbung_node.ports.transport import LinkClass
from lumbung_tools.client.profile import Profile, write_profile

__all__ = ["ClientHome", "NodeHome", "write_client_home", "write_node_home"]

_PRIVATE_MODE = 0o700


@dataclass(frozen=True, slots=True)
class NodeHome:
    """What a node starts with. `access_lists` are signed bytes by office name."""

    name: str
    number: NodeNumber
    address: str
    language: Language
    link: LinkClass
    tls_chain: bytes
    tls_key: bytes
    trust_roots: bytes
    entry: Ed25519Signer
    receipt: Ed25519Signer
    cluster_secret: InventoryKey
    roster: bytes
    access_lists: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class ClientHome:
    """What an operator starts with; without `age` recordings can be stored and fetched there, but not opened."""

    cluster: ClusterId
    node: NodeNumber
    certificate: bytes
    key: bytes
    trust_roots: bytes
    roster: bytes
    tag_secret: bytes
    age: AgeIdentity | None


def write_node_home(folder: Path, home: NodeHome) -> None:
    """A new folder with config.toml, keys/, identity/ and data/."""
    keys = folder / "keys"
    for each in (folder, keys, folder / "identity", folder / "data"):
        each.mkdir(mode=_PRIVATE_MODE, parents=True)
    config = _config(folder, home)
    write_public(config.keys.tls_chain, home.tls_chain)
    write_secret(config.keys.tls_key, home.tls_key)
    write_public(config.keys.trust_roots, home.trust_roots)
    home.entry.save(config.keys.entry_key)
    home.receipt.save(config.keys.receipt_key)
    save_cluster_secret(config.keys.cluster_secret, home.cluster_secret)
    write_public(config.roster, home.roster)
    for path, raw in zip(config.access_lists, home.access_lists.values(), strict=True):
        write_public(path, raw)
    config.file.write_text(render_config(config), encoding="utf-8")


def write_client_home(folder: Path, home: ClientHome) -> None:
    """A new folder with profile.toml and the files that it names."""
    profile = Profile(
        home=folder,
        cluster=home.cluster,
        node=home.node,
        address=None,
        certificate=folder / "station.crt",
        key=folder / "station.key",
        trust_roots=folder / "trust-roots.pem",
        roster=folder / "roster.lumbung",
        tag_secret=folder / "tag.secret",
        identities=(folder / "office.agekey",) if home.age else (),
    )
    write_profile(profile)
    write_public(profile.certificate, home.certificate)
    write_secret(profile.key, home.key)
    write_public(profile.trust_roots, home.trust_roots)
    write_public(profile.roster, home.roster)
    write_secret(profile.tag_secret, _hex_line(home.tag_secret))
    for path in profile.identities:
        assert home.age is not None, "the profile names an identity only when there is one"
        home.age.save(path)


def _config(folder: Path, home: NodeHome) -> NodeConfig:
    keys = folder / "keys"
    return NodeConfig(
        file=folder / "config.toml",
        name=home.name,
        number=home.number,
        identity=folder / "identity",
        data=folder / "data",
        fallback=folder / "fallback",
        listen=home.address,
        advertised=home.address,
        language=home.language,
        accept_unsealed=False,
        keys=KeyFiles(
            tls_chain=keys / "tls.chain.pem",
            tls_key=keys / "tls.key.pem",
            trust_roots=keys / "trust-roots.pem",
            entry_key=keys / "entry.key.pem",
            receipt_key=keys / "receipt.key.pem",
            cluster_secret=keys / "cluster.secret",
        ),
        roster=folder / "roster.lumbung",
        access_lists=tuple(folder / f"access-{name}.lumbung" for name in home.access_lists),
        disk=DiskMarks(DISK_FOREIGN_FREE_BYTES_MIN, DISK_OWN_FREE_BYTES_MIN),
        scrub=ScrubSettings(),
        link=home.link,
        bandwidth=ALWAYS_FREE,
        log_format=LogFormat.JSON,
        log_level=LogLevel.INFO,
    )


def _hex_line(secret: bytes) -> bytes:
    return f"{secret.hex()}\n".encode("ascii")
