"""Reports on their way: who is told, who is believed, what outlives a restart, who may see them, what is muted."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
import trio
import trio.testing

from lumbung_cluster import limits
from lumbung_cluster.access import AccessEntry, AccessList, Duty, sign_access
from lumbung_cluster.errors import Rejected, StatusCode
from lumbung_cluster.identity_uri import AccessIdentity
from lumbung_cluster.ids import Generation, NodeNumber
from lumbung_cluster.report import NodeReport, SignedReport
from lumbung_cluster.report_codec import report_of_parts, sign_report
from lumbung_node.ports.keyvalue import Family
from lumbung_node.ports.transport import Caller, ServerCall
from lumbung_node.services.core import Core
from lumbung_node.services.report_desk import MUTE, MUTES, REPORTS, MaySee, ReportDesk
from lumbung_node.services.report_making import make_report
from lumbung_node.services.reporting import Reporter, load_report_rows, save_reports
from lumbung_node.services.server import AccessGate
from lumbung_node.services.session import session
from lumbung_node.services.session.greeting import make_hello
from lumbung_node.services.session.telling import Telling
from lumbung_node.store.report_rows import mute_key, report_key
from lumbung_proto.v1 import operations_pb2, peer_pb2, report_frames_pb2, reports_pb2
from lumbung_testing.direct_channel import DirectChannel
from lumbung_testing.rosters import CLUSTER, SeededSigner
from lumbung_testing.session_pair import CENTRE, OFFICE, PEER, box, connected, living
from lumbung_testing.simulation.node import node_caller
from lumbung_testing.simulation.patching import patched
from lumbung_testing.virtual_disk import Pace

DAY_MS = 24 * 3600 * 1000


def status_of(core: Core, *severities: operations_pb2.Severity.ValueType) -> operations_pb2.StatusResponse:
    """What an operator would be told, with troubles of these severities."""
    return operations_pb2.StatusResponse(
        node=core.number,
        software="test",
        generation=core.store.state.generation,
        clock_ms=core.clock.now_ms(),
        takes_puts=True,
        own=operations_pb2.OwnCounts(by_copies=[0, 0, 0]),
        health=[operations_pb2.HealthItem(code="LINK_DOWN", severity=severity) for severity in severities],
    )


def report_of(core: Core, sequence: int) -> NodeReport:
    return make_report(core, status_of(core), sequence)


def signed_by(core: Core, sequence: int) -> SignedReport:
    return sign_report(report_of(core, sequence), core.receipt_signer)


def frame_of(signed: SignedReport) -> report_frames_pb2.NodeReport:
    signature = signed.signature
    return report_frames_pb2.NodeReport(
        body=signed.body, public_key=signature.key_public, signature=signature.signature
    )


async def until_held(centre: Core, node: NodeNumber, sequence: int) -> None:
    with trio.fail_after(60):
        while node not in centre.reports.held or centre.reports.held[node].signed.content.sequence < sequence:
            await centre.reports.came.wait()


@asynccontextmanager
async def office_and_centre() -> AsyncIterator[tuple[Core, Core, Telling]]:
    """Both with a session; the last is the centre's ear for the office."""
    async with (
        living(box(OFFICE)) as office,
        living(box(CENTRE)) as centre,
        connected(office, centre) as (at_office, at_centre),
    ):
        await at_office.settled.wait()
        await at_centre.settled.wait()
        yield office, centre, at_centre._telling


# --- telling -------------------------------------------------------------------------------------------------------


