"""The bundle commands at one node, all in this process: real services, real files, no network."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lumbung_cluster import limits
from lumbung_cluster.bundle_manifest import Manifest
from lumbung_cluster.ids import NodeNumber
from lumbung_node.services.budget import ByteBudget
from lumbung_node.services.bundles.carried import CarriedReceipts
from lumbung_node.services.bundles.exporting import Exporting
from lumbung_node.services.bundles.importing import ImportStream
from lumbung_node.services.core import Core
from lumbung_node.services.session.arrivals import Arrivals
from lumbung_proto.v1 import bundles_pb2
from lumbung_testing.direct_channel import DirectChannel, DirectTransport
from lumbung_testing.rosters import CLUSTER, TestVerifier, founding, signed
from lumbung_tools.bundles.export import Exported, ExportOrder, export
from lumbung_tools.bundles.folder import BundleFolder, find_bundles
from lumbung_tools.bundles.importing import Imported, import_bundle
from lumbung_tools.bundles.receipts import Carried, take_receipts
from lumbung_tools.client.methods import EXPORT, IMPORT, SEAL, TAKE_RECEIPTS
from lumbung_tools.client.profile import Profile
from lumbung_tools.client.session import Session
from lumbung_tools.client.trust import VerifiedRoster

__all__ = ["Desk"]


class Desk:
    """An operator's desk at the node `core`, with a place to plug disks in."""

    def __init__(self, core: Core, home: Path) -> None:
        exporting, share = Exporting(core), ByteBudget(limits.BUNDLE_MEMORY_BYTES_MAX)
        self.channel = DirectChannel(
            {
                EXPORT: lambda call: exporting.export(call, lambda origin: None),
                SEAL: lambda call: exporting.seal(call, lambda origin: None),
                IMPORT: lambda call: ImportStream(core, Arrivals(core), share, call).run(),
                TAKE_RECEIPTS: CarriedReceipts(core).take,
            }
        )
        names = ("station.crt", "station.key", "roots.pem", "roster.lumbung", "tag.secret")
        crt, key, roots, roster_file, secret = (home / name for name in names)
        profile = Profile(home, CLUSTER, core.number, "127.0.0.1:1", crt, key, roots, roster_file, secret, ())
        roster = VerifiedRoster(signed(founding(), "a", "b"), founding())
        self.session = Session(profile, roster, DirectTransport({core.number: self.channel}), TestVerifier())

    async def export(
        self,
        holder: int,
        disk: Path,
        *,
        origins: tuple[int, ...] = (),
        limit_bytes: int | None = None,
        anew: bool = False,
        part_bytes_max: int = limits.BUNDLE_PART_BYTES_MAX,
    ) -> Exported:
        await self.session.blocking.run(lambda: disk.mkdir(exist_ok=True))
        named = tuple(NodeNumber(origin) for origin in origins)
        order = ExportOrder(NodeNumber(holder), named, False, 0, anew, limit_bytes, part_bytes_max)
        return await export(self.session, order, disk, lambda bundle, number: "test\n", lambda at, total: None)

    async def seal(self, manifest: Manifest) -> None:
        request = bundles_pb2.SealRequest(manifest=manifest.encode())
        await self.channel.call(SEAL, request.SerializeToString(), deadline_s=limits.DEADLINE_UNARY_S)

    async def take_in(self, disk: Path) -> Imported:
        """Import the one bundle on the disk."""
        with _only_bundle(disk) as folder:
            return await import_bundle(self.session, folder, lambda at, total: None)

    async def receipts(self, disk: Path) -> Carried:
        with _only_bundle(disk) as folder:
            return await take_receipts(self.session, folder, lambda at, total: None)


@contextmanager
def _only_bundle(disk: Path) -> Iterator[BundleFolder]:
    (path,) = find_bundles(disk)
    folder = BundleFolder(path)
    try:
        yield folder
    finally:
        folder.close()
