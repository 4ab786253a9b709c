"""Lives: a node's signed word that it lives in a generation, and who stops when two machines show one identity.

Body (domain `lumbung/life/0`, signed with a receipt key of the node), 48 bytes, integers big endian:

    cluster id   16 B
    node         u32     from 1
    generation   u32     from 1 to 2^24 - 1
    life id      16 B    drawn when the generation starts
    started      u64     UTC milliseconds, advisory

The receipt key signs it: every node has one (a DRC node records nothing and needs no entry key), it is the key whose
words a generation voids, and a thief of it could void them anyway. A statement stands while its key is in force.

Two machines with one identity can come to one generation without knowing of each other; the life id tells them apart.
Rules for what a node is shown of itself, validly signed:
  older generation, or its own life      nothing: that is its own past
  higher (generation, life id)           it stops: no puts, no signatures
  own generation, lower life id          it goes on, in a new generation: what was said in this one may be the other's
Rules for what a peer keeps of a node: the first life met of the newest generation. Another life of the same generation
is refused until one of the two has moved on, because receipts name only the generation.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import Enum

from lumbung_cluster.canonical import Malformed
from lumbung_cluster.ids import ClusterId, Generation, NodeNumber
from lumbung_cluster.signed import (
    Domain,
    Signature,
    Signer,
    Verifier,
    is_signed_by,
    sign,
    split_signed,
)

__all__ = [
    "GENERATION_MAX",
    "LIFE_ID_SIZE_BYTES",
    "Life",
    "OwnVerdict",
    "PeerVerdict",
    "SignedLife",
    "judge_own_life",
    "judge_peer_life",
    "sign_life",
]

LIFE_ID_SIZE_BYTES = 16
GENERATION_MAX = (1 << 24) - 1  # nonces begin at generation x 2^40 in 64 bits: one life an hour for 1,900 years
_BODY = struct.Struct(">16sII16sQ")


@dataclass(frozen=True, slots=True)
class Life:
    """One life of one node. `order` tells which of two goes on."""

    cluster: ClusterId
    node: NodeNumber
    generation: Generation
    life_id: bytes
    started_ms: int

    @property
    def order(self) -> tuple[int, bytes]:
        return self.generation, self.life_id

    def pack(self) -> bytes:
        return _BODY.pack(self.cluster.raw, self.node, self.generation, self.life_id, self.started_ms)

    @classmethod
    def parse(cls, body: bytes) -> Life:
        """Strict. Raises Malformed."""
        if len(body) != _BODY.size:
            raise Malformed("life", f"{_BODY.size} bytes", f"{len(body)}")
        cluster, node, generation, life_id, started_ms = _BODY.unpack(body)
        if not node or not 1 <= generation <= GENERATION_MAX:
            raise Malformed("life", f"a node and a generation from 1 to {GENERATION_MAX}", f"{node}, {generation}")
        return cls(ClusterId(cluster), NodeNumber(node), Generation(generation), life_id, started_ms)


@dataclass(frozen=True, slots=True)
class SignedLife:
    """A statement with the bytes it came as; `to_bytes` is what is stored and shown, 144 bytes."""

    content: Life
    body: bytes
    signature: Signature

    @classmethod
    def parse(cls, body: bytes, signature: Signature) -> SignedLife:
        return cls(Life.parse(body), body, signature)

    @classmethod
    def from_bytes(cls, raw: bytes) -> SignedLife:
        """The body, then public key (32 B) and signature (64 B). Raises Malformed."""
        return cls.parse(*split_signed("signed life", raw))

    def to_bytes(self) -> bytes:
        return self.body + self.signature.to_bytes()

    def is_valid(self, verifier: Verifier) -> bool:
        """Whether the signature is its key's; whether that key is the node's is the roster's to say."""
        return is_signed_by(Domain.LIFE, self.body, self.signature, verifier)


def sign_life(content: Life, signer: Signer) -> SignedLife:
    body = content.pack()
    return SignedLife(content, body, sign(Domain.LIFE, body, signer))


class OwnVerdict(Enum):
    """What a node does about a life of its own number that somebody has seen."""

    NOTHING = "it is our own past or present"
    STOP = "another machine goes on in our place"
    MOVE_ON = "another machine has lived in our generation: start the next one"


def judge_own_life(own: Life, shown: Life) -> OwnVerdict:
    if shown.order == own.order or shown.generation < own.generation:
        return OwnVerdict.NOTHING
    return OwnVerdict.STOP if shown.order > own.order else OwnVerdict.MOVE_ON


class PeerVerdict(Enum):
    """What a node does about the life that a peer speaks for."""

    KNOWN = "the newest life that we have met"
    NEWER = "a newer one: what was proven in older ones is void"
    OLDER = "an older one: nothing that it says counts"
    RIVAL = "another machine in the same generation: neither is believed until one has moved on"


def judge_peer_life(known: Life | None, shown: Life) -> PeerVerdict:
    if known is None or shown.generation > known.generation:
        return PeerVerdict.NEWER
    if shown.generation < known.generation:
        return PeerVerdict.OLDER
    return PeerVerdict.KNOWN if shown.life_id == known.life_id else PeerVerdict.RIVAL
