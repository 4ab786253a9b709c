"""The node's methods, and who may call them: the roster and the access lists decide, on every call."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

import trio

from lumbung_cluster import limits
from lumbung_cluster.access import Duty
from lumbung_cluster.caller_role import AccessRole, NodeRole, Refused, role_of
from lumbung_cluster.errors import BlobDamaged, LumbungError, PeerGone, Rejected, StatusCode
from lumbung_cluster.ids import NodeNumber
from lumbung_cluster.roster_node import Role
from lumbung_node.ports.transport import Caller, CallKind, Handler, Method, ServerCall
from lumbung_node.ports.world import WallClock
from lumbung_node.services.budget import ByteBudget
from lumbung_node.services.bundles.carried import CarriedReceipts
from lumbung_node.services.bundles.exporting import Exporting, MayExport
from lumbung_node.services.bundles.importing import ImportStream
from lumbung_node.services.copies import CopyBook
from lumbung_node.services.core import STORE_FAILURES, Core
from lumbung_node.services.dial_back import DIAL_BACK, DialBack
from lumbung_node.services.finding import MayRead
from lumbung_node.services.giving import Giving
from lumbung_node.services.leaving import DRAINED, DROP, PLAN_DROP, SAFE_TO_STOP, Leaving
from lumbung_node.services.operations import Operations
from lumbung_node.services.putting import PutStream
from lumbung_node.services.reading import Reading
from lumbung_node.services.reconcile_run import RECONCILE, ReconcileDesk
from lumbung_node.services.replicator import SESSION, Replicator
from lumbung_node.services.report_desk import MUTE, MUTES, REPORTS, MaySee, ReportDesk
from lumbung_node.services.roster_asking import GET_ROSTER
from lumbung_node.services.roster_desk import RosterDesk
from lumbung_node.services.rosters import RosterKeeper
from lumbung_node.services.scrub.view import ScrubDesk
from lumbung_node.services.seen_lives import SEEN_LIFE, answer_seen_life

__all__ = ["AccessGate", "Server", "leaving_quietly"]

PUT = Method("/lumbung.v1.BlobService/Put", CallKind.BIDI)
GET = Method("/lumbung.v1.BlobService/Get", CallKind.SERVER_STREAM)
READ = Method(
    "/lumbung.v1.BlobService/Read", CallKind.BIDI, limits.READ_REQUEST_BYTES_MAX, limits.READ_REQUESTS_WAITING_MAX
)
STAT = Method("/lumbung.v1.BlobService/Stat", CallKind.UNARY)
LIST = Method("/lumbung.v1.BlobService/List", CallKind.UNARY)
STATUS = Method("/lumbung.v1.OperationsService/Status", CallKind.UNARY)
PUBLISH_ROSTER = Method("/lumbung.v1.RosterService/PublishRoster", CallKind.UNARY)
PUBLISH_ACCESS = Method("/lumbung.v1.RosterService/PublishAccess", CallKind.UNARY)
EXPORT = Method("/lumbung.v1.BundleService/Export", CallKind.SERVER_STREAM)
SEAL = Method("/lumbung.v1.BundleService/Seal", CallKind.UNARY)
IMPORT = Method("/lumbung.v1.BundleService/Import", CallKind.BIDI)
TAKE_RECEIPTS = Method("/lumbung.v1.BundleService/TakeReceipts", CallKind.BIDI)
SCRUB_STATUS = Method("/lumbung.v1.ScrubService/ScrubStatus", CallKind.UNARY)
START_SCRUB = Method("/lumbung.v1.ScrubService/StartScrub", CallKind.UNARY)
PAUSE_SCRUB = Method("/lumbung.v1.ScrubService/PauseScrub", CallKind.UNARY)
CONFIRM_SCRUB = Method("/lumbung.v1.ScrubService/ConfirmScrub", CallKind.UNARY)
_HEALTH_PREFIX = "/grpc.health.v1.Health/"
_WATCHING_ROLES = (Role.OPS, Role.CENTRAL, Role.DRC)
_OF_STATIONS = (STAT, GET_ROSTER)
_OF_OPERATORS = (GET, READ, STAT, LIST, STATUS, GET_ROSTER, PUBLISH_ROSTER, PUBLISH_ACCESS, EXPORT, SEAL, REPORTS)
_OF_SCRUB = (SCRUB_STATUS, START_SCRUB, PAUSE_SCRUB, CONFIRM_SCRUB)
_OF_OWN_OPERATORS = (
    IMPORT,
    TAKE_RECEIPTS,
    SAFE_TO_STOP,
    PLAN_DROP,
    DROP,
    DRAINED,
    RECONCILE,
    MUTE,
    MUTES,
    *_OF_SCRUB,
)


class AccessGate:
    """Who is calling, and may they? Asked before each handler, and again for open calls when the roster changes."""

    def __init__(self, rosters: RosterKeeper, number: NodeNumber, clock: WallClock) -> None:
        self._rosters = rosters
        self._clock = clock
        self._number = number

    def role(self, caller: Caller) -> NodeRole | AccessRole:
        """Raises Rejected(PERMISSION_DENIED) with the reason."""
        rosters = self._rosters
        role = role_of(caller.uri, caller.key_pin, rosters.roster, rosters.access_lists, now_ms=self._clock.now_ms())
        if isinstance(role, Refused):
            raise Rejected(StatusCode.PERMISSION_DENIED, role.sentence)
        return role

    def check(self, caller: Caller, method: Method) -> None:
        """Raises Rejected(PERMISSION_DENIED) when this caller may not use this method."""
        role = self.role(caller)
        if method.name.startswith(_HEALTH_PREFIX):
            return
        if isinstance(role, NodeRole):
            allowed = method in (SESSION, SEEN_LIFE, DIAL_BACK) or method in (
                GET,
                READ,
                STAT,
                GET_ROSTER,
                PUBLISH_ROSTER,
                PUBLISH_ACCESS,
            )
            allowed = allowed or (method in (STATUS, LIST, REPORTS) and role.record.role in _WATCHING_ROLES)
        else:
            own_office = self._rosters.roster.office_of(self._number) == role.office
            of_duty = _OF_OPERATORS if role.duty is Duty.OPERATOR else _OF_STATIONS
            allowed = method in of_duty or (method == PUT and own_office)
            is_own_operator = own_office and role.duty is Duty.OPERATOR
            allowed = allowed or (method in _OF_OWN_OPERATORS and is_own_operator)
        if not allowed:
            raise Rejected(StatusCode.PERMISSION_DENIED, f"{caller.uri} may not call {method.name} at this node")

    def may_stay(self, caller: Caller, method: Method) -> bool:
        """Whether an open call of this caller may go on: he may still be who he is, with less to do."""
        try:
            self.check(caller, method)
        except Rejected:
            return False
        return True

    def may_read(self, caller: Caller) -> MayRead:
        """Which origins a caller may read here: its own office's, or those that it holds itself."""
        role = self.role(caller)

        def check(origin: NodeNumber) -> None:
            roster = self._rosters.roster
            if isinstance(role, NodeRole):
                allowed = bool(roster.units_held(role.number, origin)) or role.record.role in _WATCHING_ROLES
            else:
                allowed = roster.office_of(origin) == role.office
            if not allowed:
                raise Rejected(StatusCode.PERMISSION_DENIED, f"{caller.uri} may not read origin {origin}")

        return check

    def may_export(self, caller: Caller) -> MayExport:
        """Which origins a caller may take away on a disk: what it may read, and at its own office's node everything.

        The disk is for a holder that the roster names, the blobs are sealed, and whoever runs a node has its disk.
        """
        role, may_read = self.role(caller), self.may_read(caller)
        own_office = self._rosters.roster.office_of(self._number)

        def check(origin: NodeNumber) -> None:
            if not (isinstance(role, AccessRole) and role.office == own_office):
                may_read(origin)

        return check

    def may_see(self, caller: Caller) -> MaySee:
        """Of which nodes a caller may see the reports: the centre and its operators of all, others of their office."""
        role, roster = self.role(caller), self._rosters.roster
        if isinstance(role, NodeRole):
            return None if role.record.role in _WATCHING_ROLES else lambda node: node == role.number
        office = roster.node(role.office)
        if office is not None and office.role in _WATCHING_ROLES:
            return None
        return lambda node: self._rosters.roster.office_of(node) == role.office

    def node(self, caller: Caller) -> NodeNumber:
        """The caller's number as a node. Raises Rejected for stations and operators."""
        role = self.role(caller)
        if not isinstance(role, NodeRole):
            raise Rejected(StatusCode.PERMISSION_DENIED, f"{caller.uri} is not a node")
        return role.number


