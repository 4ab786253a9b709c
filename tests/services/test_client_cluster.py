"""Commands that show the whole cluster, against a DRC node in the same process."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import trio
import trio.testing

from lumbung_cluster import limits
from lumbung_cluster.access import AccessEntry, AccessList, Duty, sign_access
from lumbung_cluster.errors import LumbungError, PeerUnreachable, Rejected, StatusCode
from lumbung_cluster.health import Severity
from lumbung_cluster.ids import Generation, NodeNumber
from lumbung_cluster.joining import van_numbers
from lumbung_cluster.mute import MUTE_MS_MAX
from lumbung_cluster.report import (
    DiskReport,
    ForeignReport,
    LinkReport,
    LinkWord,
    NodeReport,
    OwnReport,
    ScrubReport,
    SignedReport,
    TroubleReport,
)
from lumbung_cluster.report_codec import sign_report
from lumbung_node.ports.transport import Dialer, ServerCall
from lumbung_proto.v1 import blobs_pb2, operations_pb2, peer_pb2, reports_pb2, roster_pb2
from lumbung_testing.direct_channel import DirectChannel, DirectTransport
from lumbung_testing.joining import van_record
from lumbung_testing.profiles import make_profile
from lumbung_testing.rosters import CLUSTER, SeededSigner, TestVerifier, founding
from lumbung_testing.rosters import signed as signed_roster
from lumbung_tools.client.methods import GET_ROSTER, LIST, MUTE, MUTES, REPORTS, STATUS
from lumbung_tools.client.profile import Profile, load_profile
from lumbung_tools.client.reports import ClusterAnswer, follow_cluster
from lumbung_tools.client.session import Session
from lumbung_tools.client.trust import read_roster
from lumbung_tools.main import run
from lumbung_tools.roster_toml import parse_roster_toml

NOW_MS = 1_795_500_000_000
HOUR_MS = 3_600_000
LINK_DOWN = TroubleReport("LINK_DOWN", Severity.WARNING, NodeNumber(2))
DISK_LOW = TroubleReport("DISK_LOW", Severity.CRITICAL, reason="own")


def report(node: int, *troubles: TroubleReport, **changes: object) -> NodeReport:
    content = NodeReport(
        cluster=CLUSTER,
        node=NodeNumber(node),
        generation=Generation(1),
        sequence=7,
        roster_epoch=1,
        roster_hash=bytes(32),
        access_version=1,
        software="0.1.0",
        wire_low=0,
        wire_high=0,
        disk_format=0,
        uptime_s=100,
        clock_ms=NOW_MS,
        certificate_ends_ms=NOW_MS,
        takes_puts=True,
        own=OwnReport(100, 5000, (1, 2, 97), 1, 7200, 600),
        foreign=ForeignReport(),
        disk=DiskReport(25, 100),
        scrub=ScrubReport(),
        link_counts=(1, 0, 0, 0),
        links=(),
        troubles=troubles,
    )
    return replace(content, **changes)  # type: ignore[arg-type]


def signed(content: NodeReport, key: str = "") -> SignedReport:
    return sign_report(content, SeededSigner(key or f"receipt {content.node}"))


class FakeDrc:
    """drc-batam: tells what the test says that it holds."""

    def __init__(self) -> None:
        self.expected = [1, 2, 3, 4]
        self.held: list[tuple[SignedReport, float]] = [(signed(report(4, own=OwnReport())), 3.0)]
        self.mutes: list[reports_pb2.MuteRow] = []
        self.uptime_s = 1e6
        self.is_restricted = False
        self.epoch = 1
        self.asked: list[reports_pb2.MuteRow] = []
        self.access_lists: list[bytes] = []

    def hold(self, content: NodeReport, age_s: float = 5.0, key: str = "") -> None:
        self.held.append((signed(content, key), age_s))

    def handlers(self) -> DirectChannel:
        return DirectChannel(
            {REPORTS: self._reports, MUTE: self._mute, MUTES: self._mutes, GET_ROSTER: self._get_roster}
        )

    async def _reports(self, call: ServerCall) -> None:
        await call.receive()
        head = reports_pb2.ReportsHead(
            node=4,
            clock_ms=NOW_MS,
            uptime_s=self.uptime_s,
            roster_epoch=self.epoch,
            expected=self.expected,
            is_restricted=self.is_restricted,
            mutes=self.mutes,
        )
        await call.send(reports_pb2.ReportsResponse(head=head).SerializeToString())
        answer = reports_pb2.ReportsResponse(is_complete=True)
        for held, age_s in self.held:
            signature = held.signature
            told = peer_pb2.SignedBytes(body=held.body, public_key=signature.key_public, signature=signature.signature)
            answer.reports.add(report=told, age_s=age_s, clock_offset_ms=1500)
        await call.send(answer.SerializeToString())

    async def _get_roster(self, call: ServerCall) -> None:
        await call.receive()
        await call.send(roster_pb2.GetRosterResponse(access_lists=self.access_lists).SerializeToString())

    async def _mute(self, call: ServerCall) -> None:
        message = await call.receive()
        assert message is not None
        self.asked.append(reports_pb2.MuteRequest.FromString(message).mute)
        await call.send(reports_pb2.MuteResponse(mutes=self.mutes).SerializeToString())

    async def _mutes(self, call: ServerCall) -> None:
        await call.receive()
        await call.send(reports_pb2.MutesResponse(mutes=self.mutes, clock_ms=NOW_MS).SerializeToString())


class Desk:
    """A person at office 36.02 who types commands; its node answers mutes as the DRC does."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.home = make_profile(folder / "home").profile.home
        self._capsys = capsys
        self.drc = FakeDrc()
        self.channels = {1: self.drc.handlers(), 4: self.drc.handlers()}

    def type(self, *arguments: str) -> int:
        @asynccontextmanager
        async def open_transport(profile: Profile) -> AsyncIterator[Dialer]:
            yield DirectTransport(self.channels)

        return run([*arguments, "--home", str(self.home), "--lang", "en"], open_transport)

    def said(self) -> str:
        return self._capsys.readouterr().out

    def warned(self) -> str:
        return self._capsys.readouterr().err

    def objects(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.said().splitlines()]


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    return Desk(tmp_path, capsys)


