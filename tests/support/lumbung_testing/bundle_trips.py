"""An office that recorded, a holder, and a disk between them: what most tests of bundles begin with."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from lumbung_node.services.core import Core
from lumbung_testing.bundle_desk import Desk
from lumbung_testing.session_pair import CENTRE, OFFICE, Box, box, living, put
from lumbung_tools.bundles.folder import find_bundles
from lumbung_tools.bundles.importing import Imported

__all__ = ["LUCK", "Trip", "carried_home", "keys_of", "recordings", "trip"]

LUCK = random.Random(11)


def recordings(count: int, size: int = 500) -> list[bytes]:
    return [LUCK.randbytes(size) for _ in range(count)]


@dataclass(slots=True)
class Trip:
    """An office that recorded, its holder, and a folder for disks."""

    office: Core
    centre: Core
    home: Desk
    away: Desk
    disk: Path

    def proven(self) -> int:
        account = self.office.store.proofs.ledger.account(CENTRE)
        return sum(account.has(n) for n in range(1, self.office.store.state.end(OFFICE).number + 1))

    def held(self) -> int:
        return self.centre.store.state.count(OFFICE).blobs

    @property
    def folder(self) -> Path:
        (found,) = find_bundles(self.disk)
        return found


@asynccontextmanager
async def trip(tmp_path: Path, contents: list[bytes], centre: Box | None = None) -> AsyncIterator[Trip]:
    async with living(box(OFFICE)) as office, living(centre or box(CENTRE)) as holder:
        await put(office, contents)
        yield Trip(office, holder, Desk(office, tmp_path), Desk(holder, tmp_path), tmp_path / "disk")


async def carried_home(there: Trip) -> Path:
    """A disk that was exported and taken in: its one file of receipts."""
    await there.home.export(CENTRE, there.disk)
    await there.away.take_in(there.disk)
    return there.folder / "receipts" / "receipts-00001.lumbung"


def keys_of(done: Imported) -> set[str]:
    return {problem.key.removeprefix("bundle.bad.") for problem in done.problems.found}
