"""The methods of lumbung.v1 that a client calls, as the transport port names them."""

from __future__ import annotations

from lumbung_node.ports.transport import CallKind, Method

__all__ = ["GET", "GET_ROSTER", "LIST", "PUBLISH_ACCESS", "PUBLISH_ROSTER", "PUT", "STAT", "STATUS"]

PUT = Method("/lumbung.v1.BlobService/Put", CallKind.BIDI)
GET = Method("/lumbung.v1.BlobService/Get", CallKind.SERVER_STREAM)
STAT = Method("/lumbung.v1.BlobService/Stat", CallKind.UNARY)
LIST = Method("/lumbung.v1.BlobService/List", CallKind.UNARY)
STATUS = Method("/lumbung.v1.OperationsService/Status", CallKind.UNARY)
GET_ROSTER = Method("/lumbung.v1.RosterService/GetRoster", CallKind.UNARY)
PUBLISH_ROSTER = Method("/lumbung.v1.RosterService/PublishRoster", CallKind.UNARY)
PUBLISH_ACCESS = Method("/lumbung.v1.RosterService/PublishAccess", CallKind.UNARY)
