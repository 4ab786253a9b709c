"""`lumbung reconcile` as a person types it: what is said at the end, and its exit codes."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from lumbung_cluster.errors import Rejected, StatusCode
from lumbung_node.ports.transport import Dialer, ServerCall
from lumbung_proto.v1 import operations_pb2
from lumbung_proto.v1 import reconcile_pb2 as wire
from lumbung_testing.direct_channel import DirectChannel, DirectTransport
from lumbung_testing.profiles import TestProfile, make_profile
from lumbung_tools.client.methods import RECONCILE, STATUS
from lumbung_tools.client.profile import Profile
from lumbung_tools.main import run

EQUAL = wire.ReconcileResult(partner=4, origin=1, outcome=wire.RECONCILE_OUTCOME_EQUAL, reason="none")
MENDED = wire.ReconcileResult(
    partner=2,
    origin=1,
    outcome=wire.RECONCILE_OUTCOME_MENDED,
    lacked_there=7,
    mended_there=7,
    lacked_here=2,
    mended_here=2,
    reason="none",
)


def apart(
    outcome: wire.ReconcileOutcome.ValueType,
    reason: str,
    *,
    damaged_here: int = 0,
    damaged_there: int = 0,
    not_taken: int = 0,
    not_come: int = 0,
) -> wire.ReconcileResult:
    return wire.ReconcileResult(
        partner=2,
        origin=1,
        outcome=outcome,
        reason=reason,
        damaged_here=damaged_here,
        damaged_there=damaged_there,
        not_taken=not_taken,
        not_come=not_come,
    )


class Office:
    """Office 36.02, whose node answers a reconcile with `results`, and then ends, or fails with `failure`."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.station: TestProfile = make_profile(folder / "home")
        self.results: Sequence[wire.ReconcileResult] = (EQUAL, MENDED)
        self.failure: Rejected | None = None
        self.status = operations_pb2.StatusResponse(node=1, name="36.02", clock_ms=1)
        self.asked: list[wire.ReconcileRequest] = []
        self._capsys = capsys

    def type(self, *arguments: str) -> int:
        @asynccontextmanager
        async def open_transport(profile: Profile) -> AsyncIterator[Dialer]:
            handlers = {RECONCILE: self._reconcile, STATUS: self._status}
            yield DirectTransport({1: DirectChannel(handlers)})

        return run([*arguments, "--home", str(self.station.profile.home), "--lang", "en"], open_transport)

    def out(self) -> str:
        return self._capsys.readouterr().out

    async def _reconcile(self, call: ServerCall) -> None:
        self.asked.append(wire.ReconcileRequest.FromString(await call.receive() or b""))
        await self._say(call, wire.ReconcileResponse(begun=wire.ReconcileBegun(pairs=2)))
        for result in self.results:
            await self._say(call, wire.ReconcileResponse(result=result))
        if self.failure is not None:
            raise self.failure
        await self._say(call, wire.ReconcileResponse(ended=wire.ReconcileEnded(protocol_bytes=2048, questions=5)))

    async def _status(self, call: ServerCall) -> None:
        await call.receive()
        await call.send(self.status.SerializeToString())

    async def _say(self, call: ServerCall, response: wire.ReconcileResponse) -> None:
        await call.send(response.SerializeToString())


