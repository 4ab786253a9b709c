"""The outbox on a real file system: the same bytes again, and nothing but sealed bytes on the disk."""

from __future__ import annotations

import errno
import io
import os
import stat
from pathlib import Path

import pyrage
import pytest

from lumbung_cluster.ids import BlobId
from lumbung_tools.client.outbox import Outbox, OutboxEntry, count_waiting
from lumbung_tools.sealing import PlaintextRefused, SealRecipients
from lumbung_tools.tags import TagSecret

SECRET = TagSecret(bytes(32))
RECIPIENTS = SealRecipients((str(pyrage.x25519.Identity.generate().to_public()),), 5)
PLAIN = b"a recording that is nobody's" * 1000


class Pipe(io.BytesIO):
    """A source that cannot be read twice."""

    def seekable(self) -> bool:
        return False


def seal(folder: Path, plain: bytes = PLAIN, record: str | None = None) -> OutboxEntry:
    """As a command would: open, seal, settle, close."""
    outbox = Outbox(folder, SECRET)
    entry = outbox.seal(io.BytesIO(plain), record, RECIPIENTS)
    outbox.settle()
    outbox.close()
    return entry


def test_an_entry_is_what_its_id_says_and_private(tmp_path: Path) -> None:
    entry = seal(tmp_path / "outbox")

    content = entry.path.read_bytes()
    assert BlobId.of(content) == entry.id
    assert (len(content), entry.seal_epoch) == (entry.size_bytes, 5)
    assert stat.S_IMODE(entry.path.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "outbox").stat().st_mode) == 0o700


def test_no_plaintext_comes_to_the_disk(tmp_path: Path) -> None:
    seal(tmp_path, record="R-2026-000123")

    for path in tmp_path.iterdir():
        content = path.read_bytes()
        assert PLAIN[:20] not in content
        assert b"R-2026" not in content
        assert "R-2026" not in path.name


def test_another_process_finds_the_same_bytes(tmp_path: Path) -> None:
    assert seal(tmp_path) == seal(tmp_path)
    assert count_waiting(tmp_path) == 1


def test_what_came_through_a_pipe_is_found_again_too(tmp_path: Path) -> None:
    first = seal(tmp_path)
    outbox = Outbox(tmp_path, SECRET)

    assert outbox.seal(Pipe(PLAIN), None, RECIPIENTS) == first
    assert not list(tmp_path.glob("*.part"))


def test_another_record_or_content_is_another_entry(tmp_path: Path) -> None:
    entries = {seal(tmp_path).path, seal(tmp_path, record="R-1").path, seal(tmp_path, PLAIN + b"!").path}

    assert len(entries) == 3


@pytest.mark.parametrize("torn", ["", "{", '{"schema": "lumbung.outbox/9"}'])
def test_a_torn_sidecar_means_sealing_again(tmp_path: Path, torn: str) -> None:
    first = seal(tmp_path)
    first.path.with_suffix(".json").write_text(torn)

    second = seal(tmp_path)

    assert second.id != first.id
    assert BlobId.of(second.path.read_bytes()) == second.id


def test_damaged_sealed_bytes_are_never_sent(tmp_path: Path) -> None:
    first = seal(tmp_path)
    content = bytearray(first.path.read_bytes())
    content[-1] ^= 1
    first.path.write_bytes(content)

    assert BlobId.of(seal(tmp_path).path.read_bytes()) != BlobId.of(bytes(content))


def test_forgetting_leaves_nothing(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path, SECRET)
    outbox.forget(outbox.seal(io.BytesIO(PLAIN), None, RECIPIENTS))

    assert list(tmp_path.iterdir()) == []


def test_what_a_crash_left_is_swept_by_whoever_is_alone(tmp_path: Path) -> None:
    seal(tmp_path)
    for name in ("0123.part", "stray.json"):
        (tmp_path / name).write_bytes(b"half")

    Outbox(tmp_path, SECRET).close()

    assert {path.suffix for path in tmp_path.iterdir()} == {".age", ".json"}
    assert len(list(tmp_path.iterdir())) == 2


def test_unfinished_files_of_another_running_put_are_left_alone(tmp_path: Path) -> None:
    other = Outbox(tmp_path, SECRET)
    (tmp_path / "0123.part").write_bytes(b"half")

    Outbox(tmp_path, SECRET).close()

    assert (tmp_path / "0123.part").exists()
    other.close()


