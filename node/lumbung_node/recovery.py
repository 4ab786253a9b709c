"""`lumbung node recover`: an operator's word that this machine is its node, with whatever disk it has now.

Composes adapters as `main` does, for a node that is down. `look` changes nothing; `recover` writes the identity's
record and nothing else: the next start begins a new life above every one that anybody has met, and what is lacking
refills.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import trio

from lumbung_cluster import limits
from lumbung_cluster.canonical import Malformed
from lumbung_cluster.errors import KeyRefused, LumbungError
from lumbung_cluster.identity_uri import parse_identity
from lumbung_cluster.ids import ClusterId, Generation
from lumbung_cluster.life import Life, SignedLife
from lumbung_cluster.place import Place, choose_place
from lumbung_cluster.roster import Roster
from lumbung_cluster.roster_node import NodeRecord
from lumbung_cluster.signed import Signature
from lumbung_node.adapters.grpc_transport import TlsIdentity, grpc_transport
from lumbung_node.adapters.identity_folder import DocumentFolder, IdentityFolder
from lumbung_node.adapters.keys.certificates import read_certificate
from lumbung_node.adapters.keys.ed25519 import Ed25519Verifier
from lumbung_node.adapters.keys.key_files import read_secret
from lumbung_node.adapters.rocks.aside import AsideFolders
from lumbung_node.adapters.world import SystemClock
from lumbung_node.config import NodeConfig
from lumbung_node.ports.identity import IdentityRecord
from lumbung_node.ports.log import Log
from lumbung_node.ports.metrics import Uncounted
from lumbung_node.ports.transport import Caller, Endpoint, LinkClass, Method, Transport
from lumbung_node.services.rosters import open_rosters
from lumbung_node.services.seen_lives import SEEN_LIFE
from lumbung_node.store.own_lives import recovered_record, stopped_by
from lumbung_proto.v1 import lives_pb2

__all__ = ["Situation", "look", "recover"]


@dataclass(frozen=True, slots=True)
class Situation:
    """What is found, and what recovering would make of it.

    `answered` are the partners that told what they have met of this node, `silent` those that did not.
    """

    record: IdentityRecord | None
    recovered: IdentityRecord
    has_store: bool
    is_unmounted: bool
    aside: tuple[str, ...]
    answered: tuple[str, ...]
    silent: tuple[str, ...]

    @property
    def is_stopped(self) -> bool:
        return self.record is not None and stopped_by(self.record) is not None

    @property
    def next_generation(self) -> int:
        return self.recovered.generation + 1


async def look(config: NodeConfig, log: Log) -> Situation:
    """Read identity and folders, and ask every partner what it has met of this node. Raises KeyRefused, OSError."""
    identity = IdentityFolder(config.identity, config.data)
    record, found = await identity.load(), await identity.file_system_found()
    has_store = await trio.Path(config.data / "rocks").is_dir()
    remembered = record.file_system if record is not None else ""
    place = choose_place(remembered=remembered, found=found, has_store=has_store)
    seen, answered, silent = await _ask_partners(config, log)
    recovered = replace(recovered_record(record, seen, SystemClock().now_ms()), file_system=found)
    return Situation(
        record,
        recovered,
        has_store,
        place is Place.FALLBACK,
        tuple(await AsideFolders(config.data, (config.fallback,)).names()),
        tuple(answered),
        tuple(silent),
    )


async def recover(config: NodeConfig, situation: Situation) -> None:
    """Durable when it returns."""
    await IdentityFolder(config.identity, config.data).save(situation.recovered)


async def _ask_partners(config: NodeConfig, log: Log) -> tuple[list[Life], list[str], list[str]]:
    chain = config.keys.tls_chain.read_bytes()
    uri = read_certificate(chain).uri
    if uri is None:
        raise KeyRefused(f"{config.keys.tls_chain}: expected a certificate that names a node, got none")
    cluster = parse_identity(uri).cluster
    documents = DocumentFolder(config.identity, config.roster, config.access_lists)
    roster = (await open_rosters(documents, cluster, Ed25519Verifier(), log)).roster
    tls = TlsIdentity(chain, read_secret(config.keys.tls_key), config.keys.trust_roots.read_bytes())
    seen: list[Life] = []
    answered: list[str] = []
    silent: list[str] = []
    async with grpc_transport(
        tls, access_check=_nobody_calls, link=config.link, log=log, metrics=Uncounted()
    ) as transport:
        for number in roster.partners_of(config.number):
            partner = roster.node(number)
            assert partner is not None
            life = await _ask(transport, roster, partner, config, cluster)
            (silent if life is None else answered).append(partner.name)
            seen += life or []
    return seen, answered, silent


async def _ask(
    transport: Transport, roster: Roster, partner: NodeRecord, config: NodeConfig, cluster: ClusterId
) -> list[Life] | None:
    """The newest life that the partner has met of us, if any; None when it does not answer."""
    uri = f"lumbung://{cluster}/node/{partner.number}"
    for address in partner.addresses:
        endpoint = Endpoint(address, uri, roster.tls_pins(partner.number), LinkClass(partner.link.value))
        channel = transport.dial(endpoint)
        try:
            raw = await channel.call(SEEN_LIFE, b"", deadline_s=limits.DEADLINE_UNARY_S)
            return _believed(lives_pb2.SeenLifeResponse.FromString(raw), roster, config, cluster)
        except LumbungError:
            continue
        finally:
            await channel.close()
    return None


def _believed(
    response: lives_pb2.SeenLifeResponse, roster: Roster, config: NodeConfig, cluster: ClusterId
) -> list[Life]:
    """Only what we have signed ourselves, so that no liar pushes our generations up; a receipt that was carried to the
    partner may have spoken for the one after it.
    """
    if not response.HasField("life"):
        return []
    try:
        signature = Signature(response.life.public_key, response.life.signature)
        life = SignedLife.parse(response.life.body, signature)
    except Malformed:
        return []
    keys = [key.key for key in roster.receipt_keys(config.number)]
    is_ours = life.content.cluster == cluster and life.content.node == config.number
    if not is_ours or life.signature.key_public not in keys or not life.is_valid(Ed25519Verifier()):
        return []
    generation = max(life.content.generation, min(response.generation, life.content.generation + 1))
    return [replace(life.content, generation=Generation(generation))]


def _nobody_calls(_caller: Caller, _method: Method) -> None:
    """This process serves nothing."""
