"""The commands as a person types them, against a blob service in the same process."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyrage
import pytest

from lumbung_cluster import limits
from lumbung_cluster.errors import LumbungError, PeerUnreachable
from lumbung_cluster.ids import BlobId
from lumbung_node.ports.transport import ServerCall
from lumbung_proto.v1 import blobs_pb2, operations_pb2
from lumbung_testing.direct_channel import DirectChannel
from lumbung_testing.typed_commands import PLAIN, Office, answers
from lumbung_tools.client.methods import STATUS
from lumbung_tools.client.outbox import Outbox
from lumbung_tools.client.profile import write_profile


@pytest.fixture
def office(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Office:
    return Office(tmp_path, capsys)


def test_put_seals_to_office_and_escrow_and_says_which_copies_are_proven(office: Office) -> None:
    code = office.type("put", office.file("a.zip"))

    [(raw, sealed)] = office.node.blobs.items()
    out, _ = office.said()
    assert code == 0
    assert "a.zip: stored, 3 of 3 copies, safe" in out
    assert BlobId.of(sealed).raw == raw
    assert PLAIN[:20] not in sealed
    for identity in (office.station.office, office.station.escrow):
        assert pyrage.decrypt(sealed, [pyrage.x25519.Identity.from_str(identity.secret)]) == PLAIN


def test_put_that_is_short_of_copies_says_so_and_exits_with_3(office: Office) -> None:
    office.node.rule = answers(1)

    code = office.type("put", "--timeout", "0", office.file("a.zip"))

    assert code == 3
    assert "stored, 1 of 3 copies; no proof yet from 34.04, drc-batam" in office.said()[0]


def test_copies_that_come_after_the_node_stopped_waiting_still_count(office: Office) -> None:
    office.node.rule = answers(1)
    office.node.copies_now = blobs_pb2.CopyCount(count=3, wanted=3, safe=True, holders=[1, 2, 4])

    code = office.type("put", "--timeout", "0", office.file("a.zip"))

    assert code == 0
    assert "3 of 3 copies, safe" in office.said()[0]


def test_as_many_copies_as_asked_for_is_a_success(office: Office) -> None:
    office.node.rule = answers(1)

    assert office.type("put", "--copies", "1", office.file("a.zip")) == 0
    assert "as many as asked for" in office.said()[0]


def test_an_unreachable_node_is_exit_code_7_and_nothing_is_called_sent(office: Office) -> None:
    office.channels[1].unreachable = PeerUnreachable("nobody answers at 127.0.0.1:7001")

    code = office.type("put", "--timeout", "0", office.file("a.zip"))

    out, err = office.said()
    assert code == 7
    assert "a.zip: not sent" in err
    assert "stored" not in out + err


def test_equal_files_in_one_put_are_both_stored(office: Office) -> None:
    code = office.type("put", office.file("a.zip"), office.file("b.zip"))

    assert code == 0
    assert len({start.content_tag for start in office.node.starts}) == 1
    assert office.waiting() == []


def test_an_empty_file_is_refused_and_the_others_are_stored(office: Office) -> None:
    code = office.type("put", office.file("empty.zip", b""), office.file("b.zip"))

    _, err = office.said()
    assert code == 2
    assert "empty.zip: NOT stored" in err
    assert len(office.node.blobs) == 1


@pytest.mark.parametrize("more", [(), ("--no-seal",), ("--dry-run",)])
def test_a_file_that_is_too_large_is_refused_before_it_is_read(
    office: Office, more: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    office.channels[1].handlers = {
        **office.node.handlers,
        STATUS: status_handler(operations_pb2.StatusResponse(takes_puts=True)),  # type: ignore[dict-item]
    }
    monkeypatch.setattr(Outbox, "seal", None)
    large = office.folder / "large.zip"
    with large.open("wb") as file:
        file.truncate(limits.BLOB_SIZE_BYTES_MAX + 1)

    code = office.type("put", str(large), *more)

    assert code == 2
    assert "large.zip: NOT stored" in office.said()[1]
    assert office.waiting() == [] if office.station.profile.outbox.exists() else True


def test_an_empty_name_is_a_usage_error(office: Office) -> None:
    assert office.type("put", "", office.file("a.zip")) == 2
    assert "empty name" in office.said()[1]
    assert office.node.starts == []


@pytest.mark.parametrize("content", [PLAIN, b""])
def test_a_name_cannot_speak_to_the_terminal(office: Office, content: bytes) -> None:
    office.type("put", office.file("a\x1b[2J\nb.zip: stored, 3 of 3 copies, safe", content))

    said = "".join(office.said())
    assert "\x1b" not in said
    assert "a\\x1b[2J\\x0ab.zip" in said


def test_folders_are_walked_and_hidden_files_left(office: Office) -> None:
    day = office.folder / "today" / "deep"
    day.mkdir(parents=True)
    for name in ("1.zip", "2.zip", ".part"):
        (day / name).write_bytes(name.encode())

    office.type("put", "--json", str(office.folder / "today"))

    names = {Path(str(entry["path"])).name for entry in office.objects() if entry["schema"] == "lumbung.put/1"}
    assert names == {"1.zip", "2.zip"}


@pytest.fixture
def locked(office: Office, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that this account may not read; root could, so the system call says it."""
    folder = office.folder / "day" / "locked"
    folder.mkdir(parents=True)
    listed = os.scandir

    def scandir(path: str) -> object:
        if os.fspath(path) == str(folder):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return listed(path)

    monkeypatch.setattr(os, "scandir", scandir)
    return folder


