"""Every number of every frame at its extremes: a partner that makes them up ends its own session at most."""

from __future__ import annotations

import random
import struct
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Any

import pytest
import trio
import trio.testing
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from lumbung_cluster import limits
from lumbung_cluster.entry import Entry, EntryList, sign_list
from lumbung_cluster.errors import PeerGone
from lumbung_cluster.ids import BlobId, Generation
from lumbung_cluster.inventory.fingerprint import INNER_SIZE_BYTES, NONCE_SIZE_BYTES, ROOT_SIZE_BYTES
from lumbung_cluster.inventory.symbols import SYMBOL_SIZE_BYTES
from lumbung_cluster.report_codec import decode_report, sign_report
from lumbung_cluster.scrub_pace import ScrubSettings
from lumbung_node.ports.keyvalue import Batch, Family
from lumbung_node.services.core import Core, DoubtAboutOurselves
from lumbung_node.services.gauges import Gauges
from lumbung_node.services.key_report import list_ends
from lumbung_node.services.links import Link, LinkState
from lumbung_node.services.operations import Operations
from lumbung_node.services.rebuild import Rebuild
from lumbung_node.services.reconcile_words import result_message
from lumbung_node.services.report_making import make_report
from lumbung_node.services.scrub.scrubber import Scrubber
from lumbung_node.services.scrub.view import ScrubDesk
from lumbung_node.services.session.greeting import make_hello
from lumbung_node.services.takeover import Takeover
from lumbung_node.store.layout import ListPlace, OriginCounts, list_key, pack_list
from lumbung_proto.v1 import peer_pb2, reconcile_frames_pb2
from lumbung_testing.linked_nodes import LinkedNode
from lumbung_testing.peer_faces import Facing, facing
from lumbung_testing.rosters import CLUSTER, SeededSigner
from lumbung_testing.session_pair import CENTRE, LUCK, OFFICE, PEER, Box, box, living, put, ring_of
from lumbung_testing.virtual_aside import VirtualAside
from lumbung_testing.virtual_network import VirtualNetwork

_U32, _U64 = 2**32 - 1, 2**64 - 1
_NUMBERS = {
    FieldDescriptor.CPPTYPE_UINT32: (0, 1, 2**31, _U32),
    FieldDescriptor.CPPTYPE_UINT64: (0, 1, 2**63 - 1, 2**63, _U64),
    FieldDescriptor.CPPTYPE_ENUM: (0, 99),
}
_MANY = 300
_KINDS = tuple(field.name for field in peer_pb2.SessionFrame.DESCRIPTOR.oneofs_by_name["kind"].fields)


def _filled(message: Message, number: int) -> Message:
    """Every number in it is `number`, as far as its field takes it; lists have one item, bytes are as long as ids."""
    for field in message.DESCRIPTOR.fields:
        if field.containing_oneof is not None and message.WhichOneof(field.containing_oneof.name):
            continue
        if field.message_type is not None:
            sub = getattr(message, field.name)
            _filled(sub.add() if field.is_repeated else sub, number)
            if not field.is_repeated:
                sub.SetInParent()
        elif field.cpp_type in _NUMBERS:
            value = min(number, max(_NUMBERS[field.cpp_type]))
            setattr(message, field.name, value) if not field.is_repeated else getattr(message, field.name).append(value)
        elif field.type == FieldDescriptor.TYPE_BYTES:
            value_bytes = bytes(32)
            if field.is_repeated:
                getattr(message, field.name).append(value_bytes)
            else:
                setattr(message, field.name, value_bytes)
    return message


def _extremes(template: Message) -> Iterator[Message]:
    """The message with each of its numbers, one after the other, at each extreme; and each list empty and long."""
    for path, field in _paths(template.DESCRIPTOR, ()):
        for value in _NUMBERS.get(field.cpp_type, ()) if field.message_type is None else ():
            changed = type(template)()
            changed.CopyFrom(template)
            _put(changed, path, field, value)
            yield changed
    for field in template.DESCRIPTOR.fields:
        if field.is_repeated:
            for count in (0, _MANY):
                changed = type(template)()
                changed.CopyFrom(template)
                kept = list(getattr(template, field.name))[:1] * count
                changed.ClearField(field.name)
                getattr(changed, field.name).extend(kept)
                yield changed


