"""`--dry-run`: the same judgement as the node's own, and nothing that could change it is ever called."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from lumbung_cluster.access import AccessEntry, AccessList, Duty, sign_access
from lumbung_cluster.errors import Rejected, StatusCode
from lumbung_cluster.ids import NodeNumber
from lumbung_cluster.roster_codec import SignedRoster
from lumbung_node.ports.transport import Dialer, ServerCall
from lumbung_node.services.server import SCRUB_STATUS
from lumbung_proto.v1 import operations_pb2, roster_pb2, scrub_pb2
from lumbung_testing.direct_channel import DirectChannel, DirectTransport
from lumbung_testing.profiles import make_profile
from lumbung_testing.rosters import CLUSTER, SeededSigner, founding, signed, successor
from lumbung_tools.client.methods import GET_ROSTER, STATUS
from lumbung_tools.client.profile import Profile
from lumbung_tools.main import run

HELD = signed(founding(), "a", "b")


def access(version: int, key: str = "access 1") -> bytes:
    entry = AccessEntry("operator", Duty.OPERATOR, (bytes(32),), 0, 1 << 50)
    return sign_access(AccessList(CLUSTER, NodeNumber(1), version, 0, (entry,)), SeededSigner(key)).encode()


class Desk:
    """A person whose node answers questions only: a call that changes something finds no handler."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self.scrub = scrub_pb2.ScrubState()
        self.status = operations_pb2.StatusResponse(takes_puts=True)
        self.is_station = False
        self._home = make_profile(folder / "home").profile.home
        self._capsys = capsys

    def type(self, *arguments: str) -> int:
        handlers = {GET_ROSTER: self._get_roster, SCRUB_STATUS: self._scrub_status, STATUS: self._status}
        channel = DirectChannel(handlers)

        @asynccontextmanager
        async def open_transport(profile: Profile) -> AsyncIterator[Dialer]:
            yield DirectTransport({1: channel})

        return run([*arguments, "--home", str(self._home), "--lang", "en", "--json"], open_transport)

    def file(self, name: str, raw: bytes) -> str:
        path = self.folder / name
        path.write_bytes(raw)
        return str(path)

    def object(self) -> dict[str, object]:
        found: dict[str, object] = json.loads(self._capsys.readouterr().out.splitlines()[-1])
        return found

    async def _get_roster(self, call: ServerCall) -> None:
        await call.receive()
        answer = roster_pb2.GetRosterResponse(roster=HELD.encode(), access_lists=[access(2)])
        await call.send(answer.SerializeToString())

    async def _status(self, call: ServerCall) -> None:
        await call.receive()
        if self.is_station:
            raise Rejected(StatusCode.PERMISSION_DENIED, "a station may not call this")
        await call.send(self.status.SerializeToString())

    async def _scrub_status(self, call: ServerCall) -> None:
        await call.receive()
        await call.send(scrub_pb2.ScrubStatusResponse(state=self.scrub).SerializeToString())


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    return Desk(tmp_path, capsys)


def test_a_roster_that_the_node_would_obey_is_said_and_not_sent(desk: Desk) -> None:
    following = signed(successor(HELD), "a", "b").encode()

    assert desk.type("roster", "publish", desk.file("next", following), "--dry-run") == 0
    found = desk.object()
    assert (found["epoch"], found["would_change"], found["changed"]) == (2, True, False)


def test_a_roster_with_too_few_signatures_is_refused_as_the_node_would(desk: Desk) -> None:
    following = signed(successor(HELD), "a").encode()

    assert desk.type("roster", "publish", desk.file("next", following), "--dry-run") == 6


@pytest.mark.parametrize(
    ("raw", "code", "would_change"), [(access(3), 0, True), (access(2), 0, False), (access(1), 6, None)]
)
def test_an_access_list_is_judged_by_the_one_that_the_node_holds(
    desk: Desk, raw: bytes, code: int, would_change: bool | None
) -> None:
    assert desk.type("roster", "publish", "--access", desk.file("list", raw), "--dry-run") == code
    assert desk.object().get("would_change") == would_change


