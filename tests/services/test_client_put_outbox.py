"""What a put leaves in the outbox, and what becomes of it: with the next put, and with `put --waiting`."""

from __future__ import annotations

from pathlib import Path

import pyrage
import pytest

from lumbung_cluster.ids import BlobId
from lumbung_proto.v1 import blobs_pb2
from lumbung_testing.fake_blobs import FakeBlobs, Put
from lumbung_testing.typed_commands import Office, answers
from lumbung_tools.client.outbox import Outbox


@pytest.fixture
def office(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Office:
    return Office(tmp_path, capsys)


def test_the_outbox_is_empty_after_a_definite_answer_and_never_saw_the_plaintext(office: Office) -> None:
    office.type("put", office.file("a.zip"))

    assert office.waiting() == []


def test_the_outbox_is_empty_after_many_files_and_their_interim_answers(office: Office) -> None:
    office.channels[1].handlers = FakeBlobs(1, interim=True).handlers
    (office.folder / "day").mkdir()
    for number in range(300):
        office.file(f"day/{number}", str(number).encode())

    assert office.type("put", str(office.folder / "day")) == 0
    assert office.waiting() == []


def test_a_file_named_twice_is_freed_with_its_last_answer(office: Office) -> None:
    name = office.file("a.zip")

    assert office.type("put", name, name) == 0
    assert office.waiting() == []


def test_what_was_left_after_a_definite_answer_goes_with_the_next_put_of_it(office: Office) -> None:
    name = office.file("a.zip")
    office.node.rule = lambda put, completed: blobs_pb2.PutAnswer(outcome=blobs_pb2.PUT_OUTCOME_UNKNOWN, final=True)
    office.type("put", "--timeout", "0", name)
    left = {path: path.read_bytes() for path in office.station.profile.outbox.iterdir()}
    office.node.rule = office.node.stored
    office.type("put", name)
    for path, content in left.items():
        path.write_bytes(content)

    office.type("put", name)

    assert office.waiting() == []


@pytest.mark.parametrize("told_bytes", [0, 999])
def test_the_size_of_a_repeat_is_that_of_the_bytes_whose_id_is_told(office: Office, told_bytes: int) -> None:
    other = BlobId.of(b"sealed a year ago") if told_bytes else None

    def repeated(put: Put, completed: int) -> blobs_pb2.PutAnswer:
        answer = office.node.stored(put, completed)
        answer.outcome, answer.size_bytes = blobs_pb2.PUT_OUTCOME_REPEATED, told_bytes
        answer.id = other.raw if other is not None else put.start.id
        sent.append(put.start.size_bytes)
        return answer

    sent: list[int] = []
    office.node.rule = repeated
    office.type("put", "--json", office.file("a.zip"))
    told = office.objects()[0]
    assert told["outcome"] == "repeated"
    assert told["size_bytes"] == (told_bytes or sent[0])


def left_in_outbox(office: Office) -> str:
    """A sealed file whose put has ended without a definite answer, and whose own file is gone."""
    office.node.rule = lambda put, completed: blobs_pb2.PutAnswer(outcome=blobs_pb2.PUT_OUTCOME_UNKNOWN, final=True)
    name = office.file("gone.zip", b"gone")
    office.type("put", "--timeout", "0", name)
    Path(name).unlink()
    office.node.rule = office.node.stored
    return office.waiting()[0]


def test_a_sealed_file_that_has_a_copy_leaves_the_outbox_with_any_put(office: Office) -> None:
    sealed = office.station.profile.outbox / left_in_outbox(office)
    content = sealed.read_bytes()
    office.node.blobs[BlobId.of(content).raw] = content
    office.node.copies_now = blobs_pb2.CopyCount(count=1, wanted=3, holders=[1])
    office.type("put", office.file("a.zip"))
    with_one_copy = office.waiting()
    office.node.copies_now = blobs_pb2.CopyCount(count=2, wanted=3, holders=[1, 2])
    office.type("put", office.file("a.zip"))

    assert with_one_copy[0] == sealed.name
    assert office.waiting() == []


def test_a_sealed_file_that_the_node_has_not_stays_in_the_outbox(office: Office) -> None:
    sealed = left_in_outbox(office)

    assert office.type("put", office.file("a.zip")) == 0
    assert office.waiting()[0] == sealed


def test_a_sealed_file_that_another_put_may_be_sending_stays(office: Office) -> None:
    sealed = office.station.profile.outbox / left_in_outbox(office)
    content = sealed.read_bytes()
    office.node.blobs[BlobId.of(content).raw] = content
    office.node.copies_now = blobs_pb2.CopyCount(count=3, wanted=3, safe=True, holders=[1, 2, 4])
    other = Outbox(office.station.profile.outbox, office.station.profile.read_tag_secret())

    office.type("put", office.file("a.zip"))

    assert sealed.exists()
    other.close()


def test_a_retry_after_an_unknown_outcome_sends_the_same_bytes(office: Office) -> None:
    office.node.rule = lambda put, completed: blobs_pb2.PutAnswer(outcome=blobs_pb2.PUT_OUTCOME_UNKNOWN, final=True)
    first_code = office.type("put", "--timeout", "0", office.file("a.zip"))
    waiting = office.waiting()
    first = [start.id for start in office.node.starts]

    office.node.rule = office.node.stored
    second_code = office.type("put", office.file("a.zip"))

    assert (first_code, second_code) == (5, 0)
    assert [Path(name).suffix for name in waiting] == [".age", ".json"]
    assert office.node.starts[-1].id in first
    assert office.waiting() == []


def lost_answers(office: Office, *names: str) -> None:
    """Puts of these files whose answers never came, after which a person has removed the files."""
    office.node.rule = lambda put, completed: None
    for name in names:
        path = office.file(name, name.encode() * 50)
        assert office.type("put", "--timeout", "0", path) == 5
        Path(path).unlink()
    office.node.rule = answers(3)
    office.node.blobs.clear()
    office.said()


def test_what_waits_is_sent_although_its_file_is_gone(office: Office) -> None:
    """Its sealed file is all that is left of it, and nothing but a put of the same file would ever have sent it."""
    lost_answers(office, "a.zip", "b.zip")
    assert len(office.waiting()) == 4

    assert office.type("put", "--waiting") == 0

    assert sorted(
        pyrage.decrypt(sealed, [pyrage.x25519.Identity.from_str(office.station.office.secret)])
        for sealed in office.node.blobs.values()
    ) == [b"a.zip" * 50, b"b.zip" * 50]
    assert office.waiting() == []
    assert "2 recordings: 2 safe." in office.said()[0]
    assert office.type("put", "--waiting") == 0
    assert "0 recordings wait" in office.said()[0]


def test_what_waits_stays_after_a_refusal(office: Office) -> None:
    """After a refusal of a named file the file is there; of this one nothing else may be."""
    lost_answers(office, "a.zip")
    office.node.rule = lambda put, completed: blobs_pb2.PutAnswer(
        outcome=blobs_pb2.PUT_OUTCOME_REFUSED, status_code=8, sentence="disk full", final=True
    )

    assert office.type("put", "--waiting") == 6
    assert len(office.waiting()) == 2


def test_a_spoilt_sealed_file_is_told_and_not_sent(office: Office) -> None:
    lost_answers(office, "a.zip", "b.zip")
    spoilt = office.station.profile.outbox / next(name for name in office.waiting() if name.endswith(".age"))
    sealed = spoilt.read_bytes()
    spoilt.write_bytes(sealed[:-1] + bytes([sealed[-1] ^ 1]))  # another byte, whatever the last one was

    assert office.type("put", "--waiting") == 2

    assert len(office.node.blobs) == 1
    assert [name for name in office.waiting() if name.endswith(".age")] == [spoilt.name]
    assert "this sealed file of the outbox is spoilt" in office.said()[1]


def test_a_dry_run_counts_what_waits_and_sends_nothing(office: Office) -> None:
    lost_answers(office, "a.zip")

    assert office.type("put", "--waiting", "--dry-run") == 0
    assert "1 recording waits" in office.said()[0]
    assert (len(office.waiting()), office.node.blobs) == (2, {})


def test_what_waits_is_left_to_a_put_that_is_at_work(office: Office) -> None:
    lost_answers(office, "a.zip")
    other = Outbox(office.station.profile.outbox, office.station.profile.read_tag_secret())

    assert office.type("put", "--waiting") == 2
    assert "Another put is at work" in office.said()[1]
    other.close()
    assert len(office.waiting()) == 2


@pytest.mark.parametrize("more", [["a.zip"], ["--no-seal"], ["--record", "R-1"]])
def test_what_waits_is_sent_as_it_is(office: Office, more: list[str]) -> None:
    assert office.type("put", "--waiting", *more) == 2
    assert "no files, --record or --no-seal go with it" in office.said()[1]


def test_put_of_nothing_says_what_to_name(office: Office) -> None:
    assert office.type("put") == 2
    assert "Name at least one file or folder, or give --waiting." in office.said()[1]