def _paths(descriptor: Any, before: tuple[Any, ...]) -> Iterator[tuple[tuple[Any, ...], Any]]:
    for field in descriptor.fields:
        if field.message_type is not None:
            yield from _paths(field.message_type, (*before, field))
        else:
            yield before, field


def _put(message: Message, path: tuple[Any, ...], field: Any, value: int) -> None:
    for step in path:
        inner = getattr(message, step.name)
        message = (inner[0] if len(inner) else inner.add()) if step.is_repeated else inner
    if field.is_repeated:
        message.ClearField(field.name)
        getattr(message, field.name).append(value)
    else:
        setattr(message, field.name, value)


def _operations(box: Box, core: Core, node: LinkedNode) -> Operations:
    replicator = node.replicator
    return Operations(
        core,
        replicator,
        Takeover(core, VirtualAside(box.disk), replicator.arrivals),
        Rebuild(core, replicator),
        ScrubDesk(core, Scrubber(core, ScrubSettings(), replicator.doubt_own_history)),
        keys=ring_of(core),
        keys_together=True,
        certificate_expires_ms=lambda: core.clock.now_ms() + 1000,
    )


async def _say(
    core: Core, partner: Core, kind: str, changed: Message, node: LinkedNode, tell: Callable[[], Awaitable[None]]
) -> None:
    async with facing(core, partner, greet=kind != "hello") as face:
        if kind == "hello":
            await face.say(hello=_hello(partner, core, changed))
        else:
            await face.session.settled.wait()
            await trio.sleep(0.1)
            await face.say(b"", **{kind: changed})
        await trio.sleep(0.5)
        node.replicator.links[partner.number] = Link(partner.number, state=LinkState.UP, session=face.session)
        await tell()


def _hello(partner: Core, core: Core, changed: Message) -> peer_pb2.Hello:
    """A hello that is believed, but for the numbers that only tell something."""
    hello = make_hello(partner, core.number)
    for field, value in changed.ListFields():
        if field.cpp_type in _NUMBERS and field.name not in ("node", "generation") and not field.is_repeated:
            setattr(hello, field.name, value)
    for name in ("marks", "held", "access_versions"):
        getattr(hello, name).extend(getattr(changed, name))
    return hello


async def _tell_all(core: Core, operations: Operations, node: LinkedNode) -> None:
    """Whatever tells how we stand: status, report, metrics."""
    status = await operations.response()
    status.SerializeToString()
    decode_report(sign_report(make_report(core, status, 1), core.receipt_signer).body)
    await Gauges(core, operations, node.replicator).read()


@pytest.mark.parametrize("kind", _KINDS)
async def test_no_number_of_a_frame_is_more_than_an_end_of_its_session(
    autojump_clock: trio.testing.MockClock, kind: str
) -> None:
    """What escapes `facing` is neither a refusal nor an end of the peer: a bug that a number has met."""
    office_box = box(CENTRE)  # a DRC node takes reports as well
    partner = OFFICE
    async with living(office_box) as office, living(box(partner)) as peer:
        node = LinkedNode(VirtualNetwork(random.Random(5)), office)
        operations = _operations(office_box, office, node)
        office.store.state.rebuild_since_ms = 1
        await put(office, [b"a recording"])
        await put(peer, [b"another"])
        for filling in (1, _U64):
            for changed in _extremes(_filled(getattr(peer_pb2.SessionFrame(), kind), filling)):
                try:
                    await _say(office, peer, kind, changed, node, partial(_tell_all, office, operations, node))
                except* (DoubtAboutOurselves, PeerGone):  # a mark past our end is one
                    pass


