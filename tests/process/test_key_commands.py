"""The commands for keys as people type them: each step can be typed again and says where things stand."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from lumbung_cluster.roster_node import KeyUse
from lumbung_node.adapters.keys.certificates import make_authority
from lumbung_node.adapters.keys.ed25519 import Ed25519Signer
from lumbung_node.adapters.keys.key_files import write_secret
from lumbung_testing.real_clusters import found
from lumbung_testing.tools import require_tool
from lumbung_tools.client.over_grpc import open_grpc
from lumbung_tools.keybackup.archive import KeyFile, seal_archive
from lumbung_tools.localcluster.founding import Founded
from lumbung_tools.main import run
from lumbung_tools.roster_toml import parse_roster_toml

_OFFICE, _PEER = "36.02", "34.04"
_DIGITS = "ab" * 32


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Founded:
    return found(tmp_path_factory.mktemp("keys"), (_OFFICE, _PEER))


def told(capsys: pytest.CaptureFixture[str], *words: str | Path, code: int = 0) -> dict[str, object]:
    """The JSON of one command."""
    capsys.readouterr()
    assert run(["--json", "--lang", "en", *map(str, words)], open_grpc) == code
    lines = capsys.readouterr().out.splitlines()
    answer: dict[str, object] = json.loads(lines[-1])
    return answer


def test_the_next_key_of_a_node_is_made_once_and_then_waits_to_be_pinned(
    founded: Founded, capsys: pytest.CaptureFixture[str]
) -> None:
    config = founded.folder / "nodes" / _OFFICE / "config.toml"

    made = told(capsys, "keys", "rotate", "receipt", "--config", config)
    again = told(capsys, "keys", "rotate", "receipt", "--config", config)

    assert (made["step"], again["step"]) == ("made", "unpinned")
    assert made["public"] == again["public"]
    assert Path(str(made["file"])).stat().st_mode & 0o777 == 0o600


def test_several_changes_go_into_one_draft_that_a_node_obeys(
    founded: Founded, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    roster, first, second = founded.folder / "roster.lumbung", tmp_path / "1.toml", tmp_path / "2.toml"
    custodian = told(capsys, "keys", "rotate", "custodian", tmp_path / "custodian-4.pem")
    escrow = told(capsys, "keys", "rotate", "escrow", tmp_path / "escrow-3.agekey")
    public, recipient = str(custodian["public"]), str(escrow["public"])
    replaces = ("--name", "custodian-4", "--replaces", "custodian-1")

    told(capsys, "keys", "pin", "custodian", public, *replaces, "--roster", roster, "-o", first)
    told(capsys, "keys", "pin", "escrow", recipient, "--roster", first, "-o", second)
    told(capsys, "keys", "pin", "tls", _DIGITS, "--node", _PEER, "--roster", second, "-o", tmp_path / "3.toml")

    draft = parse_roster_toml((tmp_path / "3.toml").read_text(encoding="utf-8"))
    peer = draft.by_name(_PEER)
    assert peer is not None
    assert draft.epoch == 2
    assert bytes.fromhex(_DIGITS) in peer.open_keys(KeyUse.TLS)
    assert {member.name for member in draft.custodians.members} == {"custodian-2", "custodian-3", "custodian-4"}
    assert [entry.last_epoch for entry in draft.escrow] == [None] * 3


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("pin", "entry", "12ab", "--node", _OFFICE), "64 hex digits"),
        (("pin", "entry", _DIGITS), "--node"),
        (("pin", "custodian", _DIGITS), "--name"),
        (("pin", "entry", _DIGITS, "--node", "99.99"), "99.99"),
        (("retire", "receipt", "--node", _OFFICE), "the next one pinned before"),
        (("retire", "entry", "--node", _OFFICE), "--bound"),
        (("retire", "entry", "--node", _OFFICE, "--bound", "1:2"), "GENERATION:NUMBER:HASH"),
        (("retire", "escrow", "age1unknown"), "in force before this epoch"),
        (("retire", "custodian", "nobody"), "expected one of custodian-"),
    ],
)
def test_a_change_that_cannot_be_is_refused_with_the_reason_and_writes_nothing(
    founded: Founded, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str
) -> None:
    output = tmp_path / "draft.toml"
    words = (*words, "--roster", str(founded.folder / "roster.lumbung"), "-o", str(output))

    answer = told(capsys, "--home", tmp_path, "keys", *words, code=2)

    assert said in str(answer["sentence"])
    assert not output.exists()


def test_a_backup_on_paper_gives_the_keys_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keys, paper, words = tmp_path / "keys", tmp_path / "paper.txt", tmp_path / "passphrase"
    keys.mkdir()
    signer = Ed25519Signer.generate()
    signer.save(keys / "entry.key.pem")
    write_secret(words, b"padi menguning di lereng\n")
    by_file = ("--passphrase-file", words)

    told(capsys, "keys", "backup", keys, "-o", paper, "--paper", *by_file)
    verified = told(capsys, "keys", "restore", paper, *by_file)
    restored = told(capsys, "keys", "restore", paper, tmp_path / "elsewhere", *by_file)

    back = tmp_path / "elsewhere" / "keys" / "entry.key.pem"
    assert (verified["keys"], verified["written"]) == (["keys/entry.key.pem"], [])
    assert restored["written"] == [str(back)]
    assert Ed25519Signer.load(back).public_key == signer.public_key
    wrong = tmp_path / "wrong"
    write_secret(wrong, b"padi menguning di lembah\n")
    other = told(capsys, "keys", "restore", paper, "--passphrase-file", wrong, code=2)
    assert f"the backup {paper} does not open: the passphrase is another one" in str(other["sentence"])
    words.chmod(0o644)
    refused = told(capsys, "keys", "restore", paper, *by_file, code=2)
    assert "chmod 600" in str(refused["sentence"])


def command_words(*words: str | Path) -> list[str]:
    return [sys.executable, "-m", "lumbung_tools", "--lang", "id", *map(str, words)]


def test_without_a_terminal_no_passphrase_is_asked_for(founded: Founded, tmp_path: Path) -> None:
    """A job without a terminal was told that somebody had stopped it, behind a warning in English."""
    words = command_words("keys", "backup", founded.folder / "escrow-OFFLINE", "-o", tmp_path / "x.backup")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    ended = subprocess.run(
        words, stdin=subprocess.DEVNULL, capture_output=True, text=True, env=environment, start_new_session=True
    )

    assert ended.returncode == 2
    assert ended.stderr.startswith("Tidak ada terminal")
    assert ended.stderr.count("\n") == 1


def test_two_passphrases_that_differ_write_nothing_and_are_told_in_the_readers_language(
    founded: Founded, tmp_path: Path
) -> None:
    setsid, output = require_tool("setsid", "util-linux"), tmp_path / "x.backup"
    words = [setsid, "--ctty", "--wait", *command_words("keys", "backup", founded.folder / "escrow-OFFLINE")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    ours, theirs = pty.openpty()
    said = b""
    with subprocess.Popen(
        [*map(str, words), "-o", str(output)], stdin=theirs, stdout=theirs, stderr=theirs, env=environment
    ) as process:
        for question, answer in ((b"12 karakter", b"padi menguning\n"), (b"sekali lagi", b"padi menghijau\n")):
            while question not in said:
                said += os.read(ours, 1000)
            os.write(ours, answer)
        while b"Ketik perintahnya lagi" not in said:
            said += os.read(ours, 1000)
        assert process.wait(timeout=60) == 2
    os.close(ours)
    os.close(theirs)

    assert b"berbeda" in said
    assert not output.exists()


def test_the_stock_age_program_opens_a_backup(tmp_path: Path) -> None:
    """Whoever has the backup and the passphrase needs no lumbung."""
    age, sealed, opened = require_tool("age", "age"), tmp_path / "keys.backup", tmp_path / "keys.tar.gz"
    sealed.write_bytes(seal_archive([KeyFile("entry.key.pem", b"a key")], "padi menguning", log2_n=8))
    ours, theirs = pty.openpty()  # age takes a passphrase from a terminal alone
    setsid = require_tool("setsid", "util-linux")
    words = [setsid, "--ctty", "--wait", age, "--decrypt", "--output", opened, sealed]
    with subprocess.Popen([str(word) for word in words], stdin=theirs, stdout=theirs, stderr=theirs) as process:
        said = b""
        while b"passphrase" not in said:
            said += os.read(ours, 1000)
        os.write(ours, b"padi menguning\n")
        assert process.wait(timeout=60) == 0
    os.close(ours)
    os.close(theirs)

    with tarfile.open(opened) as tar:
        assert tar.getnames() == ["entry.key.pem"]


def test_a_private_key_beside_an_authoritys_certificate_does_not_get_into_the_roster(
    founded: Founded, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept, both, draft = founded.folder / "authority-OFFLINE", tmp_path / "both.pem", tmp_path / "draft.toml"
    made = make_authority(founded.roster.cluster, "ca-2", now_ms=1_790_000_000_000)
    both.write_bytes(made.certificate_pem + made.key_pem + (kept / "authority.key").read_bytes() + b"\xff")

    told(
        capsys,
        "keys",
        "pin",
        "authority",
        both,
        "--name",
        "ca-2",
        "--roster",
        founded.folder / "roster.lumbung",
        "-o",
        draft,
    )

    text = draft.read_text(encoding="utf-8")
    assert "PRIVATE" not in text
    assert made.certificate_pem.decode("ascii") in text
