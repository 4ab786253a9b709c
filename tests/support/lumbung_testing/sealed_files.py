"""Files that look sealed, ready to be put by the client library, and blobs fetched back into memory."""

from __future__ import annotations

from pathlib import Path

from lumbung_cluster import limits
from lumbung_cluster.ids import BlobId
from lumbung_node.ports.transport import Channel
from lumbung_proto.codec import decode_frame
from lumbung_proto.v1 import blobs_pb2 as wire
from lumbung_tools.client.methods import GET
from lumbung_tools.client.put_frames import PutItem
from lumbung_tools.sealing import AGE_MAGIC

__all__ = ["fetch", "looking_sealed", "write_item"]


def looking_sealed(content: bytes) -> bytes:
    """Begins as age does; a node cannot tell, and sealing would only cost time."""
    return AGE_MAGIC + content


def write_item(folder: Path, label: str, content: bytes) -> PutItem:
    """A file of `content`, without record or tags."""
    file = folder / label
    file.write_bytes(content)
    return PutItem(label, str(file), len(content), BlobId.of(content).raw, b"", b"", 0)


async def fetch(channel: Channel, blob: bytes, origin: int = 0) -> bytes:
    """All bytes of a blob as the node sends them; whether they are right is the caller's to check."""
    received: list[bytes] = []
    async with channel.stream(GET) as stream:
        await stream.send(wire.GetRequest(origin=origin, id=blob).SerializeToString())
        await stream.finish_sending()
        while (message := await stream.receive()) is not None:
            _, payload = decode_frame(wire.GetResponse, message, header_bytes_max=limits.FRAME_HEADER_SIZE_BYTES_MAX)
            received.append(bytes(payload))
    return b"".join(received)
