"""Where the page of metrics is served, if anywhere."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import trio

from lumbung_node.ports.log import Log

__all__ = ["PageServer"]


class PageServer:
    """The page at an address that may change while the node runs."""

    def __init__(self, nursery: trio.Nursery, page: Callable[[], Awaitable[bytes]], log: Log) -> None:
        self._nursery = nursery
        self._page = page
        self._log = log
        self._address: str | None = None
        self._scope = trio.CancelScope()

    async def move(self, address: str | None) -> None:
        """Serve there and no longer elsewhere; None for nowhere. Raises OSError, and then goes on where it was."""
        if address == self._address:
            return
        scope = trio.CancelScope()
        if address is not None:
            await self._nursery.start(self._serve, address, scope)
        self._scope.cancel()
        self._address, self._scope = address, scope

    async def _serve(self, address: str, scope: trio.CancelScope, task_status: trio.TaskStatus[str]) -> None:
        # Here, not above: a node that nobody scrapes starts sooner without a reader of HTTP.
        from lumbung_node.adapters.metrics.http import serve_page

        with scope:
            await serve_page(address, self._page, self._log, task_status)
