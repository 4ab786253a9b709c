"""What a node answers to people: it names no blob that is not durable, and no holder that has not got it.

durable before said     a listed, described or delivered blob has a durable row
named holders hold      so has every holder that a list or a description names (copies.py)
"""

from __future__ import annotations

from lumbung_cluster.ids import BlobId, NodeNumber
from lumbung_node.ports.transport import Method
from lumbung_node.services.server import GET, LIST, READ, STAT
from lumbung_proto.codec import decode_frame
from lumbung_proto.v1 import blobs_pb2
from lumbung_testing.simulation.invariants.claims import Claims
from lumbung_testing.simulation.invariants.copies import check_copies, check_named
from lumbung_testing.simulation.node import SimNode

__all__ = ["check_answer"]

_HEADER_BYTES_MAX = 128 * 1024


def check_answer(claims: Claims, node: SimNode, method: Method, message: bytes) -> None:
    """One message that leaves as an answer to a call of an operator or a station."""
    if claims.nodes[node.number] is not node:  # an old machine was not told what the present one was
        return
    match method:
        case _ if method == LIST:
            for blob in blobs_pb2.ListResponse.FromString(message).blobs:
                _check_summary(claims, node, blob)
        case _ if method == STAT:
            _check_summary(claims, node, blobs_pb2.StatResponse.FromString(message).blob)
        case _ if method == GET:
            header, _ = decode_frame(blobs_pb2.GetResponse, message, header_bytes_max=_HEADER_BYTES_MAX)
            if header.HasField("start"):
                _check_durable(claims, node, NodeNumber(header.start.origin), BlobId(header.start.id))
        case _ if method == READ:
            frame, _ = decode_frame(blobs_pb2.ReadResponse, message, header_bytes_max=_HEADER_BYTES_MAX)
            if frame.HasField("start"):
                _check_durable(claims, node, NodeNumber(frame.start.origin), BlobId(frame.start.id))
        case _:
            return


def _check_summary(claims: Claims, node: SimNode, summary: blobs_pb2.BlobSummary) -> None:
    blob = BlobId(summary.id)
    _check_durable(claims, node, NodeNumber(summary.origin), blob)
    if summary.origin == node.number:
        check_copies(claims, node, summary.copies)
        for holder in summary.copies.holders:
            check_named(claims, node, NodeNumber(holder), blob)


def _check_durable(claims: Claims, node: SimNode, origin: NodeNumber, blob: BlobId) -> None:
    if node.durable.row(origin, blob) is None:
        claims.broken("durable before said", f"{node.host} shows {blob} of {origin}, which is not durable there")
