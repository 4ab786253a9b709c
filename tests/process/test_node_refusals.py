"""What a real node refuses, and that nothing of it stays: callers, blobs, configs."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from lumbung_cluster import limits
from lumbung_cluster.access import SignedAccess, sign_access
from lumbung_cluster.errors import Rejected, StatusCode
from lumbung_cluster.identity_uri import AccessIdentity, NodeIdentity
from lumbung_cluster.ids import BlobId, NodeNumber
from lumbung_node.adapters.keys.ed25519 import Ed25519Signer
from lumbung_node.adapters.rocks import open_rocks
from lumbung_node.ports.keyvalue import Family
from lumbung_node.ports.transport import CallKind, Channel, ClientStream, Method
from lumbung_proto.codec import encode_frame
from lumbung_proto.v1 import blobs_pb2 as wire
from lumbung_testing.callers import dial, node_tls, operator_tls, stranger_tls
from lumbung_testing.departures import roster_without
from lumbung_testing.real_clusters import DRC, OFFICES, cluster_up, found, lumbung, now_ms, open_office, real_cluster
from lumbung_testing.sealed_files import looking_sealed
from lumbung_tools.client.methods import GET, PUT, RECONCILE, STATUS
from lumbung_tools.client.rosters import publish_access, publish_roster
from lumbung_tools.localcluster.founding import Founded
from lumbung_tools.output.exit_codes import ExitCode

_OFFICE, _OTHER, _RETIRED = OFFICES
_SESSION = Method("/lumbung.v1.PeerService/Session", CallKind.BIDI)
_LAST = b"\xff" * 64
_GOOD = looking_sealed(b"good" * 500)
_LARGE = looking_sealed(b"large" * (limits.MEMORY_BLOB_BYTES_MAX // 4))  # goes to disk before its hash is known


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Founded]:
    made = found(tmp_path_factory.mktemp("refusals"), (_OFFICE, _OTHER))
    with cluster_up(made):
        yield made


async def _refusal(channel: Channel, method: Method, *messages: bytes) -> Rejected:
    """How a streaming call ends that sends these messages."""
    async with channel.stream(method) as stream:
        try:
            for message in messages:
                await stream.send(message)
            await stream.finish_sending()
        except Rejected as exc:
            return exc
        return await _ending(stream)


async def _ending(stream: ClientStream) -> Rejected:
    """The refusal that ends an open stream."""
    try:
        while await stream.receive() is not None:
            pass
    except Rejected as exc:
        return exc
    raise AssertionError("expected a refusal, got an end with OK")


# --- who may call --------------------------------------------------------------------------------------------------


async def test_a_station_that_no_access_list_names_is_refused(founded: Founded) -> None:
    identity = AccessIdentity(founded.roster.cluster, founded.sites[0].number, "stranger")
    async with dial(founded, stranger_tls(founded, identity), _OFFICE) as channel:
        refused = await _refusal(channel, PUT, _frame(_GOOD))
    assert refused.code is StatusCode.PERMISSION_DENIED
    assert "expected a name on access list version 1, got a stranger" in refused.sentence


async def test_a_node_that_no_roster_names_is_refused(founded: Founded) -> None:
    identity = NodeIdentity(founded.roster.cluster, NodeNumber(99))
    async with dial(founded, stranger_tls(founded, identity), _OFFICE) as channel:
        refused = await _refusal(channel, _SESSION)
    assert refused.code is StatusCode.PERMISSION_DENIED
    assert "expected a node of the roster of epoch 1, got a stranger" in refused.sentence


async def test_a_node_may_neither_put_at_another_nor_watch_it(founded: Founded) -> None:
    async with dial(founded, node_tls(founded, _OTHER), _OFFICE) as channel:
        put = await _refusal(channel, PUT, _frame(_GOOD))
        with pytest.raises(Rejected) as status:
            await channel.call(STATUS, b"", deadline_s=10)
    for refused in (put, status.value):
        assert refused.code is StatusCode.PERMISSION_DENIED
        assert "may not call" in refused.sentence


async def test_an_operator_may_not_open_a_session_between_nodes(founded: Founded) -> None:
    async with dial(founded, operator_tls(founded, _OFFICE), _OFFICE) as channel:
        refused = await _refusal(channel, _SESSION)
    assert refused.code is StatusCode.PERMISSION_DENIED


async def test_a_station_of_another_office_may_neither_put_nor_read(founded: Founded) -> None:
    async with dial(founded, operator_tls(founded, _OTHER), _OFFICE) as channel:
        put = await _refusal(channel, PUT, _frame(_GOOD))
        got = await _refusal(channel, GET, wire.GetRequest(id=BlobId.of(_GOOD).raw).SerializeToString())
    assert (put.code, got.code) == (StatusCode.PERMISSION_DENIED, StatusCode.PERMISSION_DENIED)


async def test_a_record_tag_of_another_size_is_refused(founded: Founded) -> None:
    async with dial(founded, operator_tls(founded, _OFFICE), _OFFICE) as channel:
        got = await _refusal(channel, GET, wire.GetRequest(record_tag=bytes(1024)).SerializeToString())
        absent = await _refusal(channel, GET, wire.GetRequest(record_tag=bytes(33)).SerializeToString())
    assert (got.code, absent.code) == (StatusCode.INVALID_ARGUMENT, StatusCode.NOT_FOUND)
    assert got.sentence == "record tag: expected 33 bytes, got 1024"


def test_an_id_that_nobody_has_gives_exit_code_4(founded: Founded) -> None:
    done = lumbung("get", "ab" * 32, home=founded.client_home(_OFFICE))
    assert done.returncode == ExitCode.NOT_FOUND, done.stderr


def test_a_reconcile_on_demand_tells_how_it_stands_with_each_partner(founded: Founded) -> None:
    done = lumbung("reconcile", "--all", "--json", home=founded.client_home(_OFFICE))
    said = json.loads(done.stdout)
    assert {result["partner"] for result in said["results"]} == {_OTHER, DRC}
    assert (said["complete"], said["exit_code"]) == (True, done.returncode)
    assert said["protocol_bytes"] > 0


async def test_an_operator_of_another_office_may_not_have_a_node_reconcile(founded: Founded) -> None:
    async with dial(founded, operator_tls(founded, _OTHER), _OFFICE) as channel:
        refused = await _refusal(channel, RECONCILE, b"")
    assert refused.code is StatusCode.PERMISSION_DENIED


# --- who left ------------------------------------------------------------------------------------------------------


async def test_the_open_session_of_a_node_ends_when_a_roster_retires_it(tmp_path: Path) -> None:
    founded = found(tmp_path)
    async with real_cluster(founded) as cluster:
        await cluster.kill(_RETIRED)  # we speak in its place, with its keys
        async with (
            dial(founded, node_tls(founded, _RETIRED), _OFFICE) as channel,
            channel.stream(_SESSION) as stream,
            open_office(founded, _OFFICE) as session,
        ):
            assert await stream.receive() is not None  # its hello: the session is open
            assert await publish_roster(session.own, [roster_without(founded, _RETIRED)]) == (2, True)
            ended = await _ending(stream)
            again = await _refusal(channel, _SESSION)
    assert ended.code is StatusCode.PERMISSION_DENIED
    assert again.code is StatusCode.PERMISSION_DENIED
    assert "got one that left the cluster" in again.sentence


# --- bad blobs -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Bad:
    """Messages that a put stream must refuse: by its end, or by an answer for the blob."""

    name: str
    messages: list[bytes]
    sentence: str


def _frame(content: bytes, *, size: int | None = None, blob: bytes | None = None, length: int | None = None) -> bytes:
    """One frame with one whole blob, unless told to lie."""
    start = wire.PutStart(
        size_bytes=len(content) if size is None else size,
        id=BlobId.of(content).raw if blob is None else blob,
        copies=1,
    )
    part = wire.PutPart(ticket=1, start=start, length_bytes=len(content) if length is None else length)
    return encode_frame(wire.PutRequest(parts=[part]), [content])


def _in_pieces(content: bytes, blob: bytes) -> list[bytes]:
    """A large blob over many frames."""
    size = limits.PIECE_SIZE_BYTES_MAX
    first = wire.PutStart(size_bytes=len(content), id=blob, copies=1)
    messages = []
    for at in range(0, len(content), size):
        piece = content[at : at + size]
        start = first if at == 0 else None
        part = wire.PutPart(ticket=1, start=start, length_bytes=len(piece))
        messages.append(encode_frame(wire.PutRequest(parts=[part]), [piece]))
    return messages


def _bad_puts() -> list[_Bad]:
    other = BlobId.of(b"other").raw
    largest = limits.BLOB_SIZE_BYTES_MAX
    cut = _in_pieces(_LARGE, BlobId.of(_LARGE).raw)[:-1]
    return [
        _Bad("oversized", [_frame(_GOOD, size=largest + 1)], f"expected 1 to {largest} bytes, got {largest + 1}"),
        _Bad("empty", [_frame(b"")], f"expected 1 to {largest} bytes, got 0"),
        _Bad("truncated", [_frame(_GOOD, size=len(_GOOD) + 1)], f"expected {len(_GOOD) + 1} bytes, got {len(_GOOD)}"),
        _Bad("truncated large", cut, f"expected {len(_LARGE)} bytes, got "),
        _Bad("too long", [_frame(_GOOD, size=len(_GOOD) - 1)], f"expected {len(_GOOD) - 1} bytes, got {len(_GOOD)}"),
        _Bad("wrong length", [_frame(_GOOD, length=len(_GOOD) + 1)], f"expected {len(_GOOD) + 1} more bytes"),
        _Bad("wrong hash", [_frame(_GOOD, blob=other)], "expected"),
        _Bad("wrong hash large", _in_pieces(_LARGE, other), "expected"),
        _Bad("short id", [_frame(_GOOD, blob=b"short")], "id: expected 32 bytes, got 5"),
        _Bad("not sealed", [_frame(b"plain" * 50)], "expected the age header, got b'plain"),
        _Bad("malformed frame", [os.urandom(3)], "expected at least 4 bytes, got 3"),
        _Bad("malformed header", [b"\x04\x00\x00\x00\xff\xff\xff\xff"], "not parseable"),
        _Bad("huge header", [b"\xff\xff\xff\x7f"], "frame header: expected at most"),
    ]


async def _verdict(channel: Channel, bad: _Bad) -> tuple[StatusCode, str]:
    """The status and sentence that refuse it, from the answer or from the end of the stream."""
    try:
        async with channel.stream(PUT) as stream:
            for message in bad.messages:
                await stream.send(message)
            await stream.finish_sending()
            while (received := await stream.receive()) is not None:
                for answer in wire.PutResponse.FromString(received).answers:  # none in one that only counts
                    assert answer.outcome == wire.PUT_OUTCOME_REFUSED
                    return StatusCode(answer.status_code), answer.sentence
    except Rejected as exc:
        return exc.code, exc.sentence
    return StatusCode.OK, "taken"


async def test_bad_blobs_are_refused_with_expected_and_got_and_leave_nothing_behind(tmp_path: Path) -> None:
    founded = found(tmp_path, (_OFFICE,))
    async with real_cluster(founded) as cluster:
        async with open_office(founded, _OFFICE) as session:
            for bad in _bad_puts():
                code, sentence = await _verdict(session.own, bad)
                assert (bad.name, code) == (bad.name, StatusCode.INVALID_ARGUMENT)
                assert bad.sentence in sentence, (bad.name, sentence)
        await cluster.stop([_OFFICE])
        store = await open_rocks(cluster.configs[_OFFICE].data, create=False)
        for family in (Family.PENDING, Family.BLOBS, Family.FEEDS, Family.CHUNKS):
            assert await store.scan(family, b"", _LAST, 10) == [], family
        await store.close()


# --- access lists --------------------------------------------------------------------------------------------------


async def test_the_version_that_a_node_answers_with_is_that_of_the_list_it_was_given(founded: Founded) -> None:
    """It named the version of its own office's list, whatever list it had taken."""
    (file,) = (founded.folder / "nodes" / _OTHER).glob(f"access-{_OTHER}.lumbung")
    signer = Ed25519Signer.load(founded.folder / "access-OFFLINE" / f"{_OTHER}.key.pem")
    following = replace(SignedAccess.decode(file.read_bytes()).content.following(now_ms()), version=7)
    async with open_office(founded, _OFFICE) as session:
        version, changed = await publish_access(session.own, sign_access(following, signer).encode())
    assert (version, changed) == (7, True)


