"""`get` of many recordings as a person types it, against blob services in the same process."""

from __future__ import annotations

import errno
import io
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
import trio
import trio.testing

from lumbung_cluster.errors import PeerGone, PeerUnreachable, Rejected, StatusCode
from lumbung_cluster.ids import BlobId
from lumbung_cluster.limits import MIB
from lumbung_node.adapters.keys.key_files import name_new
from lumbung_node.ports.transport import ServerCall
from lumbung_proto.codec import encode_frame
from lumbung_proto.v1 import blobs_pb2 as wire
from lumbung_testing.typed_commands import Office
from lumbung_tools.cli import get_many
from lumbung_tools.cli.get_report import GetReport
from lumbung_tools.client import once
from lumbung_tools.client.get import Fetched
from lumbung_tools.client.methods import READ
from lumbung_tools.client.opened import open_into
from lumbung_tools.client.part_file import PartFile
from lumbung_tools.sealing import Identities

OFFICE, PEER, DRC = 1, 2, 4


@pytest.fixture
def office(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Office:
    return Office(tmp_path, capsys)


@pytest.fixture
def into(tmp_path: Path) -> Path:
    folder = tmp_path / "into"
    folder.mkdir()
    return folder


def content(number: int) -> bytes:
    return f"recording {number}\n".encode() * (1 + number)


def stored(office: Office, count: int) -> list[str]:
    """Ids of so many recordings, in order; all holders have them."""
    ids = []
    for number in range(count):
        office.type("put", "--record", f"R-{number}", office.file("source.zip", content(number)))
        ids.append(list(office.node.blobs)[-1].hex())
    for holder in (office.peer, office.drc):
        holder.blobs.update(office.node.blobs)
    for channel in office.channels.values():
        channel.streams_opened = 0
    office.said()
    return ids


def there(folder: Path) -> list[str]:
    """All names in the folder, hidden ones too."""
    return sorted(os.listdir(folder))


def names(ids: Sequence[str]) -> list[str]:
    return sorted(each[:16] for each in ids)


def raw(digits: str) -> bytes:
    return bytes.fromhex(digits)


def test_many_recordings_come_opened_over_one_stream_in_the_order_asked_for(office: Office, into: Path) -> None:
    ids = stored(office, 20)

    code = office.type("get", *ids, "--into", str(into))

    out, err = office.said()
    assert (code, err) == (0, "")
    assert there(into) == names(ids)
    assert [(into / each[:16]).read_bytes() for each in ids] == [content(number) for number in range(20)]
    lines = out.splitlines()
    assert [line.partition(":")[0] for line in lines[:-1]] == [str(into / each[:16]) for each in ids]
    assert "checked against its id, from 36.02" in lines[0]
    assert lines[-1] == "20 of 20 recordings written."
    assert office.channels[OFFICE].streams_opened == 1


def test_several_names_without_a_folder_go_into_the_current_one(
    office: Office, into: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = stored(office, 2)
    monkeypatch.chdir(into)

    assert office.type("get", *ids) == 0
    assert there(into) == names(ids)
    assert office.said()[0].startswith(ids[0][:16])


def test_one_name_with_a_folder_goes_into_it(office: Office, into: Path) -> None:
    [only] = stored(office, 1)

    assert office.type("get", only[:8], "--into", str(into)) == 0
    assert there(into) == [only[:16]]


def test_records_are_many_too(office: Office, into: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = stored(office, 2)
    found = dict(zip([start.record_tag for start in office.node.starts], ids, strict=True))

    async def by_record(call: ServerCall) -> None:
        while (message := await call.receive()) is not None:
            tag = wire.ReadRequest.FromString(message).record_tag
            await _give(call, raw(found[tag]), office.node.blobs[raw(found[tag])])

    office.channels[OFFICE].handlers = {**office.node.handlers, READ: by_record}

    assert office.type("get", "--record", "R-0", "--record", "R-1", "--into", str(into)) == 0
    assert there(into) == names(ids)


def test_left_sealed_they_hash_to_their_ids(office: Office, into: Path) -> None:
    ids = stored(office, 3)

    assert office.type("get", *ids, "--sealed", "--into", str(into)) == 0
    assert there(into) == sorted(f"{each[:16]}.age" for each in ids)
    assert {str(BlobId.of((into / name).read_bytes())) for name in there(into)} == set(ids)


def test_what_was_stored_unsealed_comes_as_it_is(office: Office, into: Path) -> None:
    blob = BlobId.of(b"plain")
    office.node.blobs[blob.raw] = b"plain"

    assert office.type("get", str(blob), "--into", str(into)) == 0
    assert office.type("get", str(blob), "--sealed", "--into", str(office.folder)) == 0
    assert (into / str(blob)[:16]).read_bytes() == (office.folder / str(blob)[:16]).read_bytes() == b"plain"


def test_json_says_each_and_the_sum(office: Office, into: Path) -> None:
    [first, second] = stored(office, 2)

    code = office.type("get", "--json", first, "0123456789ab", second, "--into", str(into))

    got, again, failed, summary = sorted(office.objects(), key=lambda each: str(each["schema"]) != "lumbung.get/1")
    assert code == 4
    assert (got["schema"], got["id"], got["file"]) == ("lumbung.get/1", first, str(into / first[:16]))
    assert again["id"] == second
    assert {name: failed[name] for name in ("schema", "name", "exit_code")} == {
        "schema": "lumbung.get.failed/1",
        "name": "0123456789ab",
        "exit_code": 4,
    }
    assert all(source in str(failed["sentence"]) for source in ("36.02", "34.04", "drc-batam"))
    assert summary == {
        "schema": "lumbung.get.summary/1",
        "total": 3,
        "written": 2,
        "failed": 1,
        "there": 0,
        "repeated": 0,
        "exit_code": 4,
    }


def test_what_nobody_has_is_told_with_all_who_were_asked(office: Office, into: Path) -> None:
    [only] = stored(office, 1)
    office.channels[DRC].unreachable = PeerUnreachable("nobody listens at 127.0.0.1:1")

    code = office.type("get", "0123456789ab", only, "--into", str(into))

    out, err = office.said()
    assert code == 7
    [failed] = [line for line in err.splitlines() if line.startswith("0123456789ab: NOT written.")]
    assert all(f"{source}: " in failed for source in ("36.02", "34.04", "drc-batam"))
    assert out.endswith("1 of 2 recordings written. 1 NOT written; the reasons stand above.\n")


def test_a_blob_that_the_first_source_lacks_comes_from_the_next_over_one_stream_each(
    office: Office, into: Path
) -> None:
    ids = stored(office, 9)
    for each in ids[:4]:
        del office.node.blobs[raw(each)]

    code = office.type("get", *ids, "--into", str(into))

    out, err = office.said()
    assert (code, err) == (0, "")
    assert there(into) == names(ids)
    assert out.count("from 34.04") == 4
    assert [office.channels[number].streams_opened for number in (OFFICE, PEER, DRC)] == [1, 1, 0]


def test_a_damaged_blob_comes_from_the_next_source_and_the_damage_is_told(office: Office, into: Path) -> None:
    ids = stored(office, 5)
    office.node.rotten = {raw(ids[2])}

    code = office.type("get", *ids, "--into", str(into))

    out, err = office.said()
    assert code == 0
    assert [(into / each[:16]).read_bytes() for each in ids] == [content(number) for number in range(5)]
    assert out.count("from 36.02") == 4
    assert err == f"{ids[2]}: its bytes at 36.02 are damaged; the next holder is asked.\n"


def test_wrong_bytes_everywhere_are_never_written(office: Office, into: Path) -> None:
    ids = stored(office, 2)
    for holder in (office.node, office.peer, office.drc):
        holder.rotten = {raw(ids[0])}

    assert office.type("get", *ids, "--into", str(into)) == 8
    assert there(into) == names(ids[1:])


async def _give(call: ServerCall, blob: bytes, given: bytes) -> None:
    start = wire.GetStart(id=blob, origin=OFFICE, size_bytes=len(given), time_ms=1)
    await call.send(encode_frame(wire.ReadResponse(start=start), [given]))


async def _refuse(call: ServerCall, code: StatusCode) -> None:
    refusal = wire.ReadRefusal(status_code=code.value, sentence="the stored bytes here are damaged: ask another holder")
    await call.send(encode_frame(wire.ReadResponse(refusal=refusal)))


def test_a_blob_that_rots_under_way_comes_from_the_next_source_and_so_do_no_others(office: Office, into: Path) -> None:
    ids = stored(office, 3)

    async def rots(call: ServerCall) -> None:
        while (message := await call.receive()) is not None:
            blob = wire.ReadRequest.FromString(message).id
            given = office.node.blobs[blob]
            if blob != raw(ids[1]):
                await _give(call, blob, given)
                continue
            start = wire.GetStart(id=blob, origin=OFFICE, size_bytes=len(given), time_ms=1)
            await call.send(encode_frame(wire.ReadResponse(start=start), [given[:50]]))
            await _refuse(call, StatusCode.DATA_LOSS)

    office.channels[OFFICE].handlers = {**office.node.handlers, READ: rots}

    assert office.type("get", *ids, "--into", str(into)) == 0
    out, err = office.said()
    assert there(into) == names(ids)
    assert out.count("from 34.04") == 1
    assert f"{ids[1]}: its bytes at 36.02 are damaged" in err


def test_another_blob_than_the_one_asked_for_is_not_taken(office: Office, into: Path) -> None:
    ids = stored(office, 2)

    async def mistaken(call: ServerCall) -> None:
        while await call.receive() is not None:
            await _give(call, raw(ids[0]), office.node.blobs[raw(ids[0])])

    office.channels[OFFICE].handlers = {**office.node.handlers, READ: mistaken}

    assert office.type("get", *ids, "--into", str(into)) == 0
    assert (into / ids[1][:16]).read_bytes() == content(1)
    assert office.said()[0].count("from 34.04") == 1


def test_a_node_sees_the_end_of_a_stream_and_not_a_caller_who_left(
    office: Office, into: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    [only] = stored(office, 1)
    all_written, ended = trio.Event(), []
    written = GetReport.written

    def told(report: GetReport, fetched: Fetched) -> None:
        written(report, fetched)
        all_written.set()

    async def serve(call: ServerCall) -> None:
        await office.node.handlers[READ](call)
        await all_written.wait()
        for _ in range(10):  # whoever leaves now would end it here
            await trio.lowlevel.checkpoint()
        ended.append(call)

    monkeypatch.setattr(GetReport, "written", told)
    office.channels[OFFICE].handlers = {**office.node.handlers, READ: serve}

    assert office.type("get", only, "--into", str(into)) == 0
    assert len(ended) == 1


def test_a_stream_that_breaks_half_way_sends_what_is_left_to_the_next_source(office: Office, into: Path) -> None:
    ids = stored(office, 30)
    office.node.gives_most = 11

    code = office.type("get", *ids, "--into", str(into))

    out, err = office.said()
    assert code == 0
    assert there(into) == names(ids)
    assert (out.count("from 36.02"), out.count("from 34.04")) == (11, 19)
    assert err.startswith("36.02: The line broke in the middle")
    assert err.endswith("Still wanted of it: 19 recordings.\n")


def test_where_nobody_else_can_be_asked_a_broken_stream_is_opened_again_as_long_as_it_gives_any(
    office: Office, into: Path
) -> None:
    ids = stored(office, 7)
    office.node.gives_most = 2

    code = office.type("get", *ids, "--from", "36.02", "--into", str(into))

    assert code == 0
    assert there(into) == names(ids)
    assert office.channels[OFFICE].streams_opened == 4


@pytest.mark.parametrize("at", [0, 2])
@pytest.mark.parametrize(("more", "code"), [((), 0), (("--from", "36.02"), 5)])
def test_a_blob_under_which_the_stream_breaks_is_not_asked_for_there_again(
    office: Office, into: Path, at: int, more: tuple[str, ...], code: int
) -> None:
    ids = stored(office, 5)

    async def breaks(call: ServerCall) -> None:
        while (message := await call.receive()) is not None:
            blob = wire.ReadRequest.FromString(message).id
            given = office.node.blobs[blob]
            if blob == raw(ids[at]):
                start = wire.GetStart(id=blob, origin=OFFICE, size_bytes=len(given), time_ms=1)
                await call.send(encode_frame(wire.ReadResponse(start=start), [given[:50]]))
                raise PeerGone("the connection broke")
            await _give(call, blob, given)

    office.channels[OFFICE].handlers = {**office.node.handlers, READ: breaks}

    assert office.type("get", *ids, "--into", str(into), *more) == code
    assert there(into) == names([each for each in ids if code == 0 or each != ids[at]])


def test_a_stream_that_never_gives_any_is_not_opened_again(office: Office, into: Path) -> None:
    ids = stored(office, 7)
    office.node.gives_most = 0

    assert office.type("get", *ids, "--from", "36.02", "--into", str(into)) == 5
    assert there(into) == []
    assert office.channels[OFFICE].streams_opened == 1
    assert office.said()[1].count("NOT written") == 7


def test_a_source_that_does_not_answer_is_not_waited_for_again_with_the_next_lot(
    office: Office, into: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(get_many, "_LOT", 2)
    ids = stored(office, 6)
    office.channels[OFFICE].unreachable = PeerUnreachable("nobody listens at 127.0.0.1:1")

    assert office.type("get", *ids, "--into", str(into)) == 0
    out, err = office.said()
    assert out.count("from 34.04") == 6
    assert office.channels[OFFICE].streams_opened == 1
    assert err.count("\n") == 1
    assert err.endswith("Still wanted of it: 2 recordings.\n")


def test_an_ambiguous_beginning_is_refused_at_once_and_the_others_come(office: Office, into: Path) -> None:
    ids = stored(office, 2)
    for holder in (office.node, office.peer):
        holder.blobs.update({raw("77" * 4 + each * 28): b"x" for each in ("aa", "bb")})

    code = office.type("get", ids[0], "77777777", ids[1], "--into", str(into))

    assert code == 6
    assert there(into) == names(ids)
    assert office.channels[PEER].streams_opened == 0
    assert "77777777: NOT written. Refused: " in office.said()[1]


@pytest.mark.parametrize(
    "again",
    [
        lambda whole: [whole, whole],
        lambda whole: [whole, whole[:10]],
        lambda whole: [whole[:10], whole],
        lambda whole: [whole[:10], whole[:12]],
        lambda whole: [whole[:16].upper(), whole[:16]],
    ],
)
@pytest.mark.parametrize("lot", [1, 1000])
def test_a_recording_that_is_named_twice_is_written_once(
    office: Office, into: Path, again: object, lot: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(get_many, "_LOT", lot)
    whole = stored(office, 1)[0]
    assert callable(again)

    code = office.type("get", *again(whole), "--into", str(into))

    out, err = office.said()
    assert (code, err) == (0, "")
    assert there(into) == [whole[:16]]
    assert out.endswith("1 of 1 recording written. 1 name came again; each recording was fetched once.\n")


def test_what_is_remembered_is_bounded_and_a_name_that_comes_again_behind_it_meets_its_own_file(
    office: Office, into: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(once, "_REMEMBERED_MAX", 1)
    ids = stored(office, 2)

    assert office.type("get", *ids, *ids, "--into", str(into)) == 2
    out, err = office.said()
    assert "2 of 3 recordings written. 1 was there already. 1 name came again" in out
    assert f"{ids[1][:16]} is there already" in err


@pytest.mark.parametrize("digits", [64, 16])
def test_a_recording_whose_file_is_there_is_not_even_asked_for(office: Office, into: Path, digits: int) -> None:
    ids = stored(office, 3)
    (into / ids[1][:16]).write_bytes(b"mine")

    code = office.type("get", *(each[:digits] for each in ids), "--into", str(into))

    out, err = office.said()
    assert code == 2
    assert (into / ids[1][:16]).read_bytes() == b"mine"
    assert there(into) == names(ids)
    assert raw(ids[1][:digits]) not in office.node.asked
    assert len(office.node.asked) == 2
    assert err == f"{ids[1][:digits]}: not fetched. {into / ids[1][:16]} is there already and stays as it is.\n"
    assert out.endswith("2 of 3 recordings written. 1 was there already.\n")


def test_left_sealed_another_name_is_the_one_that_must_be_free(office: Office, into: Path) -> None:
    ids = stored(office, 2)
    (into / ids[0][:16]).write_bytes(b"mine")
    (into / f"{ids[1][:16]}.age").write_bytes(b"mine too")

    assert office.type("get", *ids, "--sealed", "--into", str(into)) == 2
    assert there(into) == sorted([ids[0][:16], *(f"{each[:16]}.age" for each in ids)])
    assert office.node.asked == [raw(ids[0])]


def test_a_file_that_shows_only_with_the_whole_id_stays_as_it_is(office: Office, into: Path) -> None:
    ids = stored(office, 3)
    (into / ids[1][:16]).write_bytes(b"mine")

    assert office.type("get", *(each[:8] for each in ids), "--into", str(into)) == 2
    assert (into / ids[1][:16]).read_bytes() == b"mine"
    assert there(into) == names(ids)
    assert office.channels[OFFICE].streams_opened == 1


@pytest.mark.parametrize(("size_bytes", "streams"), [(3 * MIB, 1), (20 * MIB, 2)])
def test_only_a_few_bytes_that_nobody_wants_travel(office: Office, into: Path, size_bytes: int, streams: int) -> None:
    ids = stored(office, 3)
    unwanted = bytes(size_bytes)
    taken = str(BlobId.of(unwanted))
    office.node.blobs[raw(taken)] = unwanted
    (into / taken[:16]).write_bytes(b"mine")

    assert office.type("get", ids[0], taken[:8], *ids[1:], "--into", str(into)) == 2
    assert there(into) == names([*ids, taken])
    assert office.said()[0].count("from 36.02") == 3
    assert office.channels[OFFICE].streams_opened == streams


def test_a_file_that_appears_meanwhile_stays_as_it_is(
    office: Office, into: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = stored(office, 2)

    def late(part: Path, target: Path) -> None:
        if target.name == ids[0][:16]:
            target.write_bytes(b"somebody else's")
        name_new(part, target)

    monkeypatch.setattr("lumbung_tools.client.into_folder.name_new", late)

    assert office.type("get", *ids, "--into", str(into)) == 2
    assert (into / ids[0][:16]).read_bytes() == b"somebody else's"
    assert (into / ids[1][:16]).read_bytes() == content(1)
    assert there(into) == names(ids)


def test_what_is_sealed_to_others_is_not_written_and_the_rest_is(office: Office, into: Path) -> None:
    ids = stored(office, 2)
    sealed = b"age-encryption.org/v1\n-> X25519 somebody\n"
    office.node.blobs[BlobId.of(sealed).raw] = sealed

    code = office.type("get", ids[0], str(BlobId.of(sealed)), ids[1], "--into", str(into))

    assert code == 2
    assert there(into) == names(ids)
    assert "was fetched whole, but it cannot be opened here" in office.said()[1]


def test_a_profile_that_may_open_nothing_asks_for_nothing(office: Office, into: Path) -> None:
    ids = stored(office, 2)
    file = office.station.profile.home / "profile.toml"
    file.write_text(file.read_text().replace('"office.agekey",', "").replace('"office.agekey"', ""))

    assert office.type("get", *ids, "--into", str(into)) == 2
    assert "--sealed" in office.said()[1]
    assert office.node.asked == []


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.ENOENT])
def test_a_folder_that_takes_nothing_more_ends_it_and_what_is_written_stays(
    office: Office, into: Path, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = stored(office, 5)
    opened: list[Path] = []

    def until_full(sealed: Path, target: Path, identities: Identities) -> None:
        opened.append(target)
        if len(opened) > 2:
            raise OSError(number, os.strerror(number))
        open_into(sealed, target, identities)

    monkeypatch.setattr("lumbung_tools.client.into_folder.open_into", until_full)

    code = office.type("get", *ids, "--into", str(into))

    out, err = office.said()
    assert code == 2
    assert there(into) == names(ids[:2])
    assert err.startswith("Stopped: ")
    assert f"(Errno {number}). What is written already stays." in err
    assert out.endswith("2 of 2 recordings written.\n")


def test_a_disk_that_was_pulled_out_is_told_and_not_that_nothing_can_be_deleted_there(
    office: Office, into: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = stored(office, 2)
    rmdir = os.rmdir

    def pulled_out(*_: object, **__: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr("lumbung_tools.client.into_folder.open_into", pulled_out)
    monkeypatch.setattr(os, "rmdir", pulled_out)

    code = office.type("get", *ids, "--into", str(into))

    monkeypatch.setattr(os, "rmdir", rmdir)
    assert code == 2
    assert office.said()[1] == "Stopped: the disk fails (Errno 5). What is written already stays.\n"


@pytest.mark.parametrize("more", [(), ("--sealed",)])
def test_bytes_are_on_the_disk_before_they_have_their_name_and_the_name_before_it_is_said(
    office: Office, into: Path, more: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = stored(office, 2)
    office.said()
    fsync, seen = os.fsync, []

    def recorded(handle: int) -> None:
        fsync(handle)
        path = Path(os.readlink(f"/proc/self/fd/{handle}"))
        seen.append((path == into, len([name for name in there(into) if name[0] != "."]), office.said()[0].count("\n")))

    monkeypatch.setattr(os, "fsync", recorded)

    assert office.type("get", *ids, "--into", str(into), *more) == 0
    # The folder?, names in it, lines said since the last time.
    assert seen == [(False, 0, 0), (True, 1, 0), (False, 1, 1), (True, 2, 0)]


def test_ctrl_c_leaves_whole_recordings_only(office: Office, into: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = stored(office, 4)
    write, lying = PartFile.write, []

    def interrupted(part: PartFile, payload: memoryview) -> None:
        write(part, payload)
        lying.append(there(into))
        if len(lying) > 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(PartFile, "write", interrupted)

    assert office.type("get", *ids, "--into", str(into)) == 130
    assert len(lying[-1]) == 3, "nothing lay there that had to go"
    assert there(into) == names(ids[:2])
    assert office.said()[1].startswith("Stopped.")


async def _unknown(call: ServerCall) -> None:
    raise Rejected(StatusCode.UNIMPLEMENTED, "Method not found!")


def test_a_node_of_an_earlier_build_is_asked_by_a_call_for_each(
    office: Office, into: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(get_many, "_LOT", 3)
    ids = stored(office, 6)
    office.channels[OFFICE].handlers = {**office.node.handlers, READ: _unknown}
    del office.node.blobs[raw(ids[3])]
    office.node.rotten = {raw(ids[4])}

    code = office.type("get", *ids, "--into", str(into))

    out, err = office.said()
    assert code == 0
    assert there(into) == names(ids)
    assert (out.count("from 36.02"), out.count("from 34.04")) == (4, 2)
    assert err == f"{ids[4]}: its bytes at 36.02 are damaged; the next holder is asked.\n"
    assert office.channels[OFFICE].streams_opened == 1 + len(ids)


def test_no_more_than_eight_are_asked_for_ahead(office: Office, into: Path) -> None:
    """A node stops reading when nobody takes what it gives."""
    ids = stored(office, 20)
    ahead: list[int] = []

    async def slow(call: ServerCall) -> None:
        give, asked = trio.open_memory_channel[bytes](len(ids))

        async def take() -> None:
            async with give:
                while (message := await call.receive()) is not None:
                    await give.send(wire.ReadRequest.FromString(message).id)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(take)
            await trio.testing.wait_all_tasks_blocked()
            async for blob in asked:
                ahead.append(1 + asked.statistics().current_buffer_used)
                await _give(call, blob, office.node.blobs[blob])

    office.channels[OFFICE].handlers = {**office.node.handlers, READ: slow}

    assert office.type("get", *ids, "--into", str(into)) == 0
    assert ahead[0] == max(ahead) == 8


# Lists.


def listed(office: Office, text: str) -> str:
    return office.file("list.txt", text.encode())


def test_a_list_names_recordings_by_the_first_words_of_its_lines(office: Office, into: Path) -> None:
    ids = stored(office, 5)
    text = (
        f"\ufeff# the week\n\n   \nid                size  recorded\n{ids[0]}\n"
        f"  {ids[1][:16]}   29 B  2026-11-24 06:00\r\n"
        f"{ids[2].upper()}\t#\n" + json.dumps({"schema": "lumbung.ls/1", "id": ids[3]}) + f"\n{ids[4]}"
    )

    code = office.type("get", "--list", listed(office, text), "--into", str(into))

    out, err = office.said()
    assert (code, err) == (0, "")
    assert there(into) == names(ids)
    assert out.endswith("5 of 5 recordings written.\n")


@pytest.mark.parametrize("bad", ["R-2026-000123", "1234567", "{}", '{"id": 5}', "{", '{"a":' * 5000, "é" * 200_000])
def test_a_line_that_is_no_id_is_told_by_its_number_and_the_others_come(office: Office, into: Path, bad: str) -> None:
    ids = stored(office, 2)
    text = f"# comment\n{ids[0]}\n{bad}\n{ids[1]}\n"

    code = office.type("get", "--list", listed(office, text), "--into", str(into))

    out, err = office.said()
    assert code == 2
    assert there(into) == names(ids)
    [line] = err.splitlines()
    assert "NOT written. Line 3 of the list begins with no id" in line
    assert len(line) < 250
    assert "2 of 3 recordings written." in out


def test_a_bad_name_on_the_command_line_is_told_before_anything_travels(office: Office, into: Path) -> None:
    ids = stored(office, 2)

    assert office.type("get", ids[0], "R-2026", ids[1], "--into", str(into)) == 2
    assert there(into) == []
    assert office.node.asked == []


@pytest.mark.parametrize("text", ["", "\n# nothing today\n\n", "\ufeff"])
@pytest.mark.parametrize("more", [(), ("--json",)])
def test_an_empty_list_is_told_and_no_trouble(office: Office, into: Path, text: str, more: tuple[str, ...]) -> None:
    assert office.type("get", "--list", listed(office, text), "--into", str(into), *more) == 0

    if more:
        [summary] = office.objects()
        assert (summary["total"], summary["exit_code"]) == (0, 0)
    else:
        assert office.said() == ("The list names no recording: nothing was fetched.\n", "")


def test_a_list_longer_than_a_lot_comes_whole(office: Office, into: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(get_many, "_LOT", 4)
    ids = stored(office, 12)

    assert office.type("get", ids[0], "--list", listed(office, "\n".join(ids[1:])), "--into", str(into)) == 0
    assert there(into) == names(ids)
    assert office.channels[OFFICE].streams_opened == 3


def test_a_list_comes_by_the_standard_input_too(office: Office, into: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = stored(office, 3)
    with open(listed(office, "\n".join(ids)), encoding="utf-8") as file:
        monkeypatch.setattr(sys, "stdin", file)
        assert office.type("get", "--list", "-", "--into", str(into)) == 0
    assert there(into) == names(ids)


def test_a_closed_standard_input_is_told(office: Office, into: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)

    assert office.type("get", "--list", "-", "--into", str(into)) == 2
    assert office.said()[1] == "The list - cannot be read: the standard input is closed\n"


@pytest.mark.parametrize(("name", "why"), [("gone", "there is no such file or folder"), ("home", "it is a folder")])
def test_a_list_that_cannot_be_opened_is_told_before_anything_travels(
    office: Office, into: Path, name: str, why: str
) -> None:
    assert office.type("get", "--list", str(office.folder / name), "--into", str(into)) == 2
    assert f"{name} cannot be read: {why}" in office.said()[1]


@pytest.mark.parametrize("more", [(), ("--json",)])
def test_a_list_that_turns_out_to_be_no_text_ends_it_there(
    office: Office, into: Path, more: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A recording was named in the place of its list: thousands of lines would say so."""
    monkeypatch.setattr(get_many, "_LOT", 2)
    ids = stored(office, 3)
    text = f"{ids[0]}\n{ids[1]}\n\0\n{ids[2]}\n"

    code = office.type("get", "--list", listed(office, text), "--into", str(into), *more)

    out, err = office.said()
    assert code == 2
    assert there(into) == names(ids[:2])
    assert "cannot be read: line 3 is not text. What is written already stays." in err
    if more:
        error, summary = (json.loads(line) for line in out.splitlines()[2:])
        assert error["schema"] == "lumbung.error/1"
        assert (summary["total"], summary["written"], summary["exit_code"]) == (2, 2, 2)


# What does not go together.


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "Name at least one recording"),
        (("--into", "."), "Name at least one recording"),
        (("0123456789", "0123456780", "-o", "x"), "--into"),
        (("0123456789", "--into", ".", "-o", "x"), "--into"),
        (("--list", "-", "-o", "x"), "--into"),
        (("0123456789", "--into", "no-such-folder"), "There is no folder no-such-folder."),
        (("0123456789", "--record", " "), "--record"),
        (("0123456789", "0123456780", "--from", "nobody"), "nobody"),
        (("--list", __file__, "--from", "nobody"), "nobody"),
    ],
)
def test_what_does_not_go_together_is_a_usage_error(
    office: Office, into: Path, arguments: tuple[str, ...], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(into)

    assert office.type("get", *arguments) == 2
    assert said in office.said()[1]
    assert there(into) == []


def test_a_reader_who_goes_away_ends_it_and_nothing_half_stays(
    office: Office, into: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = stored(office, 4)

    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))

    monkeypatch.setattr(sys, "stdout", Gone())

    assert office.type("get", *ids, "--into", str(into)) == 141
    assert there(into) == names(ids[:1])
