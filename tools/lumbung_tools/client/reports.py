"""The whole cluster as its DRC nodes have it: each is asked, signatures are checked, the newest of each node counts.

Nobody dials 514 nodes: an answer is as old as its reports, and every age is shown.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import NoReturn

import trio

from lumbung_cluster.access import SignedAccess, access_objection
from lumbung_cluster.canonical import Malformed
from lumbung_cluster.errors import LumbungError, PeerGone, PeerUnreachable
from lumbung_cluster.ids import NodeNumber
from lumbung_cluster.mute import Mute, reported_mutes
from lumbung_cluster.overview import NodeView, view_of
from lumbung_cluster.report import SignedReport
from lumbung_cluster.report_codec import report_objection, report_of_parts
from lumbung_cluster.roster import Roster
from lumbung_cluster.roster_node import Role
from lumbung_cluster.signed import Verifier
from lumbung_cluster.with_vans import with_vans
from lumbung_node.ports.transport import Channel
from lumbung_proto.codec import MalformedFrame, decode_message
from lumbung_proto.v1 import reports_pb2, roster_pb2
from lumbung_tools.client.ask import ask
from lumbung_tools.client.methods import GET_ROSTER, MUTE, MUTES, REPORTS
from lumbung_tools.client.session import Session
from lumbung_tools.client.trust import VerifiedRoster

__all__ = ["ClusterAnswer", "Heard", "ask_cluster", "ask_mutes", "follow_cluster", "send_mute"]

_ANSWER_S = 20.0  # of one DRC node: 514 reports are half a MiB, four seconds of 1 Mbit/s
_AGAIN_S = 5.0  # before a DRC node is dialled anew
_REPORTERS = (Role.OFFICE, Role.DRC, Role.VAN)


@dataclass(frozen=True, slots=True)
class Heard:
    """A report as one DRC node told it; `came_at` is this machine's trio time when it came to that node."""

    signed: SignedReport
    came_at: float
    clock_offset_ms: int


@dataclass(slots=True)
class ClusterAnswer:
    """What the DRC nodes said: their heads, the newest report of each node, and who could not be asked and why.

    `unverified` are the newest words of nodes that the roster does not let us believe. `roster` is that of the profile,
    with the vans that offices have named themselves once one of them reports.
    """

    roster: VerifiedRoster
    verifier: Verifier
    heads: dict[NodeNumber, tuple[reports_pb2.ReportsHead, float]] = field(default_factory=dict)
    heard: dict[NodeNumber, Heard] = field(default_factory=dict)
    failures: dict[NodeNumber, LumbungError] = field(default_factory=dict)
    unverified: dict[NodeNumber, Heard] = field(default_factory=dict)

    @property
    def is_restricted(self) -> bool:
        """True when only nodes of the own office are shown."""
        return any(head.is_restricted for head, _ in self.heads.values())

    @property
    def newest_epoch(self) -> int:
        """Of the rosters that the DRC nodes obey."""
        return max((head.roster_epoch for head, _ in self.heads.values()), default=0)

    def expected(self) -> list[NodeNumber]:
        """Who should report to somebody who answered, rising."""
        return sorted({NodeNumber(node) for head, _ in self.heads.values() for node in head.expected})

    def unasked(self) -> list[NodeNumber]:
        """Nodes that report to nobody who answered: how they stand cannot be told."""
        if self.is_restricted:
            return []
        expected = set(self.expected())
        reporters = [node for node in self.roster.roster.nodes if node.is_present and node.role in _REPORTERS]
        return [node.number for node in reporters if node.number not in expected]

    def views(self) -> list[NodeView]:
        """How every node stands now that should report to somebody who answered, by number."""
        now = trio.current_time()
        return [self._view(node, now) for node in self.expected()]

    def take(self, drc: NodeNumber, response: reports_pb2.ReportsResponse) -> None:
        """A part of an answer."""
        now = trio.current_time()
        self.failures.pop(drc, None)
        if response.HasField("head"):
            self.heads[drc] = (response.head, now)
        for told in response.reports:
            self._hear(told, now)

    def _hear(self, told: reports_pb2.HeldReport, now: float) -> None:
        try:
            signed = report_of_parts(told.report.body, told.report.public_key, told.report.signature)
        except Malformed:
            return  # a DRC node passes on only what it could read: whoever answers is none
        self._judge(signed.content.node, Heard(signed, now - told.age_s, told.clock_offset_ms))

    def _judge(self, node: NodeNumber, heard: Heard) -> None:
        held = self.heard.get(node)
        if held is not None and held.signed.content.order >= heard.signed.content.order:
            return
        if report_objection(heard.signed, node, self.roster.roster, self.verifier) is not None:
            self.unverified[node] = heard
            return
        self.unverified.pop(node, None)
        self.heard[node] = heard

    def learn_vans(self, raws: Sequence[bytes]) -> None:
        """Access lists as a DRC node holds them; those that their offices have signed name vans."""
        lists = dict[NodeNumber, SignedAccess]()
        for raw in raws:
            try:
                signed = SignedAccess.decode(raw)
            except Malformed:
                continue
            if access_objection(self.roster.roster, None, signed, self.verifier) is None:
                lists[signed.content.office] = signed
        learnt = with_vans(self.roster.signed.parse(), lists)
        self.roster = VerifiedRoster(self.roster.signed, _with_vans_of(self.roster.roster, learnt))
        for node, heard in sorted(self.unverified.items()):
            self._judge(node, heard)

    def _view(self, node: NodeNumber, now: float) -> NodeView:
        known_s, muted_s = 0.0, dict[str, int]()
        for head, at in self.heads.values():
            if node in head.expected:
                known_s = max(known_s, head.uptime_s + now - at)
                mutes = [Mute(row.code, NodeNumber(row.node), row.until_ms) for row in head.mutes]
                muted_s |= reported_mutes(mutes, node, head.clock_ms + round((now - at) * 1000))
        heard = self.heard.get(node)
        if heard is None:
            return view_of(node, None, None, known_s=known_s, muted_s=muted_s)
        age_s = max(0.0, now - heard.came_at)
        return view_of(node, heard.signed.content, age_s, known_s=known_s, muted_s=muted_s)