@pytest.fixture
def well(desk: Desk) -> Desk:
    """All four nodes report and are in order."""
    for node in (1, 2, 3):
        desk.drc.hold(report(node))
    return desk


# --- status, nodes -------------------------------------------------------------------------------------------------


def test_a_cluster_in_order_is_green_and_its_recordings_are_summed(well: Desk) -> None:
    assert well.type("status", "--cluster") == 0

    said = well.said()
    assert said.startswith("GREEN: all 4 nodes in order.")
    assert "Recordings: 300" in said
    assert "of them safe 291" in said
    assert "Short of copies: 9, oldest 2 h 0 min; only in one place: 3" in said


def test_red_stands_before_silent_before_yellow(desk: Desk) -> None:
    desk.drc.hold(report(1, LINK_DOWN))
    desk.drc.hold(report(2, DISK_LOW))

    assert desk.type("status", "--cluster") == 0
    out = desk.said()
    assert out.startswith("RED: act now at 1 node: 34.04; 1 node says nothing: 51.71; look today at 1 node: 36.02")
    assert [line.split()[0] for line in out.splitlines()[-3:]] == ["34.04", "51.71", "36.02"]


def test_what_nobody_knows_is_never_green(well: Desk) -> None:
    well.drc.expected = [1, 2, 4]

    well.type("status", "--cluster")

    assert well.said().startswith("YELLOW: nothing is known of 1 node, whose DRC node did not answer: 51.71")


def test_a_report_that_its_node_did_not_sign_is_not_shown(desk: Desk) -> None:
    desk.drc.hold(report(1))
    desk.drc.hold(report(2), key="receipt 4")
    desk.drc.hold(report(3))

    assert desk.type("nodes", "--state", "silent", "--json") == 0
    captured = desk._capsys.readouterr()
    assert [json.loads(line)["node"] for line in captured.out.splitlines()] == ["34.04"]
    assert "keys that this station's roster does not know (34.04)" in captured.err


def test_the_newest_of_two_reports_counts(desk: Desk) -> None:
    desk.drc.hold(report(1, sequence=9, own=OwnReport(900)))
    desk.drc.hold(report(1, sequence=8, own=OwnReport(1)))

    desk.type("nodes", "--by-number", "--json")

    (first, *_) = desk.objects()
    assert first["report"]["own"]["blobs"] == 900  # type: ignore[index]


