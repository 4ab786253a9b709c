"""A node's roster as it is told to callers: it fits into one message, however many lists the node has."""

from __future__ import annotations

from dataclasses import dataclass, field

import trio
from blake3 import blake3

from lumbung_cluster import limits
from lumbung_cluster.access import AccessEntry, AccessList, Duty, sign_access
from lumbung_cluster.caller_role import AccessRole, NodeRole
from lumbung_cluster.ids import NodeNumber
from lumbung_node.ports.transport import Caller, Method
from lumbung_node.services.roster_asking import GET_ROSTER
from lumbung_node.services.roster_desk import RosterDesk
from lumbung_proto.v1 import roster_pb2
from lumbung_testing.rosters import CLUSTER, SeededSigner
from lumbung_testing.session_pair import CENTRE, OFFICE, PEER, box, living


@dataclass
class Asked:
    """A call with an empty request; keeps the answer."""

    method: Method = GET_ROSTER
    caller: Caller = field(default_factory=lambda: Caller("lumbung://00/access/1/ani", bytes(32)))
    request_id: bytes = bytes(16)
    answers: list[bytes] = field(default_factory=list)
    deadline_s: float | None = None

    async def receive(self) -> bytes | None:
        await trio.lowlevel.checkpoint()
        return b"" if not self.answers else None

    async def send(self, message: bytes) -> None:
        await trio.lowlevel.checkpoint()
        self.answers.append(message)


def long_list(office: NodeNumber) -> bytes:
    """As long as a list may be."""
    pins = [tuple(sorted(blake3(b"%d %d %d" % (office, at, pin)).digest() for pin in range(4))) for at in range(1024)]
    entries = tuple(AccessEntry(f"loket-{at:04}", Duty.STATION, pins[at], 0, 1 << 50) for at in range(1024))
    return sign_access(AccessList(CLUSTER, office, 1, 0, entries), SeededSigner(f"access {office}")).encode()


async def test_a_caller_is_told_his_offices_list_and_ours_in_one_message() -> None:
    offices = (OFFICE, PEER, NodeNumber(3), CENTRE)
    async with living(box(CENTRE)) as centre:
        for office in offices:
            await centre.rosters.offer_access([long_list(office)])
        record = centre.rosters.roster.node(PEER)
        assert record is not None
        told = {}
        for role in (AccessRole(OFFICE, "ani", Duty.OPERATOR), NodeRole(PEER, record)):
            asked = Asked()
            await RosterDesk(centre).get(asked, role)
            (raw,) = asked.answers
            assert len(raw) < limits.MESSAGE_SIZE_BYTES_MAX
            answer = roster_pb2.GetRosterResponse.FromString(raw)
            assert answer.roster == centre.rosters.signed.encode()
            told[type(role)] = [bytes(each) for each in answer.access_lists]

    assert told[AccessRole] == [long_list(OFFICE), long_list(CENTRE)]
    assert told[NodeRole] == [long_list(PEER), long_list(CENTRE)]