def _with_vans_of(held: Roster, learnt: Roster) -> Roster:
    """`held` with the vans that only `learnt` has; both are the same signed roster with vans of some lists."""
    nodes = (*held.nodes, *(node for node in learnt.nodes if held.node(node.number) is None))
    assigned = {each.origin for each in held.assignments}
    assignments = (*held.assignments, *(each for each in learnt.assignments if each.origin not in assigned))
    return replace(
        held,
        nodes=tuple(sorted(nodes, key=lambda node: node.number)),
        assignments=tuple(sorted(assignments, key=lambda each: each.origin)),
    )


async def ask_cluster(session: Session) -> ClusterAnswer:
    """Ask every DRC node of the roster once. Raises the first failure when none of them answers."""
    answer = ClusterAnswer(session.roster, session.verifier)

    async def ask_one(drc: NodeNumber) -> None:
        try:
            with trio.fail_after(_ANSWER_S):
                await _read(session, drc, answer, lambda: None, follow=False)
        except trio.TooSlowError:
            answer.failures[drc] = PeerUnreachable(f"no complete answer within {_ANSWER_S:.1f} s")
        except LumbungError as exc:
            answer.failures[drc] = exc

    async with trio.open_nursery() as nursery:
        for drc in _drcs(session):
            nursery.start_soon(ask_one, drc)
    if not answer.heads:
        raise next(iter(answer.failures.values()))
    return answer


async def follow_cluster(session: Session, on_change: Callable[[ClusterAnswer], None]) -> NoReturn:
    """Read what every DRC node tells, for ever; `on_change` after each part, failures among them."""
    answer = ClusterAnswer(session.roster, session.verifier)

    async def follow_one(drc: NodeNumber) -> None:
        while True:
            try:
                await _read(session, drc, answer, lambda: on_change(answer), follow=True)
                answer.failures[drc] = PeerGone("the answer ended")
            except LumbungError as exc:
                answer.failures[drc] = exc
            on_change(answer)
            await trio.sleep(_AGAIN_S)

    async with trio.open_nursery() as nursery:
        for drc in _drcs(session):
            nursery.start_soon(follow_one, drc)
    raise AssertionError("followers never end")


async def ask_mutes(channel: Channel) -> reports_pb2.MutesResponse:
    """What is muted at the node, and what time it is there."""
    return await ask(channel, MUTES, reports_pb2.MutesRequest(), reports_pb2.MutesResponse)


async def send_mute(channel: Channel, code: str, node: int, until_ms: int) -> list[reports_pb2.MuteRow]:
    """Mute until then (0: no more); what is muted now. Raises Rejected."""
    request = reports_pb2.MuteRequest(mute=reports_pb2.MuteRow(code=code, node=node, until_ms=until_ms))
    return list((await ask(channel, MUTE, request, reports_pb2.MuteResponse)).mutes)


def _drcs(session: Session) -> tuple[NodeNumber, ...]:
    drcs = session.roster.roster.drc_numbers()
    if not drcs:
        raise PeerUnreachable("the roster names no DRC node")
    return drcs


async def _read(
    session: Session, drc: NodeNumber, answer: ClusterAnswer, on_part: Callable[[], None], *, follow: bool
) -> None:
    """One DRC node's answer, from the first of its addresses that answers."""
    failure: LumbungError | None = None
    for channel in session.channels(drc):
        try:
            await _read_from(channel, drc, answer, on_part, follow=follow)
        except PeerUnreachable as exc:
            failure = exc
        else:
            return
    if failure is not None:
        raise failure


async def _read_from(
    channel: Channel, drc: NodeNumber, answer: ClusterAnswer, on_part: Callable[[], None], *, follow: bool
) -> None:
    async with channel.stream(REPORTS) as stream:
        await stream.send(reports_pb2.ReportsRequest(follow=follow).SerializeToString())
        await stream.finish_sending()
        while (message := await stream.receive()) is not None:
            try:
                part = decode_message(reports_pb2.ReportsResponse, message)
            except MalformedFrame as exc:
                raise PeerGone(f"answer not understood: {exc}") from exc
            answer.take(drc, part)
            if part.is_complete and any(answer.roster.roster.node(node) is None for node in answer.unverified):
                shown = await ask(channel, GET_ROSTER, roster_pb2.GetRosterRequest(), roster_pb2.GetRosterResponse)
                answer.learn_vans(shown.access_lists)
            on_part()
