"""`lumbung node recover`: an operator's word that this machine is its node, with whatever disk it has now.

Composes adapters as `main` does, for a node that is down. `look` changes nothing; `recover` writes the identity's
record and nothing else: the next start begins a new life above every one that anybody has met, and what is lacking
refills.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import trio

from lumbung_cluster.canonical import Malformed
from lumbung_cluster.errors import LumbungError
from lumbung_cluster.ids import ClusterId, Generation, NodeNumber
from lumbung_cluster.life import Life, SignedLife
from lumbung_cluster.place import Place, choose_place
from lumbung_cluster.roster import Roster
from lumbung_cluster.roster_node import NodeRecord
from lumbung_cluster.signed import Signature, Verifier
from lumbung_node.adapters.identity_folder import IdentityFolder
from lumbung_node.adapters.keys.ed25519 import Ed25519Verifier
from lumbung_node.adapters.rocks.aside import AsideFolders
from lumbung_node.adapters.world import SystemClock
from lumbung_node.config import NodeConfig
from lumbung_node.partners import OwnNode, open_own_node
from lumbung_node.ports.identity import IdentityRecord
from lumbung_node.ports.log import Log
from lumbung_node.ports.transport import Caller, Method
from lumbung_node.services.seen_lives import SEEN_LIFE
from lumbung_node.store.own_lives import recovered_record, stopped_by
from lumbung_proto.v1 import lives_pb2

__all__ = ["Situation", "believed_lives", "look", "recover"]


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
    seen: list[Life] = []
    answered: list[str] = []
    silent: list[str] = []
    async with open_own_node(config, log, _nobody_calls) as own:
        for partner in own.partners():
            life = await _ask(own, partner)
            (silent if life is None else answered).append(partner.name)
            seen += life or []
    return seen, answered, silent


async def _ask(own: OwnNode, partner: NodeRecord) -> list[Life] | None:
    """The newest life that the partner has met of us, if any; None when it does not answer."""
    try:
        raw = await own.ask(partner, SEEN_LIFE)
    except LumbungError:
        return None
    response = lives_pb2.SeenLifeResponse.FromString(raw)
    return believed_lives(response, own.roster, own.config.number, own.cluster, Ed25519Verifier())


def believed_lives(
    response: lives_pb2.SeenLifeResponse, roster: Roster, number: NodeNumber, cluster: ClusterId, verifier: Verifier
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
    keys = {key.key: key for key in roster.receipt_keys(number)}
    key = keys.get(life.signature.key_public)
    is_ours = life.content.cluster == cluster and life.content.node == number
    if not is_ours or key is None or not life.is_valid(verifier):
        return []
    if not key.is_open and life.content.generation > roster.former_generation_max(number):
        return []  # of the machine before this one, or of a thief who wants no generation to be left
    generation = max(life.content.generation, min(response.generation, life.content.generation + 1))
    return [replace(life.content, generation=Generation(generation))]


def _nobody_calls(_caller: Caller, _method: Method) -> None:
    """This process serves nothing."""
