"""Speaking as a node that need not run: its certificate, its roster, and a question to each of its partners.

For commands that an operator types at the node's machine. Composes adapters as `main` does.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from grpc_health.v1.health_pb2 import HealthCheckResponse

from lumbung_cluster import limits
from lumbung_cluster.errors import KeyRefused, LumbungError, PeerUnreachable
from lumbung_cluster.ids import ClusterId
from lumbung_cluster.roster import Roster
from lumbung_cluster.roster_node import NodeRecord
from lumbung_node.adapters.grpc_transport import grpc_transport
from lumbung_node.adapters.identity_folder import DocumentFolder
from lumbung_node.adapters.keys.ed25519 import Ed25519Verifier
from lumbung_node.adapters.keys.key_folder import KeyFolder
from lumbung_node.adapters.node_tls import NodeTls, certified_node
from lumbung_node.config import NodeConfig
from lumbung_node.ports.keystore import KeysInUse
from lumbung_node.ports.log import Log
from lumbung_node.ports.metrics import Uncounted
from lumbung_node.ports.transport import AccessCheck, Endpoint, LinkClass, Method, Transport
from lumbung_node.services.dial_back import HEALTH_CHECK
from lumbung_node.services.rosters import open_rosters

__all__ = ["OwnNode", "open_own_node"]


_LOOPBACK_OF = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}


@dataclass(frozen=True, slots=True)
class OwnNode:
    """Who we are, the keys that are in use, and a way to speak as that."""

    config: NodeConfig
    cluster: ClusterId
    roster: Roster
    keys: KeysInUse
    certificate_chain_pem: bytes
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

    async def knock(self) -> None:
        """Ask this node itself, where its configuration says that it listens, whether it serves.

        Raises LumbungError: nobody answers there, somebody else does, or it does not serve now.
        """
        record = self.roster.node(self.config.number)
        if record is None:
            raise KeyRefused(f"roster of epoch {self.roster.epoch}: expected node {self.config.number}, got none")
        channel = self.transport.dial(self.endpoint(record, _dialled(self.config.listen)))
        try:
            raw = await channel.call(HEALTH_CHECK, b"", deadline_s=limits.DEADLINE_UNARY_S)
        finally:
            await channel.close()
        if HealthCheckResponse.FromString(raw).status != HealthCheckResponse.SERVING:
            raise PeerUnreachable(f"{self.config.listen}: it answers and does not serve now")


def _dialled(listen: str) -> str:
    """Where to dial a listener: one on all addresses is met on loopback."""
    host, _, port = listen.rpartition(":")
    return f"{_LOOPBACK_OF.get(host, host)}:{port}"


@asynccontextmanager
async def open_own_node(config: NodeConfig, log: Log, access_check: AccessCheck) -> AsyncIterator[OwnNode]:
    """Raises KeyRefused, OSError. Whoever serves on the transport lets in whom `access_check` lets in."""
    cluster = certified_node(config).cluster
    documents = DocumentFolder(config.identity, config.roster, config.access_lists)
    roster = (await open_rosters(documents, cluster, Ed25519Verifier(), log)).roster
    store = KeyFolder(config.keys, config.identity, log)
    present, used = await store.at_hand(), await store.in_use()
    # What the node uses, or would use at its first start: the doctor changes nothing over.
    keys = KeysInUse(
        used.entry or present.entry[0].public_key,
        used.receipt or present.receipt[0].public_key,
        used.tls_pin or present.tls_pins[0],
    )
    tls = NodeTls(config.keys, keys.tls_pin).held
    async with grpc_transport(
        tls, access_check=access_check, link=config.link, log=log, metrics=Uncounted()
    ) as transport:
        yield OwnNode(config, cluster, roster, keys, tls.certificate_chain_pem, transport)
