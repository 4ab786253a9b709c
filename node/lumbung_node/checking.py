"""What the files that a configuration names say about each other, before a node starts with them. Changes nothing."""

from __future__ import annotations

import os
from pathlib import Path

from lumbung_cluster.canonical import Malformed
from lumbung_cluster.errors import KeyRefused
from lumbung_cluster.roster_codec import SignedRoster
from lumbung_node.adapters.keys.cluster_secret import load_cluster_secret
from lumbung_node.adapters.keys.tls_proofs import is_issued_by
from lumbung_node.adapters.node_tls import certified_node
from lumbung_node.config import NodeConfig
from lumbung_node.partners import open_own_node
from lumbung_node.ports.log import Unlogged
from lumbung_node.ports.transport import Caller, Method

__all__ = ["check_files", "unreadable_files"]


def unreadable_files(config: NodeConfig) -> list[Path]:
    """Those that this account may not read: what they say is for the node's own account to check."""
    keys = config.keys
    files = (keys.tls_chain, keys.trust_roots, config.roster, *config.access_lists, *keys.secrets())
    closed = [config.identity] if config.identity.is_dir() and not os.access(config.identity, os.R_OK | os.X_OK) else []
    return [*closed, *(path for path in files if not os.access(path, os.R_OK))]


async def check_files(config: NodeConfig) -> str:
    """The node's name in the roster. Raises KeyRefused, Malformed and OSError for what a start refuses, and for a
    certificate that nobody would believe."""
    _check_cluster(config)
    async with open_own_node(config, Unlogged(), _nobody_calls) as own:
        if not is_issued_by(own.certificate_chain_pem, config.keys.trust_roots.read_bytes()):
            raise KeyRefused(
                f"{config.keys.tls_chain}: expected one of an authority in {config.keys.trust_roots}, got another's"
            )
        load_cluster_secret(config.keys.cluster_secret)
        record = own.roster.node(config.number)
        if record is None:
            raise KeyRefused(f"roster of epoch {own.roster.epoch}: expected node {config.number} in it, got none")
        return record.name


def _check_cluster(config: NodeConfig) -> None:
    """Of the roster file, which a start can do without when it has kept newer ones; after a lost disk it could not."""
    named = certified_node(config).cluster
    try:
        cluster = SignedRoster.decode(config.roster.read_bytes()).parse().cluster
    except Malformed as exc:
        raise KeyRefused("no roster: expected the one from the enrolment pack") from exc
    if cluster != named:
        raise KeyRefused(
            f"{config.keys.tls_chain}: expected a certificate of cluster {cluster} as in {config.roster}, got one of "
            f"{named}"
        )


def _nobody_calls(_caller: Caller, _method: Method) -> None:
    """This process serves nothing."""
