"""A store process killed at random moments keeps every blob that it has called durable."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

from lumbung_cluster.ids import BlobId
from lumbung_node.adapters.rocks import open_rocks
from lumbung_node.ports.keyvalue import Family, KeyValue
from lumbung_testing.store_child import CHUNKS_PER_BLOB, chunk_key, content_of

KILLS = 30
LIFE_S_MAX = 0.25
LAST = b"\xff" * 9


def run_until_killed(folder: Path, first: int, life_s: float) -> set[int]:
    """Start the process, kill it `life_s` after its first promise; gives the numbers that it promised."""
    child = subprocess.Popen(
        [sys.executable, "-m", "lumbung_testing.store_child", folder, "--first", str(first)],
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert child.stdout is not None
    with child.stdout as output:
        promised = [output.readline()]
        time.sleep(life_s)
        child.kill()
        promised += output.readlines()
    child.wait()
    return {int(line) for line in promised if line.endswith(b"\n")}  # a promise cut in the middle was never given


async def check_store(store: KeyValue, promised: set[int]) -> int:
    """Check every row, promised or not, down to its bytes; gives the highest number seen."""
    rows = dict(await store.scan(Family.BLOBS, b"", LAST, 1_000_000))
    entries = dict(await store.scan(Family.FEEDS, b"", LAST, 1_000_000))
    assert rows.keys() == entries.keys()  # one batch, whole or not at all
    numbers = {int.from_bytes(key, "big") for key in rows}
    assert promised <= numbers
    for number in numbers:
        keys = [chunk_key(number, index) for index in range(CHUNKS_PER_BLOB)]
        chunks = await store.get(Family.CHUNKS, keys)
        assert chunks == list(content_of(number))
        assert rows[number.to_bytes(8, "big")] == BlobId.of(b"".join(content_of(number))).raw
    return max(numbers, default=0)


async def test_killed_store_keeps_every_promised_blob(tmp_path: Path) -> None:
    luck = random.Random("kill")
    promised: set[int] = set()
    first = 0
    for _ in range(KILLS):
        promised |= run_until_killed(tmp_path, first, luck.uniform(0, LIFE_S_MAX))
        first += 100_000  # numbers of an earlier life that did not survive are not used again
    assert len(promised) > KILLS

    store = await open_rocks(tmp_path, create=False)
    await check_store(store, promised)
    await store.close()
