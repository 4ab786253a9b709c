"""The data disk: is it mounted, does it really sync, has it room, does the store on it open?"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from statistics import median

from lumbung_cluster.errors import DiskFailed, DiskFull, LumbungError, StoreLocked
from lumbung_cluster.place import Place, choose_place
from lumbung_node.adapters.identity_folder import IdentityFolder
from lumbung_node.adapters.rocks.keyvalue import open_rocks
from lumbung_node.config import NodeConfig
from lumbung_tools.doctor.finding import Finding, green, red, yellow
from lumbung_tools.localcluster.disk import look_at

__all__ = ["SyncTimes", "is_mounted", "judge_sync", "look_at_mount", "look_at_space", "look_at_store", "measure_sync"]

_TRIES = 16
_BLOCK = bytes(4096)
_SYNC_S_MIN = 20e-6  # the quickest drives with a protected cache take longer; less is a promise that nobody keeps
_SYNC_FACTOR_MIN = 2.0  # a sync that takes as long as a write to the cache was one
_SYNC_S_SLOW = 0.25  # four puts a second for everybody who waits
_SHARE_LOW = 0.1


class SyncTimes:
    """Medians of small appends to one file: with a sync behind each, and without."""

    __slots__ = ("cached_s", "synced_s")

    def __init__(self, synced_s: float, cached_s: float) -> None:
        self.synced_s = synced_s
        self.cached_s = cached_s


def measure_sync(folder: Path) -> SyncTimes:
    """Sixteen of each, in a file of the folder that is gone afterwards. Raises OSError."""
    handle, name = tempfile.mkstemp(prefix=".doctor-", dir=folder)
    try:
        synced = _median_s(handle, lambda: os.fdatasync(handle))
        return SyncTimes(synced, _median_s(handle, lambda: None))
    finally:
        os.close(handle)
        with suppress(FileNotFoundError):
            os.unlink(name)


def _median_s(handle: int, sync: Callable[[], None]) -> float:
    spent_s = []
    for _ in range(_TRIES):
        begun = time.perf_counter()
        os.write(handle, _BLOCK)
        sync()
        spent_s.append(time.perf_counter() - begun)
    return median(spent_s)


def judge_sync(times: SyncTimes, file_system: str, *, is_disk: bool) -> Finding:
    synced_us, cached_us = round(times.synced_s * 1e6), round(times.cached_s * 1e6)
    values: dict[str, int | str] = {"synced_us": synced_us, "cached_us": cached_us, "file_system": file_system}
    if not is_disk:
        return red("sync", "doctor.sync.memory", **values)
    if times.synced_s < max(_SYNC_S_MIN, _SYNC_FACTOR_MIN * times.cached_s):
        return yellow("sync", "doctor.sync.too_quick", **values)
    if times.synced_s > _SYNC_S_SLOW:
        return yellow("sync", "doctor.sync.slow", **values)
    return green("sync", "doctor.sync.good", **values)


def look_at_sync(folder: Path) -> Finding:
    try:
        times = measure_sync(folder)
    except OSError as exc:
        return red("sync", "doctor.sync.failed", folder=str(folder), why=exc.strerror or str(exc))
    place = look_at(folder)
    return judge_sync(times, place.file_system, is_disk=place.is_disk)


async def look_at_mount(config: NodeConfig) -> Finding:
    """As the node decides it at its start."""
    identity = IdentityFolder(config.identity, config.data)
    try:
        record, found = await identity.load(), await identity.file_system_found()
    except LumbungError as exc:
        return red("mount", "doctor.mount.identity", why=str(exc))
    remembered = record.file_system if record is not None else ""
    has_store = (config.data / "rocks").is_dir()
    if record is None and has_store:  # a start would refuse, rather than give entries numbers that others have seen
        return red("mount", "doctor.mount.identity_lost", folder=str(config.data), identity=str(config.identity))
    if not is_mounted(remembered, found, has_store=has_store):
        return red("mount", "doctor.mount.missing", folder=str(config.data), fallback=str(config.fallback))
    if record is None:
        return green("mount", "doctor.mount.first", folder=str(config.data))
    return green("mount", "doctor.mount.good", folder=str(config.data))


def is_mounted(remembered: str, found: str, *, has_store: bool) -> bool:
    return choose_place(remembered=remembered, found=found, has_store=has_store) is Place.DATA


def look_at_space(config: NodeConfig) -> Iterator[Finding]:
    usage = shutil.disk_usage(config.data)
    values = {"free_bytes": usage.free, "total_bytes": usage.total}
    if usage.free < config.disk.own_free_bytes:
        yield red("space", "doctor.space.own", mark_bytes=config.disk.own_free_bytes, **values)
    elif usage.free < config.disk.foreign_free_bytes:
        yield red("space", "doctor.space.foreign", mark_bytes=config.disk.foreign_free_bytes, **values)
    elif usage.free < _SHARE_LOW * usage.total:
        yield yellow("space", "doctor.space.low", **values)
    else:
        yield green("space", "doctor.space.good", **values)
    ballast = config.data / "ballast"
    if ballast.is_file():
        yield green("ballast", "doctor.ballast.good", size_bytes=ballast.stat().st_size)
    elif (config.data / "rocks").is_dir():
        yield yellow("ballast", "doctor.ballast.missing", folder=str(config.data))


async def look_at_store(config: NodeConfig) -> Finding:
    """Opens and closes it, which is what a start does first; only under the account that owns it."""
    if not (config.data / "rocks").is_dir():
        return green("store", "doctor.store.none", folder=str(config.data))
    if config.data.stat().st_uid != os.geteuid():
        return yellow("store", "doctor.store.other_account", folder=str(config.data))
    try:
        store = await open_rocks(config.data, create=False)
    except StoreLocked:
        return green("store", "doctor.store.running")
    except DiskFull as exc:
        return red("store", "doctor.store.full", why=str(exc))
    except (DiskFailed, LumbungError) as exc:
        return red("store", "doctor.store.broken", why=str(exc))
    await store.close()
    return green("store", "doctor.store.good")