@pytest.fixture
def office(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Office:
    return Office(tmp_path, capsys)


def test_what_was_mended_is_named_and_equal_is_a_success(office: Office) -> None:
    assert office.type("reconcile") == 0
    out = office.out()
    assert "Everything is equal (2 compared); brought over: 9 recordings." in out
    assert "34.04" in out
    assert "7 of 7" in out
    assert "It took 2.0 KiB of questions and answers in 5 round trips." in out


def test_partner_and_origin_are_named_as_people_name_them(office: Office) -> None:
    office.type("reconcile", "--with", "drc-batam", "--origin", "36.02")
    office.type("reconcile", "--all")
    assert office.asked == [wire.ReconcileRequest(partner=4, origin=1), wire.ReconcileRequest(all_origins=True)]


@pytest.mark.parametrize(
    ("result", "code", "remark"),
    [
        (apart(wire.RECONCILE_OUTCOME_NOT_CONNECTED, "no_session"), 7, "no connection with 34.04"),
        (apart(wire.RECONCILE_OUTCOME_NOT_CONNECTED, "session_ended"), 5, "ended meanwhile"),
        (apart(wire.RECONCILE_OUTCOME_BUSY, "peer_busy"), 5, "34.04 is busy"),
        (apart(wire.RECONCILE_OUTCOME_REFUSED, "no_answer"), 5, "did not answer in time"),
        (apart(wire.RECONCILE_OUTCOME_REFUSED, "peer_refused"), 6, "34.04 refused"),
        (apart(wire.RECONCILE_OUTCOME_UNEXPLAINED, "does_not_add_up"), 6, "contradicts itself"),
        (apart(wire.RECONCILE_OUTCOME_REBUILDING, "everything_offered"), 3, "newest first"),
        (apart(wire.RECONCILE_OUTCOME_NOT_DELIVERED, "disk_full_here", not_come=3), 3, "the disk here is nearly full"),
        (apart(wire.RECONCILE_OUTCOME_NOT_DELIVERED, "no_good_bytes", damaged_here=3), 8, "3 damaged here"),
        (apart(wire.RECONCILE_OUTCOME_NOT_DELIVERED, "not_come", damaged_there=1), 8, "did not bring"),
        (apart(wire.RECONCILE_OUTCOME_WORKING, "none"), 5, ""),
    ],
)
def test_what_is_not_equal_is_said_with_its_reason_and_exit_code(
    office: Office, result: wire.ReconcileResult, code: int, remark: str
) -> None:
    office.results = (EQUAL, result)
    assert office.type("reconcile") == code
    out = office.out()
    assert "NOT everything is equal: 1 of 2 are" in out
    assert remark in " ".join(out.split())


def test_a_partners_words_are_said_in_the_readers_language(office: Office) -> None:
    result = apart(wire.RECONCILE_OUTCOME_NOT_DELIVERED, "not_taken", not_taken=4)
    result.sentence = "disk nearly full: 1234 bytes free"
    office.results = (EQUAL, result)
    assert office.type("reconcile") == 3
    assert "34.04 did not take 4: its disk is nearly full (1234 bytes free)" in " ".join(office.out().split())


def test_a_run_that_is_cut_short_shows_what_was_done_and_calls_nothing_equal(office: Office) -> None:
    office.results = (EQUAL,)
    office.failure = Rejected(StatusCode.UNAVAILABLE, "the store failed and is being opened again: try again")
    assert office.type("reconcile", "--json") == 5
    (said,) = [json.loads(line) for line in office.out().splitlines()]
    assert (said["schema"], said["complete"], said["equal"]) == ("lumbung.reconcile/1", False, False)
    assert [result["partner"] for result in said["results"]] == ["drc-batam"]


def test_json_has_what_was_missing_where(office: Office) -> None:
    assert office.type("reconcile", "--json") == 0
    (said,) = [json.loads(line) for line in office.out().splitlines()]
    assert (said["equal"], said["protocol_bytes"], said["questions"]) == (True, 2048, 5)
    of_peer = said["results"][0]
    assert (of_peer["partner"], of_peer["outcome"], of_peer["reason"]) == ("34.04", "mended", None)
    assert (of_peer["missing_there"], of_peer["mended_there"], of_peer["missing_here"]) == (7, 7, 2)


def test_one_origin_and_all_are_not_asked_at_once(office: Office) -> None:
    assert office.type("reconcile", "--origin", "36.02", "--all") == 2
    assert office.asked == []


def test_status_says_in_one_line_with_whom_everything_is_equal(office: Office) -> None:
    equal = wire.LastReconcile(origin=1, outcome=wire.RECONCILE_OUTCOME_EQUAL, age_s=7200.0)
    office.status.reconciles.add(partner=4, origins=1, last=[equal])
    office.type("status")
    assert "compared: equal with all 1 partner, 2 h 0 min ago at most" in office.out()
    office.status.reconciles.add(partner=2, origins=2, last=[equal])
    office.type("status")
    assert "compared: equal with 1 of 2 partners; not (yet) with 34.04" in office.out()
