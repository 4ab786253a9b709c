"""The put stream of the client: batching, bounds, answers by ticket, and the same bytes again."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from pathlib import Path

import pytest
import trio

from lumbung_cluster import limits
from lumbung_cluster.errors import LumbungError, PeerGone, PeerUnreachable, Rejected, StatusCode, TrustRefused
from lumbung_cluster.ids import BlobId
from lumbung_node.ports.transport import ServerCall
from lumbung_proto.v1 import blobs_pb2 as wire
from lumbung_testing.direct_channel import DirectChannel, InlineBlocking
from lumbung_testing.fake_blobs import FakeBlobs, Put, line_breaks_at
from lumbung_tools.client.answers import Outcome, PutAnswer
from lumbung_tools.client.methods import PUT
from lumbung_tools.client.put import put_many
from lumbung_tools.client.put_frames import FrameCutter, PutItem, PutTerms
from lumbung_tools.output.exit_codes import ExitCode, of_put

TERMS = PutTerms(copies=3, wait_s=10.0, retry_s=10.0)


@pytest.fixture
def autojump_clock() -> trio.testing.MockClock:
    return trio.testing.MockClock(autojump_threshold=0)


def item(folder: Path, name: str, content: bytes) -> PutItem:
    path = folder / name
    path.write_bytes(content)
    return PutItem(name, str(path), len(content), BlobId.of(content).raw, b"r" * 33, b"c" * 33, 7)


def items(folder: Path, count: int, size: int = 40) -> list[PutItem]:
    return [item(folder, f"f{n:05}", n.to_bytes(4, "big") * (size // 4)) for n in range(count)]


class Answers:
    """Collects what the client is told."""

    def __init__(self) -> None:
        self.final: dict[str, PutAnswer] = {}
        self.early: list[str] = []

    def __call__(self, item: PutItem, answer: PutAnswer) -> None:
        if answer.final:
            assert item.label not in self.final, "a second final answer"
            self.final[item.label] = answer
        else:
            self.early.append(item.label)

    def outcomes(self) -> set[Outcome]:
        return {answer.outcome for answer in self.final.values()}


async def batches(all_items: Sequence[PutItem], size: int = 64) -> AsyncGenerator[Sequence[PutItem], None]:
    for at in range(0, len(all_items), size):
        yield all_items[at : at + size]


async def put(channel: DirectChannel, all_items: Sequence[PutItem], answers: Answers) -> LumbungError | None:
    return await put_many(channel, batches(all_items), TERMS, InlineBlocking(), answers)


async def test_every_small_blob_is_answered_and_many_share_a_frame(tmp_path: Path) -> None:
    node, answers, all_items = FakeBlobs(), Answers(), items(tmp_path, 1500)

    failure = await put(DirectChannel(node.handlers), all_items, answers)

    assert failure is None
    assert set(node.blobs) == {item.id for item in all_items}
    assert answers.outcomes() == {Outcome.STORED}
    assert len(answers.final) == 1500
    assert len(node.frames) < 1500 / 10


async def test_a_large_blob_goes_in_pieces_and_arrives_whole(tmp_path: Path) -> None:
    content = bytes(range(256)) * 4 * 1024 * 5 + b"odd"
    node, answers = FakeBlobs(), Answers()

    await put(DirectChannel(node.handlers), [item(tmp_path, "big", content)], answers)

    assert node.blobs == {BlobId.of(content).raw: content}
    assert len(node.frames) >= len(content) // limits.PIECE_SIZE_BYTES_MAX


@pytest.mark.parametrize("room", [1, 21, 500])
def test_a_blob_begins_only_where_its_header_fits(tmp_path: Path, room: int) -> None:
    """A node judges by the first part whether a blob is sealed."""
    cutter = FrameCutter(TERMS)
    cutter.add([item(tmp_path, "first", bytes(5000)), item(tmp_path, "second", bytes(50_000))])

    frame = cutter.next_frame(10, 5000 + room)
    following = cutter.next_frame(10, 5000 + room)
    cutter.close()

    assert [started.label for _, started in frame.started] == ["first"]
    assert [started.label for _, started in following.started] == ["second"]


def test_a_blob_that_fits_a_frame_is_not_cut_by_one_that_is_half_full(tmp_path: Path) -> None:
    cutter = FrameCutter(TERMS)
    cutter.add(item(tmp_path, str(number), bytes(3000)) for number in range(6))

    frames = [cutter.next_frame(10, 10_000) for _ in range(2)]

    assert [frame.size_bytes for frame in frames] == [9000, 9000]


def test_a_frame_that_is_nearly_empty_is_filled(tmp_path: Path) -> None:
    """Else small recordings between large ones would halve the frames."""
    cutter = FrameCutter(TERMS)
    cutter.add([item(tmp_path, "small", bytes(1000)), item(tmp_path, "large", bytes(9500))])

    frame = cutter.next_frame(10, 10_000)
    cutter.close()

    assert frame.size_bytes == 10_000


async def test_the_node_is_told_tags_epoch_copies_and_wait(tmp_path: Path) -> None:
    node = FakeBlobs()

    await put(DirectChannel(node.handlers), items(tmp_path, 1), Answers())

    [start] = node.starts
    assert (start.record_tag, start.content_tag, start.seal_epoch) == (b"r" * 33, b"c" * 33, 7)
    assert (start.copies, start.wait_ms, start.size_bytes) == (3, 10_000, 40)


async def test_no_more_blobs_are_open_than_the_limit_allows(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    seen: list[int] = []

    async def silent(call: ServerCall) -> None:
        while (message := await call.receive()) is not None:
            seen.append(message.count(b"r" * 33))

    answers = Answers()
    with trio.move_on_after(20):
        await put(DirectChannel({PUT: silent}), items(tmp_path, 1500), answers)

    assert 0 < sum(seen) <= limits.PUT_BLOBS_OPEN_MAX
    assert not answers.final


async def test_a_node_of_an_earlier_build_that_counts_nothing_gets_a_large_blob(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    node, answers, content = FakeBlobs(), Answers(), b"x" * (3 * limits.MIB)
    node.counts = False

    failure = await put(DirectChannel(node.handlers), [item(tmp_path, "large", content)], answers)

    assert failure is None
    assert list(node.blobs.values()) == [content]


async def test_a_node_that_counts_more_than_was_sent_is_believed_nothing(tmp_path: Path) -> None:
    async def liar(call: ServerCall) -> None:
        await call.receive()
        await call.send(wire.PutResponse(received_bytes=1 << 40).SerializeToString())

    failure = await put(DirectChannel({PUT: liar}), items(tmp_path, 1), Answers())

    assert isinstance(failure, PeerGone)
    assert "more than were sent" in str(failure)


async def test_blobs_that_wait_for_copies_do_not_hold_up_the_others(tmp_path: Path) -> None:
    """Each of 1,200 blobs gets its interim answer only; the finals come when all have arrived."""
    waiting: list[wire.PutAnswer] = []
    node = FakeBlobs()

    def rule(put: Put, completed: int) -> wire.PutAnswer:
        return wire.PutAnswer(outcome=wire.PUT_OUTCOME_STORED, id=put.start.id, final=False)

    node.rule = rule
    plain_put = node.handlers[PUT]

    async def handler(call: ServerCall) -> None:
        await plain_put(call)
        for ticket in range(1, 1201):
            waiting.append(wire.PutAnswer(ticket=ticket, outcome=wire.PUT_OUTCOME_STORED, final=True))
        await call.send(wire.PutResponse(answers=waiting).SerializeToString())

    answers = Answers()
    failure = await put(DirectChannel({PUT: handler}), items(tmp_path, 1200), answers)

    assert failure is None
    assert len(answers.early) == 1200
    assert len(answers.final) == 1200


async def test_interim_and_final_answers_both_reach_the_caller(tmp_path: Path) -> None:
    node, answers = FakeBlobs(interim=True), Answers()

    await put(DirectChannel(node.handlers), items(tmp_path, 3), answers)

    assert answers.early == ["f00000", "f00001", "f00002"]
    assert [answer.copies.count for answer in answers.final.values()] == [3, 3, 3]


async def test_after_a_broken_line_the_unanswered_go_again_with_the_same_bytes(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    node, answers, all_items = FakeBlobs(rule=line_breaks_at(100)), Answers(), items(tmp_path, 150)
    channel = DirectChannel(node.handlers)

    failure = await put(channel, all_items, answers)

    assert failure is None
    assert channel.streams_opened == 2
    assert set(node.blobs) == {item.id for item in all_items}
    assert answers.outcomes() == {Outcome.STORED}


async def test_an_unknown_outcome_is_sent_again_until_it_is_known(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    node, answers = FakeBlobs(), Answers()

    def rule(put: Put, completed: int) -> wire.PutAnswer:
        outcome = wire.PUT_OUTCOME_UNKNOWN if completed <= 2 else wire.PUT_OUTCOME_STORED
        return wire.PutAnswer(outcome=outcome, id=put.start.id, final=True)

    node.rule = rule

    failure = await put(DirectChannel(node.handlers), items(tmp_path, 1), answers)

    assert failure is None
    assert answers.final["f00000"].outcome is Outcome.STORED
    assert len(node.starts) == 3


async def test_an_outcome_that_stays_unknown_ends_after_the_time_for_retries(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    answers = Answers()
    node = FakeBlobs(rule=lambda put, completed: wire.PutAnswer(outcome=wire.PUT_OUTCOME_UNKNOWN, final=True))

    failure = await put(DirectChannel(node.handlers), items(tmp_path, 2), answers)

    assert failure is not None
    assert answers.outcomes() == {Outcome.UNKNOWN}
    assert len(answers.final) == 2


async def test_what_never_left_is_not_called_unknown(tmp_path: Path, autojump_clock: trio.testing.MockClock) -> None:
    channel, answers = DirectChannel({}), Answers()
    channel.unreachable = PeerUnreachable("nobody answers")

    failure = await put(channel, items(tmp_path, 2), answers)

    assert isinstance(failure, PeerUnreachable)
    assert channel.streams_opened > 2
    assert answers.outcomes() <= {Outcome.NOT_SENT}


async def test_what_a_stream_took_that_never_connected_is_not_called_unknown(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    """A real line takes frames while it connects: `put` at a node that is down said "unknown" and 5, not 7."""

    async def never_connects(call: ServerCall) -> None:
        await trio.sleep(1)
        raise PeerUnreachable("nobody answers")

    answers = Answers()

    failure = await put(DirectChannel({PUT: never_connects}), items(tmp_path, 2), answers)

    assert isinstance(failure, PeerUnreachable)
    assert answers.outcomes() == {Outcome.NOT_SENT}


async def test_what_left_once_stays_unknown_when_the_node_is_gone_afterwards(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    channel, answers = DirectChannel({}), Answers()

    async def gone(call: ServerCall) -> None:
        await call.receive()
        channel.unreachable = PeerUnreachable("nobody answers")
        raise PeerGone("line broke")

    channel.handlers = {PUT: gone}

    failure = await put(channel, items(tmp_path, 1), answers)

    assert isinstance(failure, PeerUnreachable)
    assert answers.outcomes() == {Outcome.UNKNOWN}


async def test_a_caller_without_permission_is_refused_at_once(tmp_path: Path) -> None:
    async def refuse(call: ServerCall) -> None:
        await call.receive()
        raise Rejected(StatusCode.PERMISSION_DENIED, "stations of 36.02 only")

    channel, answers = DirectChannel({PUT: refuse}), Answers()

    failure = await put(channel, items(tmp_path, 1), answers)

    assert isinstance(failure, Rejected)
    assert channel.streams_opened == 1
    assert answers.final["f00000"].outcome is Outcome.REFUSED
    assert answers.final["f00000"].sentence == "stations of 36.02 only", (
        "as the node said it: it is told in the reader's language"
    )


async def test_what_left_once_stays_unknown_when_the_next_stream_is_refused(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    channel, answers = DirectChannel({}), Answers()

    async def gone(call: ServerCall) -> None:
        await call.receive()
        channel.unreachable = TrustRefused("another certificate answers")
        raise PeerGone("line broke")

    channel.handlers = {PUT: gone}

    failure = await put(channel, items(tmp_path, 1), answers)

    assert isinstance(failure, TrustRefused)
    assert answers.outcomes() == {Outcome.UNKNOWN}


async def test_what_a_node_took_in_before_it_revoked_the_call_is_unknown(tmp_path: Path) -> None:
    """It was called refused, and may have been stored: its answer was only not on its way yet."""

    async def revoke(call: ServerCall) -> None:
        message = await call.receive()
        assert message is not None
        await call.send(wire.PutResponse(received_bytes=1).SerializeToString())
        raise Rejected(StatusCode.PERMISSION_DENIED, "may no longer call")

    answers = Answers()

    failure = await put(DirectChannel({PUT: revoke}), items(tmp_path, 1), answers)

    assert isinstance(failure, Rejected)
    assert answers.outcomes() == {Outcome.UNKNOWN}


async def test_a_node_that_is_not_trusted_refuses_what_was_about_to_go(tmp_path: Path) -> None:
    async def foreign(call: ServerCall) -> None:
        await call.receive()
        raise TrustRefused("another certificate answers")

    answers = Answers()

    failure = await put(DirectChannel({PUT: foreign}), items(tmp_path, 1), answers)

    assert isinstance(failure, TrustRefused)
    assert of_put(answers.final["f00000"], 3) is ExitCode.REFUSED


async def test_a_stored_blob_stays_stored_when_the_line_breaks_during_the_wait_for_copies(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    node, answers = FakeBlobs(), Answers()

    def rule(put: Put, completed: int) -> wire.PutAnswer:
        copies = wire.CopyCount(count=1, wanted=3, holders=[1])
        return wire.PutAnswer(outcome=wire.PUT_OUTCOME_STORED, id=put.start.id, copies=copies, final=False)

    node.rule = rule

    await put(DirectChannel(node.handlers), items(tmp_path, 1), answers)

    assert answers.final["f00000"].outcome is Outcome.STORED
    assert answers.final["f00000"].copies.count == 1
    assert len(node.starts) == 1


async def test_a_silent_node_is_given_up(tmp_path: Path, autojump_clock: trio.testing.MockClock) -> None:
    node, answers = FakeBlobs(rule=lambda put, completed: None), Answers()

    plain_put = node.handlers[PUT]

    async def never_ends(call: ServerCall) -> None:
        await plain_put(call)
        await trio.sleep_forever()

    failure = await put(DirectChannel({PUT: never_ends}), items(tmp_path, 1), answers)

    assert failure is not None
    assert answers.final["f00000"].outcome is Outcome.UNKNOWN


async def test_a_file_that_vanished_is_refused_and_the_others_go_out(tmp_path: Path) -> None:
    node, answers, all_items = FakeBlobs(), Answers(), items(tmp_path, 3)
    await trio.Path(all_items[1].path).unlink()

    failure = await put(DirectChannel(node.handlers), all_items, answers)

    assert failure is None
    assert answers.final["f00001"].outcome is Outcome.REFUSED
    assert set(node.blobs) == {all_items[0].id, all_items[2].id}


async def test_a_file_that_vanished_after_it_was_sent_once_is_unknown(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    """The node may have stored it, and only the answer was lost."""
    channel, answers, all_items = DirectChannel({}), Answers(), items(tmp_path, 1)
    node = FakeBlobs()

    async def answer_lost(call: ServerCall) -> None:
        await call.receive()
        await trio.Path(all_items[0].path).unlink()
        channel.handlers = node.handlers
        raise PeerGone("line broke")

    channel.handlers = {PUT: answer_lost}

    await put(channel, all_items, answers)

    assert answers.final["f00000"].outcome is Outcome.UNKNOWN
    assert of_put(answers.final["f00000"], 3) is ExitCode.UNKNOWN


async def test_a_file_that_shrank_is_refused_and_the_others_go_out(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    node, answers, all_items = FakeBlobs(), Answers(), items(tmp_path, 3)
    await trio.Path(all_items[1].path).write_bytes(b"short")

    failure = await put(DirectChannel(node.handlers), all_items, answers)

    assert failure is None
    assert answers.final["f00001"].outcome is Outcome.REFUSED
    assert set(node.blobs) == {all_items[0].id, all_items[2].id}
