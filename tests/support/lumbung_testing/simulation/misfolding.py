"""A node whose inventories are wrong, in its receipts over them and in its answers to a reconcile (misbehaviour.py).

Nothing of it can look equal: whoever compares with it finds differences that are none, and must end all the same.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from lumbung_cluster.ids import NodeNumber
from lumbung_cluster.receipt import Statement, UnitClaim
from lumbung_cluster.reconcile.messages import Answer, Question, ToldIds, ToldSymbols, ToldUnits
from lumbung_node.services.core import Core
from lumbung_node.services.session import covering
from lumbung_node.services.session.reconcile_comparing import Comparing
from lumbung_node.services.session.reconcile_moments import Frozen
from lumbung_node.services.session.reconcile_teller import Teller
from lumbung_proto.v1 import peer_pb2
from lumbung_proto.v1 import reconcile_frames_pb2 as pb
from lumbung_testing.simulation.misbehaviour import Misbehaviour, signed_words
from lumbung_testing.simulation.patching import patched

__all__ = ["misfolding"]


@contextmanager
def misfolding(misbehaviour: Misbehaviour) -> Iterator[None]:
    draws = misbehaviour.draws
    compare, tell, honest = Comparing.answer, Teller._answer_of, vars(covering)["inventory_receipt"]

    async def receipt(core: Core, origin: NodeNumber, nonce: int) -> peer_pb2.SignedBytes | None:
        word: peer_pb2.SignedBytes | None = await honest(core, origin, nonce)
        if word is None or not misbehaviour.does(core.number, "misfolding"):
            return word
        truth = Statement.parse(word.body)
        return signed_words(core, replace(truth, units=tuple(_misclaimed(draws, claim) for claim in truth.units)))

    async def compared(self: Comparing, message: pb.ReconcileCompare) -> tuple[pb.ReconcileCompared, bytes]:
        answer, payload = await compare(self, message)
        if misbehaviour.does(self._core.number, "misfolding"):
            answer.root, answer.fingerprints = _flipped(draws, answer.root), _flipped(draws, answer.fingerprints)
            payload = _flipped(draws, payload)
        return answer, payload

    async def told(self: Teller, frozen: Frozen, question: Question) -> Answer:
        answer = await tell(self, frozen, question)
        return _mistold(draws, answer) if misbehaviour.does(self._core.number, "misfolding") else answer

    with (
        patched(covering, "inventory_receipt", receipt),
        patched(Comparing, "answer", compared),
        patched(Teller, "_answer_of", told),
    ):
        yield


def _misclaimed(draws: random.Random, claim: UnitClaim) -> UnitClaim:
    match draws.choice(("digest", "count", "right")):
        case "digest":
            return replace(claim, digest=_flipped(draws, claim.digest))
        case "count":
            return replace(claim, blobs=claim.blobs + draws.choice((1, 1000)))
        case _:
            return claim


def _mistold(draws: random.Random, answer: Answer) -> Answer:
    match answer:
        case ToldSymbols():
            return replace(answer, root=_flipped(draws, answer.root), counts=tuple(c + 1 for c in answer.counts))
        case ToldUnits():
            return replace(answer, fingerprints=tuple(_flipped(draws, each) for each in answer.fingerprints))
        case ToldIds():
            kept = [raw for raw in answer.ids if draws.random() < 0.5]
            return replace(answer, ids=kept)


def _flipped(draws: random.Random, raw: bytes) -> bytes:
    """One bit of it is another one."""
    if not raw:
        return raw
    bit = draws.randrange(8 * len(raw))
    return bytes(byte ^ (1 << bit % 8 if at == bit // 8 else 0) for at, byte in enumerate(raw))
