"""Rosters, keys and certificates as custodians and operators type them; nothing here needs a node."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
from blake3 import blake3

from lumbung_cluster.access import Duty, SignedAccess, access_objection
from lumbung_cluster.ids import BlobId, Generation, NodeNumber
from lumbung_cluster.receipt import Statement, StatementKind, sign_statement
from lumbung_cluster.roster_codec import SignedRoster
from lumbung_node.adapters.keys.ed25519 import Ed25519Signer, Ed25519Verifier
from lumbung_node.ports.transport import Transport
from lumbung_testing.rosters import CLUSTER, SeededSigner, founding, signed
from lumbung_tools.client.profile import Profile
from lumbung_tools.main import run
from lumbung_tools.roster_toml import parse_roster_toml

Type = Callable[..., int]


def no_network(profile: Profile) -> AbstractAsyncContextManager[Transport]:
    raise AssertionError("this command must work offline")


@pytest.fixture
def lumbung(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Type:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LUMBUNG_LANG", "en")
    Path("roster.lumbung").write_bytes(signed(founding(), "a", "b").encode())
    for name in ("a", "b", "c"):
        Ed25519Signer.from_seed(blake3(name.encode()).digest()).save(Path(f"{name}.key"))
    return lambda *arguments: run(arguments, no_network)


def out(capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    found: dict[str, object] = json.loads(capsys.readouterr().out.splitlines()[-1])
    return found


def test_a_roster_goes_from_draft_to_accepted(lumbung: Type) -> None:
    assert lumbung("roster", "next", "roster.lumbung", "-o", "next.toml") == 0
    assert lumbung("roster", "plan", "next.toml", "-o", "planned.toml") == 0
    assert lumbung("roster", "sign", "planned.toml", "--key", "a.key", "-o", "one.lumbung") == 0
    assert lumbung("roster", "check", "one.lumbung", "--held", "roster.lumbung") == 6
    assert lumbung("roster", "sign", "one.lumbung", "--key", "c.key", "-o", "two.lumbung") == 0
    assert lumbung("roster", "check", "two.lumbung", "--held", "roster.lumbung") == 0

    following = SignedRoster.decode(Path("two.lumbung").read_bytes()).parse()
    assert following.epoch == 2
    assert following.predecessor_hash == signed(founding(), "a", "b").hash


def test_a_planned_draft_names_holders_for_every_office(lumbung: Type) -> None:
    lumbung("roster", "next", "roster.lumbung", "-o", "next.toml")
    lumbung("roster", "plan", "next.toml", "-o", "planned.toml")

    planned = parse_roster_toml(Path("planned.toml").read_text())
    assert all(len(planned.holders_of(NodeNumber(office), 0)) >= 3 for office in (1, 2, 3))


def test_a_file_that_is_there_is_never_written_over(lumbung: Type) -> None:
    Path("next.toml").write_text("an hour of work")

    assert lumbung("roster", "next", "roster.lumbung", "-o", "next.toml") == 2
    assert Path("next.toml").read_text() == "an hour of work"


def test_show_prints_what_is_signed(lumbung: Type, capsys: pytest.CaptureFixture[str]) -> None:
    assert lumbung("roster", "show", "roster.lumbung", "--toml") == 0
    assert parse_roster_toml(capsys.readouterr().out) == founding()


@pytest.mark.parametrize("kind", ["sign", "tls", "age", "secret"])
def test_a_new_key_is_private_and_shows_its_public_half(
    lumbung: Type, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    assert lumbung("keys", "new", kind, "k", "--json") == 0
    made = out(capsys)
    assert lumbung("keys", "show", "k", "--json") == 0

    assert out(capsys) == made
    assert made["kind"] == kind
    assert bool(made["public"]) == (kind != "secret")
    assert stat.S_IMODE(Path("k").stat().st_mode) == 0o600


def test_a_key_is_never_written_over(lumbung: Type) -> None:
    lumbung("keys", "new", "sign", "k")
    before = Path("k").read_bytes()

    assert lumbung("keys", "new", "sign", "k") == 2
    assert Path("k").read_bytes() == before


def test_a_station_gets_a_certificate_and_stands_in_the_access_list(lumbung: Type) -> None:
    identity = f"lumbung://{CLUSTER}/access/1/loket-3"
    access_key = Ed25519Signer.from_seed(blake3(b"access 1").digest())
    access_key.save(Path("access.key"))

    assert lumbung("keys", "new", "tls", "station.key") == 0
    assert lumbung("cert", "request", "--key", "station.key", "-o", "station.request") == 0
    assert lumbung("cert", "authority", "authority", "--cluster", str(CLUSTER)) == 0
    issue = ("cert", "issue", "station.request", "--authority", "authority", "--identity", identity)
    assert lumbung(*issue, "-o", "station.crt") == 0
    admit = ("cert", "admit", "station.crt", "--key", "access.key")
    assert lumbung(*admit, "-o", "1.access") == 0
    assert lumbung(*admit, "--list", "1.access", "--duty", "operator", "-o", "2.access") == 0

    first, second = (SignedAccess.decode(Path(name).read_bytes()) for name in ("1.access", "2.access"))
    assert access_objection(founding(), None, first, Ed25519Verifier()) is None
    assert access_objection(founding(), first, second, Ed25519Verifier()) is None
    entry = second.content.entry("loket-3")
    assert entry is not None
    assert entry.duty is Duty.OPERATOR


def test_a_node_does_not_go_on_an_access_list(lumbung: Type) -> None:
    lumbung("keys", "new", "tls", "k")
    lumbung("keys", "new", "sign", "access.key")
    lumbung("cert", "request", "--key", "k", "-o", "r")
    lumbung("cert", "authority", "authority", "--cluster", str(CLUSTER))
    lumbung("cert", "issue", "r", "--authority", "authority", "--identity", f"lumbung://{CLUSTER}/node/1", "-o", "c")

    assert lumbung("cert", "admit", "c", "--key", "access.key", "-o", "list") == 2
    assert not Path("list").exists()


BLOB = BlobId.of(b"sealed")


def receipt(**changes: object) -> Statement:
    fields: dict[str, object] = {
        "kind": StatementKind.COMMIT_RECEIPT,
        "cluster": CLUSTER,
        "holder": NodeNumber(4),
        "generation": Generation(1),
        "roster_epoch": 1,
        "origin": NodeNumber(1),
        "nonce": 9,
        "durable_number": 3,
        "verified_since_ms": 1_795_500_000_000,
        "blobs": (BLOB,),
        **changes,
    }
    return Statement(**fields)  # type: ignore[arg-type]


def verify(lumbung: Type, content: Statement, signer: str = "receipt 4", *more: str) -> int:
    raw = sign_statement(content, SeededSigner(signer)).to_bytes()
    Path("r.receipt").write_bytes(raw)
    return lumbung("receipt", "verify", "r.receipt", "--roster", "roster.lumbung", *more)


def test_a_receipt_holds_offline_with_its_roster(lumbung: Type) -> None:
    assert verify(lumbung, receipt()) == 0
    assert verify(lumbung, receipt(), "receipt 4", "--id", str(BLOB)[:12]) == 0


def test_a_receipt_holds_with_a_later_roster(lumbung: Type) -> None:
    lumbung("roster", "next", "roster.lumbung", "-o", "next.toml")
    lumbung("roster", "sign", "next.toml", "--key", "a.key", "-o", "one.lumbung")
    lumbung("roster", "sign", "one.lumbung", "--key", "b.key", "-o", "two.lumbung")
    Path("two.lumbung").replace("roster.lumbung")

    assert verify(lumbung, receipt()) == 0


@pytest.mark.parametrize(
    ("content", "signer", "more"),
    [
        (receipt(), "receipt 3", ()),
        (receipt(), "entry 4", ()),
        (receipt(holder=NodeNumber(3)), "receipt 4", ()),
        (receipt(holder=NodeNumber(77)), "receipt 4", ()),
        (receipt(roster_epoch=2), "receipt 4", ()),
        (receipt(kind=StatementKind.WITHDRAWAL), "receipt 4", ()),
        (receipt(), "receipt 4", ("--id", "00112233")),
    ],
)
def test_a_receipt_that_does_not_hold_is_exit_code_6(
    lumbung: Type, content: Statement, signer: str, more: tuple[str, ...]
) -> None:
    assert verify(lumbung, content, signer, *more) == 6


def test_a_changed_byte_in_a_receipt_is_noticed(lumbung: Type) -> None:
    raw = bytearray(sign_statement(receipt(), SeededSigner("receipt 4")).to_bytes())
    for at in (30, len(raw) - 100, len(raw) - 1):
        broken = bytearray(raw)
        broken[at] ^= 1
        Path("r.receipt").write_bytes(bytes(broken))
        assert lumbung("receipt", "verify", "r.receipt", "--roster", "roster.lumbung") == 6


COMMANDS = (
    ["put"], ["get"], ["where"], ["ls"], ["status"], ["health"],
    ["receipt"], ["receipt", "show"], ["receipt", "verify"],
    ["roster"], ["roster", "show"], ["roster", "next"], ["roster", "plan"], ["roster", "sign"], ["roster", "check"],
    ["roster", "publish"], ["roster", "fetch"], ["keys"], ["keys", "new"], ["keys", "show"], ["cert"],
    ["cert", "request"], ["cert", "authority"], ["cert", "issue"], ["cert", "show"], ["cert", "admit"],
    ["config"], ["config", "check"], ["node"], ["node", "run"], ["version"],
)  # fmt: skip


@pytest.mark.parametrize("language", ["id", "en"])
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_shows_examples_and_exit_codes(
    lumbung: Type, capsys: pytest.CaptureFixture[str], command: list[str], language: str
) -> None:
    assert lumbung(*command, "--help", "--lang", language) == 0

    said = capsys.readouterr().out
    assert "--json" in said
    is_group = ("Commands:" if language == "en" else "Perintah:") in said
    if not is_group:
        assert f"  lumbung {' '.join(command)}" in said
        assert ("Exit codes" if language == "en" else "Kode keluar") in said


def test_the_language_is_indonesian_unless_told(
    lumbung: Type, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LUMBUNG_LANG")

    lumbung("keys", "new", "sign", "k")

    assert "Kunci ditulis" in capsys.readouterr().out


@pytest.mark.parametrize("wrong", [["nonsense"], ["put"], ["put", "--copies", "4", "x"], ["ls", "--limit", "-1"]])
def test_wrong_use_is_exit_code_2(lumbung: Type, wrong: list[str]) -> None:
    assert lumbung(*wrong) == 2


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            ["bundle", "export", "--for", "drc-batam", "--limit", "foo", "."],
            "'foo' bukan ukuran seperti 500M atau 16G.",
        ),
        (
            ["office", "init", "d", "--cluster", "zz", "--code", "36.02", "--address", "10.0.0.1:7443"],
            "--cluster berupa 32 digit heksadesimal id klaster; yang diberikan zz.",
        ),
    ],
)
def test_a_value_of_another_shape_is_told_in_the_readers_language(
    lumbung: Type, capsys: pytest.CaptureFixture[str], words: list[str], told: str
) -> None:
    assert lumbung(*words, "--lang", "id") == 2
    assert told in " ".join(capsys.readouterr().err.split())


def test_a_broken_node_configuration_is_one_line(lumbung: Type, capsys: pytest.CaptureFixture[str]) -> None:
    Path("node.toml").write_text("formt = 1\n")

    assert lumbung("config", "check", "node.toml") == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "format" in err


def test_a_plan_warns_of_a_slow_line_of_class_lan(lumbung: Type, capsys: pytest.CaptureFixture[str]) -> None:
    lumbung("roster", "next", "roster.lumbung", "-o", "next.toml")
    slow = Path("next.toml").read_text().replace("link_bytes_per_s = 1000000", "link_bytes_per_s = 16000", 1)
    Path("slow.toml").write_text(slow.replace("link_bytes_per_s = 1000000", "link_bytes_per_s = 12500000"))
    assert lumbung("roster", "plan", "slow.toml", "--json") == 0
    said = capsys.readouterr()
    assert "36.02: link lan on a line of 15.6 KiB a second" in said.err
    assert json.loads(said.out.splitlines()[-1])["lines_too_slow_for_lan"] == ["36.02"]
