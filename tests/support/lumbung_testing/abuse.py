"""Abuse of a real node by callers that it must serve, or must not: each kind runs in a process of its own.

    python -m lumbung_testing.abuse KIND VICTIM SECONDS  < a pickled Founded

Says `begun` once the abuse is under way, and goes on for SECONDS and then until its input ends. Prints one JSON object
at the end: how often it tried, and which statuses ended its calls.
"""

from __future__ import annotations

import json
import pickle
import socket
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field

import grpc
import trio

from lumbung_cluster import limits
from lumbung_cluster.errors import LumbungError, Rejected
from lumbung_cluster.identity_uri import AccessIdentity, NodeIdentity
from lumbung_cluster.ids import Generation
from lumbung_cluster.life import Life, SignedLife, sign_life
from lumbung_node.adapters.grpc_transport import TlsIdentity
from lumbung_node.adapters.keys.ed25519 import Ed25519Signer
from lumbung_node.ports.transport import CallKind, Channel, ClientStream, Method
from lumbung_node.services.session.lives import life_message
from lumbung_proto.codec import decode_frame, encode_frame
from lumbung_proto.v1 import blobs_pb2, peer_pb2
from lumbung_testing.callers import dial, node_tls, operator_tls, stranger_tls
from lumbung_testing.tls_parties import issue, new_authority
from lumbung_tools.client.methods import PUT, STATUS
from lumbung_tools.localcluster.founding import Founded

__all__ = ["KINDS", "LIAR", "Abuser"]

SESSION = Method("/lumbung.v1.PeerService/Session", CallKind.BIDI)
LIAR = "34.04"  # its node is down: the abuser speaks in its place, with its keys
_IDLE_SOCKETS = 2000
_STREAMS = 200
_SLOW_STREAMS = 8
_DRIP_S = 4.0
_BOMB_BYTES = 64 * limits.MIB
_ELEMENTS = 60_000  # two bytes each in the header, far more once they are touched


@dataclass(slots=True)
class Abuser:
    """What one kind of abuse knows, and what became of it."""

    founded: Founded
    victim: str
    tries: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    under_way: trio.Event = field(default_factory=trio.Event)

    def address(self) -> str:
        return next(site.address for site in self.founded.sites if site.name == self.victim)

    @asynccontextmanager
    async def channel(self, tls: TlsIdentity) -> AsyncIterator[Channel]:
        async with dial(self.founded, tls, self.victim) as channel:
            yield channel

    async def attempt(self, work: Callable[[], Awaitable[None]], *, begins: bool = True) -> None:
        """One try; how it ended is counted. `begins` when the abuse is under way with it."""
        self.tries += 1
        if begins:
            self.under_way.set()
        try:
            await work()
            self.statuses["OK"] += 1
        except Rejected as exc:
            self.statuses[exc.code.name] += 1
        except LumbungError as exc:
            self.statuses[type(exc).__name__] += 1


# --- without a right to be there -------------------------------------------------------------------------------


async def idle_sockets(abuser: Abuser) -> None:
    """Two thousand connections that never begin a handshake."""
    host, _, port = abuser.address().rpartition(":")
    with ExitStack() as held:
        while True:
            for _ in range(_IDLE_SOCKETS):
                abuser.tries += 1
                held.enter_context(socket.create_connection((host, int(port)), timeout=60))
            abuser.under_way.set()
            await trio.sleep_forever()


async def wrong_certificates(abuser: Abuser) -> None:
    """Strangers: under a foreign authority, and under ours without a name in list or roster."""
    foreign = issue(new_authority(), 1).tls
    cluster, site = abuser.founded.roster.cluster, abuser.founded.sites[0]
    unknown = stranger_tls(abuser.founded, AccessIdentity(cluster, site.number, "nobody"))
    unlisted = stranger_tls(abuser.founded, NodeIdentity(cluster, type(site.number)(99)))
    while True:
        for tls in (foreign, unknown, unlisted):
            async with abuser.channel(tls) as channel:
                await abuser.attempt(lambda channel=channel: _ask_status(channel))  # type: ignore[misc]


async def _ask_status(channel: Channel) -> None:
    await channel.call(STATUS, b"", deadline_s=10)


# --- a station that went wild ----------------------------------------------------------------------------------


async def many_streams(abuser: Abuser) -> None:
    """One caller opens two hundred put streams and leaves them."""
    async with abuser.channel(operator_tls(abuser.founded, abuser.victim)) as channel, trio.open_nursery() as nursery:
        for _ in range(_STREAMS):
            nursery.start_soon(abuser.attempt, lambda: _hold_stream(channel))
            await trio.sleep(0.01)


async def _hold_stream(channel: Channel) -> None:
    async with channel.stream(PUT) as stream:
        await stream.send(encode_frame(_start(4096), [b"age-encryption.org/v1\n"]))
        await _drain(stream)


async def slow_puts(abuser: Abuser) -> None:
    """Streams that announce the most that a blob may take of memory, and then drip."""
    async with abuser.channel(operator_tls(abuser.founded, abuser.victim)) as channel, trio.open_nursery() as nursery:

        async def drip() -> None:
            async with channel.stream(PUT) as stream:
                await stream.send(encode_frame(_start(limits.MEMORY_BLOB_BYTES_MAX), [b"age-encryption.org/v1\n"]))
                while True:
                    await trio.sleep(_DRIP_S)
                    abuser.under_way.set()
                    part = blobs_pb2.PutPart(ticket=1, length_bytes=1)
                    await stream.send(encode_frame(blobs_pb2.PutRequest(parts=[part]), [b"x"]))

        async def drip_for_ever() -> None:
            while True:
                await abuser.attempt(drip, begins=False)
                await trio.sleep(0.5)

        for _ in range(_SLOW_STREAMS):
            nursery.start_soon(drip_for_ever)


