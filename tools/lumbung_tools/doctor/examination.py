"""All that the doctor looks at, in the order in which an operator mends it."""

from __future__ import annotations

from pathlib import Path

from lumbung_cluster.errors import LumbungError
from lumbung_node.adapters.world import SystemClock
from lumbung_node.config import NodeConfig
from lumbung_node.partners import open_own_node
from lumbung_node.ports.log import Unlogged
from lumbung_tools.doctor.disk import look_at_mount, look_at_space, look_at_store, look_at_sync
from lumbung_tools.doctor.finding import Colour, Finding, red
from lumbung_tools.doctor.machine import look_at_keys_together, look_at_limits, look_at_modes, look_at_versions
from lumbung_tools.doctor.reach import let_partners_in, look_at_reach
from lumbung_tools.doctor.trust import look_at_trust

__all__ = ["examine"]


async def examine(config: NodeConfig) -> list[Finding]:
    """Changes nothing that stays: one small file in the data folder, gone at once, and the store opened and closed."""
    findings = [look_at_versions(), look_at_limits(), *look_at_modes(config), look_at_keys_together(config)]
    findings += await _disk(config)
    findings += await _others(config)
    return findings


async def _disk(config: NodeConfig) -> list[Finding]:
    mount = await look_at_mount(config)
    if mount.colour is Colour.RED:
        return [mount]  # what would be measured is the small disk under the mount point
    if not config.data.is_dir():
        return [mount, look_at_sync(_nearest(config.data))]
    return [mount, look_at_sync(config.data), *look_at_space(config), await look_at_store(config)]


def _nearest(folder: Path) -> Path:
    """The folder itself, or what is there of the way to it: the first start makes the rest."""
    while not folder.is_dir():
        folder = folder.parent
    return folder


async def _others(config: NodeConfig) -> list[Finding]:
    try:
        async with open_own_node(config, Unlogged(), let_partners_in) as own:
            trust = list(look_at_trust(own, SystemClock().now_ms()))
            if own.roster.node(config.number) is None:
                return trust  # nobody lets in a node that is in no roster
            return [*trust, *await look_at_reach(own)]
    except (LumbungError, OSError) as exc:
        return [red("roster", "doctor.roster.unreadable", why=str(exc))]