class Server:
    """Puts the services behind their methods."""

    def __init__(
        self,
        core: Core,
        gate: AccessGate,
        copies: CopyBook,
        replicator: Replicator,
        operations: Operations,
        scrub: ScrubDesk,
        dial_back: DialBack,
        reports: ReportDesk,
    ) -> None:
        self._core = core
        self._gate = gate
        self._copies = copies
        self._replicator = replicator
        self._operations = operations
        self._scrub = scrub
        self._dial_back = dial_back
        self._reports = reports
        self._giving = Giving(core)
        self._reading = Reading(core, copies)
        self._rosters = RosterDesk(core)
        self._exporting = Exporting(core)
        self._carried = CarriedReceipts(core)
        self._leaving = Leaving(core, replicator)
        self._reconcile = ReconcileDesk(core, replicator)
        self._import_share = ByteBudget(limits.BUNDLE_MEMORY_BYTES_MAX)

    def handlers(self) -> Mapping[Method, Handler]:
        return {
            method: self._patient(leaving_quietly(_telling_store_failures(handler)))
            for method, handler in self._services().items()
        }

    def _patient(self, handler: Handler) -> Handler:
        """Refusals for a broken protocol wait a little once a caller has had many: each costs us more than him."""

        async def handle(call: ServerCall) -> None:
            try:
                await handler(call)
            except (Rejected, BaseExceptionGroup) as failure:
                if _is_broken_protocol(failure):
                    await trio.sleep(self._core.patience.erred(call.caller.uri, trio.current_time()))
                raise

        return handle

    def _services(self) -> Mapping[Method, Handler]:
        return {
            PUT: self._put,
            GET: self._with_origins(self._giving.get),
            READ: self._read,
            STAT: self._with_origins(self._reading.stat),
            LIST: self._with_origins(self._reading.list),
            STATUS: self._operations.status,
            SAFE_TO_STOP: self._leaving.safe_to_stop,
            PLAN_DROP: self._leaving.plan_drop,
            DROP: self._leaving.drop,
            RECONCILE: self._reconcile.reconcile,
            DRAINED: self._leaving.drained,
            SCRUB_STATUS: self._scrub.status,
            START_SCRUB: self._scrub.start,
            PAUSE_SCRUB: self._scrub.pause,
            CONFIRM_SCRUB: self._scrub.confirm,
            REPORTS: self._tell_reports,
            MUTE: self._reports.mute,
            MUTES: self._reports.mutes,
            GET_ROSTER: self._get_roster,
            PUBLISH_ROSTER: self._rosters.publish,
            PUBLISH_ACCESS: self._rosters.publish_access,
            SESSION: self._session,
            SEEN_LIFE: self._seen_life,
            DIAL_BACK: self._dialled_back,
            EXPORT: self._with_export(self._exporting.export),
            SEAL: self._with_export(self._exporting.seal),
            IMPORT: self._import,
            TAKE_RECEIPTS: self._carried.take,
        }

    async def _put(self, call: ServerCall) -> None:
        await PutStream(self._core, self._copies, self._replicator.hurry, call).run()

    async def _read(self, call: ServerCall) -> None:
        await self._giving.read(call, lambda: self._gate.may_read(call.caller))

    def _with_origins(self, read: Callable[[ServerCall, MayRead], Awaitable[None]]) -> Handler:
        async def handle(call: ServerCall) -> None:
            await read(call, self._gate.may_read(call.caller))

        return handle

    def _with_export(self, handler: Callable[[ServerCall, MayExport], Awaitable[None]]) -> Handler:
        async def handle(call: ServerCall) -> None:
            await handler(call, self._gate.may_export(call.caller))

        return handle

    async def _import(self, call: ServerCall) -> None:
        await ImportStream(self._core, self._replicator.arrivals, self._import_share, call).run()

    async def _tell_reports(self, call: ServerCall) -> None:
        await self._reports.reports(call, self._gate.may_see(call.caller))

    async def _session(self, call: ServerCall) -> None:
        await self._replicator.serve(call, self._gate.node(call.caller))
        # A new roster ends every session, perhaps before the listener revokes the call: whom it retired is told so.
        self._gate.node(call.caller)

    async def _seen_life(self, call: ServerCall) -> None:
        await answer_seen_life(self._core, call, self._gate.node(call.caller))

    async def _dialled_back(self, call: ServerCall) -> None:
        await self._dial_back.answer(call, self._gate.node(call.caller))

    async def _get_roster(self, call: ServerCall) -> None:
        await self._rosters.get(call, self._gate.role(call.caller))


