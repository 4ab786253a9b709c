"""A real node whose files were hurt while it was off: the scrub finds all of it, and the others give it back."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import trio

from lumbung_cluster.ids import BlobId, NodeNumber
from lumbung_node.adapters.rocks.keyvalue import open_rocks
from lumbung_node.ports.keyvalue import Batch, Family
from lumbung_node.store.layout import BlobRow, blob_key, feed_key, list_key, place_key
from lumbung_testing.real_clusters import found, lumbung, real_cluster
from lumbung_tools.localcluster.founding import Founded

OFFICE, PEER, DRC = "36.02", "73.71", "drc-batam"
RECORDINGS = 40
HURT = (3, 7, 11, RECORDINGS - 1)  # bit, chunk, row, list
_PATIENCE_S = 90.0


def put_recordings(founded: Founded, folder: Path) -> list[bytes]:
    """Recordings of one office, each proven at three holders; their ids in the order of the feed."""
    folder.mkdir()
    for n in range(RECORDINGS):
        (folder / f"{n:03}.bin").write_bytes(b"%d" % n * 3000)
    home = founded.client_home(OFFICE)
    done = lumbung("--json", "put", "--copies", "3", "--timeout", "60", *sorted(folder.iterdir()), home=home)
    assert done.returncode == 0, done.stdout + done.stderr
    listed = lumbung("--json", "ls", "--limit", "0", home=home)
    return [bytes.fromhex(json.loads(line)["id"]) for line in listed.stdout.splitlines() if '"id"' in line]


def flip_a_bit_of(data: Path, content: bytes) -> None:
    """One bit of a chunk in whatever table file it lies."""
    needle = content[100:164]
    for table in sorted((data / "rocks").glob("*.sst")):
        raw = bytearray(table.read_bytes())
        at = raw.find(needle)
        if at >= 0:
            raw[at] ^= 1
            table.write_bytes(raw)
            return
    raise AssertionError("expected the chunk in a table file")


async def hurt(data: Path, origin: NodeNumber, ids: list[bytes]) -> None:
    """Flip a bit of one chunk, and take away a chunk, a blob row, a signed list and a feed row."""
    kv = await open_rocks(data, create=False)
    try:
        keys = [blob_key(origin, BlobId(raw)) for raw in ids]
        rows = [BlobRow.unpack(value) for value in await kv.get(Family.BLOBS, keys) if value is not None]
        assert len(rows) == RECORDINGS
        lost_list = list_key(origin, rows[HURT[3]].signed)
        # Of another list, because both together cannot be made again, and not the last one: without its last row a
        # feed is a shorter feed. Which entries share a list is the group commit's affair, at most 32 do.
        lost_feed_row = next(
            row.number
            for n, row in enumerate(rows)
            if n not in HURT and row.number < RECORDINGS and list_key(origin, row.signed) != lost_list
        )
        (content,) = await kv.get(Family.CHUNKS, [place_key(rows[HURT[0]].place)])
        assert content is not None
        batch = Batch()
        batch.delete(Family.CHUNKS, place_key(rows[HURT[1]].place))
        batch.delete(Family.BLOBS, keys[HURT[2]])
        batch.delete(Family.LISTS, lost_list)
        batch.delete(Family.FEEDS, feed_key(origin, lost_feed_row))
        await kv.write(batch)
        await kv.sync()
    finally:
        await kv.close()
    await trio.to_thread.run_sync(flip_a_bit_of, data, content)


async def until(check: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while not await trio.to_thread.run_sync(check):
        assert time.monotonic() < deadline, "waited too long"
        await trio.sleep(1.0)


@pytest.mark.parametrize(
    ("victim", "list_event"), [(OFFICE, "SIGNED_AGAIN"), (PEER, "LOST_LIST")], ids=["at the origin", "at a holder"]
)
async def test_what_was_hurt_behind_a_nodes_back_is_found_and_mended(
    victim: str, list_event: str, tmp_path: Path
) -> None:
    founded = found(tmp_path, offices=(OFFICE, PEER))
    home = founded.client_home(victim)
    async with real_cluster(founded) as cluster:
        ids = await trio.to_thread.run_sync(put_recordings, founded, tmp_path / "in")
        assert len(ids) == RECORDINGS
        await cluster.stop([victim])
        await hurt(founded.folder / "nodes" / victim / "data", NodeNumber(1), ids)
        await cluster.start([victim])

        found_kinds = {"DAMAGED_BYTES", "LOST_ROW", "LOST_FEED_ROW", "REPAIRED", list_event}

        def is_sound() -> bool:
            lumbung("scrub", "start", home=home)
            state = json.loads(lumbung("--json", "scrub", "status", "--events", "1000", home=home).stdout)
            # A pass of before, or one that has only begun, says that it found nothing: it must have found this.
            has_found = found_kinds <= {event["kind"] for event in state["events"]}
            is_whole = state["blobs"] == RECORDINGS and not (state["damaged"] or state["wrong"])
            return has_found and bool(state["ended"]) and is_whole

        await until(is_sound)
        for raw in (ids[n] for n in HURT):
            words = ("get", raw.hex(), "--from", victim, "--sealed", "-o", tmp_path / raw.hex())
            got = await trio.to_thread.run_sync(partial(lumbung, *words, home=founded.client_home(OFFICE)))
            assert got.returncode == 0, got.stderr
            assert BlobId.of((tmp_path / raw.hex()).read_bytes()).raw == raw
        told = lumbung("--json", "scrub", "status", "--events", "1000", home=home)
        events = json.loads(told.stdout)["events"]
        mended_from = {event["mended_from"] for event in events if event["kind"] == "REPAIRED"}
        assert mended_from <= {OFFICE, PEER, DRC} - {victim}
