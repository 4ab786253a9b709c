"""Keys on a real disk: modes, no overwriting, and the forms that other programs read."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from lumbung_cluster.errors import KeyRefused
from lumbung_node.adapters.keys.age_identity import AgeIdentity, check_recipient
from lumbung_node.adapters.keys.certificates import make_tls_key
from lumbung_node.adapters.keys.cluster_secret import load_cluster_secret
from lumbung_node.adapters.keys.ed25519 import Ed25519Signer, Ed25519Verifier
from lumbung_node.adapters.keys.key_files import read_secret, write_public, write_secret
from lumbung_testing.tools import require_tool


def test_a_secret_is_readable_by_its_owner_only_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        write_secret(tmp_path / "secret", b"x")
        write_public(tmp_path / "public", b"x")
    finally:
        os.umask(before)

    assert stat.S_IMODE((tmp_path / "secret").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "public").stat().st_mode) == 0o644


def test_a_backup_goes_onto_a_stick_whose_file_system_has_no_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_links(source: object, target: object) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM), str(source), None, str(target))

    monkeypatch.setattr(os, "link", no_links)
    write_secret(tmp_path / "backup", b"x")

    with pytest.raises(KeyRefused, match="expected no file there"):
        write_secret(tmp_path / "backup", b"y")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"backup": b"x"}


def test_a_stick_without_links_that_is_pulled_out_leaves_no_empty_backup(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever tried again was told that a file is there already."""

    def fails_with(number: int) -> Callable[[object, object], None]:
        def fail(source: object, target: object) -> None:
            raise OSError(number, os.strerror(number), str(source), None, str(target))

        return fail

    monkeypatch.setattr(os, "link", fails_with(errno.EPERM))
    monkeypatch.setattr(os, "replace", fails_with(errno.EIO))
    with pytest.raises(OSError, match="Input/output error"):
        write_secret(tmp_path / "backup", b"x")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "content", [b"", b"00" * 32, b"0 " + b"00" * 32, b"1 " + b"00" * 31, b"1 " + b"00" * 32 + b"x"]
)
def test_a_cluster_secret_of_another_form_is_refused_with_the_cure(tmp_path: Path, content: bytes) -> None:
    write_secret(tmp_path / "cluster.secret", content)

    with pytest.raises(KeyRefused, match="copy the file from another node of this cluster"):
        load_cluster_secret(tmp_path / "cluster.secret")


def test_a_key_is_never_overwritten(tmp_path: Path) -> None:
    write_secret(tmp_path / "key", b"first")

    with pytest.raises(KeyRefused, match="expected no file there, got one"):
        write_secret(tmp_path / "key", b"second")
    assert read_secret(tmp_path / "key") == b"first"
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o610])
def test_a_key_that_others_may_touch_is_refused_with_the_cure(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "key"
    Ed25519Signer.generate().save(path)
    path.chmod(mode)

    with pytest.raises(KeyRefused, match=f"expected mode 0600, got {mode:04o}; mend it with: chmod 600 {path}"):
        Ed25519Signer.load(path)


def test_what_is_no_key_file_is_refused_and_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)

    with pytest.raises(KeyRefused, match="expected a readable file, got No such file"):
        read_secret(tmp_path / "missing")
    with pytest.raises(KeyRefused, match="expected a plain file"):
        read_secret(tmp_path / "pipe")
    with pytest.raises(KeyRefused, match="expected a plain file"):
        read_secret(tmp_path)


def test_a_file_too_big_for_a_key_is_refused(tmp_path: Path) -> None:
    write_secret(tmp_path / "big", bytes(64 * 1024 + 1))

    with pytest.raises(KeyRefused, match="expected at most 65536 bytes, got more"):
        read_secret(tmp_path / "big")


def test_a_signing_key_is_the_same_after_a_restart(tmp_path: Path) -> None:
    signer = Ed25519Signer.generate()
    signer.save(tmp_path / "entry.key")
    again = Ed25519Signer.load(tmp_path / "entry.key")

    assert again.public_key == signer.public_key
    assert Ed25519Verifier().verify(signer.public_key, b"message", again.sign(b"message"))


def test_another_kind_of_key_does_not_sign(tmp_path: Path) -> None:
    write_secret(tmp_path / "tls.key", make_tls_key())
    write_secret(tmp_path / "no.key", b"nothing")

    with pytest.raises(KeyRefused, match="expected an Ed25519 key, got ECPrivateKey"):
        Ed25519Signer.load(tmp_path / "tls.key")
    with pytest.raises(KeyRefused, match="expected an unencrypted PEM private key"):
        Ed25519Signer.load(tmp_path / "no.key")


@pytest.mark.parametrize(
    ("public_key", "signature"), [(b"", b""), (bytes(32), bytes(64)), (b"\xff" * 32, b"\xff" * 64), (bytes(31), b"x")]
)
def test_a_verifier_answers_no_to_any_bytes(public_key: bytes, signature: bytes) -> None:
    assert not Ed25519Verifier().verify(public_key, b"message", signature)


def test_an_age_identity_survives_its_file_and_hides_its_secret(tmp_path: Path) -> None:
    identity = AgeIdentity.generate()
    identity.save(tmp_path / "office.age")

    assert AgeIdentity.load(tmp_path / "office.age") == identity
    assert identity.secret not in repr(identity)
    assert check_recipient(identity.recipient) == identity.recipient


def test_what_is_no_age_key_is_refused(tmp_path: Path) -> None:
    write_secret(tmp_path / "empty", b"# nothing\n")

    with pytest.raises(KeyRefused, match="expected a line AGE-SECRET-KEY-"):
        AgeIdentity.load(tmp_path / "empty")
    with pytest.raises(KeyRefused, match="expected age1"):
        check_recipient("age1nonsense")
    with pytest.raises(KeyRefused):
        AgeIdentity.parse("AGE-SECRET-KEY-1NONSENSE")


def test_the_stock_age_program_reads_our_identity_file(tmp_path: Path) -> None:
    keygen = require_tool("age-keygen", "age")
    identity = AgeIdentity.generate()
    identity.save(tmp_path / "office.age")

    found = subprocess.run([keygen, "-y", str(tmp_path / "office.age")], capture_output=True, text=True, check=True)

    assert found.stdout.strip() == identity.recipient
