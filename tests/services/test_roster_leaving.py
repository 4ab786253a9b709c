"""A node leaves the roster, as custodians and operators type it: with its drain report, or by a name."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
from blake3 import blake3

from lumbung_cluster.drain import DrainReport, LeftThere, sign_drain
from lumbung_cluster.ids import Generation, NodeNumber, all_units
from lumbung_cluster.receipt import UnitClaim
from lumbung_cluster.release import Release, sign_release
from lumbung_cluster.roster import HolderAssignment, Share
from lumbung_cluster.roster_node import NodeState
from lumbung_node.adapters.keys.ed25519 import Ed25519Signer
from lumbung_node.ports.transport import Transport
from lumbung_testing.rosters import CLUSTER, SeededSigner, founding, signed
from lumbung_tools.client.profile import Profile
from lumbung_tools.main import run
from lumbung_tools.roster_toml import parse_roster_toml

Type = Callable[..., int]
ORIGIN, LEAVER, NEWCOMER, CENTRE = (NodeNumber(number) for number in range(1, 5))
STAY = (Share(NEWCOMER, all_units()), Share(CENTRE, all_units()))
MOVING = HolderAssignment(ORIGIN, STAY, (Share(LEAVER, all_units()),))
HELD = signed(founding(assignments=[MOVING, HolderAssignment(LEAVER, STAY)]), "a", "b")
CLAIMS = (UnitClaim(0, 12, bytes(32)),)


def no_network(profile: Profile) -> AbstractAsyncContextManager[Transport]:
    raise AssertionError("this command must work offline")


@pytest.fixture
def lumbung(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Type:
    """`2.toml` is a draft of the roster after the one in which 34.04 leaves."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LUMBUNG_LANG", "en")
    Path("held.lumbung").write_bytes(HELD.encode())
    Ed25519Signer.from_seed(blake3(b"a").digest()).save(Path("a.key"))
    assert run(("roster", "next", "held.lumbung", "-o", "2.toml"), no_network) == 0
    return lambda *arguments: run(arguments, no_network)


def write_report(name: str, *, is_drained: bool = True, roster_hash: bytes = HELD.hash) -> None:
    content = Release(CLUSTER, ORIGIN, Generation(1), 1, LEAVER, 12, 1000, (NEWCOMER, CENTRE), CLAIMS)
    release = sign_release(content, SeededSigner("receipt 1")) if is_drained else None
    left = (LeftThere(ORIGIN, CLAIMS, release),)
    report = DrainReport(CLUSTER, LEAVER, Generation(1), 1, roster_hash, 1000, 0, 0, 0, left)
    Path(name).write_bytes(sign_drain(report, SeededSigner("receipt 2")).encode())


def test_a_drained_node_goes_with_its_report(lumbung: Type, capsys: pytest.CaptureFixture[str]) -> None:
    write_report("report")
    assert lumbung("roster", "gone", "2.toml", "34.04", "--drained", "report", "-o", "gone.toml") == 0
    drafted = parse_roster_toml(Path("gone.toml").read_text())
    record = drafted.node(LEAVER)
    assert record is not None
    assert record.state is NodeState.GONE
    assert drafted.units_leaving(LEAVER, ORIGIN) == 0
    sign = ("roster", "sign", "gone.toml", "--key", "a.key")
    assert lumbung(*sign, "-o", "one.lumbung") == 6, "a custodian who has not seen the report does not sign"
    assert "34.04 is gone, and what lies there may be the only copy" in capsys.readouterr().err
    assert lumbung(*sign, "--drained", "report", "-o", "one.lumbung") == 0


def test_a_node_that_is_not_drained_is_refused_with_what_is_at_stake(
    lumbung: Type, capsys: pytest.CaptureFixture[str]
) -> None:
    write_report("report", is_drained=False)
    assert lumbung("roster", "gone", "2.toml", "34.04", "--drained", "report", "-o", "gone.toml") == 6
    assert "no proven copy elsewhere of 12 recordings: 36.02 (12)" in capsys.readouterr().err
    assert not Path("gone.toml").exists()


def test_without_report_or_name_nobody_goes(lumbung: Type, capsys: pytest.CaptureFixture[str]) -> None:
    assert lumbung("roster", "gone", "2.toml", "34.04", "-o", "gone.toml") == 6
    assert "--drained FILE" in capsys.readouterr().err
    assert lumbung("roster", "gone", "2.toml", "34.04", "--override-by", "Sri", "-o", "gone.toml") == 2


def test_a_name_and_a_reason_override_and_say_what_may_be_lost(
    lumbung: Type, capsys: pytest.CaptureFixture[str]
) -> None:
    write_report("report", is_drained=False)
    override = ("--override-by", "Sri", "--reason", "banjir")
    gone = ("roster", "gone", "2.toml", "34.04", *override)
    assert lumbung(*gone, "--drained", "report", "-o", "known.toml") == 0
    assert "12 recordings without another proven copy: 36.02 (12)" in capsys.readouterr().err
    assert lumbung(*gone, "-o", "unknown.toml") == 0
    assert "Nobody knows what is at stake" in capsys.readouterr().err
    assert lumbung("roster", "sign", "unknown.toml", "--key", "a.key", "-o", "one.lumbung") == 0
    assert "Sri overrides the proof for 34.04 (banjir)" in capsys.readouterr().err


def test_a_report_under_another_roster_is_refused(lumbung: Type, capsys: pytest.CaptureFixture[str]) -> None:
    write_report("old", roster_hash=bytes(32))
    assert lumbung("roster", "gone", "2.toml", "34.04", "--drained", "old", "-o", "gone.toml") == 6
    assert "Make the report anew at 34.04" in capsys.readouterr().err


def test_a_roster_that_names_another_report_is_not_signed(lumbung: Type, capsys: pytest.CaptureFixture[str]) -> None:
    write_report("report")
    assert lumbung("roster", "gone", "2.toml", "34.04", "--drained", "report", "-o", "gone.toml") == 0
    write_report("other", is_drained=False)
    assert lumbung("roster", "sign", "gone.toml", "--key", "a.key", "--drained", "other", "-o", "one.lumbung") == 6
    assert "is not the one that this roster names" in capsys.readouterr().err


def test_a_file_that_is_no_report_is_named(lumbung: Type) -> None:
    Path("rubbish").write_bytes(b"rubbish")
    assert lumbung("roster", "gone", "2.toml", "34.04", "--drained", "rubbish", "-o", "gone.toml") != 0
    assert lumbung("roster", "gone", "2.toml", "99.99", "-o", "gone.toml") == 2
