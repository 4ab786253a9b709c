"""A process killed while its inventories follow the commits: what it left on disk says what the feed says."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

from lumbung_cluster.inventory.inventory import Inventory
from lumbung_node.ports.keyvalue import Family
from lumbung_node.store.inventory_rows import TableRow, table_key
from lumbung_node.store.store import Store
from lumbung_testing.inventory_child import NODE, opened
from lumbung_testing.world import INVENTORY_KEY, ListLog

KILLS = 12
LIFE_S_MAX = 0.4


def run_until_killed(folder: Path, first: int, life_s: float) -> int:
    """How many blobs the process called durable before it was killed, `life_s` after its first commit."""
    child = subprocess.Popen(
        [sys.executable, "-m", "lumbung_testing.inventory_child", folder, str(first)],
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert child.stdout is not None
    with child.stdout as output:
        said = [output.readline()]
        time.sleep(life_s)
        child.kill()
        said += output.readlines()
    child.wait()
    return max(int(line) for line in said if line.endswith(b"\n"))


async def from_the_feed(store: Store) -> bytes:
    """The inventory made anew, row by row, from what the feed has."""
    made = Inventory(INVENTORY_KEY)
    after = 0
    while rows := await store.reader.feed(NODE, after, 1000):
        made.fold([row.blob.raw for _, row in rows])
        after = rows[-1][0]
    return made.to_bytes()


async def test_a_killed_process_leaves_inventories_that_follow_from_its_feed(tmp_path: Path) -> None:
    luck = random.Random("kill")
    promised = known = written = 0
    for life in range(KILLS):
        promised += run_until_killed(tmp_path, 1_000_000 * life, luck.uniform(0, LIFE_S_MAX))
        log = ListLog()
        async with opened(tmp_path, log) as store:
            table = TableRow.unpack((await store.kv.get(Family.INVENTORY, [table_key(NODE)]))[0])
            written += table is not None and table.folded.number > known
            snapshot = await store.inventories.snapshot(NODE)
            assert snapshot.number == store.state.end(NODE).number >= promised
            assert snapshot.inventory.to_bytes() == await from_the_feed(store)
            assert snapshot.doubted == 0
            known = snapshot.number
        assert log.said("inventory doubted") == []
    assert written > KILLS / 2, "the kills came before the lives wrote any table"
