"""An office here and its holders far away, for clusters over two network namespaces with a bad line between them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lumbung_node.config import Language
from lumbung_node.ports.transport import LinkClass
from lumbung_testing.chaos.far_places import Places
from lumbung_testing.chaos.relay import FAR, NEAR
from lumbung_testing.real_clusters import DRC, now_ms
from lumbung_tools.localcluster.founding import Founded, found_cluster
from lumbung_tools.localcluster.processes import node_command
from lumbung_tools.localcluster.sites import Site, choose_sites

__all__ = ["command_at", "found_apart"]


@dataclass(frozen=True, slots=True)
class _Placed(Site):
    """A site at an address of one of the two places."""

    host: str
    line: LinkClass

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}"

    @property
    def link(self) -> LinkClass:
        return self.line


def found_apart(folder: Path, office: str, peer: str, link: LinkClass) -> Founded:
    """A founded cluster below `folder`: the office near, its peer and a DRC node far away, over such a line."""
    sites = [
        _Placed(
            site.number,
            site.name,
            site.role,
            site.region,
            site.port,
            site.load_bytes,
            site.capacity_bytes,
            NEAR if site.name == office else FAR,
            link,
        )
        for site in choose_sites((office, peer), (DRC.removeprefix("drc-"),), None)
    ]
    return found_cluster(folder / "cluster", sites, Language.ENGLISH, now_ms=now_ms())


def command_at(places: Places, office: str) -> Callable[[Path], list[str]]:
    """How each node is run: the office here, the others far away."""

    def command(config: Path) -> list[str]:
        words = node_command(config)
        return words if config.parent.name == office else places.far_away(words)

    return command
