"""A configuration that is taken while the cluster speaks as well: a list that comes by both ways is no mistake."""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace

from lumbung_cluster.access import AccessList, sign_access
from lumbung_cluster.ids import NodeNumber
from lumbung_node.adapters.service_manager import ServiceManager
from lumbung_node.config import load_config, render_config
from lumbung_node.reload import LiveConfig, Reload
from lumbung_node.services.rosters import RosterKeeper, open_rosters
from lumbung_testing.fake_nodes import make_home
from lumbung_testing.rosters import CLUSTER, SeededSigner, TestVerifier, drc, founding, office, signed
from lumbung_testing.world import ListLog, MemoryDocuments

N1 = NodeNumber(1)


def listed(version: int, key: str = "access 1", of: NodeNumber = N1) -> bytes:
    return sign_access(AccessList(CLUSTER, of, version, version, ()), SeededSigner(key)).encode()


async def reload_of(
    folder: Path, own_list: bytes, meanwhile: Callable[[RosterKeeper], Awaitable[object]], *others: bytes
) -> tuple[RosterKeeper, LiveConfig, ListLog]:
    """A node whose configuration names `own_list` and `others` now, reloaded; `meanwhile` happens while its page
    moves."""
    roster = signed(founding((office(1, "36.02"), office(2, "34.04"), drc(4))), "a", "b")
    log = ListLog()
    rosters = await open_rosters(MemoryDocuments([roster.encode()]), CLUSTER, TestVerifier(), log)
    await rosters.offer_access([listed(1)])
    home = make_home(folder, "36.02", 1)
    held = load_config(home / "config.toml")
    paths = [home / f"access-{place}.list" for place in range(1 + len(others))]
    for path, raw in zip(paths, [own_list, *others], strict=True):
        path.write_bytes(raw)
    named = dataclasses.replace(held, access_lists=tuple(paths))
    (home / "config.toml").write_text(render_config(named), encoding="utf-8")

    async def move(_address: str | None) -> None:
        await meanwhile(rosters)

    live = LiveConfig(held)
    tls, page = SimpleNamespace(checked=lambda _pin: None), SimpleNamespace(move=move)
    keys, gate = SimpleNamespace(tls_pin=b""), SimpleNamespace(level="")
    await Reload(live, tls, keys, rosters, page, gate, ServiceManager(None, None), log).now()  # type: ignore[arg-type]
    return rosters, live, log


async def test_a_newer_list_that_comes_while_an_older_one_is_taken_fails_nothing(tmp_path: Path) -> None:
    rosters, live, _ = await reload_of(tmp_path, listed(2), lambda rosters: rosters.offer_access([listed(3)]))
    assert rosters.access_versions() == [(1, 3)]
    assert live.config.access_lists, "the configuration is in use"


async def nothing(_rosters: RosterKeeper) -> None:
    return


async def test_a_list_that_is_refused_fails_all(tmp_path: Path) -> None:
    rosters, live, log = await reload_of(tmp_path, listed(2, "a stranger's key"), nothing)
    assert rosters.access_versions() == [(1, 1)]
    assert not live.config.access_lists
    assert log.said("configuration refused, the old one stays")


async def test_a_list_that_is_refused_is_told_although_another_one_is_taken(tmp_path: Path) -> None:
    """An operator who was told that all is in use believed that a name was struck off."""
    others = listed(1, "a stranger's key", of=NodeNumber(2))
    rosters, live, log = await reload_of(tmp_path, listed(2), nothing, others)
    assert rosters.access_versions() == [(1, 2)]
    assert not live.config.access_lists
    assert log.said("configuration refused, the old one stays")
