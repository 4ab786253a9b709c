"""Backups of keys: the same keys come back, from a file and from paper, and never over another key."""

from __future__ import annotations

import gzip
import io
import re
import tarfile
from pathlib import Path

import pyrage
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumbung_cluster.errors import KeyRefused
from lumbung_node.adapters.keys.ed25519 import Ed25519Signer
from lumbung_node.adapters.keys.key_files import write_public, write_secret
from lumbung_tools.keybackup.archive import KeyFile, collect, open_archive, seal_archive
from lumbung_tools.keybackup.paper import PAPER_MARK, from_paper, to_paper
from lumbung_tools.keybackup.passphrase import open_with_passphrase, seal_with_passphrase
from lumbung_tools.keybackup.restoring import Fate, restore_all

PASSPHRASE = "lumbung padi di lereng"
QUICK = 8  # scrypt at its real work takes a second
SEALED = bytes(range(256)) * 2


@pytest.fixture(scope="module")
def sealed() -> bytes:
    return seal_archive([KeyFile("a", b"secret")], PASSPHRASE, QUICK)


def a_folder_of_keys(folder: Path) -> Path:
    keys = folder / "keys"
    keys.mkdir()
    Ed25519Signer.generate().save(keys / "entry.key.pem")
    write_secret(keys / "cluster.secret", b"1 " + b"ab" * 32 + b"\n")
    write_public(keys / "node.crt", b"-----BEGIN CERTIFICATE-----\nabc\n-----END CERTIFICATE-----\n")
    return keys


def test_keys_come_back_as_they_were_with_mode_0600(tmp_path: Path) -> None:
    keys = a_folder_of_keys(tmp_path)
    sealed = seal_archive(collect([keys]), PASSPHRASE, QUICK)

    done = restore_all(open_archive(sealed, PASSPHRASE), tmp_path / "elsewhere", replaces=False)

    assert {restored.fate for restored in done} == {Fate.WRITTEN}
    for file in keys.iterdir():
        back = tmp_path / "elsewhere" / "keys" / file.name
        assert back.read_bytes() == file.read_bytes()
        assert back.stat().st_mode & 0o777 == 0o600


def test_a_backup_does_not_open_with_another_passphrase_or_when_it_is_damaged(sealed: bytes) -> None:
    damaged = sealed[:-1] + bytes([sealed[-1] ^ 1])

    head = sealed.index(b"\n---") - 5
    other = b"B" if sealed[head : head + 1] == b"A" else b"A"  # base64 still
    altered = sealed[:head] + other + sealed[head + 1 :]
    for raw, passphrase in (
        (sealed, PASSPHRASE + "x"),
        (damaged, PASSPHRASE),
        (sealed[:-5], PASSPHRASE),
        (altered, PASSPHRASE),
    ):
        with pytest.raises(KeyRefused, match="expected its passphrase and undamaged bytes"):
            open_archive(raw, passphrase)
    assert b"secret" not in sealed


def test_an_age_file_of_another_kind_or_with_too_much_work_is_refused(sealed: bytes) -> None:
    to_a_key = pyrage.encrypt(b"x", [pyrage.x25519.Identity.generate().to_public()])
    greedy = re.sub(rb"(-> scrypt \S+) [0-9]+", rb"\1 40", sealed)

    with pytest.raises(KeyRefused, match="another kind"):
        open_with_passphrase(to_a_key, PASSPHRASE)
    with pytest.raises(KeyRefused, match="work factor up to 22, got 40"):
        open_with_passphrase(greedy, PASSPHRASE)