# --- bad configs ---------------------------------------------------------------------------------------------------


def test_a_config_with_an_unknown_key_is_one_line_and_exit_2_and_changes_nothing(tmp_path: Path) -> None:
    founded = found(tmp_path, (_OFFICE,))
    home = founded.folder / "nodes" / _OFFICE
    file = home / "config.toml"
    file.write_text(file.read_text().replace("accept_unsealed", "acept_unsealed"))
    before = sorted(home.rglob("*"))
    done = lumbung("node", "run", "--config", file)
    assert done.returncode == ExitCode.USAGE
    assert len(done.stderr.splitlines()) == 1
    assert "acept_unsealed" in done.stderr
    assert sorted(home.rglob("*")) == before


def test_a_number_that_the_certificate_does_not_name_is_one_line_and_exit_2_and_changes_nothing(tmp_path: Path) -> None:
    """It opened a store under another node's number, began a life there, and ended with a bug a minute later."""
    founded = found(tmp_path, (_OFFICE,))
    home = founded.folder / "nodes" / _OFFICE
    file = home / "config.toml"
    file.write_text(file.read_text().replace(f"number = {founded.sites[0].number}\n", "number = 77\n"))
    before = sorted(home.rglob("*"))
    done = lumbung("node", "run", "--config", file)
    assert done.returncode == ExitCode.USAGE
    assert len(done.stderr.splitlines()) == 1
    assert f"number should be {founded.sites[0].number}" in done.stderr
    assert sorted(home.rglob("*")) == before


def test_what_keeps_a_node_from_running_is_told_in_the_readers_language(tmp_path: Path) -> None:
    done = lumbung("node", "run", "--lang", "id", "--config", tmp_path / "none.toml")
    assert done.returncode == ExitCode.USAGE
    assert done.stderr.startswith(f"Simpul tidak dijalankan: {tmp_path}/none.toml tidak dapat dibaca: tidak ada berkas")


def test_a_port_in_use_is_one_line_and_exit_2_and_changes_nothing(tmp_path: Path) -> None:
    founded = found(tmp_path, (_OFFICE,))
    home = founded.folder / "nodes" / _OFFICE
    host, _, port = founded.sites[0].address.rpartition(":")
    before = sorted(home.rglob("*"))
    with socket.socket() as taken:
        taken.bind((host, int(port)))
        taken.listen()
        done = lumbung("node", "run", "--config", home / "config.toml")
    assert done.returncode == ExitCode.USAGE
    assert len(done.stderr.splitlines()) == 1
    assert f"{founded.sites[0].address} is taken by another program" in done.stderr
    assert sorted(home.rglob("*")) == before