async def test_a_report_reaches_the_drc_node_and_its_age_is_the_receivers_elapsed_time(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with office_and_centre() as (office, centre, _):
        made = signed_by(office, 5)
        office.reports.make(made)
        await until_held(centre, OFFICE, 5)
        held = centre.reports.held[OFFICE]
        await trio.sleep(100)

        assert held.signed == made
        assert trio.current_time() - held.received_at == pytest.approx(100, abs=1)


async def test_a_clock_that_no_message_can_tell_on_keeps_nobody_from_the_reports(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Every reader was told of an internal error for as long as that report was held, over restarts too."""
    async with office_and_centre() as (office, centre, _):
        office.reports.make(sign_report(replace(report_of(office, 5), clock_ms=2**64 - 1), office.receipt_signer))
        await until_held(centre, OFFICE, 5)
        desk = ReportDesk(centre)
        channel = DirectChannel({REPORTS: lambda call: desk.reports(call, None)})
        async with channel.stream(REPORTS) as stream:
            await stream.send(reports_pb2.ReportsRequest().SerializeToString())
            await stream.finish_sending()
            told = [reports_pb2.ReportsResponse.FromString(await stream.receive() or b"") for _ in range(2)]
        assert [len(each.reports) for each in told] == [0, 1]


async def test_a_neighbour_is_told_nothing(autojump_clock: trio.testing.MockClock) -> None:
    async with living(box(OFFICE)) as office, living(box(PEER)) as peer, connected(office, peer):
        office.reports.make(signed_by(office, 5))
        await trio.sleep(600)

        assert not peer.reports.held


async def test_an_older_build_is_told_nothing_and_its_session_lives_on(
    autojump_clock: trio.testing.MockClock,
) -> None:
    def old_hello(core: Core, peer: NodeNumber) -> peer_pb2.Hello:
        hello = make_hello(core, peer)
        hello.wire_high = 0
        return hello

    async with living(box(OFFICE)) as office, living(box(CENTRE)) as centre:
        with patched(session, "make_hello", old_hello):
            async with connected(office, centre) as (at_office, _):
                office.reports.make(signed_by(office, 5))
                await trio.sleep(600)

                assert not centre.reports.held
                assert not at_office.ended.is_set()
                assert at_office.round_trip_s is None


async def test_the_line_is_measured_by_echoes(autojump_clock: trio.testing.MockClock) -> None:
    async with (
        living(box(OFFICE)) as office,
        living(box(PEER)) as peer,
        connected(office, peer) as (at_office, at_peer),
    ):
        await trio.sleep(1)

        assert at_office.round_trip_s is not None
        assert at_peer.heard_at is not None


@pytest.mark.parametrize(
    "forge",
    [
        lambda signed: sign_report(signed.content, SeededSigner("receipt 2")),
        lambda signed: sign_report(replace(signed.content, node=PEER), SeededSigner("receipt 1")),
        lambda signed: sign_report(replace(signed.content, node=PEER), SeededSigner("receipt 2")),
        lambda signed: sign_report(replace(signed.content, generation=Generation(9)), SeededSigner("receipt 1")),
        lambda signed: report_of_parts(signed.body, signed.signature.key_public, bytes(64)),
    ],
    ids=["another key", "in another name", "another's word", "another life", "no signature"],
)
async def test_nobody_is_believed_but_for_himself_and_his_present_life(
    autojump_clock: trio.testing.MockClock, forge: Callable[[SignedReport], SignedReport]
) -> None:
    async with office_and_centre() as (office, centre, ear):
        ear.take(frame_of(forge(signed_by(office, 5))))
        assert not centre.reports.held

        ear.take(frame_of(signed_by(office, 6)))  # and the session goes on
        assert list(centre.reports.held) == [OFFICE]


async def test_a_replayed_report_does_not_replace_a_newer_one(autojump_clock: trio.testing.MockClock) -> None:
    async with office_and_centre() as (office, centre, ear):
        older, newer = signed_by(office, 5), signed_by(office, 6)
        ear.take(frame_of(older))
        ear.take(frame_of(newer))
        held = centre.reports.held[OFFICE]
        await trio.sleep(10)
        for replayed in (older, newer):
            ear.take(frame_of(replayed))

        assert centre.reports.held[OFFICE] is held  # the newest, and as old as it is


async def test_bytes_that_are_no_report_end_the_session(autojump_clock: trio.testing.MockClock) -> None:
    async with office_and_centre() as (_, _, ear):
        with pytest.raises(Rejected) as refused:
            ear.take(report_frames_pb2.NodeReport(body=b"rubbish", public_key=bytes(32), signature=bytes(64)))
        assert refused.value.code is StatusCode.INVALID_ARGUMENT


async def test_reports_come_back_after_a_restart_with_their_age(autojump_clock: trio.testing.MockClock) -> None:
    centre_box = box(CENTRE)
    async with living(box(OFFICE)) as office:
        made = signed_by(office, 5)
    async with living(centre_box) as centre:
        centre.reports.keep(made, trio.current_time(), 0)
        await trio.sleep(50)
        await save_reports(centre)
    await trio.sleep(50)
    async with living(centre_box) as centre:
        await load_report_rows(centre)

        held = centre.reports.held[OFFICE]
        assert held.signed == made
        assert trio.current_time() - held.received_at == pytest.approx(100, abs=1)


async def test_reports_and_mutes_in_a_corrupt_block_are_left_out_and_the_others_stay(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """They ended each start, and after two of them the whole store was set aside, for what is told anew in minutes."""
    centre_box = box(CENTRE)
    async with living(box(OFFICE)) as office, living(box(PEER)) as peer:
        made = [signed_by(office, 5), signed_by(peer, 5)]
    async with living(centre_box) as centre:
        for signed in made:
            centre.reports.keep(signed, trio.current_time(), 0)
        await save_reports(centre)
        until_ms = centre.clock.now_ms() + DAY_MS
        await mute(centre, "LINK_DOWN", OFFICE, until_ms)
        await mute(centre, "DISK_LOW", 0, until_ms)
    centre_box.disk.spoil_row(Family.SYSTEM, report_key(OFFICE))
    centre_box.disk.spoil_row(Family.SYSTEM, mute_key(OFFICE, "LINK_DOWN"))
    async with living(centre_box) as centre:
        await load_report_rows(centre)
        assert list(centre.reports.held) == [PEER]
        assert [each.code for each in centre.mutes] == ["DISK_LOW"]


# --- making --------------------------------------------------------------------------------------------------------


async def sequences_of(core: Core, colours: list[operations_pb2.Severity.ValueType | None], elapsed_s: float) -> int:
    """How many reports are made while every look finds the next of these colours (the last one stays)."""
    left = list(colours)

    async def ask() -> operations_pb2.StatusResponse:
        await trio.lowlevel.checkpoint()
        severity = left.pop(0) if len(left) > 1 else left[0]
        return status_of(core, *([severity] if severity is not None else []))

    made = 0
    with trio.move_on_after(limits.REPORT_FIRST_S + elapsed_s):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(Reporter(core, ask).run)
            while True:
                await core.reports.made.wait()
                made += 1
    return made


async def test_a_node_reports_by_its_interval_and_at_once_when_its_colour_changes(
    autojump_clock: trio.testing.MockClock,
) -> None:
    elapsed_s = 2.5 * limits.REPORT_INTERVAL_LAN_S
    red = operations_pb2.SEVERITY_CRITICAL
    async with living(box(OFFICE)) as office:
        assert await sequences_of(office, [None], elapsed_s) == 3
        assert await sequences_of(office, [None, red], limits.REPORT_LOOK_S + 1) == 2
        assert await sequences_of(office, [red, None], limits.REPORT_LOOK_S + 1) == 2


async def test_a_node_that_its_roster_does_not_name_goes_on_and_reports(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """An older roster in the configuration of a newcomer: the node ended with a bug after its first seconds."""
    async with living(box(NodeNumber(99))) as stranger:
        assert await sequences_of(stranger, [None], 2.5 * limits.REPORT_INTERVAL_WAN_S) == 3


async def test_reports_rise_over_restarts(autojump_clock: trio.testing.MockClock) -> None:
    office_box, found = box(OFFICE), []
    for _ in range(2):
        async with living(office_box) as office:
            await sequences_of(office, [None], 1)
            assert office.reports.own is not None
            found.append(office.reports.own.content.order)

    assert found[0] < found[1]


async def test_a_machine_that_stopped_says_nothing_more(autojump_clock: trio.testing.MockClock) -> None:
    async with living(box(OFFICE)) as office:
        office.condition.stopped = True
        assert await sequences_of(office, [None], 120) == 0


# --- asking --------------------------------------------------------------------------------------------------------


def channel_to(core: Core, may_see: MaySee = None) -> DirectChannel:
    desk = ReportDesk(core)

    async def reports(call: ServerCall) -> None:
        await desk.reports(call, may_see)

    return DirectChannel({REPORTS: reports, MUTE: desk.mute, MUTES: desk.mutes})


async def ask_reports(channel: DirectChannel, limit: float = math.inf) -> list[reports_pb2.ReportsResponse]:
    """All parts of the answer; those that come within `limit` seconds of an answer that goes on."""
    found = []
    with trio.move_on_after(limit):
        async with channel.stream(REPORTS) as stream:
            await stream.send(reports_pb2.ReportsRequest(follow=limit < math.inf).SerializeToString())
            await stream.finish_sending()
            while (message := await stream.receive()) is not None:
                found.append(reports_pb2.ReportsResponse.FromString(message))
    return found


async def test_the_answer_has_each_report_with_its_age_and_who_should_report(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with living(box(OFFICE)) as office, living(box(CENTRE)) as centre:
        made = signed_by(office, 5)
        centre.reports.keep(made, trio.current_time(), 250)
        await trio.sleep(30)
        head, body = await ask_reports(channel_to(centre))

    (held,) = body.reports
    assert list(head.head.expected) == [1, 2, 3, 4]
    assert not head.head.is_restricted
    assert held.age_s == pytest.approx(30, abs=1)
    assert held.clock_offset_ms == 250
    assert body.is_complete
    assert held.report.body == made.body


async def test_an_answer_that_goes_on_brings_what_comes_and_nothing_twice(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with living(box(OFFICE)) as office, living(box(CENTRE)) as centre, trio.open_nursery() as nursery:

        async def report_later() -> None:
            await trio.sleep(40)
            centre.reports.keep(signed_by(office, 6), trio.current_time(), 0)

        centre.reports.keep(signed_by(office, 5), trio.current_time(), 0)
        nursery.start_soon(report_later)
        parts = await ask_reports(channel_to(centre), limit=100)

    assert [len(part.reports) for part in parts if part.reports] == [1, 1]
    assert sum(part.HasField("head") for part in parts) == 1


async def test_many_reports_come_in_messages_of_bounded_size(autojump_clock: trio.testing.MockClock) -> None:
    async with living(box(CENTRE)) as centre:
        content = report_of(centre, 1)
        for number in range(1, 515):
            signed = sign_report(replace(content, node=NodeNumber(number)), SeededSigner("any"))
            centre.reports.keep(signed, trio.current_time(), 0)
        desk = ReportDesk(centre)
        parts = list[bytes]()

        class Call:
            async def send(self, message: bytes) -> None:
                parts.append(message)

        held = list(centre.reports.held.values())
        await desk._tell_reports(Call(), held, is_last_of_first=True)  # type: ignore[arg-type]

    answers = [reports_pb2.ReportsResponse.FromString(part) for part in parts]
    assert sum(len(answer.reports) for answer in answers) == 514
    assert max(len(part) for part in parts) < limits.MESSAGE_SIZE_BYTES_MAX
    assert [answer.is_complete for answer in answers] == [False] * (len(answers) - 1) + [True]


async def test_a_node_that_is_no_drc_says_so(autojump_clock: trio.testing.MockClock) -> None:
    async with living(box(OFFICE)) as office:
        with pytest.raises(Rejected, match="this node is none"):
            await ask_reports(channel_to(office))


async def access_of(core: Core, office: NodeNumber) -> Caller:
    """An operator of this office, admitted at `core`."""
    entry = AccessEntry("operator", Duty.OPERATOR, (bytes([office]) * 32,), 0, 1 << 50)
    content = AccessList(CLUSTER, office, 1, 0, (entry,))
    await core.rosters.offer_access([sign_access(content, SeededSigner(f"access {office}")).encode()])
    return Caller(AccessIdentity(CLUSTER, office, "operator").uri, bytes([office]) * 32)


async def test_the_centre_and_its_operators_see_all_and_others_only_their_own() -> None:
    async with living(box(CENTRE)) as centre:
        gate = AccessGate(centre.rosters, CENTRE, centre.clock)
        own, other = await access_of(centre, CENTRE), await access_of(centre, OFFICE)

        assert gate.may_see(own) is None
        assert gate.may_see(node_caller(CENTRE)) is None
        may_see = gate.may_see(other)
        assert may_see is not None
        assert [node for node in (OFFICE, PEER, CENTRE) if may_see(node)] == [OFFICE]
        for caller in (own, other):
            gate.check(caller, REPORTS)
        with pytest.raises(Rejected):
            gate.check(node_caller(OFFICE), REPORTS)
        with pytest.raises(Rejected):
            gate.check(other, MUTE)
        gate.check(own, MUTE)


async def test_a_restricted_answer_says_so_and_shows_only_what_may_be_seen(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with living(box(OFFICE)) as office, living(box(CENTRE)) as centre:
        centre.reports.keep(signed_by(office, 5), trio.current_time(), 0)
        head, body = await ask_reports(channel_to(centre, lambda node: node == PEER))

    assert (list(head.head.expected), head.head.is_restricted, len(body.reports)) == ([PEER], True, 0)


# --- mutes ---------------------------------------------------------------------------------------------------------


async def mute(core: Core, code: str, node: int, until_ms: int) -> list[tuple[str, int, int]]:
    row = reports_pb2.MuteRow(code=code, node=node, until_ms=until_ms)
    raw = await channel_to(core).call(MUTE, reports_pb2.MuteRequest(mute=row).SerializeToString(), deadline_s=5)
    return [(each.code, each.node, each.until_ms) for each in reports_pb2.MuteResponse.FromString(raw).mutes]


async def test_a_mute_outlives_a_restart_and_ends_by_itself(autojump_clock: trio.testing.MockClock) -> None:
    centre_box = box(CENTRE)
    async with living(centre_box) as centre:
        until_ms = centre.clock.now_ms() + DAY_MS
        assert await mute(centre, "LINK_DOWN", OFFICE, until_ms) == [("LINK_DOWN", OFFICE, until_ms)]
    async with living(centre_box) as centre:
        await load_report_rows(centre)
        assert [(each.code, each.node, each.until_ms) for each in centre.mutes] == [("LINK_DOWN", OFFICE, until_ms)]
        await trio.sleep(24 * 3600)
        assert await mute(centre, "DISK_LOW", 0, until_ms + DAY_MS) == [("DISK_LOW", 0, until_ms + DAY_MS)]
    async with living(centre_box) as centre:
        await load_report_rows(centre)
        assert [each.code for each in centre.mutes] == ["DISK_LOW"]


async def test_a_mute_can_be_ended(autojump_clock: trio.testing.MockClock) -> None:
    centre_box = box(CENTRE)
    async with living(centre_box) as centre:
        await mute(centre, "LINK_DOWN", OFFICE, centre.clock.now_ms() + DAY_MS)
        assert await mute(centre, "LINK_DOWN", OFFICE, 0) == []
    async with living(centre_box) as centre:
        await load_report_rows(centre)
        assert centre.mutes == []


async def test_an_operator_who_hangs_up_while_he_mutes_leaves_muted_what_is_muted_on_disk(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """A restart muted what nobody had been told was muted, or the other way about."""
    centre_box = box(CENTRE)
    async with living(centre_box) as centre:
        until_ms = centre.clock.now_ms() + DAY_MS
        await mute(centre, "DISK_LOW", OFFICE, until_ms)
        centre_box.disk.pace = Pace(sync_s=1.0)
        for code, ends_ms in (("LINK_DOWN", until_ms), ("DISK_LOW", 0)):
            with trio.move_on_after(0.5):
                await mute(centre, code, OFFICE, ends_ms)
            await trio.sleep(5)
        centre_box.disk.pace = Pace()
        muted = centre.mutes
    async with living(centre_box) as centre:
        await load_report_rows(centre)
        assert muted == centre.mutes


@pytest.mark.parametrize(
    ("code", "node", "ahead_ms"),
    [("LINK_DOWN", 0, 31 * DAY_MS), ("LINK_DOWN", 0, -1), ("NONSENSE", 0, DAY_MS), ("LINK_DOWN", 99, DAY_MS)],
)
async def test_what_is_no_mute_is_refused(
    autojump_clock: trio.testing.MockClock, code: str, node: int, ahead_ms: int
) -> None:
    async with living(box(CENTRE)) as centre:
        with pytest.raises(Rejected) as refused:
            await mute(centre, code, node, centre.clock.now_ms() + ahead_ms)
        assert refused.value.code is StatusCode.INVALID_ARGUMENT
        assert centre.mutes == []