@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 65_537, 140_000])
def test_what_is_sealed_opens_here_and_with_age_whatever_its_size(size: int) -> None:
    content = (bytes(range(256)) * (size // 256 + 1))[:size]
    sealed = seal_with_passphrase(content, PASSPHRASE, log2_n=QUICK)

    assert open_with_passphrase(sealed, PASSPHRASE) == content
    assert pyrage.passphrase.decrypt(sealed, PASSPHRASE) == content


def test_what_age_has_sealed_opens_here() -> None:
    assert open_with_passphrase(pyrage.passphrase.encrypt(b"content", PASSPHRASE), PASSPHRASE) == b"content"


def test_a_short_passphrase_and_a_key_open_to_others_are_refused(tmp_path: Path) -> None:
    keys = a_folder_of_keys(tmp_path)
    (keys / "entry.key.pem").chmod(0o644)

    with pytest.raises(KeyRefused, match="at least 12 characters"):
        seal_archive([KeyFile("a", b"x")], "short")
    with pytest.raises(KeyRefused, match="chmod 600"):
        collect([keys])


def test_no_other_key_is_overwritten_and_nothing_is_written_before_that_is_known(tmp_path: Path) -> None:
    files = (KeyFile("a", b"first"), KeyFile("b", b"second"))
    write_secret(tmp_path / "b", b"another")

    with pytest.raises(KeyRefused, match="nothing was written"):
        restore_all(files, tmp_path, replaces=False)
    assert not (tmp_path / "a").exists()
    assert (tmp_path / "b").read_bytes() == b"another"

    done = restore_all(files, tmp_path, replaces=True)
    assert [restored.fate for restored in done] == [Fate.WRITTEN, Fate.REPLACED]
    assert done[1].aside is not None
    assert done[1].aside.read_bytes() == b"another"
    assert [restored.fate for restored in restore_all(files, tmp_path, replaces=False)] == [Fate.PRESENT] * 2


@given(st.binary(min_size=1, max_size=400))
def test_paper_gives_back_every_byte(sealed: bytes) -> None:
    assert from_paper(to_paper(sealed)) == sealed


def test_paper_is_read_as_people_type_it() -> None:
    typed = to_paper(SEALED).lower().replace(" ", "  ").replace("o", "0").replace("i", "1")
    typed = typed.replace("lumbung  key  backup  1", PAPER_MARK).replace("end", "END")

    assert from_paper(f"some words before\n\n{typed}\nand behind") == SEALED


def test_paper_names_the_line_that_was_typed_wrongly() -> None:
    lines = to_paper(SEALED).splitlines()
    third = lines[3]
    wrong = third[:3] + ("A" if third[3] != "A" else "C") + third[4:]

    for changed, said in (
        ([*lines[:3], wrong, *lines[4:]], "line 03 was not typed as it is written"),
        ([*lines[:3], *lines[4:]], "expected line 03"),
        ([*lines[:4], *lines[3:]], "expected line 04"),
        (lines[:-1], "expected an END"),
        (lines[1:], "expected the line"),
    ):
        with pytest.raises(KeyRefused, match=said):
            from_paper("\n".join(changed))


def test_an_archive_with_names_that_lead_elsewhere_is_refused() -> None:
    sealed = seal_archive([KeyFile("../a", b"x")], PASSPHRASE, QUICK)

    with pytest.raises(KeyRefused, match="relative names"):
        open_archive(sealed, PASSPHRASE)


def archive_of(*entries: tarfile.TarInfo) -> bytes:
    """What somebody who knows the passphrase can make."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for entry in entries:
            tar.addfile(entry, io.BytesIO(bytes(entry.size)))
    return seal_with_passphrase(gzip.compress(buffer.getvalue()), PASSPHRASE, QUICK)


def named(name: str, size: int = 0, headers: dict[str, str] | None = None) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.size, entry.pax_headers = size, headers or {}
    return entry


@pytest.mark.parametrize(
    "names", [("a", "a"), ("a", "a/b"), ("a\x1b[2J",), ("a\nb",)], ids=["twice", "file and folder", "escape", "line"]
)
def test_an_archive_that_could_be_written_by_half_only_is_refused_whole(names: tuple[str, ...]) -> None:
    with pytest.raises(KeyRefused, match="each name once, in letters"):
        open_archive(archive_of(*map(named, names)), PASSPHRASE)


def test_an_archive_of_many_files_is_refused() -> None:
    with pytest.raises(KeyRefused, match="at most 200 files, got 201"):
        open_archive(archive_of(*(named(f"key-{number}") for number in range(201))), PASSPHRASE)


def test_an_archive_that_would_unfold_into_gigabytes_is_refused() -> None:
    """A sparse file of 512 B that says it has 1 TB."""
    headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "a"}
    headers["GNU.sparse.realsize"] = str(1 << 40)
    entry = named("a", 512, headers)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        tar.addfile(entry, io.BytesIO(b"1\n0\n0\n".ljust(512, b"\0")))

    with pytest.raises(KeyRefused, match="expected plain files"):
        open_archive(seal_with_passphrase(gzip.compress(buffer.getvalue()), PASSPHRASE, QUICK), PASSPHRASE)


def test_an_archive_whose_packing_is_broken_is_refused() -> None:
    packed = bytearray(gzip.compress(bytes(range(256)) * 40))
    packed[12:14] = b"\xff\xff"

    with pytest.raises(KeyRefused, match="expected a gzipped tar inside"):
        open_archive(seal_with_passphrase(bytes(packed), PASSPHRASE, QUICK), PASSPHRASE)


def test_a_certificate_that_lies_open_beside_a_lost_key_hinders_no_restore(tmp_path: Path) -> None:
    keys = a_folder_of_keys(tmp_path)
    files = collect([keys])
    (keys / "entry.key.pem").unlink()

    done = restore_all(files, tmp_path, replaces=False)

    assert [restored.path.name for restored in done if restored.fate is Fate.WRITTEN] == ["entry.key.pem"]
