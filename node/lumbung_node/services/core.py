"""What every service of one node shares: the store, the roster in force, keys, clock and the node's own condition."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import trio

from lumbung_cluster.errors import (
    DiskFailed,
    DiskFull,
    OutcomeUnknown,
    Rejected,
    StatusCode,
    StoreClosed,
    StoreDamaged,
)
from lumbung_cluster.ids import BlobId, ClusterId, NodeNumber
from lumbung_cluster.limits import (
    DOUBT_INTERVAL_S,
    LIVES_BURST,
    LIVES_PER_S,
    RECONCILE_FROZEN_MAX,
    RECONCILE_MENDING_MAX,
    ROSTERS_BURST,
    ROSTERS_PER_S,
    WITHDRAWALS_BURST,
    WITHDRAWALS_PER_S,
)
from lumbung_cluster.mute import Mute
from lumbung_cluster.patience import Bucket, Patience
from lumbung_cluster.retry_after import retry_after_s
from lumbung_cluster.roster import Roster
from lumbung_cluster.schedule import Schedule
from lumbung_cluster.wire import WireRange
from lumbung_node.ports.log import Log
from lumbung_node.ports.metrics import Metrics
from lumbung_node.ports.world import Blocking, Randomness, Signer, Verifier, WallClock
from lumbung_node.services.activity import Activity
from lumbung_node.services.budget import ByteBudget
from lumbung_node.services.pace import LinkPace
from lumbung_node.services.put_crowd import PutCrowd
from lumbung_node.services.put_memory import PutMemory
from lumbung_node.services.reconcile_report import ReconcileBook
from lumbung_node.services.report_book import ReportBook
from lumbung_node.services.rosters import RosterKeeper
from lumbung_node.store.events import EventKind, FoundBy
from lumbung_node.store.state import Pulse
from lumbung_node.store.store import Store

__all__ = ["STORE_FAILURES", "Condition", "Core", "DoubtAboutOurselves"]


class DoubtAboutOurselves(Exception):
    """Our store was rolled back, or another machine has lived in our generation: we go on in a new one.

    `beyond` is the highest generation that it must exceed beside our own.
    """

    def __init__(self, reason: str, beyond: int = 0) -> None:
        super().__init__(reason)
        self.beyond = beyond


STORE_FAILURES = (OutcomeUnknown, StoreClosed, StoreDamaged, DiskFull, DiskFailed)
"""After these the store is opened again, and all services with it; what waited was not answered as durable."""


_TOKEN_LOOK_S = 0.1  # the last part of a token may be less than the clock can tell


@dataclass(slots=True)
class Condition:
    """What the node knows is wrong with itself.

    `stopped`: another machine lives under this identity in a higher life; no puts, no signatures any more, until an
    operator says otherwise (the identity remembers it).
    `is_stop_unkept`: it was said that the system disk did not take that.
    `fallback`: the data disk is not mounted, and recordings go to this folder: nothing else is kept or refilled there.
    `fork`: another roster of the same epoch was seen. `refuses_foreign` and `refuses_own`: the disk marks;
    `refusing_since` is elapsed time.
    """

    stopped: bool = False
    is_stop_unkept: bool = False
    fork: bool = False
    fallback: str = ""
    refuses_foreign: bool = False
    refuses_own: bool = False
    free_bytes: int = 0
    total_bytes: int = 0
    clock_jump_ms: int = 0
    refusing_since: float = 0.0

    def taken_over(self) -> Rejected:
        """What somebody hears whose recordings the other machine must take."""
        return Rejected(
            StatusCode.FAILED_PRECONDITION, "another machine lives under this node's identity: this one takes no puts"
        )

    def check_may_sign(self) -> None:
        """Raises Rejected on a machine that another one has stopped: its words would be taken for that one's."""
        if self.stopped:
            raise Rejected(
                StatusCode.FAILED_PRECONDITION,
                "another machine lives under this node's identity: this one signs nothing",
            )

    def below_a_mark(self, sentence: str) -> Rejected:
        """What somebody hears whose bytes are refused because the disk is nearly full."""
        after_s = retry_after_s(trio.current_time() - self.refusing_since)
        return Rejected(StatusCode.RESOURCE_EXHAUSTED, sentence, retry_after_s=after_s)


