"""A node of a founded cluster leaves, by a roster that the custodians signed."""

from __future__ import annotations

from dataclasses import replace

from lumbung_cluster.placement import plan
from lumbung_cluster.roster_checks import tidy
from lumbung_cluster.roster_codec import SignedRoster, encode_roster
from lumbung_cluster.roster_node import Departure, NodeState
from lumbung_node.adapters.keys.ed25519 import Ed25519Signer
from lumbung_testing.real_clusters import now_ms
from lumbung_tools.localcluster.founding import ROSTER_FILE, Founded

__all__ = ["roster_without"]


def roster_without(founded: Founded, name: str) -> bytes:
    """Epoch 2, signed by two custodians, in which a node is gone."""
    held = SignedRoster.decode((founded.folder / ROSTER_FILE).read_bytes())
    departure = Departure(epoch=2, drain_proof=None, override_by="test", reason="the building burnt down")
    nodes = tuple(
        replace(node, state=NodeState.GONE, departure=departure) if node.name == name else node
        for node in founded.roster.nodes
    )
    draft = replace(founded.roster, epoch=2, predecessor_hash=held.hash, created_ms=now_ms(), nodes=nodes)
    signed = SignedRoster(encode_roster(tidy(replace(draft, assignments=plan(draft).assignments))), ())
    for at in (1, 2):
        signed = signed.signed_by(Ed25519Signer.load(founded.folder / f"custodians-OFFLINE/custodian-{at}.key.pem"))
    return signed.encode()
