"""Puts by clients that each wait for their answer, or over one stream that is kept full."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import trio

from lumbung_tools.bench.load import Load, LoadFailed, LoadTimes, put_in_turn, put_streaming
from lumbung_tools.bench.suite.cases import STREAM
from lumbung_tools.bench.suite.figures import Case, latencies_ms
from lumbung_tools.bench.suite.stations import STREAMS_A_STATION
from lumbung_tools.client.answers import PutAnswer
from lumbung_tools.client.outbox import Outbox
from lumbung_tools.client.prepare import Preparer
from lumbung_tools.client.put import put_many
from lumbung_tools.client.put_frames import PutItem, PutTerms
from lumbung_tools.client.session import Session

__all__ = ["put_load", "put_sealing", "rates"]

_MEGA = 1_000_000
_WAIT_S, _RETRY_S = 300.0, 10.0


def terms_for(copies: int) -> PutTerms:
    return PutTerms(copies=copies, wait_s=_WAIT_S if copies > 1 else 0.0, retry_s=_RETRY_S)


async def put_load(stations: Sequence[Session], load: Load, clients: int, copies: int) -> Case:
    """Rates until the last blob has its copies, and latencies from hand-over: `ack` is the first durable answer, `safe`
    the proof of all copies. Raises LoadFailed."""
    terms = terms_for(copies)
    if clients == STREAM:
        times = await put_streaming(stations[0], load, terms)
    else:
        times = await _put_by_clients(stations, load, clients, terms)
    ack, safe = latencies_ms("ack", times.first_s), latencies_ms("safe", times.safe_s)
    return {**rates(len(load.items), load.size_bytes, times.elapsed_s), **ack, **safe}


def rates(count: int, size_bytes: int, elapsed_s: float) -> Case:
    return {
        "files": count,
        "elapsed_s": elapsed_s,
        "per_s": count / elapsed_s,
        "mb_s": count * size_bytes / elapsed_s / _MEGA,
    }


async def _put_by_clients(stations: Sequence[Session], load: Load, clients: int, terms: PutTerms) -> LoadTimes:
    """So many streams (no more than blobs), spread over the stations; each puts one blob after the other."""
    supply, done = iter(load.items), LoadTimes()

    async def put_some(station: Session, shared: Iterator[PutItem]) -> None:
        times = await put_in_turn(station, shared, terms)
        done.first_s += times.first_s
        done.safe_s += times.safe_s

    started_at = time.monotonic()
    async with trio.open_nursery() as nursery:
        for client in range(min(clients, len(load.items))):
            nursery.start_soon(put_some, stations[client // STREAMS_A_STATION], supply)
    done.elapsed_s = time.monotonic() - started_at
    return done


async def put_sealing(operator: Session, load: Load, outbox_folder: Path, copies: int) -> Case:
    """As `lumbung put` does it: the files are plaintext, sealed with age into an outbox while others are on their way.

    Raises LoadFailed.
    """
    secret = operator.profile.read_tag_secret()
    outbox = Outbox(outbox_folder, secret)
    problems: list[str] = []

    def unusable(label: str, why: Exception) -> None:
        problems.append(f"{label}: {why}")

    recipients = operator.roster.seal_recipients(operator.profile.node)
    preparer = Preparer(outbox, secret, recipients, operator.blocking, unusable)
    enough = 0

    def answered(item: PutItem, answer: PutAnswer) -> None:
        nonlocal enough
        if answer.final:
            enough += answer.outcome.is_durable and answer.copies.count >= copies
            preparer.forget(item)

    started_at = time.monotonic()
    try:
        batches = preparer.batches([item.path for item in load.items], None)
        failure = await put_many(operator.own, batches, terms_for(copies), operator.blocking, answered)
        elapsed_s = time.monotonic() - started_at
    finally:
        preparer.finish()
        outbox.close()
    if failure is not None or problems or enough != len(load.items):
        raise LoadFailed(
            f"{enough} of {len(load.items)} sealed files got {copies} copies; {failure or ''} {problems[:3]}"
        )
    return rates(len(load.items), load.size_bytes, elapsed_s)
