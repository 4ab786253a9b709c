"""An honest station at a node that others abuse: what it waits for, and how the node's memory grows."""

from __future__ import annotations

import json
import os
import pickle
import random
import statistics
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import trio

from lumbung_cluster.ids import BlobId
from lumbung_node.ports.transport import Channel
from lumbung_proto.codec import encode_frame
from lumbung_proto.v1 import blobs_pb2
from lumbung_testing.abuser import RETIRED
from lumbung_testing.departures import roster_without
from lumbung_testing.put_stations import next_put_answers
from lumbung_testing.real_clusters import on_test_path, open_office
from lumbung_testing.sealed_files import looking_sealed
from lumbung_tools.client.ask import status
from lumbung_tools.client.methods import PUT
from lumbung_tools.client.rosters import publish_roster
from lumbung_tools.localcluster.founding import Founded

__all__ = [
    "ALLOWED",
    "GROWTH_MIB_MAX",
    "Ended",
    "abusing",
    "copies_of_liar",
    "honest_puts",
    "let_retire",
    "percentile_99",
    "resident_mib",
]

ALLOWED = {
    "idle-sockets": set[str](),
    "wrong-certificates": {"PERMISSION_DENIED", "TrustRefused", "PeerUnreachable"},
    "many-streams": {"RESOURCE_EXHAUSTED", "DEADLINE_EXCEEDED"},
    "slow-puts": {"RESOURCE_EXHAUSTED", "DEADLINE_EXCEEDED", "UNAVAILABLE"},
    "endless-puts": {"INVALID_ARGUMENT"},
    "element-bombs": {"INVALID_ARGUMENT"},
    "compressed-bombs": {"RESOURCE_EXHAUSTED"},
    "unread-reads": {"RESOURCE_EXHAUSTED"},
    "endless-reads": {"RESOURCE_EXHAUSTED"},
    "heavy-reads": {"RESOURCE_EXHAUSTED"},
    "retired-node": {"PERMISSION_DENIED"},
    "replayed-receipts": {"INVALID_ARGUMENT", "RESOURCE_EXHAUSTED"},
    "endless-words": {"INVALID_ARGUMENT", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED"},
    "endless-offers": {"INVALID_ARGUMENT", "RESOURCE_EXHAUSTED", "PERMISSION_DENIED"},
    "bytes-nobody-asked-for": {"INVALID_ARGUMENT", "RESOURCE_EXHAUSTED"},
}
"""The statuses with which each kind of abuse may end."""

GROWTH_MIB_MAX = 128.0
"""64 KiB for each of two thousand sockets; no bomb may reach it."""

_BLOB_BYTES = 4096


@dataclass(slots=True)
class Ended:
    """What an abuser tells at its end."""

    tries: int = 0
    statuses: Counter[str] = field(default_factory=Counter)


@asynccontextmanager
async def abusing(kind: str, founded: Founded, victim: str, seconds: float) -> AsyncIterator[Ended]:
    """The abuse is under way throughout the block, and for `seconds` at least."""
    # Its processor time is not the node's: in the field it sits elsewhere.
    words = ["nice", "-n", "10", sys.executable, "-m", "lumbung_testing.abuse", kind, victim, str(seconds)]
    ended, environment = Ended(), on_test_path(os.environ)
    async with trio.open_nursery() as nursery:
        start = partial(trio.run_process, words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)
        process: trio.Process = await nursery.start(start)
        assert process.stdin is not None
        assert process.stdout is not None
        await process.stdin.send_all(pickle.dumps(founded))
        said = bytearray()
        while not said.startswith(b"begun\n"):
            said += await _more(process.stdout)
        yield ended
        await process.stdin.aclose()
        async for piece in process.stdout:
            said += piece
    told = json.loads(said.removeprefix(b"begun\n"))
    ended.tries, ended.statuses = told["tries"], Counter(told["statuses"])


async def _more(stream: trio.abc.ReceiveStream) -> bytes:
    piece = await stream.receive_some()
    assert piece, "the abuser ended before it began"
    return bytes(piece)


async def honest_puts(channel: Channel, count: int, draws: random.Random) -> list[float]:
    """Seconds that each of `count` puts, one after the other, waits to be durable. All must be stored."""
    waits = []
    for _ in range(count):
        content = looking_sealed(draws.randbytes(_BLOB_BYTES))
        begun = trio.current_time()
        async with channel.stream(PUT) as stream:
            start = blobs_pb2.PutStart(size_bytes=len(content), id=BlobId.of(content).raw, copies=1)
            part = blobs_pb2.PutPart(ticket=1, start=start, length_bytes=len(content))
            await stream.send(encode_frame(blobs_pb2.PutRequest(parts=[part]), [content]))
            (answer,) = await next_put_answers(stream)
            assert answer.outcome == blobs_pb2.PUT_OUTCOME_STORED, answer
            waits.append(trio.current_time() - begun)
            await stream.finish_sending()
            while await stream.receive() is not None:
                pass
    return waits


async def let_retire(founded: Founded, victim: str) -> None:
    """Have the node that is up obey a roster in which RETIRED has left."""
    async with open_office(founded, victim) as session:
        await publish_roster(session.own, [roster_without(founded, RETIRED)])


async def copies_of_liar(founded: Founded, victim: str) -> int:
    """How many blobs of the victim count three copies. The liar keeps nothing, so that there must be none."""
    async with open_office(founded, victim) as session:
        return sum((await status(session.own)).own.by_copies[2:])


def percentile_99(waits: list[float]) -> float:
    return statistics.quantiles(waits, n=100)[98]


def resident_mib(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise ValueError(f"process {pid} tells no VmRSS")
