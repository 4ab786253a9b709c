"""Callers of a real cluster that are not its operator: strangers, other nodes, and bytes that no client would send."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from lumbung_cluster.access import AccessEntry, AccessList, Duty, SignedAccess, sign_access
from lumbung_cluster.errors import Rejected, StatusCode
from lumbung_cluster.identity_uri import AccessIdentity, Identity, NodeIdentity
from lumbung_cluster.ids import NodeNumber
from lumbung_node.adapters.grpc_transport import TlsIdentity, grpc_transport
from lumbung_node.adapters.keys.certificates import Authority, make_tls_key, public_key_of, read_certificate
from lumbung_node.adapters.keys.ed25519 import Ed25519Signer
from lumbung_node.ports.metrics import Uncounted
from lumbung_node.ports.transport import Caller, Channel, Endpoint, LinkClass, Method
from lumbung_testing.real_clusters import now_ms
from lumbung_tools.client.rosters import publish_access
from lumbung_tools.localcluster.founding import Founded

__all__ = ["admit_station", "dial", "node_tls", "operator_tls", "stranger_tls"]

_DAY_MS = 24 * 3600 * 1000


class _Silence:
    def info(self, event: str, /, **values: object) -> None: ...

    def warning(self, event: str, /, **values: object) -> None: ...

    def error(self, event: str, /, **values: object) -> None: ...


def stranger_tls(founded: Founded, identity: Identity) -> TlsIdentity:
    """A fresh key under a good certificate of the cluster's authority: only lists and roster can refuse it."""
    folder = founded.folder / "authority-OFFLINE"
    authority = Authority((folder / "authority.crt").read_bytes(), (folder / "authority.key").read_bytes())
    key = make_tls_key()
    chain = authority.issue(identity, public_key_of(key), now_ms=now_ms())
    return TlsIdentity(chain, key, authority.certificate_pem)


def node_tls(founded: Founded, name: str) -> TlsIdentity:
    """What a node itself shows."""
    keys = founded.folder / "nodes" / name / "keys"
    chain, key, roots = (keys / file for file in ("tls.chain.pem", "tls.key.pem", "trust-roots.pem"))
    return TlsIdentity(chain.read_bytes(), key.read_bytes(), roots.read_bytes())


def operator_tls(founded: Founded, name: str) -> TlsIdentity:
    """What the operator of an office shows."""
    home = founded.client_home(name)
    chain, key, roots = (home / file for file in ("station.crt", "station.key", "trust-roots.pem"))
    return TlsIdentity(chain.read_bytes(), key.read_bytes(), roots.read_bytes())


async def admit_station(founded: Founded, office: str, name: str) -> TlsIdentity:
    """A further station of an office whose node is up: on the next version of its access list, published there."""
    number = next(site.number for site in founded.sites if site.name == office)
    tls = stranger_tls(founded, AccessIdentity(founded.roster.cluster, number, name))
    pin = read_certificate(tls.certificate_chain_pem).pin
    (file,) = (founded.folder / "nodes" / office).glob(f"access-{office}.lumbung")
    held = SignedAccess.decode(file.read_bytes()).content
    entry = AccessEntry(name, Duty.STATION, (pin,), now_ms() - _DAY_MS, now_ms() + _DAY_MS)
    entries = tuple(sorted((*held.entries, entry), key=lambda each: each.name))
    following = AccessList(held.cluster, held.office, held.version + 1, now_ms(), entries)
    signer = Ed25519Signer.load(founded.folder / "access-OFFLINE" / f"{office}.key.pem")
    async with dial(founded, operator_tls(founded, office), office) as channel:
        await publish_access(channel, sign_access(following, signer).encode())
    return tls


@asynccontextmanager
async def dial(founded: Founded, tls: TlsIdentity, name: str) -> AsyncIterator[Channel]:
    """A channel to the node `name`, shown as `tls`."""
    (site,) = [site for site in founded.sites if site.name == name]
    async with grpc_transport(
        tls, access_check=_serve_nobody, link=LinkClass.LAN, log=_Silence(), metrics=Uncounted()
    ) as transport:
        channel = transport.dial(_endpoint(founded, site.number, site.address))
        try:
            yield channel
        finally:
            await channel.close()


def _endpoint(founded: Founded, number: NodeNumber, address: str) -> Endpoint:
    uri = NodeIdentity(founded.roster.cluster, number).uri
    return Endpoint(address, uri, founded.roster.tls_pins(number))


def _serve_nobody(caller: Caller, method: Method) -> None:
    raise Rejected(StatusCode.PERMISSION_DENIED, f"a test serves nobody, got {method.name} from {caller.uri}")
