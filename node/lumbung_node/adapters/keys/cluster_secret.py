"""The cluster's secret in a file: one line, its version and 64 hex digits, for instance

    1 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08

All nodes of a cluster have the same line. It keys the digests of inventories (`lumbung_cluster.inventory`); the version
rises when a secret is replaced, so that nobody compares digests of two secrets.
"""

from __future__ import annotations

import re
import secrets
from pathlib import Path

from lumbung_cluster.errors import KeyRefused
from lumbung_cluster.inventory.fingerprint import INVENTORY_SECRET_SIZE_BYTES, InventoryKey
from lumbung_node.adapters.keys.key_files import read_secret, write_secret

__all__ = [
    "CLUSTER_SECRET",
    "load_cluster_secret",
    "make_cluster_secret",
    "parse_cluster_secret",
    "render_cluster_secret",
    "save_cluster_secret",
]

CLUSTER_SECRET = re.compile(rb"([1-9][0-9]{0,8}) ([0-9a-f]{64})\n?")
_FIRST_VERSION = 1


def make_cluster_secret() -> InventoryKey:
    """A fresh secret for a new cluster."""
    return InventoryKey(_FIRST_VERSION, secrets.token_bytes(INVENTORY_SECRET_SIZE_BYTES))


def save_cluster_secret(path: Path, key: InventoryKey) -> None:
    """As `write_secret`: durable, mode 0600, never over a file that is there."""
    write_secret(path, render_cluster_secret(key))


def render_cluster_secret(key: InventoryKey) -> bytes:
    """The line of the file."""
    return f"{key.version} {key.secret.hex()}\n".encode("ascii")


def parse_cluster_secret(line: bytes) -> InventoryKey | None:
    """The secret of such a line, or None."""
    found = CLUSTER_SECRET.fullmatch(line)
    return InventoryKey(int(found[1]), bytes.fromhex(found[2].decode("ascii"))) if found else None


def load_cluster_secret(path: Path) -> InventoryKey:
    """Raises KeyRefused with the cure: a node that had another secret would find every inventory unequal."""
    found = parse_cluster_secret(read_secret(path))
    if found is None:
        raise KeyRefused(
            f"cluster secret {path}: expected one line with a version and 64 hex digits, got something else; copy the "
            "file from another node of this cluster, or make it once for all nodes with: lumbung keys new cluster FILE"
        )
    return found
