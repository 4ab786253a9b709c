"""The store of a folder as a node opens it, without the node."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from lumbung_cluster.ids import ClusterId, NodeNumber
from lumbung_cluster.inventory.fingerprint import InventoryKey
from lumbung_node.adapters.identity_folder import IdentityFolder
from lumbung_node.adapters.keys.ed25519 import Ed25519Signer
from lumbung_node.adapters.rocks import open_rocks
from lumbung_node.adapters.world import SystemClock, SystemRandomness, WorkerThreads
from lumbung_node.ports.metrics import Uncounted
from lumbung_node.store.store import Store, open_store

__all__ = ["Silent", "opened_store"]

_OWN = NodeNumber(1)
_KEY = InventoryKey(1, bytes(32))


class Silent:
    """Nothing of interest is logged here."""

    def info(self, event: str, /, **values: object) -> None: ...

    def warning(self, event: str, /, **values: object) -> None: ...

    def error(self, event: str, /, **values: object) -> None: ...


@asynccontextmanager
async def opened_store(folder: Path) -> AsyncIterator[Store]:
    """Below `folder`/data and `folder`/identity, which are made. No task of the store runs."""
    for each in (folder, folder / "data", folder / "identity"):
        each.mkdir(exist_ok=True)
    kv = await open_rocks(folder / "data", create=True)
    try:
        yield await open_store(
            kv,
            IdentityFolder(folder / "identity", folder / "data"),
            cluster=ClusterId(bytes(16)),
            node=_OWN,
            signer=Ed25519Signer.from_seed(bytes(32)),
            life_signer=Ed25519Signer.from_seed(bytes(32)),
            clock=SystemClock(),
            randomness=SystemRandomness(),
            blocking=WorkerThreads(),
            inventory_key=_KEY,
            metrics=Uncounted(),
        )
    finally:
        await kv.close()
