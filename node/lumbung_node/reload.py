"""Taking a changed configuration into use while the node runs (SIGHUP): all of it, or nothing and one sentence why.

Alive: bandwidth windows, log level, metrics, access lists, and what the files of certificate and TLS key hold. For
everything else the node starts again, which costs seconds; a half-taken configuration would cost an operator a day.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import trio

from lumbung_cluster.access import SignedAccess
from lumbung_cluster.canonical import Malformed
from lumbung_cluster.errors import KeyRefused, Rejected
from lumbung_node.adapters.metrics.page_server import PageServer
from lumbung_node.adapters.node_tls import NodeTls
from lumbung_node.adapters.service_manager import ServiceManager
from lumbung_node.adapters.stderr_log import LevelGate
from lumbung_node.config import NodeConfig, load_config
from lumbung_node.own_words import say
from lumbung_node.ports.log import Log
from lumbung_node.services.keyring import KeyRing
from lumbung_node.services.rosters import RosterKeeper
from lumbung_node.store.state import Pulse
from lumbung_node.toml_table import ConfigError

__all__ = ["LiveConfig", "Reload", "needs_restart"]

_ALIVE = ("bandwidth", "log_level", "metrics_listen", "access_lists")


class LiveConfig:
    """The configuration in use. `tls_changed` beats when the files of the certificate should be looked at."""

    def __init__(self, config: NodeConfig) -> None:
        self.config = config
        self.tls_changed = Pulse()


def needs_restart(held: NodeConfig, found: NodeConfig) -> list[str]:
    """Names of what differs and cannot change alive."""
    names = [field.name for field in dataclasses.fields(NodeConfig)]
    return [name for name in names if name not in _ALIVE and getattr(held, name) != getattr(found, name)]


class Reload:
    """`run` takes one wish after the other."""

    def __init__(
        self,
        live: LiveConfig,
        tls: NodeTls,
        keys: KeyRing,
        rosters: RosterKeeper,
        page: PageServer,
        gate: LevelGate,
        manager: ServiceManager,
        log: Log,
    ) -> None:
        self._live = live
        self._tls = tls
        self._keys = keys
        self._rosters = rosters
        self._page = page
        self._gate = gate
        self._manager = manager
        self._log = log

    async def run(self, asked: trio.MemoryReceiveChannel[None]) -> None:
        async for _ in asked:
            await self.now()

    async def now(self) -> None:
        """Log and service manager are told how it ended; nothing is raised for a configuration that is not good."""
        language = self._live.config.language
        self._manager.reloading()
        try:
            await self._take(await trio.to_thread.run_sync(load_config, self._live.config.file))
        except (ConfigError, KeyRefused, Malformed, Rejected, OSError) as exc:
            self._log.error("configuration refused, the old one stays", reason=str(exc))
            self._manager.ready(say(language, "refused", why=exc))
        else:
            self._log.info("configuration reloaded")
            self._manager.ready(say(language, "reloaded"))

    async def _take(self, found: NodeConfig) -> None:
        """Everything that can be refused comes first."""
        live = self._live
        if names := needs_restart(live.config, found):
            raise ConfigError(found.file, ", ".join(names), "changes only with a restart")
        await trio.to_thread.run_sync(self._tls.checked, self._keys.tls_pin)
        raws = [await trio.to_thread.run_sync(path.read_bytes) for path in found.access_lists]
        news = [raw for raw in raws if self._is_news(raw)]
        await self._page.move(found.metrics_listen)
        try:
            await self._offer(news)
        except Rejected:
            await self._page.move(live.config.metrics_listen)
            raise
        self._gate.level = found.log_level.value
        live.config = found
        live.tls_changed.beat()

    async def _offer(self, news: Sequence[bytes]) -> None:
        """Raises Rejected, unless it is only that a newer list has come by the cluster since they were looked at.

        Each by itself: of many the keeper tells nothing of one that it refused while another one was taken.
        """
        refusal: Rejected | None = None
        for raw in news:
            try:
                await self._rosters.offer_access([raw])
            except Rejected as exc:
                if self._is_news(raw):
                    refusal = exc
        if refusal is not None:
            raise refusal

    def _is_news(self, raw: bytes) -> bool:
        """An older list than the one in force is no mistake: a newer one came by the cluster, as at every start."""
        offered = SignedAccess.decode(raw)
        held = self._rosters.access_lists_in_force().get(offered.content.office)
        return held is None or offered.content.version > held.content.version
