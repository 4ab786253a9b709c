"""Two loops in two threads: gRPC's asyncio loop beside trio, with one coalesced hop each way.

A hop is a plain function that is run in the other loop, in the order of handing over. Handing over appends to a deque;
only the first into an idle one wakes the other thread, so that a burst of messages costs one wake-up.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Final, Generic, TypeVar

import trio

from lumbung_cluster.errors import PeerGone
from lumbung_node.ports.log import Log

__all__ = ["Bridge", "open_bridge"]

T = TypeVar("T")
Hop = Callable[[], object]

_CLOSE_S_MAX: Final = 5.0  # for what is still running in asyncio when the bridge closes; then it is left behind


class Bridge:
    """`to_asyncio` and `run` are called in trio's thread, `to_trio` and `spawn` in asyncio's."""

    def __init__(self, loop: asyncio.AbstractEventLoop, token: trio.lowlevel.TrioToken, log: Log) -> None:
        self.loop = loop
        self._token = token
        self._log = log
        self._for_asyncio: deque[Hop] = deque()
        self._for_trio: deque[Hop] = deque()
        self._asyncio_is_woken = False
        self._trio_is_woken = False
        self._tasks: set[asyncio.Task[object]] = set()
        self._closed = False

    @property
    def is_closed(self) -> bool:
        return self._closed

    def to_asyncio(self, hop: Hop) -> None:
        """Run `hop` in asyncio's thread, soon; dropped when the bridge has closed."""
        # Append before looking at the flag; the other side clears it before it pops. So no hop is ever left behind.
        self._for_asyncio.append(hop)
        if not self._asyncio_is_woken and not self._closed:
            self._asyncio_is_woken = True
            self.loop.call_soon_threadsafe(self._run_in_asyncio)

    def to_trio(self, hop: Hop) -> None:
        """Run `hop` in trio's thread, soon; dropped when trio's run is over."""
        self._for_trio.append(hop)
        if not self._trio_is_woken:
            self._trio_is_woken = True
            try:
                self._token.run_sync_soon(self._run_in_trio)
            except trio.RunFinishedError:
                self._for_trio.clear()

    def spawn(self, work: Coroutine[object, object, object]) -> asyncio.Task[object]:
        """Start a task that is cancelled and waited for when the bridge closes."""
        task = self.loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def run(self, work: Callable[[], Coroutine[object, object, T]]) -> T:
        """Run a coroutine in asyncio and wait for it in trio; cancelling the wait cancels the coroutine."""
        if self._closed:
            raise PeerGone("the transport is closed")
        ticket = _Ticket(self, work)
        self.to_asyncio(ticket.start)
        try:
            await ticket.done.wait()
        except trio.Cancelled:
            self.to_asyncio(ticket.cancel)
            with trio.CancelScope(shield=True):
                await ticket.done.wait()
            raise
        return ticket.result()

    async def close(self) -> None:
        """Cancel what still runs in asyncio and wait for it."""
        await self.run(self._end_tasks)
        self._closed = True

    async def _end_tasks(self) -> None:
        tasks = self._tasks - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=_CLOSE_S_MAX)

    def _run_in_asyncio(self) -> None:
        self._asyncio_is_woken = False
        self._run_all(self._for_asyncio)

    def _run_in_trio(self) -> None:
        self._trio_is_woken = False
        self._run_all(self._for_trio)

    def _run_all(self, hops: deque[Hop]) -> None:
        # Those that come while we run have woken us again: a flood of hops does not starve the loop.
        for _ in range(len(hops)):
            try:
                hops.popleft()()
            except Exception as exc:  # noqa: BLE001 - what escapes into run_sync_soon takes the whole run down
                self._log.error("hop failed", exc_info=exc)


class _Ticket(Generic[T]):
    """One coroutine under way in asyncio, waited for in trio."""

    def __init__(self, bridge: Bridge, work: Callable[[], Coroutine[object, object, T]]) -> None:
        self.done = trio.Event()
        self._bridge = bridge
        self._work = work
        self._task: asyncio.Task[object] | None = None
        self._value: T | None = None
        self._error: Exception | None = None

    def start(self) -> None:
        self._task = self._bridge.spawn(self._keep_outcome())
        self._task.add_done_callback(lambda _: self._bridge.to_trio(self.done.set))

    def cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def result(self) -> T:
        if self._error is not None:
            raise self._error
        return self._value  # type: ignore[return-value]  # done without an error: it is a T

    async def _keep_outcome(self) -> None:
        self._error = PeerGone("the transport was closed")  # stands only when we are cancelled
        try:
            self._value = await self._work()
            self._error = None
        except Exception as exc:  # noqa: BLE001 - it is raised where it is waited for
            self._error = exc


@asynccontextmanager
async def open_bridge(log: Log) -> AsyncIterator[Bridge]:
    """A bridge from the running trio to a new asyncio loop in a thread of its own; both end with the block."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=_run_loop, args=(loop,), name="lumbung-grpc", daemon=True)
    thread.start()
    bridge = Bridge(loop, trio.lowlevel.current_trio_token(), log)
    try:
        yield bridge
    finally:
        with trio.CancelScope(shield=True):
            await bridge.close()
            loop.call_soon_threadsafe(loop.stop)
            await trio.to_thread.run_sync(thread.join, _CLOSE_S_MAX)


def _run_loop(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()
