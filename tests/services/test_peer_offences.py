"""What a node makes of a partner with a valid certificate that breaks the rules: told by frames of its own making."""

from __future__ import annotations

import pytest
import trio
import trio.testing

from lumbung_cluster import limits
from lumbung_cluster.errors import StatusCode
from lumbung_cluster.ids import BlobId, Generation
from lumbung_cluster.receipt import SignedStatement, StatementKind
from lumbung_cluster.signed import Signature
from lumbung_node.ports.keyvalue import Family
from lumbung_node.services import core as core_module
from lumbung_node.services.core import Core
from lumbung_node.services.session.pieces import bits
from lumbung_node.services.session.proving import Proving
from lumbung_node.services.statements import commit_receipt, withdrawal
from lumbung_node.store.jobs import Content, ForeignBlob, Job
from lumbung_proto.v1 import blobs_pb2, peer_pb2
from lumbung_testing.peer_faces import facing, offer_of
from lumbung_testing.put_stations import PutStation, put_frame
from lumbung_testing.sealed_files import looking_sealed
from lumbung_testing.session_pair import LUCK, OFFICE, PEER, box, connected, living, put, until_proven

_FOR_EVER_S = 120.0


async def test_a_blob_that_an_offer_names_twice_is_refused(autojump_clock: trio.testing.MockClock) -> None:
    """Two arrivals of one blob once shared its claim: a receipt stood over chunks that the second had deleted."""
    async with living(box(OFFICE)) as office, living(box(PEER)) as peer:
        await put(office, [b"a recording"])
        async with facing(peer, office) as face:
            await face.say(offer=await offer_of(office, b"a recording", times=2))
        assert [refused.code for refused in face.failures] == [StatusCode.INVALID_ARGUMENT]
        assert "each blob once" in face.failures[0].sentence
        assert peer.store.state.count(OFFICE).blobs == 0


