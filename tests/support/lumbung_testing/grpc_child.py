"""A process on the gRPC transport, to be killed, stopped or crowded: `python -m lumbung_testing.grpc_child ...`.

Reads its TLS identity as one line of JSON. Without arguments it serves the test handlers and prints its address; with
`ADDRESS URI` it dials there, sends one message of a stream, prints "sent", and waits.
"""

from __future__ import annotations

import json
import sys

import trio

from lumbung_node.adapters.grpc_transport import GrpcTransport, TlsIdentity, grpc_transport
from lumbung_node.ports.metrics import Uncounted
from lumbung_node.ports.transport import Endpoint, LinkClass
from lumbung_testing.handlers import BIDI, UNARY, answer, echo
from lumbung_testing.transports import let_everybody_in
from lumbung_testing.world import ListLog


async def _serve(transport: GrpcTransport) -> None:
    async with transport.serve("127.0.0.1:0", {UNARY: answer, BIDI: echo}) as listener:
        print(listener.address, flush=True)
        await trio.sleep_forever()


async def _send_half(transport: GrpcTransport, address: str, uri: str) -> None:
    async with transport.dial(Endpoint(address, uri, ())).stream(BIDI) as stream:
        await stream.send(b"half of it")
        await stream.receive()
        print("sent", flush=True)
        await trio.sleep_forever()


async def _main(arguments: list[str]) -> None:
    tls = TlsIdentity(*(part.encode() for part in json.loads(sys.stdin.readline())))
    async with grpc_transport(
        tls, access_check=let_everybody_in, link=LinkClass.LAN, log=ListLog(), metrics=Uncounted()
    ) as transport:
        if arguments:
            await _send_half(transport, *arguments)
        else:
            await _serve(transport)


if __name__ == "__main__":
    trio.run(_main, sys.argv[1:])