def test_the_age_is_told_and_a_late_node_is_silent(desk: Desk) -> None:
    desk.drc.hold(report(1), age_s=limits.REPORT_LATE_S + 1)

    desk.type("nodes", "--by-number", "--json")

    first = desk.objects()[0]
    assert (first["schema"], first["colour"]) == ("lumbung.nodes/1", "silent")
    assert float(str(first["age_s"])) >= limits.REPORT_LATE_S
    assert first["report"]["clock_offset_s"] == 1.5  # type: ignore[index]


def test_a_drc_node_that_does_not_answer_is_exit_code_7(desk: Desk) -> None:
    desk.channels[4].unreachable = PeerUnreachable("nobody answers")

    for words in (("status", "--cluster"), ("nodes",), ("lag",), ("health", "--cluster"), ("top", "--once")):
        assert desk.type(*words) == 7, words


@pytest.mark.parametrize("words", [("nodes",), ("lag",), ("health", "--cluster"), ("find", "--cluster")])
def test_nodes_that_report_to_nobody_who_answered_are_named(desk: Desk, words: tuple[str, ...]) -> None:
    """Their DRC node is down: a table without them looked as if they were not there."""
    desk.drc.expected = [1, 2, 4]
    desk.drc.hold(report(1))
    desk.drc.hold(report(2))

    desk.type(*words)
    assert "does not answer: 51.71" in desk.warned()


@pytest.mark.parametrize(
    ("failure", "expected"),
    [(Rejected(StatusCode.PERMISSION_DENIED, "no"), 6), (Rejected(StatusCode.FAILED_PRECONDITION, "no drc"), 6)],
)
def test_a_refusal_is_exit_code_6(desk: Desk, failure: LumbungError, expected: int) -> None:
    desk.channels[4].unreachable = failure

    assert desk.type("status", "--cluster") == expected


def test_operators_of_an_office_are_told_that_they_see_only_their_own(desk: Desk) -> None:
    desk.drc.expected, desk.drc.is_restricted = [1], True
    desk.drc.hold(report(1))

    assert desk.type("status", "--cluster") == 0
    assert "Only nodes of your own office" in desk.warned()


def test_a_newer_roster_at_the_drc_is_told_with_its_cure(well: Desk) -> None:
    well.drc.epoch = 9

    well.type("nodes")

    assert "lumbung roster fetch" in well.warned()


def test_a_van_that_its_office_named_itself_is_shown_by_its_name(desk: Desk) -> None:
    van, roster = van_record(1), founding()
    nodes = (replace(roster.nodes[0], vans=van_numbers(NodeNumber(1))), *roster.nodes[1:])
    (desk.home / "roster.lumbung").write_bytes(signed_roster(replace(roster, nodes=nodes), "a", "b").encode())
    entry = AccessEntry("operator", Duty.OPERATOR, (bytes(32),), 0, 1 << 50)
    content = AccessList(CLUSTER, NodeNumber(1), 1, 0, (entry,), (van,))
    desk.drc.access_lists = [sign_access(content, SeededSigner("access 1")).encode()]
    desk.drc.expected = [1, 2, 3, 4, van.number]
    for node in (1, 2, 3):
        desk.drc.hold(report(node))
    desk.drc.hold(report(van.number), key=f"receipt {van.name}")

    assert desk.type("status", "--cluster") == 0
    assert desk.said().startswith("GREEN: all 5 nodes in order.")
    assert desk.type("nodes", "--json") == 0
    assert van.name in {each["node"] for each in desk.objects()}


# --- lag, find -----------------------------------------------------------------------------------------------------


def test_lag_shows_who_waits_longest_first_and_passes_over_links_in_order(desk: Desk) -> None:
    up = LinkReport(NodeNumber(4), LinkWord.UP, 100, 1, 0, 0, 9, 5, 41_000)
    desk.drc.hold(report(1, links=(LinkReport(NodeNumber(2), LinkWord.BEHIND, 1, 2, 7, 600), up)))
    desk.drc.hold(report(3, links=(LinkReport(NodeNumber(2), LinkWord.DOWN, 1, None, 3, 7200), up)))

    assert desk.type("lag") == 3
    lines = desk.said().splitlines()
    assert [line.split()[:3] for line in lines[1:]] == [["51.71", "34.04", "down"], ["36.02", "34.04", "behind"]]
    assert desk.type("lag", "--all", "--json") == 3
    assert [link["round_trip_s"] for link in desk.objects()] == [None, None, 0.041, 0.041]


