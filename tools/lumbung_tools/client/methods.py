"""The methods of lumbung.v1 that a client calls, as the transport port names them."""

from __future__ import annotations

from lumbung_cluster.limits import READ_REQUEST_BYTES_MAX, READ_REQUESTS_WAITING_MAX
from lumbung_node.ports.transport import CallKind, Method

__all__ = [
    "DRAINED",
    "DROP",
    "EXPORT",
    "GET",
    "GET_ROSTER",
    "IMPORT",
    "LIST",
    "MUTE",
    "MUTES",
    "PLAN_DROP",
    "PUBLISH_ACCESS",
    "PUBLISH_ROSTER",
    "PUT",
    "READ",
    "RECONCILE",
    "REPORTS",
    "SAFE_TO_STOP",
    "SEAL",
    "STAT",
    "STATUS",
    "TAKE_RECEIPTS",
]

PUT = Method("/lumbung.v1.BlobService/Put", CallKind.BIDI)
GET = Method("/lumbung.v1.BlobService/Get", CallKind.SERVER_STREAM)
READ = Method("/lumbung.v1.BlobService/Read", CallKind.BIDI, READ_REQUEST_BYTES_MAX, READ_REQUESTS_WAITING_MAX)
STAT = Method("/lumbung.v1.BlobService/Stat", CallKind.UNARY)
LIST = Method("/lumbung.v1.BlobService/List", CallKind.UNARY)
STATUS = Method("/lumbung.v1.OperationsService/Status", CallKind.UNARY)
RECONCILE = Method("/lumbung.v1.OperationsService/Reconcile", CallKind.SERVER_STREAM)
GET_ROSTER = Method("/lumbung.v1.RosterService/GetRoster", CallKind.UNARY)
PUBLISH_ROSTER = Method("/lumbung.v1.RosterService/PublishRoster", CallKind.UNARY)
PUBLISH_ACCESS = Method("/lumbung.v1.RosterService/PublishAccess", CallKind.UNARY)
EXPORT = Method("/lumbung.v1.BundleService/Export", CallKind.SERVER_STREAM)
SEAL = Method("/lumbung.v1.BundleService/Seal", CallKind.UNARY)
IMPORT = Method("/lumbung.v1.BundleService/Import", CallKind.BIDI)
TAKE_RECEIPTS = Method("/lumbung.v1.BundleService/TakeReceipts", CallKind.BIDI)
SAFE_TO_STOP = Method("/lumbung.v1.LeavingService/SafeToStop", CallKind.UNARY)
REPORTS = Method("/lumbung.v1.ReportService/Reports", CallKind.SERVER_STREAM)
MUTE = Method("/lumbung.v1.ReportService/Mute", CallKind.UNARY)
MUTES = Method("/lumbung.v1.ReportService/Mutes", CallKind.UNARY)
PLAN_DROP = Method("/lumbung.v1.LeavingService/PlanDrop", CallKind.UNARY)
DRAINED = Method("/lumbung.v1.LeavingService/Drained", CallKind.SERVER_STREAM)
DROP = Method("/lumbung.v1.LeavingService/Drop", CallKind.UNARY)
