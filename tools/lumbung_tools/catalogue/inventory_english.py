"""English sentences about inventories and their receipts, by key, in the order of `inventory_indonesian`."""

from __future__ import annotations

from typing import Final

__all__ = ["INVENTORY_ENGLISH"]

INVENTORY_ENGLISH: Final[dict[str, str]] = {
    # health
    "health.inventory_doubted": (
        "What lies on this disk differs from what the node had counted. It signs nothing for that part until it has"
        " counted anew. Still there after an hour: check the disk, call the province."
    ),
    # receipts
    "receipt.shown.inventory": (
        "{holder}: signed inventory receipt, life {generation}, roster epoch {epoch}, nonce {nonce}, bytes last "
        "read {time} (UTC), over {units} of 64 units with {ids:recording|recordings}"
    ),
    "receipt.good.inventory": (
        "GOOD: {holder} signed that it holds {ids:recording|recordings} of {origin} in {units} of 64 units, bytes last"
        " read {time} (UTC). Which ones only nodes of this cluster can tell."
    ),
    "receipt.bad.inventory": (
        "it is an inventory receipt: it counts recordings and names none, so it is no proof of {id}"
    ),
}