def test_a_full_disk_is_that_of_the_outbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was said of it sent people to the disk on which the named file lies."""

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fdatasync", full)
    outbox = Outbox(tmp_path / "outbox", SECRET)

    with pytest.raises(OSError, match="outbox") as raised:
        outbox.seal(io.BytesIO(PLAIN), None, RECIPIENTS)
    assert raised.value.errno == errno.ENOSPC
    outbox.close()


def test_a_refused_plaintext_leaves_nothing(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path, SECRET)

    with pytest.raises(PlaintextRefused):
        outbox.seal(io.BytesIO(b""), None, RECIPIENTS)
    assert list(tmp_path.iterdir()) == []


def test_two_puts_of_one_file_at_once_do_not_touch_each_others_sealed_bytes(tmp_path: Path) -> None:
    """The first to be answered removed what the other had not sent yet: that one said "not stored, refused"."""
    first, second = Outbox(tmp_path, SECRET), Outbox(tmp_path, SECRET)
    of_first = first.seal(io.BytesIO(PLAIN), None, RECIPIENTS)
    of_second = second.seal(io.BytesIO(PLAIN), None, RECIPIENTS)

    assert of_first.path != of_second.path
    assert of_first.tags == of_second.tags  # the node knows the second by them
    assert BlobId.of(of_first.path.read_bytes()) == of_first.id
    first.forget(of_first)
    assert BlobId.of(of_second.path.read_bytes()) == of_second.id
    first.close()
    second.close()


def test_what_waits_is_no_business_of_a_put_that_is_not_alone(tmp_path: Path) -> None:
    """The other one may be sending it, and removes it when it is answered."""
    waiting = seal(tmp_path)
    other = Outbox(tmp_path, SECRET)

    ours = seal(tmp_path)
    other.close()

    assert ours.path != waiting.path
    assert seal(tmp_path) in (waiting, ours)  # alone again: one of the two goes out, and nothing is sealed anew
    assert count_waiting(tmp_path) == 1  # the other would wait for ever


def test_a_torn_entry_of_a_put_that_was_not_alone_waits_no_longer_than_its_file(tmp_path: Path) -> None:
    """It stayed for ever, and was kept before the good one of its file, which was sealed anew each time."""
    other = Outbox(tmp_path, SECRET)
    seal(tmp_path).path.with_suffix(".json").write_text("")
    other.close()

    outbox = Outbox(tmp_path, SECRET)
    entry = outbox.seal(io.BytesIO(PLAIN), None, RECIPIENTS)
    assert count_waiting(tmp_path) == 1
    outbox.forget(entry)
    outbox.close()

    assert list(tmp_path.iterdir()) == []


def test_of_two_entries_of_one_file_the_torn_one_is_swept(tmp_path: Path) -> None:
    """The other may have been sent, and would be sealed and sent anew: a day of a slow line."""
    waiting = seal(tmp_path)
    other = Outbox(tmp_path, SECRET)
    seal(tmp_path).path.with_suffix(".json").write_text("")
    other.close()

    assert seal(tmp_path) == waiting
    assert count_waiting(tmp_path) == 1


def test_an_entry_that_two_commands_forget_is_gone_and_nobody_stumbles(tmp_path: Path) -> None:
    """Two puts of the same file share the entry, and both get their answer."""
    entry = seal(tmp_path)
    for _ in range(2):
        outbox = Outbox(tmp_path, SECRET)
        outbox.forget(entry)
        outbox.close()

    assert count_waiting(tmp_path) == 0


def test_a_file_that_another_process_seals_while_we_come_keeps_its_sidecar(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What lies there was looked at first and the folder locked then: whoever sealed in between lost the sidecar."""
    share, sealed = Outbox._share, list[OutboxEntry]()

    def share_late(outbox: Outbox) -> None:
        monkeypatch.undo()
        sealed.append(seal(tmp_path))
        share(outbox)

    monkeypatch.setattr(Outbox, "_share", share_late)
    Outbox(tmp_path, SECRET).close()

    outbox = Outbox(tmp_path, SECRET)
    assert outbox.waiting(10) == sealed
    outbox.close()