@pytest.mark.parametrize("more", [(), ("--dry-run",)])
def test_a_folder_that_cannot_be_read_is_named_and_the_others_are_stored(
    office: Office, locked: Path, more: tuple[str, ...]
) -> None:
    office.channels[1].handlers = {
        **office.node.handlers,
        STATUS: status_handler(operations_pb2.StatusResponse(takes_puts=True)),  # type: ignore[dict-item]
    }
    office.file("day/a.zip")

    code = office.type("put", str(locked.parent), *more)

    assert code == 2
    assert f"{locked}: NOT stored" in office.said()[1]
    assert len(office.node.blobs) == (0 if more else 1)


def test_an_empty_folder_beside_another_is_told(office: Office) -> None:
    """A card or disk that is not mounted looks like that: its recordings were left behind with code 0."""
    camera, card = office.folder / "camera", office.folder / "card"
    camera.mkdir()
    card.mkdir()
    (camera / "a.zip").write_bytes(b"a")

    assert office.type("put", str(camera), str(card)) == 2
    out, err = office.said()
    assert "a.zip: stored" in out
    assert "card: NOT stored" in err
    assert "is it mounted?" in err


def test_a_pipe_in_a_folder_is_told_and_not_waited_for(office: Office) -> None:
    (office.folder / "day").mkdir()
    office.file("day/a.zip")
    os.mkfifo(office.folder / "day" / "b.zip")

    code = office.type("put", str(office.folder / "day"))

    assert code == 2
    assert f"{office.folder / 'day' / 'b.zip'}: NOT stored" in office.said()[1]
    assert len(office.node.blobs) == 1


def test_a_folder_that_cannot_be_read_is_in_the_summary_too(office: Office, locked: Path) -> None:
    office.file("day/a.zip")

    office.type("put", "--json", str(locked.parent))

    told = {str(entry.get("path")): entry for entry in office.objects()}
    assert told[str(locked)]["exit_code"] == 2
    assert (told["None"]["total"], told["None"]["failed"]) == (2, 1)


def test_a_folder_that_cannot_be_read_does_not_count_as_empty(office: Office, locked: Path) -> None:
    code = office.type("put", str(locked))

    assert code == 2
    assert f"{locked}: NOT stored" in office.said()[1]


def test_a_record_takes_no_folder_of_which_a_part_cannot_be_read(office: Office, locked: Path) -> None:
    office.file("day/a.zip")

    assert office.type("put", str(locked.parent), "--record", "R-1") == 2
    assert office.node.starts == []


def test_put_as_it_is_keeps_the_bytes_and_names_no_epoch(office: Office) -> None:
    office.type("put", "--no-seal", office.file("a.age"))

    assert list(office.node.blobs.values()) == [PLAIN]
    assert office.node.starts[0].seal_epoch == 0