async def _lie_about_sets(face: Facing, origins: int, count: int) -> None:
    """Answer whatever is asked of our sets: everything differs, by counts that nobody has."""
    while (received := await face.link.receive()) is not None:
        frame = received[0]
        match frame.WhichOneof("kind"):
            case "reconcile_compare":
                compared = reconcile_frames_pb2.ReconcileCompared(
                    serial=frame.reconcile_compare.serial,
                    nonce=bytes(NONCE_SIZE_BYTES),
                    fingerprints=bytes(INNER_SIZE_BYTES) * origins,
                    counts=[count] * origins,
                    eager_origin=face.session.peer,
                )
                compared.eager.root, compared.eager.counts[:] = bytes(ROOT_SIZE_BYTES), [count]
                symbols = LUCK.randbytes(SYMBOL_SIZE_BYTES * limits.RECONCILE_EAGER_SYMBOLS)
                await face.say(symbols, reconcile_compared=compared)
            case "reconcile_ask":
                ask, tell = frame.reconcile_ask, reconcile_frames_pb2.ReconcileTell(origin=frame.reconcile_ask.origin)
                if ask.WhichOneof("question") == "stretches":
                    sizes = [end - start for _, _, start, end in struct.iter_unpack("<BBHH", ask.stretches)]
                    tell.symbols.root, tell.symbols.counts[:] = bytes(ROOT_SIZE_BYTES), [count] * len(sizes)
                    await face.say(LUCK.randbytes(SYMBOL_SIZE_BYTES * sum(sizes)), reconcile_tell=tell)
                elif ask.WhichOneof("question") == "units":
                    tell.units.counts[:] = [count] * 64
                    await face.say(bytes(INNER_SIZE_BYTES) * 64, reconcile_tell=tell)
                else:
                    tell.ids.is_last = True
                    await face.say(reconcile_tell=tell)
            case "reconcile_fetch":
                fetched = reconcile_frames_pb2.ReconcileFetched(origin=frame.reconcile_fetch.origin)
                await face.say(reconcile_fetched=fetched)
            case _:
                pass


@pytest.mark.parametrize("count", [0, 1, 2, 1000, 2**31, 2**63, _U64])
async def test_no_count_of_a_set_is_more_than_a_comparison_that_does_not_add_up(
    autojump_clock: trio.testing.MockClock, count: int
) -> None:
    office_box = box(OFFICE)
    async with living(office_box) as office, living(box(PEER)) as peer:
        node = LinkedNode(VirtualNetwork(random.Random(5)), office)
        operations = _operations(office_box, office, node)
        office.store.state.rebuild_since_ms = 1
        await put(office, [b"a recording %d" % number for number in range(3)])
        origins = len(office.rosters.roster.origins_shared(OFFICE, PEER))
        async with facing(office, peer) as face, trio.open_nursery() as nursery:
            nursery.start_soon(_lie_about_sets, face, origins, count)
            await trio.sleep(300)
            assert not face.session.ended.is_set()
            node.replicator.links[PEER] = Link(PEER, state=LinkState.UP, session=face.session)
            await _tell_all(office, operations, node)
            last = office.reconciles.of(PEER, office.rosters.roster.origins_shared(OFFICE, PEER))
            assert not any(each.result.is_whole for each in last.values())
            for each in last.values():
                result_message(each.result)
            nursery.cancel_scope.cancel()


async def test_a_list_without_numbers_left_keeps_nobody_from_the_ends_of_the_others() -> None:
    """Who asked for the newest list of each origin, to retire a key with it, was told of an internal error."""
    async with living(box(OFFICE)) as office, living(box(PEER)) as peer:
        await put(office, [b"a recording"])
        entries = tuple(Entry(BlobId.of(b"%d" % number), 1, 0, 0) for number in range(2))
        signed = sign_list(EntryList(CLUSTER, OFFICE, Generation(1), _U64, bytes(32), entries), SeededSigner("entry 1"))
        rows = Batch()
        rows.put(Family.LISTS, list_key(OFFICE, ListPlace.of(signed, 0)), pack_list(signed.body, signed.signature))
        await peer.store.kv.write(rows)
        peer.store.state.counts[OFFICE] = OriginCounts(1, 1)
        (end,) = await list_ends(peer)
        assert (end.origin, end.number) == (OFFICE, _U64)
