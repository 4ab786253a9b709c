"""Rosters and access lists over calls: told to whoever may ask, taken from whoever brings them."""

from __future__ import annotations

from lumbung_cluster import limits
from lumbung_cluster.access import SignedAccess
from lumbung_cluster.caller_role import AccessRole, NodeRole
from lumbung_cluster.ids import NodeNumber
from lumbung_node.ports.transport import ServerCall
from lumbung_node.services.core import Core
from lumbung_node.services.requests import read_request
from lumbung_proto.v1 import roster_pb2

__all__ = ["RosterDesk"]


class RosterDesk:
    """One for the node."""

    def __init__(self, core: Core) -> None:
        self._core = core

    async def get(self, call: ServerCall, role: NodeRole | AccessRole) -> None:
        """The roster in force, and the access lists of the caller's office and of ours."""
        await read_request(call, roster_pb2.GetRosterRequest)
        office = role.record.office if isinstance(role, NodeRole) else role.office
        await call.send(self._answer({office, self._own_office}).SerializeToString())

    async def publish(self, call: ServerCall) -> None:
        request = await read_request(call, roster_pb2.PublishRosterRequest)
        changed = await self._core.rosters.offer(list(request.rosters))
        response = roster_pb2.PublishRosterResponse(epoch=self._core.rosters.roster.epoch, changed=changed)
        await call.send(response.SerializeToString())

    async def publish_access(self, call: ServerCall) -> None:
        request = await read_request(call, roster_pb2.PublishAccessRequest)
        changed = await self._core.rosters.offer_access([request.access_list])
        office = SignedAccess.decode(request.access_list).content.office  # what was refused has raised above
        version = dict(self._core.rosters.access_versions())[office]
        response = roster_pb2.PublishAccessResponse(version=version, changed=changed)
        await call.send(response.SerializeToString())

    @property
    def _own_office(self) -> NodeNumber:
        return self._core.rosters.roster.office_of(self._core.number) or self._core.number

    def _answer(self, offices: set[NodeNumber]) -> roster_pb2.GetRosterResponse:
        """A DRC node has the lists of 514 offices: all of them are more than a message carries, and nobody's business.

        The roster goes before a list: whoever asks may know nobody's key any more.
        """
        rosters = self._core.rosters
        answer = roster_pb2.GetRosterResponse(roster=rosters.signed.encode())
        for office in sorted(offices & set(rosters.access_lists)):
            raw = rosters.access_lists[office].encode()
            if answer.ByteSize() + len(raw) < limits.MESSAGE_SIZE_BYTES_MAX:
                answer.access_lists.append(raw)
        return answer