def leaving_quietly(handler: Handler) -> Handler:
    """Cancelled and refused at once, as when the store fails under everybody: only the cancellation goes on.

    The call ends anyway. A refusal beside it would leave the server's nursery as an error that nobody there expects,
    and take the node with it.
    """

    async def handle(call: ServerCall) -> None:
        try:
            await handler(call)
        except BaseExceptionGroup as group:
            refusals, rest = group.split(LumbungError)
            if refusals is not None and rest is not None and rest.split(trio.Cancelled)[1] is None:
                raise rest from None
            raise

    return handle


def _is_broken_protocol(failure: BaseException) -> bool:
    """Whether this is INVALID_ARGUMENT and nothing worse: a bug or a cancellation goes its way at once."""
    if isinstance(failure, BaseExceptionGroup):
        return all(_is_broken_protocol(part) or isinstance(part, PeerGone) for part in failure.exceptions)
    return isinstance(failure, Rejected) and failure.code is StatusCode.INVALID_ARGUMENT


def _telling_store_failures(handler: Handler) -> Handler:
    """A store that fails under a call is no bug of the call: the caller is told to try again."""

    async def handle(call: ServerCall) -> None:
        try:
            await handler(call)
        except* STORE_FAILURES as failures:
            raise Rejected(
                StatusCode.UNAVAILABLE, "the store failed and is being opened again: try again"
            ) from failures
        except* BlobDamaged as damages:
            raise Rejected(
                StatusCode.DATA_LOSS, "a part of the index here is damaged and being mended: ask another holder"
            ) from damages

    return handle
