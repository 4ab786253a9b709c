"""The outbox: sealed files wait here until the node has given a definite answer, so that a retry sends the same bytes.

An entry is two files named by its tags: `NAME.age`, the sealed bytes, and `NAME.json`, what the node must be told. The
sidecar is written first and the sealed file renamed into place last, so a sealed file always has its sidecar. Neither
the plaintext nor its file name comes here: file names in offices often hold a citizen's number.

A process that finds another in the folder shares nothing with it: it names its entries `NAME-TOKEN`, and takes up none
that wait. Two puts of one folder would otherwise send the same files: whoever was answered first would remove what the
other has not sent yet, or one would write its own sealing over that which the other has announced. The node knows the
second sealing by its tags. What waits is taken up by the next process that is alone.

A crash may lose an entry that was not settled yet: the file is sealed again then, and its tags let the node answer
with the blob that it has.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from blake3 import blake3

from lumbung_cluster.ids import BlobId, blob_hasher
from lumbung_cluster.limits import MIB
from lumbung_tools.sealing import Sealed, SealRecipients, seal, spoilt_sealing
from lumbung_tools.tags import Tags, TagSecret

__all__ = ["Outbox", "OutboxEntry", "count_waiting"]

_SCHEMA = "lumbung.outbox/1"
_READ_SIZE_BYTES = MIB
_NAME_SIZE_BYTES = 16  # of the tags' hash: enough to tell the files of one office apart
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
_TOKEN_SIZE_BYTES = 4  # of a process among the few that share a folder


@dataclass(frozen=True, slots=True)
class OutboxEntry:
    """A sealed file that is ready to go out."""

    path: Path
    id: BlobId
    size_bytes: int
    tags: Tags
    seal_epoch: int


class Outbox:
    """One folder, mode 0700. All calls block on the disk: run them off the event loop, one at a time.

    Several processes may share it; whoever finds it alone removes what a crash in the middle of sealing left behind.
    `is_alone` is whether this one did.
    """

    def __init__(self, folder: Path, secret: TagSecret) -> None:
        self._folder = folder
        self._secret = secret
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self.is_alone = is_alone = self._share()
        self._suffix = "" if is_alone else f"-{secrets.token_hex(_TOKEN_SIZE_BYTES)}"
        # Known entries only: looking a name up on disk for every file would cost a second read of its plaintext.
        waiting = folder.glob("*.age") if is_alone else ()
        self._known = {_named(path): path for path in waiting}

    def seal(self, source: IO[bytes], record: str | None, recipients: SealRecipients) -> OutboxEntry:
        """The entry of this plaintext: the one that waits here already, or a freshly sealed one.

        Durable after the next `settle`. Raises what `sealing.seal` raises.
        """
        waiting = self._find_waiting(source, record) if self._known and source.seekable() else None
        return waiting or self._seal_anew(source, record, recipients)

    def paths(self) -> list[Path]:
        """The sealed files that wait here; none where another process was here first, whose they may be."""
        return sorted(self._known.values())

    def entry(self, path: Path) -> OutboxEntry:
        """What waits at this path, ready to go out. Raises OSError, PlaintextRefused for what a crash or the disk has
        spoilt: only a put of its file helps then."""
        try:
            entry = _read_sidecar(path, path.with_suffix(".json").read_text())
        except (FileNotFoundError, ValueError, KeyError, TypeError) as exc:
            raise spoilt_sealing() from exc
        if _hash_file(path) != entry.id.raw:
            raise spoilt_sealing()
        return entry

    def settle(self) -> None:
        """Make the names of all entries so far durable: one sync for a whole batch."""
        os.fsync(self._handle)

    def waiting(self, most: int) -> list[OutboxEntry]:
        """At most so many of the entries, for the end of the work: only `forget` and `close` may follow.

        None while another process shares the folder: it may be about to send them. Whoever comes waits until `close`.
        """
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return []
        found: list[OutboxEntry] = []
        for path in sorted(self._folder.glob("*.age"))[:most]:
            with suppress(OSError, ValueError, KeyError, TypeError):  # torn by a crash: a put of its file seals again
                found.append(_read_sidecar(path, path.with_suffix(".json").read_text()))
        return found

    def close(self) -> None:
        """Let go of the folder and its lock."""
        os.close(self._handle)

    def forget(self, entry: OutboxEntry) -> None:
        """After a definite answer."""
        _remove(entry.path)
        self._known.pop(_name(entry.tags), None)

    def _share(self) -> bool:
        """Whether nobody else was here."""
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            is_alone = False  # another put is sealing: its unfinished files are none of our business
        else:
            is_alone = True
            self._sweep()
        fcntl.flock(self._handle, fcntl.LOCK_SH)
        return is_alone

    def _sweep(self) -> None:
        for path in self._folder.glob("*.part"):
            path.unlink(missing_ok=True)
        for path in self._folder.glob("*.json"):
            if not path.with_suffix(".age").exists():  # now, under the lock: who sealed before we had it keeps his
                path.unlink(missing_ok=True)
        kept: dict[str, Path] = {}
        for path in sorted(self._folder.glob("*.age")):
            # Two puts of one folder left it twice. One goes out again and is answered; the other would wait for ever.
            other = kept.setdefault(_named(path), path)
            if other != path:
                goes, stays = (path, other) if _has_sidecar(other) else (other, path)
                _remove(goes)
                kept[_named(path)] = stays

    def _find_waiting(self, source: IO[bytes], record: str | None) -> OutboxEntry | None:
        start = source.tell()
        hasher = self._secret.content_hasher()
        for piece in _pieces(source):
            hasher.update(piece)
        source.seek(start)
        tags = self._secret.tags(record, self._secret.content_tag(hasher))
        return self._load(tags)

    def _seal_anew(self, source: IO[bytes], record: str | None, recipients: SealRecipients) -> OutboxEntry:
        part = self._folder / f"{secrets.token_hex(_NAME_SIZE_BYTES)}.part"
        try:
            hasher = self._secret.content_hasher()
            sealed = _write_durably(part, lambda target: seal(source, target, recipients, hasher))
            tags = self._secret.tags(record, self._secret.content_tag(hasher))
            # The same plaintext may wait here already when it came through a pipe: its bytes win, ours are dropped.
            return self._load(tags) or self._enter(part, sealed, tags, recipients.epoch)
        except OSError as exc:
            if exc.errno in _NO_ROOM:  # only writing meets it: it is this folder's disk, not that of the named file
                exc.filename = str(self._folder)
            raise
        finally:
            part.unlink(missing_ok=True)

    def _enter(self, part: Path, sealed: Sealed, tags: Tags, epoch: int) -> OutboxEntry:
        path = self._folder / f"{_name(tags)}{self._suffix}.age"
        entry = OutboxEntry(path, sealed.id, sealed.size_bytes, tags, epoch)
        # Not synced: a torn sidecar only means sealing again.
        path.with_suffix(".json").write_text(_sidecar(entry))
        part.rename(path)
        torn = self._known.get(_name(tags))
        if torn is not None and torn != path:  # of a put that was not alone: ours does not take its place by its name
            _remove(torn)
        self._known[_name(tags)] = path
        return entry

    def _load(self, tags: Tags) -> OutboxEntry | None:
        """The waiting entry of these tags, if its bytes still hash to its id."""
        path = self._known.get(_name(tags))
        if path is None:
            return None
        try:
            entry = _read_sidecar(path, path.with_suffix(".json").read_text())
            return entry if entry.tags == tags and _hash_file(path) == entry.id.raw else None
        except (OSError, ValueError, KeyError, TypeError):
            return None  # torn by a crash: sealing again is always right


def _name(tags: Tags) -> str:
    return blake3(tags.record + tags.content).hexdigest(length=_NAME_SIZE_BYTES)


def _named(path: Path) -> str:
    """The `_name` of the entry at this path, whoever sealed it."""
    return path.stem.partition("-")[0]


def _has_sidecar(path: Path) -> bool:
    """Whether a crash has left the one of the entry at this path whole."""
    try:
        _read_sidecar(path, path.with_suffix(".json").read_text())
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return True


def _remove(path: Path) -> None:
    """The sealed file first: a sidecar alone is harmless."""
    path.unlink(missing_ok=True)
    path.with_suffix(".json").unlink(missing_ok=True)


def _write_durably(path: Path, write: Callable[[IO[bytes]], Sealed]) -> Sealed:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as target:
        sealed = write(target)
        target.flush()
        os.fdatasync(target.fileno())
    return sealed


def _sidecar(entry: OutboxEntry) -> str:
    return json.dumps(
        {
            "schema": _SCHEMA,
            "id": str(entry.id),
            "size_bytes": entry.size_bytes,
            "record_tag": entry.tags.record.hex(),
            "content_tag": entry.tags.content.hex(),
            "seal_epoch": entry.seal_epoch,
        }
    )


def _read_sidecar(path: Path, text: str) -> OutboxEntry:
    known = json.loads(text)
    if known["schema"] != _SCHEMA:
        raise ValueError(f"sidecar: expected {_SCHEMA}, got {known['schema']}")
    tags = Tags(bytes.fromhex(known["record_tag"]), bytes.fromhex(known["content_tag"]))
    return OutboxEntry(path, BlobId.parse(known["id"]), int(known["size_bytes"]), tags, int(known["seal_epoch"]))


def _hash_file(path: Path) -> bytes:
    hasher = blob_hasher()
    with path.open("rb") as source:
        for piece in _pieces(source):
            hasher.update(piece)
    return hasher.digest()


def _pieces(source: IO[bytes]) -> Iterator[bytes]:
    while piece := source.read(_READ_SIZE_BYTES):
        yield piece


def count_waiting(folder: Path) -> int:
    """How many sealed files have no definite answer yet; looks only, and makes nothing."""
    return sum(1 for _ in folder.glob("*.age"))