async def test_an_offer_of_more_than_a_peer_may_keep_in_memory_is_refused(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Its bytes once came all the same: the budget gave 8 MiB, and the offer brought what its 256 entries hold."""
    contents = [LUCK.randbytes(limits.MIB) for _ in range(9)]
    async with living(box(OFFICE)) as office, living(box(PEER)) as peer:
        await put(office, contents)
        offer = await offer_of(office, contents[0])
        del offer.entries[:]
        for index in range(len(contents)):
            offer.entries.add(list=0, index=index)
        async with facing(peer, office) as face:
            await face.say(offer=offer)
            applied = (await face.hear("applied")).applied
        assert applied.status_code == StatusCode.RESOURCE_EXHAUSTED.value
        assert face.failures == []
        assert peer.store.state.count(OFFICE).blobs == 0


async def test_a_second_want_for_one_offer_is_refused(autojump_clock: trio.testing.MockClock) -> None:
    async with living(box(OFFICE)) as office, living(box(PEER)) as peer:
        async with facing(office, peer) as face:
            await face.session.settled.wait()
            await trio.sleep(1)
            await put(office, [b"a recording"])
            offer = (await face.hear("offer")).offer
            want = peer_pb2.Want(offer=offer.offer, wanted=bits([0], 1))
            await face.say(want=want)
            await face.hear("pieces")
            await face.say(want=want)
        assert [refused.sentence for refused in face.failures] == [
            f"offer {offer.offer}: expected one want, got another"
        ]


async def test_a_goodbye_with_a_code_that_nobody_knows_is_a_goodbye(autojump_clock: trio.testing.MockClock) -> None:
    async with living(box(OFFICE)) as office, living(box(PEER)) as peer:
        async with facing(office, peer) as face:
            await face.say(goodbye=peer_pb2.Goodbye(status_code=999, sentence="bye\x1b[31m" + "e" * 500))
            await face.session.settled.wait()
        assert face.failures == []
        assert face.session.goodbye == "bye[31m" + "e" * 192
        async with facing(office, peer, greet=False) as face:
            await face.say(goodbye=peer_pb2.Goodbye(status_code=999, sentence="not now"))
        assert [(refused.code, refused.sentence) for refused in face.failures] == [(StatusCode.UNKNOWN, "not now")]


async def test_more_bytes_received_than_were_sent_is_refused(autojump_clock: trio.testing.MockClock) -> None:
    async with living(box(OFFICE)) as office, living(box(PEER)) as peer:
        async with facing(office, peer) as face:
            await face.say(received=peer_pb2.Received(bytes=1))
        assert [refused.code for refused in face.failures] == [StatusCode.INVALID_ARGUMENT]


async def test_a_word_that_says_nothing_new_takes_no_room(autojump_clock: trio.testing.MockClock) -> None:
    async with living(box(OFFICE)) as office, living(box(PEER)) as peer:
        await put(office, [b"a recording"])
        async with facing(peer, office) as face:
            await face.say(offer=await offer_of(office, b"a recording"))
            await face.hear("want")
            pieces = peer_pb2.Pieces(offer=1, pieces=[peer_pb2.Piece(entry=0, length_bytes=11)])
            await face.say(b"a recording", pieces=pieces)
            await face.hear("applied")
        message = await commit_receipt(peer, OFFICE, 1, [BlobId.of(b"a recording")])
        assert message is not None
        word = SignedStatement.parse(message.body, Signature(message.public_key, message.signature))
        assert word.content.kind is StatementKind.COMMIT_RECEIPT
        await office.store.proofs.record(word, 1)
        before = await office.store.kv.scan(Family.PROOFS, b"", b"\xff" * 32, 100)
        for later_ms in (2, 3):
            await office.store.proofs.record(word, later_ms)
        assert await office.store.kv.scan(Family.PROOFS, b"", b"\xff" * 32, 100) == before


async def test_a_holder_that_asks_for_what_it_has_proven_fills_no_disk(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Each time it was offered again, under another nonce, and one more receipt was kept for ever."""
    async with living(box(OFFICE)) as office, living(box(PEER)) as peer:
        await put(office, [b"a recording"])
        blobs = [BlobId.of(b"a recording")]
        async with facing(peer, office) as face:
            await face.say(offer=await offer_of(office, b"a recording"))
            await face.hear("want")
            pieces = peer_pb2.Pieces(offer=1, pieces=[peer_pb2.Piece(entry=0, length_bytes=11)])
            await face.say(b"a recording", pieces=pieces)
            await face.hear("applied")
        async with facing(office, peer) as face:
            for _ in range(20):
                await face.say(need=peer_pb2.Need(origin=OFFICE, ids=[blobs[0].raw]))
                offer = (await face.hear("offer")).offer
                receipt = await commit_receipt(peer, OFFICE, offer.nonce, blobs)
                await face.say(applied=peer_pb2.Applied(offer=offer.offer, receipt=receipt))
            await trio.sleep(1)
        assert office.store.proofs.ledger.proven(1, [PEER]) == (PEER,)
        assert len(await office.store.kv.scan(Family.PROOFS, b"r", b"s", 100)) == 1


async def test_what_a_peer_says_to_an_offer_fills_no_log(autojump_clock: trio.testing.MockClock) -> None:
    """Its sentence went into the log as it came: 128 KiB for each offer that it asked for."""
    office_box = box(OFFICE)
    async with living(office_box) as office, living(box(PEER)) as peer:
        await put(office, [b"a recording"])
        async with facing(office, peer) as face:
            await face.say(need=peer_pb2.Need(origin=OFFICE, ids=[BlobId.of(b"a recording").raw]))
            offer = (await face.hear("offer")).offer
            code = StatusCode.RESOURCE_EXHAUSTED.value
            await face.say(applied=peer_pb2.Applied(offer=offer.offer, status_code=code, sentence="full\n" * 20_000))
            await trio.sleep(1)
    assert [said["reason"] for said in office_box.log.said("offer refused")] == ["full" * 40]


async def test_a_receipt_for_more_than_was_asked_about_counts_for_nothing(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Each is kept for ever, whole: one that named 256 blobs, and one of them for the first time, took 8 KB a blob."""
    contents = [b"recording %d" % number for number in range(4)]
    async with living(box(OFFICE)) as office, living(box(PEER)) as peer:
        await put(office, contents)
        async with connected(office, peer):
            await until_proven(office, PEER, 4)
        await peer.store.start_generation(Generation(2))
        blobs = [BlobId.of(content) for content in contents]
        async with facing(office, peer) as face:
            await face.hear("hello")
            for named in (blobs, [blobs[1]], [blobs[0], blobs[0]], [blobs[0]]):
                await face.say(need=peer_pb2.Need(origin=OFFICE, ids=[blobs[0].raw]))
                offer = (await face.hear("offer")).offer
                receipt = await commit_receipt(peer, OFFICE, offer.nonce, named)
                await face.say(applied=peer_pb2.Applied(offer=offer.offer, receipt=receipt))
                await trio.sleep(1)
        assert [office.store.proofs.ledger.account(PEER).has(number) for number in range(1, 5)] == [True, *[False] * 3]


async def test_a_holder_that_begins_life_after_life_fills_no_disk_and_proves_nothing_meanwhile(
    autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each life proved all anew by name, in receipts that are kept for ever: tens of gigabytes a day."""
    monkeypatch.setattr(core_module, "LIVES_BURST", 4)
    async with living(box(OFFICE)) as office, living(box(PEER)) as peer:
        await put(office, [b"a recording"])
        blobs, refused = [BlobId.of(b"a recording")], 0
        async with facing(peer, office) as face:
            await face.say(offer=await offer_of(office, b"a recording"))
            await face.hear("want")
            pieces = peer_pb2.Pieces(offer=1, pieces=[peer_pb2.Piece(entry=0, length_bytes=11)])
            await face.say(b"a recording", pieces=pieces)
            await face.hear("applied")
        for generation in range(1, 41):
            if generation > 1:
                await peer.store.start_generation(Generation(generation))
            async with facing(office, peer) as face:
                with trio.move_on_after(1):
                    await face.say(need=peer_pb2.Need(origin=OFFICE, ids=[blobs[0].raw]))
                    offer = (await face.hear("offer")).offer
                    receipt = await commit_receipt(peer, OFFICE, offer.nonce, blobs)
                    await face.say(applied=peer_pb2.Applied(offer=offer.offer, receipt=receipt))
                    await trio.sleep_forever()
            refused += [failure.code for failure in face.failures] == [StatusCode.RESOURCE_EXHAUSTED]
        assert refused == 40 - 1 - 4
        assert len(await office.store.kv.scan(Family.PROOFS, b"r", b"s", 100)) == 1 + 4
        assert office.store.proofs.ledger.proven(1, [PEER]) == ()
        await trio.sleep(40 / limits.LIVES_PER_S)
        async with facing(office, peer) as face:
            await face.say(need=peer_pb2.Need(origin=OFFICE, ids=[blobs[0].raw]))
            await face.hear("offer")


async def test_a_holder_that_let_hundreds_of_origins_go_is_talked_with_again_in_a_while(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Each begins a life: with the debt of 500 it was refused for four days and a half."""
    async with living(box(OFFICE)) as office:
        for _ in range(500):
            office.life_wait_s(PEER, is_new=True)
            await trio.sleep(2)
        assert 0 < office.life_wait_s(PEER, is_new=False) <= 1 / limits.LIVES_PER_S
        await trio.sleep(1 / limits.LIVES_PER_S)
        assert office.life_wait_s(PEER, is_new=False) == 0
        assert office.life_wait_s(PEER, is_new=True) > 0  # the next life waits as long


async def test_a_holder_that_takes_back_and_repairs_in_rounds_fills_no_disk_in_one_session_or_in_many(
    autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(core_module, "WITHDRAWALS_BURST", 4)
    async with living(box(OFFICE)) as office, living(box(PEER)) as peer:
        await put(office, [b"a recording"])
        blobs = [BlobId.of(b"a recording")]
        begun = trio.current_time()
        for _ in range(3):
            async with facing(office, peer) as face:
                for _ in range(10):
                    nonce = office.store.state.take_nonce()
                    words = withdrawal(peer, OFFICE, nonce, blobs)
                    await face.say(withdraw=peer_pb2.Withdraw(withdrawal=words))
                await trio.sleep(20)
        rows = await office.store.kv.scan(Family.PROOFS, b"r", b"s", 100)
        assert len(rows) <= 4 + (trio.current_time() - begun) / 60
        assert office.store.proofs.ledger.proven(1, [PEER]) == ()


async def test_what_a_holder_takes_back_on_a_line_that_breaks_is_written_as_soon_as_it_may_and_holds_up_no_receipt(
    autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It tells all its damage again in each session: each time counted as written, and after an hour of it nothing that
    it took back was believed for days, and nothing that it proved."""
    monkeypatch.setattr(core_module, "WITHDRAWALS_BURST", 4)
    async with living(box(OFFICE)) as office, living(box(PEER)) as peer:
        contents = [b"recording %d" % number for number in range(4)]
        await put(office, contents)
        await put_as_holder(peer, office, contents)
        for _ in range(60):
            async with facing(office, peer) as face:
                for content in contents[:3]:
                    nonce = office.store.state.take_nonce()
                    words = withdrawal(peer, OFFICE, nonce, [BlobId.of(content)])
                    await face.say(withdraw=peer_pb2.Withdraw(withdrawal=words))
                await trio.sleep(5)
        async with facing(office, peer) as face:
            for _ in range(3):
                nonce = office.store.state.take_nonce()
                words = withdrawal(peer, OFFICE, nonce, [BlobId.of(contents[0])])
                await face.say(withdraw=peer_pb2.Withdraw(withdrawal=words))
            told_at, rows = trio.current_time(), await office.store.kv.scan(Family.PROOFS, b"r", b"s", 100)
            await face.say(need=peer_pb2.Need(origin=OFFICE, ids=[BlobId.of(contents[3]).raw]))
            offer = (await face.hear("offer")).offer
            receipt = await commit_receipt(peer, OFFICE, offer.nonce, [BlobId.of(contents[3])])
            applied = peer_pb2.Applied(offer=offer.offer, receipt=receipt)
            await face.say(applied=applied)
            await trio.sleep(1)
            assert office.store.proofs.ledger.proven(4, [PEER]) == (PEER,)
            while len(await office.store.kv.scan(Family.PROOFS, b"r", b"s", 100)) < len(rows) + 2:  # noqa: ASYNC110
                await trio.sleep(1)
            assert trio.current_time() - told_at < 2 / limits.WITHDRAWALS_PER_S


async def test_a_withdrawal_that_is_on_record_already_costs_no_place_among_those_that_are_believed_at_once(
    autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Told again in each session of a line that breaks, it kept the next true one waiting for a minute each time."""
    monkeypatch.setattr(core_module, "WITHDRAWALS_BURST", 4)
    async with living(box(OFFICE)) as office, living(box(PEER)) as peer:
        contents = [b"recording %d" % number for number in range(4)]
        await put(office, contents)
        await put_as_holder(peer, office, contents)
        nonce = office.store.state.take_nonce()
        for _ in range(8):
            async with facing(office, peer) as face:
                for content in contents[:3]:
                    words = withdrawal(peer, OFFICE, nonce, [BlobId.of(content)])
                    await face.say(withdraw=peer_pb2.Withdraw(withdrawal=words))
                await trio.sleep(1)
        assert office.withdrawals[PEER].wait_s(trio.current_time()) == 0
        assert len(await office.store.kv.scan(Family.PROOFS, b"r", b"s", 100)) == 3


async def put_as_holder(holder: Core, origin: Core, contents: list[bytes]) -> None:
    """Let the holder have these, with the origin's lists."""
    blobs = [BlobId.of(content) for content in contents]
    rows = await origin.store.reader.rows(OFFICE, blobs)
    signed = await origin.store.reader.lists(OFFICE, [row.signed for row in rows if row is not None])
    foreign = [
        ForeignBlob(each, row.signed.index, Content(len(content), [content]), OFFICE, Generation(1))
        for each, row, content in zip(signed, rows, contents, strict=True)
        if each is not None and row is not None
    ]
    await holder.store.committer.commit(Job(foreign=foreign))


# --- own recording beside slow peers ---------------------------------------------------------------------------


async def test_questions_about_what_is_not_here_take_their_time(
    autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each costs a look for every id; a peer that asks without end is slowed down, and nobody else is."""
    answered: list[float] = []

    async def note(proving: Proving, proof: peer_pb2.Proof) -> None:
        answered.append(trio.current_time())

    monkeypatch.setattr(Proving, "take_proof", note)
    prove = peer_pb2.Prove(question=1, origin=PEER, nonce=1, ids=[bytes([n]) * 32 for n in range(256)])
    async with living(box(OFFICE)) as office, living(box(PEER)) as peer, connected(office, peer) as (_, other):
        await trio.sleep(1)
        for _ in range(5):
            await other._link.send(peer_pb2.SessionFrame(prove=prove))
        while len(answered) < 5:  # noqa: ASYNC110 - the clock jumps
            await trio.sleep(0.01)
    assert answered[-1] - answered[0] > 0.07


async def test_own_puts_go_on_while_peers_hold_all_memory_that_is_theirs(
    autojump_clock: trio.testing.MockClock,
) -> None:
    station = PutStation("station", [put_frame(looking_sealed(b"a citizen waits"))])
    async with living(box(OFFICE)) as office:
        async with office.foreign_memory.hold(limits.GIB):  # all that there is
            with trio.fail_after(_FOR_EVER_S):
                await station.put(office)
        assert station.outcomes() == [blobs_pb2.PUT_OUTCOME_STORED]
