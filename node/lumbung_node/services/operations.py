"""What a node knows of itself: the answer to `lumbung status`, and the troubles that `lumbung health` names."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import trio

from lumbung_cluster.copies import proven_copies
from lumbung_cluster.health import AsideFacts, Facts, LinkFacts, LinkHealth, Trouble, entries_counting, judge_health
from lumbung_cluster.ids import NodeNumber
from lumbung_cluster.mute import own_mute
from lumbung_cluster.roster_node import Role
from lumbung_cluster.tally import Tally, holder_groups, tally
from lumbung_node.ports.transport import ServerCall
from lumbung_node.services.core import Core
from lumbung_node.services.key_report import key_states, list_ends, own_end
from lumbung_node.services.keyring import KeyRing
from lumbung_node.services.links import Link, LinkState
from lumbung_node.services.rebuild import Rebuild
from lumbung_node.services.reconcile_words import partner_messages
from lumbung_node.services.replicator import Replicator
from lumbung_node.services.requests import read_request
from lumbung_node.services.scrub.view import ScrubDesk
from lumbung_node.services.takeover import Takeover
from lumbung_node.store.formats import FORMAT_HIGH
from lumbung_node.store.takeovers import TakeoverState
from lumbung_proto.v1 import operations_pb2

__all__ = ["Operations"]

_CONDITIONS = {
    LinkHealth.UP: operations_pb2.LINK_CONDITION_UP,
    LinkHealth.BEHIND: operations_pb2.LINK_CONDITION_BEHIND,
    LinkHealth.DOWN: operations_pb2.LINK_CONDITION_DOWN,
    LinkHealth.REFUSED: operations_pb2.LINK_CONDITION_REFUSED,
}


class Operations:
    """Status of one node. Its cost grows with what is out of order, not with the number of blobs."""

    def __init__(
        self,
        core: Core,
        replicator: Replicator,
        takeover: Takeover,
        rebuild: Rebuild,
        scrub: ScrubDesk,
        *,
        keys: KeyRing,
        keys_together: bool,
        certificate_expires_ms: Callable[[], int],
    ) -> None:
        self._core = core
        self._replicator = replicator
        self._takeover = takeover
        self._rebuild = rebuild
        self._scrub = scrub
        self._keys = keys
        self._keys_together = keys_together
        self._certificate_expires_ms = certificate_expires_ms
        self._started = trio.current_time()

    async def status(self, call: ServerCall) -> None:
        request = await read_request(call, operations_pb2.StatusRequest)
        response = await self.response()
        if request.list_ends:
            response.list_ends.extend(await list_ends(self._core))
        # In the order of the keys: a map is otherwise written in an order that differs from process to process.
        await call.send(response.SerializeToString(deterministic=True))

    async def response(self) -> operations_pb2.StatusResponse:
        core = self._core
        record = core.rosters.roster.node(core.number)
        counted = self._tally()
        response = operations_pb2.StatusResponse(
            node=core.number,
            name=record.name if record is not None else "",
            software=core.software,
            generation=core.store.state.generation,
            roster_epoch=core.rosters.roster.epoch,
            roster_created_ms=core.rosters.roster.created_ms,
            clock_ms=core.clock.now_ms(),
            uptime_s=trio.current_time() - self._started,
            takes_puts=not (core.condition.stopped or core.condition.refuses_own),
            certificate_expires_ms=self._certificate_expires_ms(),
        )
        response.own.CopyFrom(await self._own(counted))
        links = dict(self._replicator.links)  # a roster may take a partner away while we read
        for peer in sorted(links):
            response.links.append(await self._link(links[peer]))
        self._add_origins(response)
        response.disk.CopyFrom(
            operations_pb2.DiskState(
                free_bytes=core.condition.free_bytes,
                total_bytes=core.condition.total_bytes,
                refuses_foreign=core.condition.refuses_foreign,
                refuses_own=core.condition.refuses_own,
            )
        )
        self._add_set_aside(response)
        self._add_rebuild(response)
        inventories = core.store.inventories
        response.inventory.CopyFrom(
            operations_pb2.InventoryState(
                rows_behind=inventories.rows_behind,
                units_doubted=inventories.units_doubted,
                origins_unknown=inventories.origins_unknown,
            )
        )
        response.reconciles.extend(partner_messages(core))
        response.scrub.CopyFrom(self._scrub.state())
        response.keys.extend(key_states(self._keys))
        if (end := own_end(core, self._keys.used)) is not None:
            response.own_end.CopyFrom(end)
        response.versions.CopyFrom(
            operations_pb2.VersionState(
                disk_format=core.store.state.format_version,
                disk_format_high=FORMAT_HIGH,
                format_level=core.rosters.roster.format_level,
                wire_low=core.wire.low,
                wire_high=core.wire.high,
            )
        )
        response.health.extend(self._health_message(trouble) for trouble in self._troubles(response, links))
        return response

    def _add_rebuild(self, response: operations_pb2.StatusResponse) -> None:
        progress = self._rebuild.progress()
        if progress is None:
            return
        response.rebuild.CopyFrom(
            operations_pb2.RebuildState(
                since_ms=progress.since_ms,
                known_blobs=progress.known.blobs,
                known_bytes=progress.known.size_bytes,
                here_blobs=progress.here.blobs,
                here_bytes=progress.here.size_bytes,
                rate_bytes_per_s=progress.rate_bytes_per_s,
                eta_s=progress.eta_s or 0.0,
                unmet=progress.unmet,
                open_pairs=[
                    operations_pb2.RebuildOpenPair(
                        partner=pair.partner, origin=pair.origin, lacking=pair.lacking, reason=pair.reason.value
                    )
                    for pair in progress.open_pairs
                ],
            )
        )

    def _add_set_aside(self, response: operations_pb2.StatusResponse) -> None:
        response.fallback_folder = self._core.condition.fallback
        for name, row in self._takeover.rows.items():
            response.set_aside.add(
                name=name,
                refuses_to_open=row.state is TakeoverState.REFUSES_TO_OPEN,
                ended=row.state is TakeoverState.ENDED,
                expected=row.expected,
                taken=row.taken,
                taken_bytes=row.taken_bytes,
                present=row.present,
                lacking=row.lacking if row.state is not TakeoverState.RUNNING else 0,
            )

    def _tally(self) -> Tally:
        core = self._core
        roster, origin = core.rosters.roster, core.number

        def count(own: bool, others: tuple[NodeNumber, ...]) -> int:
            return proven_copies(roster, origin, (*((origin,) if own else ()), *others)).count

        damaged = [number for (o, _), number in core.store.state.damaged.items() if o == origin]
        end = core.store.state.end(origin).number
        # By the roster under which the ledger was read: what a holder passed over under it is nobody's copy.
        groups = holder_groups(core.ledger_roster, origin, roster)
        return tally(core.store.proofs.ledger, groups, end, damaged, count)

    async def _own(self, counted: Tally) -> operations_pb2.OwnCounts:
        state = self._core.store.state
        counts = state.count(self._core.number)
        lost, one, two, three = counted.by_copies
        return operations_pb2.OwnCounts(
            blobs=counts.blobs,
            size_bytes=counts.size_bytes,
            by_copies=[one + lost, two, three],
            oldest_unsafe_ms=await self._time_of(counted.oldest_unsafe),
            only_here=one,
            oldest_only_here_ms=await self._time_of(counted.oldest_only_here),
            damaged=counts.damaged,
        )

    async def _time_of(self, number: int) -> int:
        """When the own blob with this feed number was accepted; 0 for no number."""
        rows = await self._core.store.reader.feed_rows(self._core.number, [number])
        held = await self._core.store.reader.rows(self._core.number, [row.blob for row in rows.values()])
        return held[0].time_ms if held and held[0] is not None else 0

    async def _link(self, link: Link) -> operations_pb2.LinkState:
        core = self._core
        record = core.rosters.roster.node(link.peer)
        account = core.store.proofs.ledger.account(link.peer)
        end = core.store.state.end(core.number).number
        is_holder = bool(core.rosters.roster.units_held(link.peer, core.number))
        first = account.unproven(end, 1) if is_holder else []
        session = link.session
        cover = core.store.covers.newest(link.peer)
        heard_at = link.last_heard_at
        return operations_pb2.LinkState(
            node=link.peer,
            name=record.name if record is not None else "",
            condition=_CONDITIONS[_condition(link)],
            lag_blobs=account.count_unproven(end) if is_holder else 0,
            lag_oldest_ms=await self._time_of(first[0]) if first else 0,
            proven_blobs=account.count_proven(end) if is_holder else 0,
            verified_since_ms=account.verified_since_ms,
            since_s=trio.current_time() - link.since,
            sentence=link.sentence,
            generation=core.store.state.generations_seen.get(link.peer, 0),
            clock_offset_ms=session.clock_offset_ms if session is not None else 0,
            is_drc=record is not None and record.role is Role.DRC,
            inventory_received_ms=cover.received_ms if cover is not None else 0,
            inventory_number=cover.number if cover is not None else 0,
            inventory_units=cover.units.bit_count() if cover is not None else 0,
            heard_s=trio.current_time() - heard_at if heard_at is not None else None,
            round_trip_s=session.round_trip_s if session is not None else None,
        )

    def _add_origins(self, response: operations_pb2.StatusResponse) -> None:
        core = self._core
        others = [origin for origin in sorted(core.store.state.counts) if origin != core.number]
        for origin in (core.number, *others):
            counts = core.store.state.count(origin)
            record = core.rosters.roster.node(origin)
            response.origins.add(
                origin=origin,
                name=record.name if record is not None else "",
                blobs=counts.blobs,
                size_bytes=counts.size_bytes,
                damaged=counts.damaged,
            )

    def _troubles(self, response: operations_pb2.StatusResponse, links: Mapping[NodeNumber, Link]) -> list[Trouble]:
        core = self._core
        link_facts = [
            LinkFacts(
                NodeNumber(link.node),
                _condition(links[NodeNumber(link.node)]),
                link.since_s,
                link.clock_offset_ms,
                has_met=link.generation > 0,
                needs_patience=links[NodeNumber(link.node)].patience.is_raised,
            )
            for link in response.links
        ]
        own = response.own
        facts = Facts(
            now_ms=response.clock_ms,
            blobs_unsafe=own.by_copies[0] + own.by_copies[1],
            blobs_only_here=own.only_here,
            oldest_unsafe_ms=own.oldest_unsafe_ms,
            damaged=sum(origin.damaged for origin in response.origins),
            links=link_facts,
            free_bytes=core.condition.free_bytes,
            total_bytes=core.condition.total_bytes,
            refuses_foreign=core.condition.refuses_foreign,
            refuses_own=core.condition.refuses_own,
            certificate_expires_ms=response.certificate_expires_ms,
            clock_jump_ms=core.condition.clock_jump_ms,
            fork=core.rosters.fork_seen,
            left_behind=core.rosters.left_behind,
            stopped=core.condition.stopped,
            keys_together=self._keys_together,
            keys_out_of_force=[key.use for key in response.keys if not key.in_force],
            entries_not_ours=entries_counting(core.store.state.scrub.not_ours.values(), response.clock_ms),
            fallback=core.condition.fallback,
            rebuilding=response.HasField("rebuild"),
            set_aside=[
                AsideFacts(store.name, store.refuses_to_open, store.ended, store.taken, store.lacking)
                for store in response.set_aside
            ],
            units_doubted=response.inventory.units_doubted,
            inventories_unknown=response.inventory.origins_unknown,
            scrub=self._scrub.facts(),
        )
        return judge_health(facts)

    def _health_message(self, trouble: Trouble) -> operations_pb2.HealthItem:
        mute = own_mute(self._core.mutes, trouble.code.name, trouble.node, self._core.clock.now_ms())
        return operations_pb2.HealthItem(
            code=trouble.code.name,
            severity=operations_pb2.Severity.ValueType(trouble.severity.value),
            node=trouble.node,
            values={name: str(value) for name, value in trouble.values},
            muted_until_ms=mute.until_ms if mute is not None else 0,
        )


def _condition(link: Link) -> LinkHealth:
    match link.state:
        case LinkState.UP:
            behind = link.session is None or link.session.is_behind()
            return LinkHealth.BEHIND if behind else LinkHealth.UP
        case LinkState.DOWN:
            return LinkHealth.DOWN
        case LinkState.REFUSED:
            return LinkHealth.REFUSED
