"""A process that records blobs while its inventories follow, until it is killed: `... inventory_child FOLDER FIRST`.

Prints after each commit how many blobs of this life are durable. Tables are written far more often than in earnest.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import trio

from lumbung_cluster import limits
from lumbung_cluster.ids import BlobId, NodeNumber
from lumbung_node.adapters.identity_folder import IdentityFolder
from lumbung_node.adapters.rocks import open_rocks
from lumbung_node.adapters.world import SystemClock, SystemRandomness, WorkerThreads
from lumbung_node.ports.metrics import Uncounted
from lumbung_node.store.jobs import Content, Job, OwnBlob
from lumbung_node.store.store import Store, open_store
from lumbung_testing.rosters import CLUSTER, SeededSigner
from lumbung_testing.world import INVENTORY_KEY, ListLog

__all__ = ["NODE", "opened"]

NODE = NodeNumber(1)
_GROUP = 40


@asynccontextmanager
async def opened(folder: Path, log: ListLog) -> AsyncIterator[Store]:
    """The store in `folder`, with everything that writes to it."""
    for each in (folder / "data", folder / "identity"):
        each.mkdir(parents=True, exist_ok=True)
    kv = await open_rocks(folder / "data", create=True)
    store = await open_store(
        kv,
        IdentityFolder(folder / "identity", folder / "data"),
        cluster=CLUSTER,
        node=NODE,
        signer=SeededSigner("entry 1"),
        life_signer=SeededSigner("receipt 1"),
        clock=SystemClock(),
        randomness=SystemRandomness(),
        blocking=WorkerThreads(),
        inventory_key=INVENTORY_KEY,
        metrics=Uncounted(),
    )
    async with trio.open_nursery() as nursery:
        nursery.start_soon(store.committer.run)
        nursery.start_soon(store.inventories.run, log)
        yield store
        nursery.cancel_scope.cancel()
    await kv.close()


async def _main(folder: Path, first: int) -> None:
    limits.INVENTORY_CHECKPOINT_ROWS = 100  # type: ignore[misc] # of a life of a quarter of a second
    limits.INVENTORY_FOLD_PAUSE_S = 0.0  # type: ignore[misc]
    async with opened(folder, ListLog()) as store:
        number = first
        while True:
            contents = [f"blob {n}".encode() for n in range(number, number + _GROUP)]
            own = [OwnBlob(BlobId.of(c), Content(len(c), [c]), 1, 0, b"", b"") for c in contents]
            await store.committer.commit(Job(own=own))
            number += _GROUP
            print(number - first, flush=True)


if __name__ == "__main__":
    trio.run(_main, Path(sys.argv[1]), int(sys.argv[2]))
