"""Plaintext with random tokens is put through the real command: no file of any node may contain one of them.

Every byte under the homes of all nodes and in their logs is searched, before and after the log of the store has become
tables. The control puts the same without a seal at a node that allows it, and must find every token: else the search
proves nothing and the run is void.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import trio

from lumbung_testing.chaos.report import Order, Report, Tell
from lumbung_testing.real_clusters import OFFICES, accept_unsealed, cluster_up, found, lumbung
from lumbung_tools.localcluster.founding import Founded

__all__ = ["run_canaries"]

_OFFICE, _OPEN_OFFICE = OFFICES[:2]
_FILES_A_COMMAND = 20
_READ_BYTES = 8 << 20
_NOISE_BYTES = 40_000
_WITH_RECORD = 1  # so many also carry their token as the name of the record


async def run_canaries(order: Order) -> Report:
    return await trio.to_thread.run_sync(_run, order.folder, order.count, order.luck, order.tell)


def _run(folder: Path, count: int, luck: random.Random, tell: Tell) -> Report:
    report = Report("canaries", count)
    founded = found(folder, (_OFFICE, _OPEN_OFFICE))
    accept_unsealed(founded, _OPEN_OFFICE)
    mark = f"canary-{luck.randbytes(12).hex()}"  # common to all, so that one pass finds any of them
    sealed = [f"{mark}-sealed-{luck.randbytes(8).hex()}" for _ in range(count)]
    naked = [f"{mark}-naked-{luck.randbytes(8).hex()}" for _ in range(count)]
    with cluster_up(founded):
        _put(founded, _OFFICE, sealed, folder / "sealed", luck)
        _put(founded, _OPEN_OFFICE, naked, folder / "naked", luck, "--no-seal")
        tell(f"{2 * count} files put")
        found_live = _tokens_in(founded, mark)
    with cluster_up(founded):  # the log becomes tables
        found_later = _tokens_in(founded, mark)
    report.run = count
    leaked = {token for token in found_live | found_later if token in sealed}
    report.lost += [f"{token} lies readable at a node" for token in sorted(leaked)]
    for when, seen in (("while it ran", found_live), ("after a restart", found_later)):
        missed = [token for token in naked if token not in seen]
        if missed:
            report.broken.append(f"void: {len(missed)} of {count} unsealed tokens were not found {when}")
    report.figures |= {
        "sealed tokens found": len(leaked),
        "unsealed tokens found (the control)": sum(token in found_live & found_later for token in naked),
        "bytes searched": sum(file.stat().st_size for file in _files(founded)),
    }
    return report


def _put(
    founded: Founded, office: str, tokens: Sequence[str], folder: Path, luck: random.Random, *options: str
) -> None:
    """A file for each token, in which it stands at the beginning, in the middle of noise, and at the end."""
    folder.mkdir()
    files: list[Path] = []
    for token in tokens:
        file = folder / f"{len(files):04}.json"
        noise = luck.randbytes(luck.randint(100, _NOISE_BYTES))
        file.write_bytes(token.encode().join([b"{", noise, noise, b"}"]))
        files.append(file)
    home = founded.client_home(office)
    for file, token in zip(files[:_WITH_RECORD], tokens, strict=False):
        _succeed("put", file, "--record", token, *options, home=home)
    for first in range(_WITH_RECORD, len(files), _FILES_A_COMMAND):
        _succeed("put", *files[first : first + _FILES_A_COMMAND], *options, home=home)


def _succeed(*words: str | Path, home: Path) -> None:
    done = lumbung(*words, home=home)
    assert done.returncode == 0, done.stdout + done.stderr


def _files(founded: Founded) -> Iterator[Path]:
    for folder in ("nodes", "logs"):
        yield from (file for file in sorted((founded.folder / folder).rglob("*")) if file.is_file())


def _tokens_in(founded: Founded, mark: str) -> set[str]:
    """Every token that stands in any file of any node."""
    found_tokens: set[str] = set()
    for file in _files(founded):
        found_tokens |= _tokens_of(file, mark.encode())
    return found_tokens


def _tokens_of(file: Path, mark: bytes) -> set[str]:
    """Windows overlap by more than a token, so that none is cut in two."""
    tokens: set[str] = set()
    overlap = 4 * len(mark)
    kept = b""
    with file.open("rb") as source:
        while piece := source.read(_READ_BYTES):
            window = kept + piece
            at = window.find(mark)
            while at >= 0:
                tokens.add(_token_at(window, at))
                at = window.find(mark, at + 1)
            kept = window[-overlap:]
    return tokens


def _token_at(window: bytes, at: int) -> str:
    """The token's letters: hex, dashes and the words between."""
    end = at
    while end < len(window) and (window[end : end + 1].isalnum() or window[end : end + 1] == b"-"):
        end += 1
    return window[at:end].decode("ascii")