@dataclass(slots=True)
class Core:
    """One running node's inside; made by `lumbung_node.main` and by the simulator alike.

    `memory` is for own puts and `foreign_memory` for what peers bring: no peer may stop recording by being slow.
    `damage_serials` counts what was found damaged since the start: the same blob may rot again after its repair.
    `taken_back` has the nonces under which we have told damage, as long as we have signed nothing for that blob since.
    `ledger_roster` is the roster under which the ledger of proofs was loaded: what it passed over was nobody's copy.
    `reports` are the own one and, at a DRC node, those of others; `mutes` are what operators have muted here.
    `reconcile_frozen` and `reconcile_mending` bound the moments of inventories that are kept for peers and for us;
    `reconciles` remembers how each ended. `withdrawals` bounds what a holder takes back, over all its sessions,
    `lives_met` how often a peer may be met in a new life, `rosters_brought` how many rosters it may have us judge.
    `fed_at` is the trio time at which each origin itself has last brought us something of its own.
    """

    number: NodeNumber
    cluster: ClusterId
    software: str
    wire: WireRange
    store: Store
    rosters: RosterKeeper
    receipt_signer: Signer
    verifier: Verifier
    clock: WallClock
    randomness: Randomness
    blocking: Blocking
    log: Log
    metrics: Metrics
    memory: PutMemory
    foreign_memory: ByteBudget
    ledger_roster: Roster
    accept_unsealed: bool
    schedule: Callable[[], Schedule]
    condition: Condition = field(default_factory=Condition)
    _doubted_at: dict[NodeNumber, float] = field(default_factory=dict)
    damage_found: Pulse = field(default_factory=Pulse)
    activity: Activity = field(default_factory=Activity)
    patience: Patience = field(default_factory=Patience.of_limits)
    put_crowd: PutCrowd = field(default_factory=PutCrowd)
    reports: ReportBook = field(default_factory=ReportBook)
    mutes: list[Mute] = field(default_factory=list)
    damage_count: int = 0
    damage_serials: dict[tuple[NodeNumber, BlobId], int] = field(default_factory=dict)
    taken_back: dict[tuple[NodeNumber, BlobId], int] = field(default_factory=dict)
    reconcile_frozen: trio.Semaphore = field(default_factory=lambda: trio.Semaphore(RECONCILE_FROZEN_MAX))
    reconcile_mending: trio.Semaphore = field(default_factory=lambda: trio.Semaphore(RECONCILE_MENDING_MAX))
    withdrawals: dict[NodeNumber, Bucket] = field(default_factory=dict)
    lives_met: dict[NodeNumber, Bucket] = field(default_factory=dict)
    rosters_brought: dict[NodeNumber, Bucket] = field(default_factory=dict)
    reconciles: ReconcileBook = field(default_factory=ReconcileBook)
    fed_at: dict[NodeNumber, float] = field(default_factory=dict)

    def pace(self, peer: NodeNumber) -> LinkPace:
        """What the bandwidth windows let the link to `peer` carry; windows name links by their node."""
        record = self.rosters.roster.node(peer)
        return LinkPace(self.schedule, record.name if record is not None else "", self.clock)

    def refuses(self, origin: NodeNumber) -> bool:
        """Whether this disk takes no blobs of `origin` from others now."""
        is_own = origin == self.number and not self.condition.fallback
        return self.condition.refuses_foreign and not is_own

    async def until_withdrawal(self, holder: NodeNumber) -> None:
        """Wait until the next withdrawal of this holder may be written, and count it.

        Withdrawn, repaired, withdrawn again: each round stays on disk, and a new session must not begin it anew. Only
        what is written counts: a holder tells everything again in each session, and on a line that breaks it would run
        into a debt of days in which nothing that it takes back is believed.
        """
        await _until_token(self.withdrawals.setdefault(holder, Bucket(WITHDRAWALS_BURST, WITHDRAWALS_PER_S)))

    async def until_roster(self, peer: NodeNumber) -> None:
        """Wait until the next roster that `peer` brings may be judged: that takes the loop on which puts wait.

        Access lists that were refused count among them, not those that are taken: an office has one.
        """
        await _until_token(self.rosters_brought.setdefault(peer, Bucket(ROSTERS_BURST, ROSTERS_PER_S)))

    def life_wait_s(self, peer: NodeNumber, *, is_new: bool) -> float:
        """How long we talk no more with `peer`, which `is_new` in a life, since it has begun too many.

        What it proved before is void at once all the same. In each life it may prove everything anew by name.
        """
        known = self.lives_met.setdefault(peer, Bucket(LIVES_BURST, LIVES_PER_S))
        known.take(trio.current_time(), float(is_new))
        # A debt that grew would keep a centre that let hundreds of origins go out for days. What it may prove is as
        # bounded by one life in each such time.
        known.tokens = max(known.tokens, -1.0)
        return known.take(trio.current_time(), 0.0)

    def may_doubt(self, peer: NodeNumber) -> bool:
        """Whether `peer` may make us doubt our own history now: a liar could void all our receipts again and again.

        Never once we have stopped: a machine that is no longer this node begins no life as it.
        """
        if self.condition.stopped:
            return False
        last = self._doubted_at.get(peer)
        return last is None or trio.current_time() - last >= DOUBT_INTERVAL_S

    def has_doubted(self, peer: NodeNumber) -> None:
        """A new life has begun because of `peer`. Not noted when it is told: a roster may end the session before
        anything has come of it, and then it must be told again."""
        self._doubted_at[peer] = trio.current_time()

    @property
    def is_ledger_present(self) -> bool:
        """Whether the ledger was read under the roster in force. Until then what a holder passed over may be its to
        hold now."""
        held, read = self.rosters.roster, self.ledger_roster
        return (held.epoch, held.nodes) == (read.epoch, read.nodes)

    async def load_covers(self) -> None:
        """Count what holders have proven by inventory receipts, whenever the ledger was built anew from the others."""
        held = partial(self.ledger_roster.units_held, origin=self.number)
        are_whole = await self.store.covers.load(held)
        if not are_whole or self.store.proofs.lost:
            self.log.error("proofs damaged, asked for again", blobs=self.store.proofs.lost, are_covers_whole=are_whole)

    async def found_damage(
        self,
        origin: NodeNumber,
        blob: BlobId,
        found_by: FoundBy = FoundBy.READ,
        kind: EventKind = EventKind.DAMAGED_BYTES,
        place: int | None = None,
    ) -> None:
        """Stored bytes are wrong: stop saying that we hold them, tell the origin, ask for a good copy.

        `place` is that of the bytes that were read: a slow reader must not condemn those that came in their place.
        """
        with trio.CancelScope(shield=True):  # a reader who hangs up must not leave it durable, and told to nobody
            if await self.store.mark_damaged(origin, blob, found_by, kind, place):
                self.log.error("blob damaged", origin=origin, blob=str(blob), kind=kind.name)
                self.tell_damage([(origin, blob)])

    def tell_damage(self, blobs: Sequence[tuple[NodeNumber, BlobId]]) -> None:
        """These are marked as damaged, durably: the sessions withdraw them and ask for good copies."""
        damaged = self.store.state.damaged
        self.damage_serials = {key: serial for key, serial in self.damage_serials.items() if key in damaged}
        self.taken_back = {key: nonce for key, nonce in self.taken_back.items() if key in damaged}
        for key in blobs:
            self.damage_count += 1
            self.damage_serials[key] = self.damage_count
        self.damage_found.beat()


async def _until_token(bucket: Bucket) -> None:
    """Wait until there is one, and take it. Who is cancelled meanwhile has taken none."""
    while (wait_s := bucket.wait_s(trio.current_time())) > 0:  # noqa: ASYNC110 (time fills it)
        await trio.sleep(max(wait_s, _TOKEN_LOOK_S))
    bucket.take(trio.current_time())
