"""A node's session with a partner whose every frame a test makes itself."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import trio

from lumbung_cluster.errors import Rejected
from lumbung_cluster.ids import BlobId
from lumbung_node.services.core import Core
from lumbung_node.services.session.arrivals import Arrivals
from lumbung_node.services.session.greeting import make_hello
from lumbung_node.services.session.link import FrameLink
from lumbung_node.services.session.session import Session
from lumbung_proto.v1 import peer_pb2
from lumbung_testing.session_pair import Pipe

__all__ = ["Facing", "facing", "offer_of"]

_FOR_EVER_S = 120.0


@dataclass(slots=True)
class Facing:
    """A session of a node and the partner's end of its stream, hellos exchanged. `failures` are what ended it."""

    session: Session
    link: FrameLink
    failures: list[Rejected] = field(default_factory=list)

    async def say(self, payload: bytes = b"", **kind: object) -> None:
        await self.link.send(peer_pb2.SessionFrame(**kind), [payload])  # type: ignore[arg-type]

    async def hear(self, kind: str) -> peer_pb2.SessionFrame:
        """The next frame of this kind."""
        with trio.fail_after(_FOR_EVER_S):
            while (received := await self.link.receive()) is not None:
                if received[0].WhichOneof("kind") == kind:
                    return received[0]
        raise AssertionError(f"expected {kind}, got the end")


@asynccontextmanager
async def facing(
    core: Core, partner: Core, *, greet: bool = True, arrivals: Arrivals | None = None
) -> AsyncIterator[Facing]:
    """`core` under test; `arrivals` when it has other sessions as well."""
    to_core, from_partner = trio.open_memory_channel[bytes](16)
    to_partner, from_core = trio.open_memory_channel[bytes](16)
    link = FrameLink(Pipe(to_partner, from_partner), peer_pb2.SessionResponse, peer_pb2.SessionRequest)
    mine = FrameLink(Pipe(to_core, from_core), peer_pb2.SessionRequest, peer_pb2.SessionResponse)
    face = Facing(Session(core, link, partner.number, arrivals or Arrivals(core)), mine)
    over = trio.Event()

    async def run() -> None:
        try:
            await face.session.run()
        except* Rejected as group:
            face.failures += [exc for exc in group.exceptions if isinstance(exc, Rejected)]
        over.set()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(run)
        if greet:
            await face.say(hello=make_hello(partner, core.number))
        yield face
        if not face.failures:
            with trio.move_on_after(1):
                await over.wait()
        nursery.cancel_scope.cancel()


async def offer_of(
    core: Core, content: bytes, *, times: int = 1, serial: int = 1, lane: peer_pb2.Lane.ValueType = peer_pb2.LANE_REPAIR
) -> peer_pb2.Offer:
    """An offer of one own blob of `core`, named so many times."""
    row = await core.store.reader.row(core.number, BlobId.of(content))
    assert row is not None
    (signed,) = await core.store.reader.lists(core.number, [row.signed])
    assert signed is not None
    offer = peer_pb2.Offer(offer=serial, origin=core.number, lane=lane, nonce=1)
    offer.lists.add(body=signed.body, public_key=signed.signature.key_public, signature=signed.signature.signature)
    for _ in range(times):
        offer.entries.add(list=0, index=row.signed.index)
    return offer
