"""The page of metrics over HTTP: GET /metrics, one answer a connection, nothing else.

Without TLS or passwords, so it belongs on loopback; it shows numbers and names of nodes, nothing of a person. Whoever
reaches it may read it: connections, their time and the size of a request are bounded.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from http import HTTPStatus

import h11
import trio
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4

from lumbung_cluster.limits import METRICS_CALL_S, METRICS_CALLS_MAX, METRICS_HEAD_BYTES_MAX
from lumbung_node.ports.log import Log

__all__ = ["serve_page"]

_READ_BYTES = 4096
_PATH = b"/metrics"
Page = Callable[[], Awaitable[bytes]]


async def serve_page(
    address: str, page: Page, log: Log, task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED
) -> None:
    """Serve until cancelled; tells the bound address once it listens. Raises OSError when it cannot."""
    host, _, port = address.rpartition(":")
    try:
        listeners = await trio.open_tcp_listeners(int(port), host=host.strip("[]"))
    except OSError as exc:
        raise OSError(exc.errno, f"cannot listen on {address} for metrics: {exc.strerror or exc}") from exc
    bound = listeners[0].socket.getsockname()[1]
    log.info("metrics", listen=f"{host}:{bound}")
    task_status.started(f"{host}:{bound}")
    await trio.serve_listeners(partial(_serve_call, page, trio.Semaphore(METRICS_CALLS_MAX), log), listeners)


async def _serve_call(page: Page, places: trio.Semaphore, log: Log, stream: trio.SocketStream) -> None:
    """One request; who is one too many, too slow or speaks no HTTP is hung up on."""
    try:
        places.acquire_nowait()
    except trio.WouldBlock:
        await stream.aclose()
        return
    try:
        with trio.move_on_after(METRICS_CALL_S):
            await _answer(page, log, stream)
    except (trio.BrokenResourceError, trio.ClosedResourceError):
        return  # it has gone: nobody waits for the rest
    finally:
        places.release()
        await trio.aclose_forcefully(stream)


async def _answer(page: Page, log: Log, stream: trio.SocketStream) -> None:
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=METRICS_HEAD_BYTES_MAX)
    is_head = False
    try:
        request = await _read_request(connection, stream)
        if request is None:
            return
        is_head = request.method == b"HEAD"
        status, body = await _judge(page, log, request)
    except h11.RemoteProtocolError as exc:
        status, body = exc.error_status_hint, b"expected an HTTP request\n"
    kind = CONTENT_TYPE_PLAIN_0_0_4 if status == HTTPStatus.OK else "text/plain; charset=utf-8"
    headers = [("content-type", kind), ("content-length", str(len(body))), ("connection", "close")]
    head = h11.Response(status_code=status, headers=headers)
    parts: list[h11.Event] = [head, h11.EndOfMessage()]
    if not is_head:
        parts.insert(1, h11.Data(data=body))
    for part in parts:
        await stream.send_all(connection.send(part) or b"")
    await stream.send_eof()


async def _judge(page: Page, log: Log, request: h11.Request) -> tuple[int, bytes]:
    if request.method not in (b"GET", b"HEAD"):
        return HTTPStatus.METHOD_NOT_ALLOWED, b"expected GET\n"
    if request.target.partition(b"?")[0] != _PATH:
        return HTTPStatus.NOT_FOUND, b"the metrics are at /metrics\n"
    try:
        return HTTPStatus.OK, await page()
    except Exception as exc:  # noqa: BLE001 (a bug met by a scrape ends this scrape, never the node)
        log.error("metrics failed", error=repr(exc))
        return HTTPStatus.INTERNAL_SERVER_ERROR, b"internal error: the log has it\n"


async def _read_request(connection: h11.Connection, stream: trio.SocketStream) -> h11.Request | None:
    """None when the other side ended before it asked for anything."""
    while True:
        event = connection.next_event()
        if isinstance(event, h11.Request):
            return event
        if event is not h11.NEED_DATA:
            return None
        connection.receive_data(await stream.receive_some(_READ_BYTES))
