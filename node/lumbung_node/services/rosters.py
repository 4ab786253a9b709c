"""The roster in force and the access lists: loaded from documents, changed only by signatures, passed on."""

from __future__ import annotations

from collections.abc import Sequence

import trio

from lumbung_cluster.access import SignedAccess, access_objection
from lumbung_cluster.canonical import Malformed
from lumbung_cluster.errors import KeyRefused, Rejected, StatusCode
from lumbung_cluster.ids import ClusterId, NodeNumber
from lumbung_cluster.roster import Roster
from lumbung_cluster.roster_codec import SignedRoster
from lumbung_cluster.roster_node import KeyUse
from lumbung_cluster.roster_rules import Accept, Alarm, Known, Refuse, is_custodians_word, judge, judge_first
from lumbung_cluster.with_vans import van_doubts, with_vans
from lumbung_node.ports.documents import Documents
from lumbung_node.ports.log import Log
from lumbung_node.ports.world import Verifier
from lumbung_node.services.document_saving import DocumentSaving
from lumbung_node.store.state import Pulse

__all__ = ["GOSSIP_ROSTERS_MAX", "RosterKeeper", "open_rosters"]

GOSSIP_ROSTERS_MAX = 8  # a node that missed more asks again after the first eight
_ROSTERS_KEPT_MAX = 64  # in memory, for those who are behind; all of them stay on disk
_DOUBTS_TOLD_MAX = 8  # in one line of the log: an office may name 256 vans


class RosterKeeper:
    """`changed` beats when another roster or access list is in force: every open stream is then judged anew.

    `fork_seen` and `left_behind` (custodians signed a later roster that this node cannot obey) call for an operator.
    What the disk did not take is not obeyed, and `save_again` offers it anew.
    `roster_changed` beats when the nodes change: an access list ends nobody's session, unless it names another van.
    `nodes_since` is when they did, on trio's clock: a roster is in force before the pulse, which waits until those that
    came along are saved too.
    `epochs_seen` is the epoch that each partner showed in its last hello; `epochs_told` beats with each of them.
    """

    def __init__(self, documents: Documents, verifier: Verifier, log: Log, chain: list[SignedRoster]) -> None:
        self._saving = DocumentSaving(documents, log)
        self._verifier = verifier
        self._log = log
        self._chain = chain
        self._signed_roster = chain[-1].parse()
        self._roster = self._signed_roster
        self._access: dict[NodeNumber, SignedAccess] = {}
        self._van_doubts: tuple[str, ...] = ()
        self._turn = trio.Lock()
        self.nodes_since = trio.current_time()
        self.changed = Pulse()
        self.roster_changed = Pulse()
        self.epochs_told = Pulse()
        self.epochs_seen: dict[NodeNumber, int] = {}
        self.fork_seen = False
        self.left_behind = False

    def saw_epoch(self, partner: NodeNumber, epoch: int) -> None:
        """A partner said which roster it obeys."""
        self.epochs_seen[partner] = epoch
        self.epochs_told.beat()

    @property
    def roster(self) -> Roster:
        """The signed one with the vans that offices named themselves."""
        return self._roster

    @property
    def signed(self) -> SignedRoster:
        return self._chain[-1]

    @property
    def access_lists(self) -> dict[NodeNumber, SignedAccess]:
        """The newest access list of each office that this node holds."""
        return self._access

    def access_lists_in_force(self) -> dict[NodeNumber, SignedAccess]:
        """Those whose key is in force. The list of a thief, with the highest version of all, falls with the key, and
        must then hold up no true one: whoever is told of its version would keep the lower one to himself."""
        return {office: signed for office, signed in self._access.items() if self._counts(office, signed)}

    def access_versions(self) -> list[tuple[NodeNumber, int]]:
        return sorted((office, signed.content.version) for office, signed in self.access_lists_in_force().items())

    def newer_than(self, epoch: int) -> list[bytes]:
        """The rosters that lead from `epoch` to the one in force, at most eight, rising."""
        later = [signed.encode() for signed in self._chain if signed.epoch > epoch]
        return later[:GOSSIP_ROSTERS_MAX]

    async def offer(self, raws: Sequence[bytes]) -> bool:
        """Judge offered rosters; true when another one is in force now. Raises Rejected with the last reason; with
        `retry_after_s` when it is only that the disk did not take one."""
        if len(raws) > GOSSIP_ROSTERS_MAX:
            raise Rejected(
                StatusCode.INVALID_ARGUMENT, f"expected at most {GOSSIP_ROSTERS_MAX} rosters, got {len(raws)}"
            )
        try:
            offered = [SignedRoster.decode(raw) for raw in raws]
        except Malformed as exc:
            raise Rejected(StatusCode.INVALID_ARGUMENT, str(exc)) from exc
        # One at a time: two sessions may bring the same roster, and what is judged must be what is replaced.
        async with self._turn:
            return await self._judge_rosters(offered)

    async def _judge_rosters(self, offered: Sequence[SignedRoster]) -> bool:
        before, reason = self.signed, ""
        try:
            for signed in offered:
                reason = await self._judge_roster(signed, offered) or reason
        finally:  # also when a later one could not be saved: the earlier ones are in force, and durable
            changed = self.signed != before
            if changed:
                self.changed.beat()
                self.roster_changed.beat()
        if reason and not changed:
            raise Rejected(StatusCode.FAILED_PRECONDITION, reason)
        return changed

    async def _judge_roster(self, signed: SignedRoster, offered: Sequence[SignedRoster]) -> str:
        """Take it, or give the reason why not."""
        match judge(self.signed, signed, self._verifier, [*self._chain, *offered]):
            case Accept(roster=roster):
                await self._take(signed, roster)
            case Known():
                pass
            case Alarm(reason=reason):
                self.fork_seen = True
                self._log.error("roster fork", reason=reason)
                return reason
            case Refuse(reason=reason):
                self._log.warning("roster refused", reason=reason)
                if is_custodians_word(self.signed, signed, self._verifier):
                    self.left_behind = True
                return reason
        return ""

    async def _take(self, signed: SignedRoster, roster: Roster) -> None:
        # Durable first: a node that crashes now must not come back to the older epoch that it no longer obeys.
        try:
            await self._saving.save_roster(roster.epoch, signed.encode())
        except Rejected:
            self.left_behind = True
            raise
        self._chain = [*self._chain[-_ROSTERS_KEPT_MAX:], signed]
        self._signed_roster = roster
        self.nodes_since = trio.current_time()
        self._count_vans()
        self.fork_seen = self.left_behind = False
        self._log.info("roster in force", epoch=roster.epoch)

    async def save_again(self) -> None:
        """Offer to ourselves again what the disk did not take, until cancelled."""
        await self._saving.run(self.offer, self.offer_access)

    async def offer_access(self, raws: Sequence[bytes]) -> bool:
        """Judge offered access lists; true when one is new. Raises Rejected for the last one that was refused; with
        `retry_after_s` when it is only that the disk did not take one."""
        async with self._turn:
            return await self._judge_access(raws)

    async def _judge_access(self, raws: Sequence[bytes]) -> bool:
        before, refusal = dict(self._access), ""
        try:
            for raw in raws:
                refusal = await self._judge_list(raw) or refusal
        finally:  # as for rosters
            changed = self._access != before
            if changed:
                if self._count_vans():
                    self.roster_changed.beat()
                self.changed.beat()
        if refusal and not changed:
            raise Rejected(StatusCode.FAILED_PRECONDITION, refusal)
        return changed

    async def _judge_list(self, raw: bytes) -> str:
        """Take it, or give the reason why not."""
        try:
            signed = SignedAccess.decode(raw)
        except Malformed as exc:
            return str(exc)
        held = self._access.get(signed.content.office)
        objection = access_objection(self._signed_roster, held, signed, self._verifier)
        if objection is None and (held is None or held.hash != signed.hash):
            await self._saving.save_access_list(signed.content.office, raw)
            self._access[signed.content.office] = signed
        return objection or ""

    def _counts(self, office: NodeNumber, signed: SignedAccess) -> bool:
        """Whether the key that signed the list is in force still."""
        record = self._signed_roster.node(office)
        return record is not None and record.has_open_key(KeyUse.ACCESS, signed.signature.key_public)

    def _count_vans(self) -> bool:
        """Whether the nodes are others now."""
        before, self._roster = self._roster, with_vans(self._signed_roster, self._access)
        self._tell_doubts()
        is_other = self._roster.nodes != before.nodes
        if is_other:
            self.nodes_since = trio.current_time()
        return is_other

    def _tell_doubts(self) -> None:
        """Once for as long as they stay the same. Nothing is lost by them, but people may want to ask somebody."""
        before, self._van_doubts = self._van_doubts, van_doubts(self._signed_roster, self._access)
        if self._van_doubts and self._van_doubts != before:
            told = "; ".join(self._van_doubts[:_DOUBTS_TOLD_MAX])
            self._log.warning("vans doubted", count=len(self._van_doubts), reasons=told)

    async def load_access_lists(self, documents: Documents) -> None:
        for raw in await documents.load_access_lists():
            try:
                signed = SignedAccess.decode(raw)
            except Malformed as exc:  # a disk that rots must not stop recording: partners bring the list again
                self._log.error("access list unreadable", reason=str(exc))
                continue
            held = self._access.get(signed.content.office)
            objection = access_objection(self._signed_roster, held, signed, self._verifier)
            if objection is None:
                self._access[signed.content.office] = signed
            else:
                self._log.warning("access list refused", reason=objection)
        self._count_vans()


