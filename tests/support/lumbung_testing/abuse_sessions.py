"""Abuse by nodes: one that left, and one that is a partner and went wild."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import trio

from lumbung_cluster import limits
from lumbung_cluster.entry import Entry, EntryList, sign_list
from lumbung_cluster.errors import LumbungError
from lumbung_cluster.ids import BlobId, Generation, NodeNumber
from lumbung_cluster.life import Life, SignedLife, sign_life
from lumbung_cluster.receipt import Statement, StatementKind, UnitClaim, sign_statement
from lumbung_node.adapters.keys.ed25519 import Ed25519Signer
from lumbung_node.ports.transport import CallKind, Channel, ClientStream, Method
from lumbung_node.services.session.lives import life_message
from lumbung_proto.codec import decode_frame, encode_frame
from lumbung_proto.v1 import peer_pb2
from lumbung_testing.abuser import LIAR, RETIRED, Abuser, drain
from lumbung_testing.callers import node_tls
from lumbung_tools.client.methods import GET_ROSTER
from lumbung_tools.localcluster.founding import Founded

__all__ = ["bytes_nobody_asked_for", "endless_offers", "endless_words", "replayed_receipts", "retired_node"]

SESSION = Method("/lumbung.v1.PeerService/Session", CallKind.BIDI)

_BLOBS_OF_AN_OFFER = 4
_STALE_MAX = 16  # answers before it says something that nobody asked for


async def retired_node(abuser: Abuser) -> None:
    """A node that has left, with the keys that were its own: sessions, and calls that partners may make."""
    async with abuser.channel(node_tls(abuser.founded, RETIRED)) as channel:

        async def open_session() -> None:
            async with channel.stream(SESSION) as stream:
                await drain(stream)

        while True:
            await abuser.attempt(open_session)
            await abuser.attempt(lambda: _ask_roster(channel))


async def _ask_roster(channel: Channel) -> None:
    await channel.call(GET_ROSTER, b"", deadline_s=10)


async def replayed_receipts(abuser: Abuser) -> None:
    """A partner that keeps nothing: whatever it is asked, it sends words that it really signed, but before.

    Half of them name a nonce of an earlier question, the others the generation before its present one. At last comes
    an answer without a question.
    """
    signer, life = _signer_of_liar(abuser.founded), _life_of_liar(abuser.founded)
    async with abuser.channel(node_tls(abuser.founded, LIAR)) as channel:

        async def talk() -> None:
            async with channel.stream(SESSION) as stream:
                await _greet(stream, life)
                stale = 0
                while stale < _STALE_MAX and (received := await stream.receive()) is not None:
                    frame = _replayed(_frame_of(received), life.content, signer, is_old_life=stale % 2 == 1)
                    if frame is not None:
                        await _say(stream, frame)
                        stale += 1
                await _say(stream, peer_pb2.SessionFrame(proof=peer_pb2.Proof(question=1 << 20)))
                await drain(stream)

        while True:
            await abuser.attempt(talk)


def _replayed(
    asked: peer_pb2.SessionFrame, life: Life, signer: Ed25519Signer, *, is_old_life: bool
) -> peer_pb2.SessionFrame | None:
    """The answer to a question of ours, with a word of an earlier one; None for what is no question."""

    def word(kind: StatementKind, origin: int, nonce: int, ids: list[bytes]) -> peer_pb2.SignedBytes:
        generation, nonce = (life.generation - 1, nonce) if is_old_life else (life.generation, nonce - 1)
        blobs = tuple(BlobId(raw) for raw in ids)
        units = (UnitClaim(0, 1, bytes(32)),) if kind is StatementKind.INVENTORY_RECEIPT else ()
        said = Statement(
            kind, life.cluster, life.node, Generation(generation), 1, NodeNumber(origin), nonce, 1, 1, blobs, units
        )
        signed = sign_statement(said, signer)
        return peer_pb2.SignedBytes(
            body=signed.body, public_key=signed.signature.key_public, signature=signed.signature.signature
        )

    if asked.HasField("offer") and asked.offer.nonce:
        offer = asked.offer
        lists = [EntryList.parse(signed.body) for signed in offer.lists]
        ids = [lists[entry.list].entries[entry.index].blob.raw for entry in offer.entries]
        mark = peer_pb2.OriginMark(
            origin=offer.origin, generation=1, number=offer.upto, running_hash=offer.running_hash
        )
        receipt = word(StatementKind.COMMIT_RECEIPT, offer.origin, offer.nonce, ids) if ids else None
        return peer_pb2.SessionFrame(applied=peer_pb2.Applied(offer=offer.offer, mark=mark, receipt=receipt))
    if asked.HasField("prove"):
        receipt = word(StatementKind.COMMIT_RECEIPT, asked.prove.origin, asked.prove.nonce, list(asked.prove.ids))
        return peer_pb2.SessionFrame(proof=peer_pb2.Proof(question=asked.prove.question, receipt=receipt))
    if asked.HasField("inventory_ask"):
        ask = asked.inventory_ask
        receipt = word(StatementKind.INVENTORY_RECEIPT, ask.origin, ask.nonce, [])
        return peer_pb2.SessionFrame(inventory_word=peer_pb2.InventoryWord(question=ask.question, receipt=receipt))
    return None


async def endless_words(abuser: Abuser) -> None:
    """A session that asks and claims without end: proofs, needs, withdrawals that nobody signed."""
    ids = [bytes([number]) * 32 for number in range(256)]
    words = [
        peer_pb2.SessionFrame(need=peer_pb2.Need(origin=2, ids=ids)),
        peer_pb2.SessionFrame(prove=peer_pb2.Prove(question=1, origin=2, nonce=1, ids=ids)),
        peer_pb2.SessionFrame(
            withdraw=peer_pb2.Withdraw(
                withdrawal=peer_pb2.SignedBytes(body=bytes(200), public_key=bytes(32), signature=bytes(64))
            )
        ),
        peer_pb2.SessionFrame(takes=peer_pb2.Takes()),
    ]
    await _as_node(abuser, words)


async def endless_offers(abuser: Abuser) -> None:
    """A session that offers what it never sends, with lists that nobody signed."""
    offers = [
        peer_pb2.SessionFrame(
            offer=peer_pb2.Offer(
                offer=number,
                origin=2,
                lane=peer_pb2.LANE_REPAIR,
                lists=[peer_pb2.SignedBytes(body=bytes(163), public_key=bytes(32), signature=bytes(64))] * 32,
                entries=[peer_pb2.OfferedEntry(list=0, index=0)] * 256,
            )
        )
        for number in range(1, 50)
    ]
    await _as_node(abuser, offers)


async def bytes_nobody_asked_for(abuser: Abuser) -> None:
    """A session whose offers, in lists that it really signed, bring along bytes that are not the blobs."""
    signer = Ed25519Signer.load(abuser.founded.folder / "nodes" / LIAR / "keys" / "entry.key.pem")
    life = _life_of_liar(abuser.founded).content
    size_bytes = limits.PIECE_SIZE_BYTES_MAX // _BLOBS_OF_AN_OFFER
    offers = []
    for number in range(1, 50):
        blobs = (BlobId.of(b"%d %d" % (number, index)) for index in range(_BLOBS_OF_AN_OFFER))
        entries = tuple(Entry(blob, size_bytes, 1, 0) for blob in blobs)
        signed = sign_list(EntryList(life.cluster, life.node, life.generation, number, bytes(32), entries), signer)
        offers.append(
            peer_pb2.SessionFrame(
                offer=peer_pb2.Offer(
                    offer=number,
                    origin=life.node,
                    lane=peer_pb2.LANE_WAITED,
                    nonce=number,
                    lists=[
                        peer_pb2.SignedBytes(
                            body=signed.body,
                            public_key=signed.signature.key_public,
                            signature=signed.signature.signature,
                        )
                    ],
                    entries=[peer_pb2.OfferedEntry(list=0, index=at) for at in range(_BLOBS_OF_AN_OFFER)],
                )
            )
        )
    await _as_node(abuser, offers, bytes(size_bytes * _BLOBS_OF_AN_OFFER))


async def _as_node(abuser: Abuser, frames: list[peer_pb2.SessionFrame], payload: bytes = b"") -> None:
    life = _life_of_liar(abuser.founded)
    async with abuser.channel(node_tls(abuser.founded, LIAR)) as channel:

        async def talk() -> None:
            async with channel.stream(SESSION) as stream:
                await _greet(stream, life)
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(drain, stream)
                    while True:
                        for frame in frames:
                            await _say(stream, frame, payload)

        while True:
            await abuser.attempt(lambda: _flat(talk))


def _life_of_liar(founded: Founded) -> SignedLife:
    """The next life of the node that is down, the same for every kind of abuse."""
    number = next(site.number for site in founded.sites if site.name == LIAR)
    return sign_life(Life(founded.roster.cluster, number, Generation(2), bytes(16), 1), _signer_of_liar(founded))


def _signer_of_liar(founded: Founded) -> Ed25519Signer:
    return Ed25519Signer.load(founded.folder / "nodes" / LIAR / "keys" / "receipt.key.pem")


async def _greet(stream: ClientStream, life: SignedLife) -> None:
    """Answer the victim's Hello with our own, made from it."""
    received = await stream.receive()
    if received is None:
        return
    hello = _frame_of(received).hello
    hello.node, hello.generation = life.content.node, life.content.generation
    hello.life.CopyFrom(life_message(life))
    hello.ClearField("life_seen")
    del hello.marks[:]
    await _say(stream, peer_pb2.SessionFrame(hello=hello))


def _frame_of(received: bytes) -> peer_pb2.SessionFrame:
    bound = limits.FRAME_HEADER_SIZE_BYTES_MAX
    return decode_frame(peer_pb2.SessionResponse, received, header_bytes_max=bound)[0].frame


async def _say(stream: ClientStream, frame: peer_pb2.SessionFrame, payload: bytes = b"") -> None:
    await stream.send(encode_frame(peer_pb2.SessionRequest(frame=frame), [payload]))


async def _flat(work: Callable[[], Awaitable[None]]) -> None:
    try:
        await work()
    except BaseExceptionGroup as group:
        ours, rest = group.split(LumbungError)
        if rest is not None or ours is None:
            raise
        found: BaseException = ours
        while isinstance(found, BaseExceptionGroup):
            found = found.exceptions[0]
        raise found from None