def test_the_record_tag_depends_on_the_record_alone(office: Office) -> None:
    office.type("put", "--record", "R-1", office.file("a.zip"))
    office.type("put", "--record", "R-1", office.file("b.zip", b"second version"))
    office.type("put", "--record", "R-2", office.file("c.zip"))

    tags = [start.record_tag for start in office.node.starts]
    assert tags[0] == tags[1] != tags[2]
    assert b"R-1" not in tags[0]


@pytest.mark.parametrize("record", ["", "  ", "R-\udce9"])
@pytest.mark.parametrize("command", [("put", "a.zip"), ("put", "a.zip", "--dry-run"), ("get",), ("where",)])
def test_a_record_without_a_text_is_a_usage_error(office: Office, command: tuple[str, ...], record: str) -> None:
    office.file("a.zip")

    code = office.type(*(word.replace("a.zip", str(office.folder / "a.zip")) for word in command), "--record", record)

    assert code == 2
    assert "--record" in office.said()[1]
    assert office.node.starts == []


def test_json_has_a_schema_and_the_names_of_holders(office: Office) -> None:
    office.type("put", "--json", office.file("a.zip"))

    put, summary = office.objects()
    assert put["schema"] == "lumbung.put/1"
    copies = put["copies"]
    assert isinstance(copies, dict)
    assert copies["count"] == 3
    assert summary == {
        "schema": "lumbung.put.summary/1",
        "total": 1,
        "safe": 1,
        "short": 0,
        "failed": 0,
        "exit_code": 0,
    }


def stored(office: Office) -> str:
    """Put one file and give the first digits of its id."""
    office.type("put", office.file("source.zip"))
    office.said()
    [raw] = office.node.blobs
    return raw.hex()[:12]


def test_get_opens_what_put_sealed(office: Office) -> None:
    digits = stored(office)

    code = office.type("get", digits, "-o", str(office.folder / "back.zip"))

    assert code == 0
    assert (office.folder / "back.zip").read_bytes() == PLAIN


def test_get_sealed_writes_bytes_that_hash_to_the_id(office: Office) -> None:
    digits = stored(office)

    office.type("get", digits, "--sealed", "-o", str(office.folder / "back.age"))

    content = (office.folder / "back.age").read_bytes()
    assert str(BlobId.of(content)).startswith(digits)


def test_a_profile_that_may_open_nothing_is_told_of_sealed(office: Office) -> None:
    digits = stored(office)
    write_profile(replace(office.station.profile, identities=()))

    code = office.type("get", digits, "-o", str(office.folder / "back.zip"))

    err = office.said()[1]
    assert code == 2
    assert "--sealed" in err
    assert "profile.toml" in err
    assert office.type("get", digits, "--sealed", "-o", str(office.folder / "back.age")) == 0


def test_get_asks_the_other_holders_when_the_own_node_is_gone(office: Office) -> None:
    digits = stored(office)
    office.drc.blobs.update(office.node.blobs)
    office.channels[1].unreachable = PeerUnreachable("nobody answers")

    code = office.type("get", digits, "-o", str(office.folder / "back.zip"))

    out, err = office.said()
    assert code == 0
    assert "from drc-batam" in out
    assert "36.02: " in err
    assert "34.04: " in err


@pytest.mark.parametrize(("failure", "expected"), [(None, 4), (PeerUnreachable("nobody answers"), 7)])
def test_what_nobody_has_is_not_found_only_when_everybody_was_asked(
    office: Office, failure: LumbungError | None, expected: int
) -> None:
    office.channels[2].unreachable = failure

    assert office.type("get", "0123456789ab", "-o", str(office.folder / "x")) == expected
    assert not (office.folder / "x").exists()


def test_wrong_bytes_are_never_written(office: Office) -> None:
    digits = stored(office)
    office.node.corrupt = True

    code = office.type("get", digits, "--from", "36.02", "-o", str(office.folder / "back.zip"))

    assert code == 8
    assert sorted(os.listdir(office.folder)) == ["home", "source.zip"]