def test_no_lag_is_exit_code_0(well: Desk) -> None:
    assert well.type("lag") == 0
    assert "No link is behind" in well.said()


@pytest.mark.parametrize("words", [("lag",), ("find", "--cluster")])
def test_of_whom_nothing_is_known_is_said_beside_nothing_found(desk: Desk, words: tuple[str, ...]) -> None:
    """34.04 never reported and 51.71 long ago; it was said that nothing was found at all four."""
    all_safe = OwnReport(10, 1, (0, 0, 10))
    desk.drc.hold(report(1, own=all_safe))
    desk.drc.hold(report(3, own=all_safe), age_s=limits.REPORT_LATE_S + 1)

    assert desk.type(*words) == 7, "0 would say that nothing is behind, or short, anywhere"
    captured = desk._capsys.readouterr()
    assert "nobody knows how it stands with them now: 34.04, 51.71" in captured.err
    assert "at 4 nodes" not in captured.out
    only = ("--node", "36.02") if words == ("lag",) else ("--origin", "36.02")
    assert desk.type(*words, *only) == 0, "of the one that was asked about all is known"


def test_find_over_the_cluster_names_offices_with_the_oldest_first(desk: Desk) -> None:
    desk.drc.hold(report(1))
    desk.drc.hold(report(2, own=OwnReport(10, 1, (0, 3, 7), 0, 90_000)))
    desk.drc.hold(report(3, own=OwnReport(10, 1, (0, 0, 10))))

    assert desk.type("find", "--cluster", "--json") == 3
    assert [(each["origin"], each["short"]) for each in desk.objects()] == [("34.04", 3), ("36.02", 3)]
    assert desk.type("find", "--cluster", "--older-than", "1d", "--json") == 3
    assert [each["origin"] for each in desk.objects()] == ["34.04"]
    assert desk.type("find", "--cluster", "--copies-below", "2", "--json") == 3
    assert [(each["origin"], each["short"]) for each in desk.objects()] == [("36.02", 1)]
    assert desk.type("find", "--cluster", "--origin", "51.71") == 0


def test_find_at_the_origin_names_recordings_older_than_asked(desk: Desk) -> None:
    copies = blobs_pb2.CopyCount(count=2, wanted=3, holders=[1, 4], missing=[2])

    async def status(call: ServerCall) -> None:
        await call.receive()
        await call.send(operations_pb2.StatusResponse(clock_ms=NOW_MS).SerializeToString())

    async def blobs(call: ServerCall) -> None:
        request = blobs_pb2.ListRequest.FromString(await call.receive() or b"")
        assert request.copies_below == 3
        page = blobs_pb2.ListResponse()
        for number, age_ms in enumerate((2 * HOUR_MS, 1000), start=1):
            page.blobs.add(id=bytes([number]) * 32, origin=1, time_ms=NOW_MS - age_ms, number=number, copies=copies)
        await call.send(page.SerializeToString())

    desk.channels[1] = DirectChannel({STATUS: status, LIST: blobs})

    assert desk.type("find", "--json") == 3
    assert [each["id"] for each in desk.objects()] == ["01" * 32, "02" * 32]
    assert desk.type("find", "--older-than", "1h") == 3
    assert "34.04" in desk.said().splitlines()[-1]
    assert desk.type("find", "--older-than", "3h") == 0


@pytest.mark.parametrize("words", [("--older-than", "soon"), ("--copies-below", "1"), ("--origin", "99.99")])
def test_find_says_what_it_does_not_understand(desk: Desk, words: tuple[str, str]) -> None:
    assert desk.type("find", "--cluster", *words) == 2


# --- health, mutes -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("troubles", "expected"),
    [
        ((), 0),
        ((LINK_DOWN,), 3),
        ((LINK_DOWN, DISK_LOW), 8),
        ((replace(LINK_DOWN, muted_s=60),), 0),
        ((LINK_DOWN, replace(DISK_LOW, muted_s=60)), 3),
    ],
)
def test_health_of_the_cluster_exits_by_the_worst_that_is_not_muted(
    desk: Desk, troubles: tuple[TroubleReport, ...], expected: int
) -> None:
    desk.drc.hold(report(1, *troubles))
    desk.drc.hold(report(2))
    desk.drc.hold(report(3))

    assert desk.type("health", "--cluster", "--json") == expected
    (found,) = desk.objects()
    assert found["exit_code"] == expected
    assert {each["code"] for each in found["troubles"]} == {trouble.code for trouble in troubles}  # type: ignore[attr-defined]


