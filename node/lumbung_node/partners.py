"""Speaking as a node that need not run: its certificate, its roster, and a question to each of its partners.

For commands that an operator types at the node's machine. Composes adapters as `main` does.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from lumbung_cluster import limits
from lumbung_cluster.errors import KeyRefused, LumbungError
from lumbung_cluster.identity_uri import parse_identity
from lumbung_cluster.ids import ClusterId
from lumbung_cluster.roster import Roster
from lumbung_cluster.roster_node import NodeRecord
from lumbung_node.adapters.grpc_transport import TlsIdentity, grpc_transport
from lumbung_node.adapters.identity_folder import DocumentFolder
from lumbung_node.adapters.keys.certificates import read_certificate
from lumbung_node.adapters.keys.ed25519 import Ed25519Verifier
from lumbung_node.adapters.keys.key_files import read_secret
from lumbung_node.config import NodeConfig
from lumbung_node.ports.log import Log
from lumbung_node.ports.metrics import Uncounted
from lumbung_node.ports.transport import AccessCheck, Endpoint, LinkClass, Method, Transport
from lumbung_node.services.rosters import open_rosters

__all__ = ["OwnNode", "open_own_node"]


@dataclass(frozen=True, slots=True)
class OwnNode:
    """Who we are, and a way to speak as that."""

    config: NodeConfig
    cluster: ClusterId
    roster: Roster
    transport: Transport

    def partners(self) -> list[NodeRecord]:
        """Those with whom it shares an origin, by number."""
        records = (self.roster.node(number) for number in self.roster.partners_of(self.config.number))
        return [record for record in records if record is not None]

    def endpoint(self, node: NodeRecord, address: str) -> Endpoint:
        uri = f"lumbung://{self.cluster}/node/{node.number}"
        return Endpoint(address, uri, self.roster.tls_pins(node.number), LinkClass(node.link.value))

    async def ask(self, partner: NodeRecord, method: Method, *, deadline_s: float = limits.DEADLINE_UNARY_S) -> bytes:
        """The answer of the first address that has one, to an empty request. Raises the last address's LumbungError."""
        failure: LumbungError = KeyRefused(f"{partner.name} has no address in the roster: it dials us")
        for address in partner.addresses:
            channel = self.transport.dial(self.endpoint(partner, address))
            try:
                return await channel.call(method, b"", deadline_s=deadline_s)
            except LumbungError as exc:
                failure = exc
            finally:
                await channel.close()
        raise failure


@asynccontextmanager
async def open_own_node(config: NodeConfig, log: Log, access_check: AccessCheck) -> AsyncIterator[OwnNode]:
    """Raises KeyRefused, OSError. Whoever serves on the transport lets in whom `access_check` lets in."""
    chain = config.keys.tls_chain.read_bytes()
    uri = read_certificate(chain).uri
    if uri is None:
        raise KeyRefused(f"{config.keys.tls_chain}: expected a certificate that names a node, got none")
    cluster = parse_identity(uri).cluster
    documents = DocumentFolder(config.identity, config.roster, config.access_lists)
    roster = (await open_rosters(documents, cluster, Ed25519Verifier(), log)).roster
    tls = TlsIdentity(chain, read_secret(config.keys.tls_key), config.keys.trust_roots.read_bytes())
    async with grpc_transport(
        tls, access_check=access_check, link=config.link, log=log, metrics=Uncounted()
    ) as transport:
        yield OwnNode(config, cluster, roster, transport)