async def element_bombs(abuser: Abuser) -> None:
    """Headers full of empty elements, each of which grows when it is touched."""
    bomb = encode_frame(blobs_pb2.PutRequest(parts=[blobs_pb2.PutPart() for _ in range(_ELEMENTS)]))
    async with abuser.channel(operator_tls(abuser.founded, abuser.victim)) as channel:

        async def throw() -> None:
            async with channel.stream(PUT) as stream:
                await stream.send(bomb)
                await _drain(stream)

        while True:
            await abuser.attempt(throw)


async def compressed_bombs(abuser: Abuser) -> None:
    """Messages that are small on the wire and 64 MiB when they are unpacked."""
    identity = NodeIdentity(abuser.founded.roster.cluster, abuser.founded.sites[0].number)
    tls = operator_tls(abuser.founded, abuser.victim)
    credentials = grpc.ssl_channel_credentials(tls.trust_roots_pem, tls.private_key_pem, tls.certificate_chain_pem)
    options = [("grpc.ssl_target_name_override", identity.dns_name), ("grpc.max_send_message_length", -1)]

    def throw() -> str:
        with grpc.secure_channel(abuser.address(), credentials, options) as channel:
            call = channel.unary_unary(STATUS.name, None, None)
            try:
                call(bytes(_BOMB_BYTES), timeout=30, compression=grpc.Compression.Gzip)
            except grpc.RpcError as exc:
                return str(exc.code().name)
        return "OK"

    while True:
        abuser.tries += 1
        abuser.under_way.set()
        abuser.statuses[await trio.to_thread.run_sync(throw)] += 1


# --- a node that went wild -------------------------------------------------------------------------------------


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


async def _as_node(abuser: Abuser, frames: list[peer_pb2.SessionFrame]) -> None:
    life = _life_of_liar(abuser.founded)
    async with abuser.channel(node_tls(abuser.founded, LIAR)) as channel:

        async def talk() -> None:
            async with channel.stream(SESSION) as stream:
                await _greet(stream, life)
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(_drain, stream)
                    while True:
                        for frame in frames:
                            await stream.send(encode_frame(peer_pb2.SessionRequest(frame=frame)))

        while True:
            await abuser.attempt(lambda: _flat(talk))


def _life_of_liar(founded: Founded) -> SignedLife:
    """The next life of the node that is down, the same for every kind of abuse."""
    number = next(site.number for site in founded.sites if site.name == LIAR)
    signer = Ed25519Signer.load(founded.folder / "nodes" / LIAR / "keys" / "receipt.key.pem")
    return sign_life(Life(founded.roster.cluster, number, Generation(2), bytes(16), 1), signer)


async def _greet(stream: ClientStream, life: SignedLife) -> None:
    """Answer the victim's Hello with our own, made from it."""
    received = await stream.receive()
    if received is None:
        return
    header, _ = decode_frame(peer_pb2.SessionResponse, received, header_bytes_max=limits.FRAME_HEADER_SIZE_BYTES_MAX)
    hello = header.frame.hello
    hello.node, hello.generation = life.content.node, life.content.generation
    hello.life.CopyFrom(life_message(life))
    hello.ClearField("life_seen")
    del hello.marks[:]
    await stream.send(encode_frame(peer_pb2.SessionRequest(frame=peer_pb2.SessionFrame(hello=hello))))


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


async def _drain(stream: ClientStream) -> None:
    while await stream.receive() is not None:
        pass


def _start(size_bytes: int) -> blobs_pb2.PutRequest:
    start = blobs_pb2.PutStart(size_bytes=size_bytes, id=bytes(32), copies=1)
    return blobs_pb2.PutRequest(parts=[blobs_pb2.PutPart(ticket=1, start=start, length_bytes=22)])


KINDS: dict[str, Callable[[Abuser], Awaitable[None]]] = {
    "idle-sockets": idle_sockets,
    "wrong-certificates": wrong_certificates,
    "many-streams": many_streams,
    "slow-puts": slow_puts,
    "element-bombs": element_bombs,
    "compressed-bombs": compressed_bombs,
    "endless-words": endless_words,
    "endless-offers": endless_offers,
}


async def _run(abuser: Abuser, kind: str, seconds: float) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(KINDS[kind], abuser)
        await abuser.under_way.wait()
        print("begun", flush=True)
        await trio.sleep(seconds)
        await trio.to_thread.run_sync(sys.stdin.buffer.read, abandon_on_cancel=True)
        nursery.cancel_scope.cancel()


def main() -> None:
    kind, victim, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
    founded = pickle.load(sys.stdin.buffer)
    assert isinstance(founded, Founded)
    abuser = Abuser(founded, victim)
    trio.run(_run, abuser, kind, seconds)
    print(json.dumps({"tries": abuser.tries, "statuses": dict(abuser.statuses)}))


if __name__ == "__main__":
    main()
