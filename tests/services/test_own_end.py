"""The end of a node's own feed, as the bound of a retired key: told only where nothing of its lives lies behind it."""

from __future__ import annotations

from pathlib import Path

import pytest

from lumbung_cluster.ids import Generation, NodeNumber
from lumbung_cluster.life import Life, SignedLife, sign_life
from lumbung_node.ports.transport import ServerCall
from lumbung_node.services.core import Core
from lumbung_node.services.key_report import own_end
from lumbung_node.services.session.greeting import judge_greeting, make_hello, read_hello
from lumbung_node.services.session.lives import life_message
from lumbung_node.store.own_lives import recovered_record
from lumbung_proto.v1 import operations_pb2, peer_pb2
from lumbung_testing.direct_channel import DirectChannel
from lumbung_testing.rosters import CLUSTER, SeededSigner
from lumbung_testing.session_pair import CENTRE, OFFICE, PEER, Box, box, living, put, ring_of
from lumbung_testing.typed_commands import Office
from lumbung_tools.client.methods import STATUS

NEIGHBOUR = NodeNumber(3)
DIGITS, BOUND = "ab" * 32, "2:17:" + "cd" * 32


async def greeted(office: Core, partner: NodeNumber, seen: SignedLife | None = None) -> None:
    """The office hears the partner's Hello, which shows the newest life that it has met of the office."""
    async with living(box(partner)) as core:
        hello = make_hello(core, OFFICE)
        hello.life_seen.CopyFrom(life_message(seen or office.store.life))
        greeting = read_hello(peer_pb2.SessionFrame(hello=hello))
        await judge_greeting(office, partner, greeting)
        office.rosters.saw_epoch(partner, greeting.roster_epoch)


def bound_of(office: Core) -> tuple[int, int] | None:
    end = own_end(office, ring_of(office).used)
    return (end.generation, end.number) if end is not None else None


def recovered() -> Box:
    """Disk and identity are lost, the keys came from a backup, and no partner answered: its generations begin anew."""
    office_box = box(OFFICE)
    office_box.identity.record = recovered_record(None, (), 0)
    return office_box


async def test_a_node_tells_the_end_of_its_feed() -> None:
    async with living(box(OFFICE)) as office:
        assert bound_of(office) == (1, 0)
        await put(office, [b"one", b"two"])
        assert bound_of(office) == (1, 2)


async def test_a_machine_that_another_life_has_stopped_tells_no_end() -> None:
    """It told 1:0, the former key was retired with it, and all that the life before had signed was void for ever."""
    above = sign_life(Life(CLUSTER, OFFICE, Generation(2), b"x" * 16, 0), SeededSigner("receipt 1"))
    async with living(box(OFFICE)) as office:
        await greeted(office, PEER, above)
        assert office.condition.stopped
        assert bound_of(office) is None


async def test_who_refills_an_empty_disk_tells_no_end_before_every_partner_has_shown_what_it_met() -> None:
    async with living(recovered()) as office:
        assert office.store.state.rebuild_since_ms
        for partner in (PEER, CENTRE, NEIGHBOUR):
            assert bound_of(office) is None
            await greeted(office, partner)
        assert bound_of(office) == (1, 0)


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Office:
    """An office whose node does not know its end, and a draft in which its next entry key is pinned."""
    desk = Office(tmp_path, capsys)

    async def status(call: ServerCall) -> None:
        await call.receive()
        await call.send(operations_pb2.StatusResponse(node=1, name="36.02").SerializeToString())

    desk.channels[1] = DirectChannel({STATUS: status})
    roster = str(desk.station.profile.home / "roster.lumbung")
    assert desk.type("keys", "pin", "entry", DIGITS, "--node", "36.02", "--roster", roster, "-o", pinned(desk)) == 0
    desk.said()
    return desk


def pinned(desk: Office) -> str:
    return str(desk.folder / "pinned.toml")


def retire(desk: Office, *more: str) -> int:
    output = str(desk.folder / "retired.toml")
    return desk.type("keys", "retire", "entry", "--node", "36.02", "--roster", pinned(desk), "-o", output, *more)


def test_a_key_is_not_retired_by_a_node_that_does_not_know_its_end(desk: Office) -> None:
    assert retire(desk) == 2
    assert "does not know how far its feed once reached" in desk.said()[1]
    assert not (desk.folder / "retired.toml").exists()


def test_a_bound_that_a_holder_has_told_retires_it_all_the_same(desk: Office) -> None:
    assert retire(desk, "--bound", BOUND) == 0
    assert BOUND.split(":")[2] in (desk.folder / "retired.toml").read_text(encoding="utf-8")


def test_the_status_of_keys_says_that_the_end_is_not_known(desk: Office) -> None:
    assert desk.type("keys", "status") == 0
    assert "does not know how far its feed once reached" in desk.said()[0]
