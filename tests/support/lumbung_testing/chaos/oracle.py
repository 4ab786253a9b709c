"""What really lies in a closed store: read from its files, without the node, by docs/disk-format.md alone.

The store is opened for reading only, so that looking changes nothing: a node that starts afterwards finds what the
fault has left.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from blake3 import blake3
from rocksdict import AccessType, Cache, Rdict

from lumbung_node.adapters.rocks.options import DEFAULT_FAMILY, DEFAULT_LIMITS, database_options, family_options
from lumbung_node.ports.keyvalue import Family
from lumbung_node.store.layout import BlobRow, RowState, place_key

__all__ = ["lost_on_disk"]

_ID_AT = 4  # behind the origin


class _UnreadableStore(Exception):
    """The files do not open as a store."""


def lost_on_disk(home: Path, origin: int, wanted: Collection[bytes]) -> list[str]:
    """A sentence for each wanted blob of an origin that does not lie whole on the disk of the node that lives there."""
    try:
        there = _intact_blobs(home / "data", origin, wanted)
    except _UnreadableStore as exc:
        return [f"the whole store of {home.name}: {exc}"] if wanted else []
    return [f"{blob.hex()[:16]} on the disk of {home.name}" for blob in wanted if blob not in there]


def _intact_blobs(data: Path, origin: int, wanted: Collection[bytes]) -> set[bytes]:
    cache = Cache(DEFAULT_LIMITS.cache_size_bytes)
    families = {DEFAULT_FAMILY: family_options(None, cache, DEFAULT_LIMITS)}
    families |= {family.value: family_options(family, cache, DEFAULT_LIMITS) for family in Family}
    try:
        database = Rdict(
            str(data / "rocks"),
            database_options(DEFAULT_LIMITS, create=False),
            column_families=families,
            access_type=AccessType.read_only(),
        )
    except Exception as exc:
        raise _UnreadableStore(str(exc)) from exc
    rows = database.get_column_family(Family.BLOBS.value)
    chunks = database.get_column_family(Family.CHUNKS.value)
    try:
        return {blob for blob in wanted if _is_intact(rows, chunks, origin.to_bytes(4, "big") + blob)}
    finally:
        for handle in (rows, chunks, database):
            handle.close()


def _is_intact(rows: Rdict, chunks: Rdict, key: bytes) -> bool:
    try:
        raw = rows.get(key)
        if raw is None:
            return False
        row = BlobRow.unpack(raw)
        stored = [chunks.get(place_key(row.place + at)) for at in range(row.chunks)]
    except Exception:  # noqa: BLE001 (rocksdict raises nothing narrower: a row that cannot be read is not there)
        return False
    content = b"".join(chunk for chunk in stored if chunk is not None)
    whole = row.state is RowState.INTACT and len(content) == row.size_bytes
    return whole and blake3(content).digest() == key[_ID_AT:]
