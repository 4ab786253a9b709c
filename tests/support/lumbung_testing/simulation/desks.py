"""The bundle commands of one office's operator, in the simulation: what ships reads and writes real files.

The disks of a run lie in one folder of their own, which goes with the run. What befalls a disk takes no simulated time.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

import trio

from lumbung_cluster.canonical import Malformed
from lumbung_cluster.errors import LumbungError
from lumbung_cluster.ids import NodeNumber
from lumbung_cluster.roster_codec import SignedRoster
from lumbung_node.ports.transport import Transport
from lumbung_testing.direct_channel import InlineBlocking
from lumbung_testing.rosters import CLUSTER, TestVerifier
from lumbung_testing.simulation.node import address_of
from lumbung_testing.simulation.story import Story
from lumbung_tools.bundles.export import Exported, ExportOrder, export
from lumbung_tools.bundles.folder import BundleFolder, find_bundles
from lumbung_tools.bundles.importing import Imported, import_bundle
from lumbung_tools.bundles.receipts import Carried, take_receipts
from lumbung_tools.client.profile import Profile
from lumbung_tools.client.session import Session
from lumbung_tools.client.trust import VerifiedRoster

__all__ = ["BundleDesk", "DiskShelf"]

Result = TypeVar("Result", Exported, Imported, Carried)
_PATIENCE_S = 60.0
_PART_BYTES_MAX = 200_000  # several parts even of a small bundle
_RAM_DISK = Path("/dev/shm")


class DiskShelf:
    """Where the disks of one run lie; `clear` it at the end."""

    def __init__(self) -> None:
        self._folder: Path | None = None
        self._count = 0

    def new_disk(self) -> Path:
        if self._folder is None:
            self._folder = Path(
                tempfile.mkdtemp(prefix="lumbung-disks-", dir=_RAM_DISK if _RAM_DISK.is_dir() else None)
            )
        self._count += 1
        disk = self._folder / f"disk-{self._count}"
        disk.mkdir()
        return disk

    def copy(self, disk: Path) -> Path:
        """As somebody keeps a copy of a disk."""
        copied = self.new_disk()
        shutil.copytree(disk, copied, dirs_exist_ok=True)
        return copied

    def clear(self) -> None:
        if self._folder is not None:
            shutil.rmtree(self._folder)
            self._folder = None


class BundleDesk:
    """An operator of `office` at its own node. Whatever fails is told, and was an answer: then nothing is returned."""

    def __init__(self, office: NodeNumber, transport: Transport, story: Story) -> None:
        self.office = office
        self._transport = transport
        self._story = story

    async def export(self, roster: SignedRoster, holder: NodeNumber, disk: Path, *, anew: bool) -> Exported | None:
        order = ExportOrder(holder, (), False, 0, anew, None, _PART_BYTES_MAX)
        work = partial(export, order=order, disk=disk, read_me=_read_me, on_progress=_quiet)
        return await self._with_session("export", roster, work)

    async def take_in(self, roster: SignedRoster, disk: Path) -> Imported | None:
        return await self._with_session("import", roster, partial(_on_disk, disk, import_bundle))

    async def receipts(self, roster: SignedRoster, disk: Path) -> Carried | None:
        return await self._with_session("receipts", roster, partial(_on_disk, disk, take_receipts))

    async def _with_session(
        self, what: str, roster: SignedRoster, work: Callable[[Session], Awaitable[Result | None]]
    ) -> Result | None:
        session = self._session(roster)
        result = None
        try:
            with trio.move_on_after(_PATIENCE_S):
                result = await work(session)
        except* (LumbungError, Malformed, OSError) as group:
            self._story.tell(f"o{self.office}", f"{what} failed", _names(group))
        finally:
            with trio.CancelScope(shield=True):
                await session.close()
        if result is not None:
            self._story.tell(f"o{self.office}", what, _told(result))
        return result

    def _session(self, roster: SignedRoster) -> Session:
        address = address_of(f"n{self.office}", self.office)
        nowhere = Path("/")
        profile = Profile(nowhere, CLUSTER, self.office, address, *(5 * (nowhere,)), ())
        session = Session(profile, VerifiedRoster(roster, roster.parse()), self._transport, TestVerifier())
        session.blocking = InlineBlocking()
        return session


async def _on_disk(
    disk: Path, work: Callable[[Session, BundleFolder, Callable[[int, int], None]], Awaitable[Result]], session: Session
) -> Result | None:
    """Of the one bundle on the disk; nothing when there is none."""
    for path in find_bundles(disk):
        folder = BundleFolder(path)
        try:
            return await work(session, folder, _quiet)
        finally:
            folder.close()
    return None


def _told(result: Exported | Imported | Carried) -> str:
    match result:
        case Exported():
            return f"{result.entries} on disk {result.disk}, complete {result.is_complete}"
        case Imported():
            return f"{result.stored} stored, {result.present} present, {result.broken} broken, {result.withdrawn} back"
        case Carried():
            return f"{result.counted} counted, {result.known} known, {result.refused} refused"


def _names(group: BaseExceptionGroup[BaseException]) -> str:
    """The kinds of what was raised: sentences have paths in them."""
    found = [_names(each) if isinstance(each, BaseExceptionGroup) else type(each).__name__ for each in group.exceptions]
    return " ".join(sorted(found))


def _read_me(bundle: bytes, disk: int) -> str:
    return "simulated\n"


def _quiet(done: int, total: int) -> None:
    """Nobody looks at a progress bar here."""
