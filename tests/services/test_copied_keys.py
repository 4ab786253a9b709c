"""A van whose keys another office names first: it records, its copies are proven, and the lists travel all the same."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

import pytest
import trio
import trio.testing

from lumbung_cluster.access import AccessEntry, AccessList, Duty, SignedAccess, sign_access
from lumbung_cluster.entry import Entry, EntryList, sign_list
from lumbung_cluster.errors import KeyRefused, Rejected
from lumbung_cluster.identity_uri import AccessIdentity
from lumbung_cluster.ids import BlobId, Generation, NodeNumber
from lumbung_cluster.joining import van_numbers
from lumbung_cluster.life import Life, sign_life
from lumbung_cluster.receipt import Statement, StatementKind, sign_statement
from lumbung_node.ports.transport import Caller
from lumbung_node.services.core import Core
from lumbung_node.services.server import PUT, AccessGate
from lumbung_node.services.session.lists import is_of_origin
from lumbung_node.services.session.lives import judge_their_life
from lumbung_node.services.statements import check_statement
from lumbung_proto.v1 import peer_pb2
from lumbung_testing.joining import van_record
from lumbung_testing.rosters import CLUSTER, SeededSigner, drc, founding, office
from lumbung_testing.session_pair import CENTRE, box, connected, living, put, until_proven
from lumbung_testing.world import VirtualClock

ONE, TWO = NodeNumber(1), NodeNumber(2)
ROSTER = founding(
    (
        replace(office(1, "36.02"), vans=van_numbers(ONE)),
        replace(office(2, "34.04"), vans=van_numbers(TWO)),
        drc(4),
    )
)
G1 = Generation(1)
VAN = van_record(1)
ENTRY, RECEIPT = SeededSigner("entry 36.02-van1"), SeededSigner("receipt 36.02-van1")
STATION = Caller(AccessIdentity(CLUSTER, TWO, "loket-1").uri, b"loket-1".ljust(32))


def number_of(of: NodeNumber) -> NodeNumber:
    return van_numbers(of).first


def listed(of: NodeNumber, version: int, *callers: str, has_van: bool = True) -> SignedAccess:
    """The office's list; its van has the keys of the one machine."""
    name = f"{'36.02' if of == ONE else '34.04'}-van1"
    vans = (replace(VAN, number=number_of(of), name=name),) if has_van else ()
    entries = tuple(AccessEntry(caller, Duty.STATION, (caller.encode().ljust(32),), 0, 1 << 50) for caller in callers)
    return sign_access(AccessList(CLUSTER, of, version, 1, entries, vans), SeededSigner(f"access {of}"))


@asynccontextmanager
async def up(number: NodeNumber, *lists: SignedAccess) -> AsyncIterator[Core]:
    """A node that has heard of these lists, in this order."""
    held = box(number)
    held.roster = ROSTER
    if number > CENTRE:
        held.entry_key, held.receipt_key = "entry 36.02-van1", "receipt 36.02-van1"
    async with living(held) as core:
        for each in lists:
            await core.rosters.offer_access([each.encode()])
        core.ledger_roster = core.rosters.roster
        yield core


async def until_versions(core: Core, **wanted: int) -> None:
    versions = {NodeNumber({"one": 1, "two": 2}[name]): version for name, version in wanted.items()}
    with trio.fail_after(60):
        while dict(core.rosters.access_versions()) != versions:
            await core.rosters.changed.wait()


@pytest.mark.parametrize("honest", [ONE, TWO])
async def test_lists_that_name_one_van_reach_everybody_by_sessions_whoever_came_first(
    autojump_clock: trio.testing.MockClock, honest: NodeNumber
) -> None:
    """The centre has heard the copier first, the van's office only itself; a third node hears all from the centre."""
    copier = NodeNumber(3 - honest)
    before, after, copied = listed(honest, 1, "loket-1", has_van=False), listed(honest, 2), listed(copier, 1)
    async with AsyncExitStack() as stack:
        centre = await stack.enter_async_context(up(CENTRE, before, copied))
        own = await stack.enter_async_context(up(honest, after))
        other = await stack.enter_async_context(up(copier, copied))
        wanted = {"one": 2, "two": 1} if honest == ONE else {"one": 1, "two": 2}

        async with connected(own, centre), connected(other, centre):
            for core in (own, centre, other):
                await until_versions(core, **wanted)

        assert own.rosters.roster == centre.rosters.roster == other.rosters.roster
        assert centre.rosters.roster.is_present(number_of(honest))


async def test_a_station_that_its_office_strikes_off_is_out_though_the_offices_van_is_named_elsewhere() -> None:
    async with up(TWO, listed(TWO, 1, "loket-1", has_van=False), listed(ONE, 1)) as core:
        gate = AccessGate(core.rosters, TWO, VirtualClock())
        gate.check(STATION, PUT)

        await core.rosters.offer_access([listed(TWO, 2).encode()])

        assert not gate.may_stay(STATION, PUT)
        with pytest.raises(Rejected, match="expected a name on access list version 2"):
            gate.check(STATION, PUT)


@pytest.mark.parametrize("honest", [ONE, TWO])
async def test_what_a_van_records_is_proven_as_its_own_though_its_keys_are_named_elsewhere(
    autojump_clock: trio.testing.MockClock, honest: NodeNumber
) -> None:
    own, other = number_of(honest), number_of(NodeNumber(3 - honest))
    lists = (listed(NodeNumber(3 - honest), 1), listed(honest, 1))
    async with up(own, *lists[::-1]) as van, up(CENTRE, *lists) as centre:
        await put(van, [b"one", b"two"])
        async with connected(van, centre):
            await until_proven(van, CENTRE, 2)

        assert centre.store.state.count(own).blobs == 2
        assert centre.store.state.count(other).blobs == 0


async def test_what_a_van_has_signed_is_not_the_word_of_the_other_offices_van() -> None:
    own, other = number_of(TWO), number_of(ONE)
    blobs = (BlobId.of(b"one"),)
    recorded = sign_list(EntryList(CLUSTER, own, G1, 1, bytes(32), (Entry(blobs[0], 3, 0, 0),)), ENTRY)
    life = sign_life(Life(CLUSTER, own, G1, bytes(16), 1), RECEIPT)
    said = sign_statement(Statement(StatementKind.COMMIT_RECEIPT, CLUSTER, own, G1, 1, CENTRE, 7, 1, 0, blobs), RECEIPT)
    receipt = peer_pb2.SignedBytes(
        body=said.body, public_key=said.signature.key_public, signature=said.signature.signature
    )
    kind = StatementKind.COMMIT_RECEIPT
    async with up(CENTRE, listed(ONE, 1), listed(TWO, 1)) as centre:
        assert is_of_origin(centre, recorded, own)
        assert not is_of_origin(centre, recorded, other)
        check_statement(centre, receipt, kind=kind, holder=own, generation=1, nonce=7, is_carried=False)
        with pytest.raises(KeyRefused):
            check_statement(centre, receipt, kind=kind, holder=other, generation=1, nonce=7, is_carried=False)
        await judge_their_life(centre, own, life)
        with pytest.raises(Rejected, match=f"expected a life that node {other} has signed"):
            await judge_their_life(centre, other, life)