@pytest.mark.parametrize("number", [errno.EPERM, errno.EOPNOTSUPP])
def test_get_writes_onto_a_stick_whose_file_system_has_no_links(
    office: Office, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """On FAT and exFAT it ended with "this account may not do that", after the whole recording was fetched."""
    digits, there = stored(office), office.file("precious", b"mine")

    def no_links(source: object, target: object) -> None:
        raise OSError(number, os.strerror(number), str(source), None, str(target))

    monkeypatch.setattr(os, "link", no_links)

    assert office.type("get", digits, "-o", str(office.folder / "fresh")) == 0
    assert (office.folder / "fresh").read_bytes()
    assert office.type("get", digits, "-o", there) == 2
    assert Path(there).read_bytes() == b"mine"


def test_get_never_writes_over_a_file(office: Office) -> None:
    digits, target = stored(office), office.file("precious", b"mine")

    assert office.type("get", digits, "-o", target) == 2
    assert Path(target).read_bytes() == b"mine"


@pytest.mark.parametrize("digits", ["1234567", "not-a-number", "z" * 64])
def test_an_id_of_less_than_eight_digits_is_a_usage_error(office: Office, digits: str) -> None:
    assert office.type("where", digits) == 2


def test_an_unknown_id_is_exit_code_4(office: Office) -> None:
    assert office.type("where", "0123456789") == 4


def test_ls_walks_all_pages(office: Office) -> None:
    office.node.blobs = {BlobId.of(bytes([n % 256, n // 256])).raw: b"x" for n in range(1100)}

    assert office.type("ls", "--limit", "0", "--json") == 0
    assert len(office.objects()) == 1100


def status_handler(answer: operations_pb2.StatusResponse) -> Callable[[ServerCall], object]:
    async def handler(call: ServerCall) -> None:
        await call.receive()
        await call.send(answer.SerializeToString())

    return handler


@pytest.mark.parametrize(
    ("severities", "expected"),
    [
        ((), 0),
        ((operations_pb2.SEVERITY_NOTE,), 0),
        ((operations_pb2.SEVERITY_WARNING, operations_pb2.SEVERITY_NOTE), 3),
        ((operations_pb2.SEVERITY_CRITICAL, operations_pb2.SEVERITY_WARNING), 8),
    ],
)
def test_health_exits_by_the_worst_trouble(
    office: Office, severities: tuple[operations_pb2.Severity.ValueType, ...], expected: int
) -> None:
    troubles = [operations_pb2.HealthItem(code="LINK_DOWN", severity=severity, node=2) for severity in severities]
    answer = operations_pb2.StatusResponse(node=1, name="36.02", takes_puts=True, health=troubles)
    office.channels[1] = DirectChannel({STATUS: status_handler(answer)})  # type: ignore[dict-item]

    assert office.type("health") == expected
    said = office.said()[0]
    assert ("no trouble above a note" in said) is (not troubles)
    assert ("there are only notes" in said) is (severities == (operations_pb2.SEVERITY_NOTE,))


def test_a_missing_profile_is_one_sentence_and_exit_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], office: Office
) -> None:
    office.station.profile.home.joinpath("profile.toml").unlink()

    code = office.type("status")

    assert code == 2
    assert office.said()[1].count("\n") == 1


def test_a_misspelt_profile_key_names_the_nearest(office: Office) -> None:
    file = office.station.profile.home / "profile.toml"
    file.write_text(file.read_text().replace("tag_secret", "tag_secrets"))

    assert office.type("status") == 2
    assert "tag_secret" in office.said()[1]


def test_a_key_that_others_may_read_is_refused(office: Office) -> None:
    office.station.profile.tag_secret.chmod(0o644)

    assert office.type("put", office.file("a.zip")) == 2
    assert "chmod 600" in office.said()[1]


def test_a_roster_that_custodians_did_not_sign_seals_nothing(office: Office) -> None:
    file = office.station.profile.roster
    raw = bytearray(file.read_bytes())
    raw[-1] ^= 1
    file.write_bytes(bytes(raw))

    assert office.type("put", office.file("a.zip")) == 2
    assert office.node.starts == []


def test_an_unexpected_error_is_one_line_with_an_event(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LUMBUNG_DEBUG", raising=False)
    office.node.rule = lambda put, completed: blobs_pb2.PutAnswer(outcome=blobs_pb2.PUT_OUTCOME_STORED, final=True)
    office.channels.pop(1)

    code = office.type("put", office.file("a.zip"))

    _, err = office.said()
    assert code == 1
    assert "event" in err
    assert "Traceback" not in err
