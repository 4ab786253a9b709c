"""Beside a corrupt block of the real engine: what is lost is named, the rest is read, a row written anew is there."""

from __future__ import annotations

import random
from pathlib import Path

from lumbung_node.adapters.rocks import open_rocks
from lumbung_node.ports.keyvalue import Batch, Family
from lumbung_node.store.readable import scan_known

KEYS = [b"i" + number.to_bytes(4, "big") for number in range(12)]
FIRST, BEHIND = b"i", b"j"


async def closed_store(folder: Path) -> list[bytes]:
    """Rows of 1.5 KB in tables, so that each block of 4 KiB has few of them."""
    luck = random.Random(1)
    values = [luck.randbytes(1500) for _ in KEYS]
    store = await open_rocks(folder, create=True)
    batch = Batch()
    for key, value in zip(KEYS, values, strict=True):
        batch.put(Family.PROOFS, key, value)
    await store.write(batch)
    await store.sync()
    await store.close()
    await (await open_rocks(folder, create=False)).close()  # the log goes into a table
    return values


def flip_in_table(folder: Path, content: bytes) -> None:
    for path in (folder / "rocks").glob("*.sst"):
        raw = bytearray(path.read_bytes())
        if (at := raw.find(content)) >= 0:
            raw[at] ^= 1
            path.write_bytes(raw)
            return
    raise AssertionError("no table holds it")


async def test_a_corrupt_block_costs_its_own_rows_and_they_come_back_when_they_are_written_anew(
    tmp_path: Path,
) -> None:
    values = await closed_store(tmp_path)
    flip_in_table(tmp_path, values[5])
    store = await open_rocks(tmp_path, create=False)
    rows, lost = await scan_known(store, Family.PROOFS, FIRST, BEHIND, KEYS)
    assert KEYS[5] in lost
    assert len(lost) < len(KEYS) / 2
    assert rows == [(key, value) for key, value in zip(KEYS, values, strict=True) if key not in lost]

    batch = Batch()
    for key in lost:
        batch.put(Family.PROOFS, key, b"anew")
    await store.write(batch)
    rows, lost_again = await scan_known(store, Family.PROOFS, FIRST, BEHIND, KEYS)
    assert (len(rows), lost_again) == (len(KEYS), [])
    assert {value for key, value in rows if key in lost} == {b"anew"}
    await store.close()