def test_what_a_confirm_would_let_go_is_told(desk: Desk) -> None:
    desk.scrub = scrub_pb2.ScrubState(braked_origins=[2], evidence_bytes=4096)

    assert desk.type("scrub", "confirm", "--dry-run") == 0
    found = desk.object()
    assert (found["origins"], found["freed_bytes"], found["would_free_bytes"]) == (["34.04"], 0, 4096)


def test_a_put_says_what_would_go_and_whether_the_node_takes_it(desk: Desk) -> None:
    good, empty = desk.file("a.bin", b"recording"), desk.file("empty.bin", b"")

    assert desk.type("put", good, "--dry-run") == 0
    told = desk.object()
    assert (told["files"], told["takes_puts"]) == (1, True)
    assert desk.type("put", good, empty, "--dry-run") == 2
    desk.status.takes_puts = False
    assert desk.type("put", good, "--dry-run") == 6


def test_a_pipe_is_not_opened_by_a_trial(desk: Desk) -> None:
    """That would wait for a writer, and be the end of what he writes."""
    pipe = desk.folder / "scanner"
    os.mkfifo(pipe)

    assert desk.type("put", str(pipe), "--dry-run") == 0
    assert desk.object()["files"] == 1


def test_a_station_may_try_a_put_though_it_may_not_ask_for_the_status(desk: Desk) -> None:
    """It was refused: the dry run asked what only operators may ask."""
    desk.is_station = True

    assert desk.type("put", desk.file("a.bin", b"recording"), "--dry-run") == 0
    assert desk.object()["takes_puts"] is None


@pytest.mark.parametrize("what", ["start", "pause"])
def test_the_scrub_stays_as_it_is(desk: Desk, what: str) -> None:
    assert desk.type("scrub", what, "--dry-run") == 0
    assert desk.object()["dry_run"] is True


def test_a_newer_roster_of_the_node_is_told_and_not_kept(desk: Desk) -> None:
    held = SignedRoster.decode((desk.folder / "home" / "roster.lumbung").read_bytes())
    following = desk.file("next", signed(successor(held), "a", "b").encode())

    assert desk.type("roster", "fetch", following, "--dry-run") == 0
    assert desk.object()["epoch"] == 2
    assert desk.type("roster", "show") == 0
    assert desk.object()["epoch"] == 1


def test_a_certificate_that_would_be_renewed_stays_as_it_is(desk: Desk) -> None:
    folder = desk.folder
    authority, key, request, chain = (str(folder / name) for name in ("ca", "k.pem", "k.request", "k.crt"))
    issue = ("cert", "issue", request, "--authority", authority, "--identity", f"lumbung://{CLUSTER}/access/1/loket")
    assert desk.type("cert", "authority", authority, "--cluster", str(CLUSTER)) == 0
    assert desk.type("keys", "new", "tls", key) == 0
    assert desk.type("cert", "request", "--key", key, "-o", request) == 0

    assert desk.type(*issue, "-o", chain, "--dry-run") == 0
    assert not (folder / "k.crt").exists()
    assert desk.type(*issue, "-o", chain) == 0
    before = (folder / "k.crt").read_bytes()
    assert desk.type("cert", "renew", chain, "--authority", authority, "--now", "--dry-run") == 0
    assert (folder / "k.crt").read_bytes() == before
    assert desk.type("cert", "renew", chain, "--authority", authority, "--now") == 0
    assert (folder / "k.crt").read_bytes() != before


def test_a_key_that_would_be_rotated_is_not_made(desk: Desk) -> None:
    assert desk.type("keys", "rotate", "custodian", str(desk.folder / "c.pem"), "--dry-run") == 0
    assert desk.object()["step"] == "would_make"
    assert not (desk.folder / "c.pem").exists()


def test_a_draft_that_would_be_written_over_another_file_is_refused_as_ever(desk: Desk) -> None:
    held, there = desk.file("held", HELD.encode()), desk.file("there.toml", b"mine")

    assert desk.type("roster", "next", held, "-o", str(desk.folder / "new.toml"), "--dry-run") == 0
    assert not (desk.folder / "new.toml").exists()
    assert desk.type("roster", "next", held, "-o", there, "--dry-run") == 2