def test_what_the_drc_mutes_for_a_node_is_shown_and_calls_nobody(well: Desk) -> None:
    well.drc.held[1] = (signed(report(1, DISK_LOW)), 5.0)
    assert well.type("health", "--cluster") == 8
    well.drc.mutes = [reports_pb2.MuteRow(code="DISK_LOW", node=1, until_ms=NOW_MS + HOUR_MS)]

    assert well.type("health", "--cluster") == 0
    assert "muted: 36.02" in well.said()


def test_a_silent_node_calls_until_it_is_muted(desk: Desk) -> None:
    for node in (1, 3):
        desk.drc.hold(report(node))
    assert desk.type("health", "--cluster") == 8
    desk.drc.mutes = [reports_pb2.MuteRow(code="REPORT_LATE", node=2, until_ms=NOW_MS + HOUR_MS)]

    assert desk.type("health", "--cluster") == 0
    assert "REPORT_LATE" in desk.said()


def test_a_muted_trouble_of_the_own_node_is_shown_and_changes_no_exit_code(desk: Desk) -> None:
    item = operations_pb2.HealthItem(
        code="LINK_DOWN", severity=operations_pb2.SEVERITY_WARNING, node=2, muted_until_ms=NOW_MS + HOUR_MS
    )
    answer = operations_pb2.StatusResponse(node=1, name="36.02", takes_puts=True, health=[item])

    async def status(call: ServerCall) -> None:
        await call.receive()
        await call.send(answer.SerializeToString())

    desk.channels[1] = DirectChannel({STATUS: status})

    assert desk.type("health") == 0
    assert "muted until" in desk.said()
    assert desk.type("health", "--json") == 0
    assert desk.objects()[0]["troubles"][0]["muted_until"]  # type: ignore[index]
    assert desk.type("status") == 0
    said = desk.said()
    assert said.startswith("GREEN")
    assert "1 trouble is muted" in said


def test_mute_sends_an_end_by_the_nodes_clock(desk: Desk) -> None:
    assert desk.type("health", "mute", "link_down", "--node", "34.04", "--for", "3d") == 0
    assert desk.type("health", "mute", "DISK_LOW", "--until", "2026-11-25T12:00Z") == 0

    sent = [(row.code, row.node, row.until_ms) for row in desk.drc.asked]
    assert sent[0] == ("LINK_DOWN", 2, NOW_MS + 3 * 24 * HOUR_MS)
    assert sent[1][:2] == ("DISK_LOW", 0)


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--for", "31d"),
        ("--until", "2020-01-01"),
        ("--for", "1d", "--until", "2026-12-01"),
        ("--for", "ever"),
        ("--until", "someday"),
        ("--for", "1d", "--node", "99.99"),
    ],
)
def test_a_mute_without_a_sensible_end_changes_nothing(desk: Desk, words: tuple[str, ...]) -> None:
    assert desk.type("health", "mute", "LINK_DOWN", *words) == 2
    assert desk.drc.asked == []


def test_a_dry_run_of_mute_and_unmute_changes_nothing(desk: Desk) -> None:
    desk.drc.mutes = [reports_pb2.MuteRow(code="LINK_DOWN", node=2, until_ms=NOW_MS + MUTE_MS_MAX)]

    assert desk.type("health", "mute", "LINK_DOWN", "--for", "1d", "--dry-run") == 0
    assert desk.type("health", "unmute", "LINK_DOWN", "--node", "34.04", "--dry-run") == 0
    assert desk.drc.asked == []
    assert desk.type("health", "unmute", "LINK_DOWN", "--node", "34.04") == 0
    assert [(row.code, row.node, row.until_ms) for row in desk.drc.asked] == [("LINK_DOWN", 2, 0)]


def test_an_unknown_code_names_the_known_ones(desk: Desk) -> None:
    assert desk.type("health", "mute", "NONSENSE", "--for", "1d") == 2
    assert desk.type("health", "explain", "NONSENSE") == 2


