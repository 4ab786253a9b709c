"""`--dry-run`: the same judgement as the node's own, and nothing that could change it is ever called."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from lumbung_cluster.access import AccessEntry, AccessList, Duty, sign_access
from lumbung_cluster.ids import NodeNumber
from lumbung_node.ports.transport import Dialer, ServerCall
from lumbung_node.services.server import SCRUB_STATUS
from lumbung_proto.v1 import roster_pb2, scrub_pb2
from lumbung_testing.direct_channel import DirectChannel, DirectTransport
from lumbung_testing.profiles import make_profile
from lumbung_testing.rosters import CLUSTER, SeededSigner, founding, signed, successor
from lumbung_tools.client.methods import GET_ROSTER
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
        self._home = make_profile(folder / "home").profile.home
        self._capsys = capsys

    def type(self, *arguments: str) -> int:
        channel = DirectChannel({GET_ROSTER: self._get_roster, SCRUB_STATUS: self._scrub_status})

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
