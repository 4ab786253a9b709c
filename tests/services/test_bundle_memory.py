"""What imports may hold of the memory for foreign bytes, however many disks are plugged in at once."""

from __future__ import annotations

from pathlib import Path

import trio

from lumbung_cluster import limits
from lumbung_testing.bundle_desk import Desk
from lumbung_testing.bundle_trips import recordings
from lumbung_testing.session_pair import CENTRE, OFFICE, box, living, put


async def test_two_imports_together_leave_a_peers_share_of_the_memory_free(tmp_path: Path) -> None:
    async with living(box(OFFICE)) as office, living(box(CENTRE)) as centre:
        home, away, peak = Desk(office, tmp_path), Desk(centre, tmp_path), 0
        for name in ("first", "second"):
            await put(office, recordings(40, 500_000))
            await home.export(CENTRE, tmp_path / name, anew=True)

        async def watch() -> None:
            nonlocal peak
            while True:
                peak = max(peak, centre.foreign_memory.taken_bytes)
                await trio.lowlevel.checkpoint()

        async with trio.open_nursery() as watching:
            watching.start_soon(watch)
            async with trio.open_nursery() as nursery:
                for name in ("first", "second"):
                    nursery.start_soon(away.take_in, tmp_path / name)
            watching.cancel_scope.cancel()
        assert centre.store.state.count(OFFICE).blobs == 80
        assert limits.OFFER_BYTES_MAX < peak <= limits.BUNDLE_MEMORY_BYTES_MAX
        left = limits.FOREIGN_MEMORY_BYTES_MAX - limits.BUNDLE_MEMORY_BYTES_MAX
        assert left >= limits.FOREIGN_MEMORY_PEER_BYTES_MAX
        assert centre.foreign_memory.taken_bytes == 0