def test_explain_works_offline_in_both_languages(desk: Desk) -> None:
    assert desk.type("health", "explain", "link_down") == 0
    assert "LINK_DOWN: a holder does not answer" in desk.said()


async def test_a_view_that_goes_on_tells_who_does_not_answer_and_takes_it_back(
    autojump_clock: trio.testing.MockClock, desk: Desk
) -> None:
    profile = load_profile(desk.home)
    roster = read_roster(profile.roster, profile.cluster, TestVerifier())
    session = Session(profile, roster, DirectTransport(desk.channels), TestVerifier())
    desk.channels[4].unreachable = PeerUnreachable("nobody answers")
    seen: list[tuple[list[NodeNumber], int]] = []

    def on_change(answer: ClusterAnswer) -> None:
        seen.append((sorted(answer.failures), len(answer.heard)))
        desk.channels[4].unreachable = None

    with trio.move_on_after(60):
        await follow_cluster(session, on_change)

    assert seen[0] == ([NodeNumber(4)], 0)
    assert ([], 1) in seen


# --- top, completion -----------------------------------------------------------------------------------------------


def test_top_prints_once_where_nobody_watches(well: Desk) -> None:
    assert well.type("top") == 0

    lines = well.said().splitlines()
    assert lines[0].startswith("GREEN")
    assert sum(line.startswith(("36.02", "34.04", "51.71", "drc-batam")) for line in lines) == 4


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script_for_the_shell(desk: Desk, shell: str) -> None:
    assert desk.type("completion", shell) == 0
    assert "_LUMBUNG_COMPLETE" in desk.said()


def offered(desk: Desk, monkeypatch: pytest.MonkeyPatch, *words: str) -> list[str]:
    """What a shell is offered behind these words; the last one is not complete."""
    monkeypatch.setenv("_LUMBUNG_COMPLETE", "bash_complete")
    monkeypatch.setenv("LUMBUNG_HOME", str(desk.home))
    monkeypatch.setenv("COMP_WORDS", " ".join(("lumbung", *words)))
    monkeypatch.setenv("COMP_CWORD", str(len(words)))
    run([], lambda profile: pytest.fail("completing speaks to nobody"))
    return [line.partition(",")[2] for line in desk.said().splitlines() if line]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("hea",), ["health"]),
        (("health", "mu"), ["mute", "mutes"]),
        (("health", "explain", "LINK"), ["LINK_DOWN", "LINK_BREAKS"]),
        (("lag", "--node", "3"), ["36.02", "34.04"]),
        (("find", "--origin", "drc"), ["drc-batam"]),
        (("find", "--cop"), ["--copies-below"]),
    ],
)
def test_a_shell_is_offered_commands_options_codes_and_nodes(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], expected: list[str]
) -> None:
    assert offered(desk, monkeypatch, *words) == expected


def test_without_a_profile_a_shell_is_offered_no_node(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    (desk.home / "profile.toml").unlink()

    assert offered(desk, monkeypatch, "lag", "--node", "3") == []


# --- roster level --------------------------------------------------------------------------------------------------


def test_the_format_level_is_drafted_once_every_node_has_reported_that_it_can(desk: Desk, tmp_path: Path) -> None:
    draft = tmp_path / "next.toml"
    for node in (1, 2, 3, 4):
        desk.drc.hold(report(node, wire_high=1, sequence=9))

    assert desk.type("roster", "level", "1", "-o", str(draft)) == 0

    assert "This cannot be undone" in desk.warned()
    following = parse_roster_toml(draft.read_text(encoding="utf-8"))
    assert (following.epoch, following.format_level) == (2, 1)


def test_an_older_node_and_a_silent_one_hold_the_format_level(desk: Desk, tmp_path: Path) -> None:
    draft = tmp_path / "next.toml"
    desk.drc.hold(report(1, wire_high=1))
    desk.drc.hold(report(2, wire_high=0))
    desk.drc.hold(report(4, wire_high=1, sequence=9))

    assert desk.type("roster", "level", "1", "-o", str(draft)) == 6

    assert "Not yet: 34.04, 51.71" in desk.warned()
    assert not draft.exists()


def test_a_level_that_the_roster_has_already_is_no_change(desk: Desk, tmp_path: Path) -> None:
    assert desk.type("roster", "level", "0", "-o", str(tmp_path / "next.toml")) == 2
