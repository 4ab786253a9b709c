"""What is found damaged is withdrawn at once, also when it is found while another damage is being told."""

from __future__ import annotations

from dataclasses import dataclass, field

import trio
import trio.testing

from lumbung_cluster import limits
from lumbung_cluster.ids import BlobId, Generation
from lumbung_cluster.receipt import Statement
from lumbung_cluster.stake import Stake
from lumbung_node.services.core import Core
from lumbung_node.services.session.session import Session
from lumbung_node.services.statements import commit_receipt, inventory_receipt
from lumbung_node.store.events import FoundBy
from lumbung_node.store.jobs import Content, ForeignBlob, Job
from lumbung_testing.peer_faces import Facing, facing
from lumbung_testing.session_pair import CENTRE, OFFICE, PEER, Pipe, box, connected, living, put, until_proven
from lumbung_testing.simulation.patching import patched
from lumbung_testing.virtual_disk import Pace

_FIRST, _SECOND = b"the first recording", b"the second recording"


@dataclass(slots=True)
class _Slow:
    """The node's end of a line that takes nothing until it is told to."""

    pipe: Pipe
    takes: trio.Event = field(default_factory=trio.Event)

    async def send(self, message: bytes) -> None:
        await self.takes.wait()
        await self.pipe.send(message)

    async def receive(self) -> bytes | None:
        return await self.pipe.receive()


def _slow(face: Facing) -> _Slow:
    pipe = face.session._link._messages
    assert isinstance(pipe, Pipe)
    line = _Slow(pipe)
    face.session._link._messages = line
    return line


async def _repair(office: Core, holder: Core, content: bytes) -> None:
    """As when another session brings a good copy."""
    row = await office.store.reader.row(OFFICE, BlobId.of(content))
    assert row is not None
    (signed,) = await office.store.reader.lists(OFFICE, [row.signed])
    assert signed is not None
    brought = ForeignBlob(signed, row.signed.index, Content(len(content), [content]), OFFICE, Generation(1))
    await holder.store.committer.commit(Job(foreign=[brought]))


async def test_damage_that_is_found_while_another_is_told_is_told_too(autojump_clock: trio.testing.MockClock) -> None:
    """Nobody waited for it meanwhile, and with the first one repaired nobody looked again: its copy counted on."""
    async with living(box(OFFICE)) as office, living(box(PEER)) as peer:
        await put(office, [_FIRST, _SECOND])
        async with connected(office, peer):
            await until_proven(office, PEER, 2)
        async with facing(peer, office) as face:
            await face.hear("hello")
            await trio.sleep(1)
            line = _slow(face)
            await peer.found_damage(OFFICE, BlobId.of(_FIRST))
            await trio.sleep(1)
            await _repair(office, peer, _FIRST)
            await peer.found_damage(OFFICE, BlobId.of(_SECOND))
            line.takes.set()
            withdrawn = [Statement.parse((await face.hear("withdraw")).withdraw.withdrawal.body) for _ in range(2)]
        assert [blob for each in withdrawn for blob in each.blobs] == [BlobId.of(_FIRST), BlobId.of(_SECOND)]


async def test_damage_is_told_although_whoever_met_it_has_hung_up(autojump_clock: trio.testing.MockClock) -> None:
    """It became durable, and no session heard of it."""
    holder = box(PEER)
    async with living(box(OFFICE)) as office, living(holder) as peer:
        await put(office, [_FIRST])
        async with connected(office, peer):
            await until_proven(office, PEER, 1)
        async with facing(peer, office) as face:
            await face.hear("hello")
            await trio.sleep(1)
            holder.disk.pace = Pace(sync_s=5)
            with trio.move_on_after(1):
                await peer.found_damage(OFFICE, BlobId.of(_FIRST))
            withdrawn = Statement.parse((await face.hear("withdraw")).withdraw.withdrawal.body)
        assert withdrawn.blobs == (BlobId.of(_FIRST),)


async def test_two_that_tell_each_other_of_much_damage_still_answer_each_other(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Each one's reader waited for its own answer to leave a full line, which the other one's reader did not empty."""
    async with living(box(OFFICE)) as office, living(box(PEER)) as peer:
        for core in (office, peer):
            core.store.state.damaged.update({(OFFICE, BlobId.of(b"%d" % number)): 0 for number in range(1_500)})
        with patched(limits, "PROVE_IDS_MAX", 2):  # many frames of few blobs
            async with connected(office, peer) as sessions, trio.open_nursery() as nursery:
                stakes: list[Stake | None] = []

                async def ask(session: Session) -> None:
                    stakes.append(await session.ask_stake(CENTRE))

                await trio.sleep(1)
                for session in sessions:
                    nursery.start_soon(ask, session)
    assert len(stakes) == 2
    assert None not in stakes


async def test_damage_is_told_again_under_the_same_nonce_until_something_is_signed_for_the_blob_again(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Under a fresh one in each session it had to be kept each time, and on a line that breaks an origin that believes
    4,096 withdrawals at once believed none any more."""

    async def told() -> int:
        async with facing(peer, office) as face:
            await face.hear("hello")
            return Statement.parse((await face.hear("withdraw")).withdraw.withdrawal.body).nonce

    async with living(box(OFFICE)) as office, living(box(PEER)) as peer:
        await put(office, [_FIRST, _SECOND])
        async with connected(office, peer):
            await until_proven(office, PEER, 2)
        await peer.found_damage(OFFICE, BlobId.of(_FIRST))
        first = await told()
        await _sign_for(peer, office, _SECOND)  # says nothing of the first one
        assert await told() == first
        await _repair(office, peer, _FIRST)
        proven = await _sign_for(peer, office, _FIRST)
        await peer.found_damage(OFFICE, BlobId.of(_FIRST))
        assert await told() >= proven > first


async def test_a_receipt_over_a_whole_unit_makes_the_next_withdrawal_a_later_word(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with living(box(OFFICE)) as office, living(box(PEER)) as peer:
        await put(office, [_FIRST, _SECOND])
        async with connected(office, peer):
            await until_proven(office, PEER, 2)
        first, second = BlobId.of(_FIRST), BlobId.of(_SECOND)
        peer.taken_back = {(OFFICE, first): 1, (OFFICE, second): 1}
        await peer.store.mark_damaged(OFFICE, second, FoundBy.READ)
        assert await inventory_receipt(peer, OFFICE, office.store.state.take_nonce()) is not None
        assert first.unit != second.unit
        assert peer.taken_back == {(OFFICE, second): 1}, "its unit was left out"


async def _sign_for(holder: Core, office: Core, content: bytes) -> int:
    """As the holder's answer to a question: under which nonce."""
    nonce = office.store.state.take_nonce()
    await holder.store.nonces.keep(OFFICE, nonce)
    assert await commit_receipt(holder, OFFICE, nonce, [BlobId.of(content)]) is not None
    return nonce
