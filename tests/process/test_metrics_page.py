"""The small HTTP server of the metrics, over real sockets: what it answers, and whom it hangs up on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
import trio

from lumbung_cluster.limits import METRICS_CALLS_MAX, METRICS_HEAD_BYTES_MAX
from lumbung_node.adapters.metrics.http import serve_page
from lumbung_testing.world import ListLog

_PATIENCE_S = 30.0
_QUESTION = b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n"


async def _page() -> bytes:
    await trio.lowlevel.checkpoint()
    return b"lumbung_serving 1.0\n"


@asynccontextmanager
async def _serving() -> AsyncIterator[int]:
    with trio.fail_after(_PATIENCE_S):
        async with trio.open_nursery() as nursery:
            address = await nursery.start(serve_page, "127.0.0.1:0", _page, ListLog())
            yield int(address.rpartition(":")[2])
            nursery.cancel_scope.cancel()


async def _asked(port: int, request: bytes) -> bytes:
    async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
        await stream.send_all(request)
        return await _rest(stream)


async def _until(port: int, *, is_answered: bool) -> None:
    """A connection is taken, or let go, a moment after its other end was opened or closed."""
    while bool(await _asked(port, _QUESTION)) is not is_answered:  # noqa: ASYNC110 (nobody tells)
        await trio.sleep(0.01)


async def _rest(stream: trio.SocketStream) -> bytes:
    answer = b""
    try:
        while part := await stream.receive_some(4096):
            answer += part
    except trio.BrokenResourceError:
        return answer
    return answer


async def test_the_page_is_at_metrics_as_text_of_prometheus() -> None:
    async with _serving() as port:
        head, _, body = (await _asked(port, _QUESTION)).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ")
    assert b"text/plain; version=0.0.4" in head.lower()
    assert body == b"lumbung_serving 1.0\n"


@pytest.mark.parametrize(
    ("request_head", "status"),
    [
        (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"404"),
        (b"POST /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", b"405"),
        (b"\x16\x03\x01 a TLS greeting\r\n\r\n", b"400"),
        (b"GET /metrics HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 2 * METRICS_HEAD_BYTES_MAX, b"431"),
    ],
)
async def test_everything_else_is_refused(request_head: bytes, status: bytes) -> None:
    async with _serving() as port:
        answer = await _asked(port, request_head)
    assert answer.split(b" ")[1] == status
    assert b"lumbung_serving" not in answer


async def test_a_head_question_gets_no_body() -> None:
    async with _serving() as port:
        answer = await _asked(port, b"HEAD /metrics HTTP/1.1\r\nHost: a\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.endswith(b"\r\n\r\n")


async def test_one_connection_too_many_is_hung_up_on_and_the_place_comes_back() -> None:
    async with _serving() as port, AsyncExitStack() as stack:
        silent = [await trio.open_tcp_stream("127.0.0.1", port) for _ in range(METRICS_CALLS_MAX)]
        for stream in silent:
            await stack.enter_async_context(stream)
        await _until(port, is_answered=False)
        await silent.pop().aclose()
        await _until(port, is_answered=True)


async def test_a_bug_behind_the_page_ends_that_answer_and_not_the_server() -> None:
    log = ListLog()
    bugs = [KeyError("peer"), None]

    async def page() -> bytes:
        await trio.lowlevel.checkpoint()
        bug = bugs.pop(0)
        if bug is not None:
            raise bug
        return b"fine\n"

    with trio.fail_after(_PATIENCE_S):
        async with trio.open_nursery() as nursery:
            address = await nursery.start(serve_page, "127.0.0.1:0", page, log)
            port = int(address.rpartition(":")[2])
            assert (await _asked(port, _QUESTION)).startswith(b"HTTP/1.1 500 ")
            assert (await _asked(port, _QUESTION)).endswith(b"fine\n")
            nursery.cancel_scope.cancel()
    assert log.said("metrics failed") == [{"error": "KeyError('peer')"}]


async def test_a_taken_port_is_told_in_one_sentence() -> None:
    async with _serving() as port:
        with pytest.raises(OSError, match=f"cannot listen on 127.0.0.1:{port} for metrics"):
            await serve_page(f"127.0.0.1:{port}", _page, ListLog())