async def open_rosters(documents: Documents, cluster: ClusterId, verifier: Verifier, log: Log) -> RosterKeeper:
    """Walk from the roster that the node was given to the newest one it ever obeyed. Raises KeyRefused.

    One that can no longer be read is passed over: recording goes on under an older one, and partners bring the newer
    again before anything else. Until then the node is behind, and says so.
    """
    found = [_readable(raw, log) for raw in await documents.load_rosters()]
    chain = [signed for signed in found if signed is not None]
    if not chain:
        raise KeyRefused("no roster: expected the one from the enrolment pack")
    verdict = judge_first(chain[0], cluster, verifier)
    if isinstance(verdict, Refuse):
        raise KeyRefused(verdict.reason)
    obeyed, is_behind = [chain[0]], False
    for signed in found:
        if signed is None:
            is_behind = True
        elif signed.epoch > obeyed[-1].epoch:
            verdict = judge(obeyed[-1], signed, verifier, chain)
            is_behind = not isinstance(verdict, Accept)
            if isinstance(verdict, Accept):
                obeyed.append(signed)
            elif isinstance(verdict, Refuse):
                log.error("roster passed over", reason=verdict.reason)
    keeper = RosterKeeper(documents, verifier, log, obeyed)
    keeper.left_behind = is_behind
    await keeper.load_access_lists(documents)
    return keeper


def _readable(raw: bytes, log: Log) -> SignedRoster | None:
    try:
        signed = SignedRoster.decode(raw)
        assert signed.epoch >= 0, "read here, so that nobody below meets a body without one"
    except Malformed as exc:
        log.error("roster unreadable", reason=str(exc))
        return None
    return signed
