"""The invariants: whatever a node says is held against the disks at that very moment, before the message leaves.

    durable before said     an ack, an offer, a mark and a receipt are covered by a returned sync at the one who speaks
    named holders hold      every holder that an answer names as proven has the blob, intact and durable
    nothing is skipped      the feed lane passes over an entry only when the receiver has it, or the sender has not
    marks follow the feed   only an offer of the feed lane moves a mark, exactly to its end
    no lower epoch          a node never obeys an older roster than it did before
    older lives are void    a session with a generation older than the newest met carries nothing
    right id                no row says intact over bytes that hash to something else
    promised copies stay    a holder that was once named still has the blob
    bounds                  memory budgets stay inside their limits

What the nemesis destroyed, and nobody repaired yet, is excused (damage.py).
"""

from __future__ import annotations

from collections.abc import Sequence

import trio

from lumbung_cluster.entry import SignedList
from lumbung_cluster.ids import BlobId, NodeNumber
from lumbung_cluster.limits import INGEST_MEMORY_BYTES_MAX
from lumbung_cluster.receipt import Statement
from lumbung_cluster.roster import Roster
from lumbung_cluster.signed import Signature
from lumbung_node.store.layout import BlobRow, RowState
from lumbung_proto.v1 import blobs_pb2, peer_pb2
from lumbung_testing.simulation.damage import DamageBook, Harm
from lumbung_testing.simulation.node import SimNode
from lumbung_testing.simulation.story import Story

__all__ = ["Promises", "SessionEnds"]

_RECORDED_S = 5.0  # a withdrawal that came, on a session that lives on, is recorded by then
_DURABLE = (blobs_pb2.PUT_OUTCOME_STORED, blobs_pb2.PUT_OUTCOME_REPEATED)


class SessionEnds:
    """What one side of one session has heard: the peer's Hello and its offers."""

    def __init__(self, peer: NodeNumber) -> None:
        self.peer = peer
        self.generation = 0
        self.offers: dict[int, peer_pb2.Offer] = {}
        self.withdrawn: dict[BlobId, float] = {}
        self.has_offered = False


class Promises:
    """Holds every message of every node against the disks of all."""

    def __init__(self, story: Story, nodes: dict[NodeNumber, SimNode], damage: DamageBook, roster: Roster) -> None:
        self.acked: dict[tuple[NodeNumber, BlobId], dict[NodeNumber, None]] = {}
        self._story = story
        self._nodes = nodes
        self._damage = damage
        self._roster = roster
        self._epochs: dict[str, int] = {}
        self._withdrawn: set[tuple[NodeNumber, NodeNumber, BlobId]] = set()
        self._checked: dict[tuple[NodeNumber, NodeNumber, BlobId], bytes] = {}

    # --- puts --------------------------------------------------------------------------------------------------

    def put_answer(self, node: SimNode, begun: float, answer: blobs_pb2.PutAnswer) -> None:
        """`begun` is when the put's stream was opened: the bytes were verified since."""
        if answer.outcome not in _DURABLE:
            return
        blob = BlobId(answer.id)
        if not self._holds(node, node.number, blob):
            harm = self._damage.of(node.number, node.number, blob)
            if harm is None or harm.at < begun:
                self._break("durable before said", f"{node.host} acknowledges {blob}, which is not intact there")
        promised = self.acked.setdefault((node.number, blob), {node.number: None})
        for number in answer.copies.holders:
            self._named(node, NodeNumber(number), blob)
            promised[NodeNumber(number)] = None

    def _named(self, origin: SimNode, holder: NodeNumber, blob: BlobId) -> None:
        if self._holds(self._nodes[holder], origin.number, blob):
            return
        harm = self._damage.of(holder, origin.number, blob)
        core = origin.core
        met = core.store.state.generations_seen.get(holder, 0) if core is not None else 0
        if harm is not None and harm.harm is Harm.ROTTEN and (holder, origin.number, blob) not in self._withdrawn:
            return
        if harm is not None and harm.harm is Harm.GONE and met <= harm.generation:
            return
        self._break("named holders hold", f"{origin.host} names node {holder} for {blob}, which is not there ({harm})")

    def _counts(self, origin: SimNode, holders: Sequence[NodeNumber]) -> None:
        """Whatever the origin counts as proven now, whether somebody asks or not."""
        core = origin.core
        for acked_at, blob in self.acked if core is not None else ():
            row = origin.durable.row(acked_at, blob) if acked_at == origin.number else None
            if row is not None and core is not None and row.number <= core.store.state.end(acked_at).number:
                for holder in core.store.proofs.ledger.proven(row.number, holders):
                    self._named(origin, holder, blob)

    # --- sessions ----------------------------------------------------------------------------------------------

    def heard(self, ends: SessionEnds, frame: peer_pb2.SessionFrame) -> None:
        match frame.WhichOneof("kind"):
            case "hello":
                ends.generation = frame.hello.generation
            case "offer":
                ends.offers[frame.offer.offer] = frame.offer
            case "withdraw":
                words = Statement.parse(frame.withdraw.withdrawal.body)
                ends.withdrawn.update(dict.fromkeys(words.blobs, trio.current_time()))
            case _:
                return

    def says(self, node: SimNode, ends: SessionEnds, frame: peer_pb2.SessionFrame) -> None:
        kind = frame.WhichOneof("kind")
        self._believes_the_newest(node, ends, kind)
        for blob, at in list(ends.withdrawn.items()):
            if trio.current_time() - at > _RECORDED_S:
                self._withdrawn.add((ends.peer, node.number, blob))
                del ends.withdrawn[blob]
        match kind:
            case "hello":
                self._hello(node, ends.peer, frame.hello)
            case "offer":
                self._offer(node, ends, frame.offer)
            case "applied":
                self._applied(node, ends, frame.applied)
            case "proof":
                if frame.proof.HasField("receipt"):
                    self._receipt(node, frame.proof.receipt)
            case _:
                return

    def _believes_the_newest(self, node: SimNode, ends: SessionEnds, kind: str | None) -> None:
        if kind in ("hello", "goodbye") or node.core is None or not ends.generation:
            return
        newest = node.core.store.state.generations_seen.get(ends.peer, 0)
        if ends.generation < newest:
            self._break(
                "older lives are void",
                f"{node.host} sends {kind} to node {ends.peer} of generation {ends.generation}, newest met {newest}",
            )

    def _hello(self, node: SimNode, peer: NodeNumber, hello: peer_pb2.Hello) -> None:
        if hello.roster_epoch < self._epochs.get(node.host, 0):
            self._break("no lower epoch", f"{node.host} obeys {hello.roster_epoch}, before {self._epochs[node.host]}")
        self._epochs[node.host] = hello.roster_epoch
        for mark in hello.marks:
            self._mark(node, peer, mark)

    def _mark(self, node: SimNode, sender: NodeNumber, mark: peer_pb2.OriginMark) -> None:
        row = node.durable.mark(sender, NodeNumber(mark.origin))
        if row is None or row.mark.number < mark.number or row.mark.generation != mark.generation:
            held = row.mark if row is not None else None
            self._break("durable before said", f"{node.host} shows mark {mark.number} of {sender}, durable is {held}")

    def _offer(self, node: SimNode, ends: SessionEnds, offer: peer_pb2.Offer) -> None:
        origin = NodeNumber(offer.origin)
        if origin == node.number and not ends.has_offered:
            ends.has_offered = True
            self._counts(node, (ends.peer,))
        offered = dict.fromkeys(self._entries(offer))
        for blob in offered:
            if not self._says_rightly(node, origin, blob):
                self._break("durable before said", f"{node.host} offers {blob} of {origin}, which it has not")
        if offer.lane == peer_pb2.LANE_FEED:
            for number in range(offer.after + 1, offer.upto + 1):
                self._passed(node, ends, origin, number, offered)

    def _passed(
        self, node: SimNode, ends: SessionEnds, origin: NodeNumber, number: int, offered: dict[BlobId, None]
    ) -> None:
        """A number that an offer covers: its entry is offered, or there is a good reason why not."""
        feed_row = node.durable.feed_row(origin, number)
        if feed_row is None:
            self._break("durable before said", f"{node.host} offers number {number} of {origin}, which is not durable")
            return
        blob, peer = feed_row.blob, ends.peer
        row = node.durable.row(origin, blob)
        if blob in offered or row is None or row.state is RowState.DAMAGED:
            return
        if not self._roster.units_held(peer, origin) >> blob.unit & 1 or self._damage.was_ever(
            node.number, origin, blob
        ):
            return
        harm = self._damage.of(peer, origin, blob)
        is_there = self._nodes[peer].durable.row(origin, blob) is not None
        if not is_there and (harm is None or ends.generation > harm.generation):
            self._break(
                "nothing is skipped",
                f"{node.host} passes over number {number} of {origin} ({blob}), node {peer} lacks it: learnt from "
                f"{feed_row.source} of generation {feed_row.source_generation}, met {ends.generation}",
            )

    def _applied(self, node: SimNode, ends: SessionEnds, applied: peer_pb2.Applied) -> None:
        offer = ends.offers.pop(applied.offer, None)
        if offer is None:
            return
        origin = NodeNumber(offer.origin)
        if applied.HasField("mark"):
            if offer.lane != peer_pb2.LANE_FEED or applied.mark.number != offer.upto:
                self._break(
                    "marks follow the feed",
                    f"{node.host}: an offer of lane {offer.lane} up to {offer.upto} moved the mark of node "
                    f"{ends.peer} to {applied.mark.number}",
                )
            self._mark(node, ends.peer, applied.mark)
        for index, blob in enumerate(self._entries(offer)):
            is_lacking = index < 8 * len(applied.lacking) and applied.lacking[index >> 3] >> (index & 7) & 1
            if not is_lacking and not self._says_rightly(node, origin, blob):
                self._break("durable before said", f"{node.host} applied {blob} of {origin}, which it has not")
        if applied.HasField("receipt"):
            self._receipt(node, applied.receipt)

    def _receipt(self, node: SimNode, message: peer_pb2.SignedBytes) -> None:
        statement = Statement.parse(message.body)
        for blob in statement.blobs:
            self._note_old_machine(node, statement, blob)
            if not self._says_rightly(node, statement.origin, blob):
                self._break("durable before said", f"{node.host} signs for {blob}, which it has not")

    def _note_old_machine(self, node: SimNode, statement: Statement, blob: BlobId) -> None:
        """What an old machine signs for is void once the newer life was met; until then nobody can know better."""
        present, origin = self._nodes[node.number], statement.origin
        if present is not node and not present.durable.holds(origin, blob):
            self._damage.note(node.number, origin, blob, Harm.GONE, statement.generation)

    def _entries(self, offer: peer_pb2.Offer) -> list[BlobId]:
        lists = [
            SignedList.parse(signed.body, Signature(signed.public_key, signed.signature)).content.entries
            for signed in offer.lists
        ]
        return [lists[item.list][item.index].blob for item in offer.entries]

    # --- disks -------------------------------------------------------------------------------------------------

    def sweep(self) -> None:
        """Look at all disks at once: rows that lie, promised copies that went, budgets that burst."""
        for number in self._nodes:
            self._sweep_disk(self._nodes[number])
            self._counts(self._nodes[number], tuple(self._nodes))
        for (origin, blob), holders in self.acked.items():
            for holder in holders:
                if not self._holds(self._nodes[holder], origin, blob) and not self._damage.of(holder, origin, blob):
                    self._break("promised copies stay", f"node {holder} no longer has {blob} of {origin}")

    def _sweep_disk(self, node: SimNode) -> None:
        for origin, blob, packed in node.durable.rows():
            key = (node.number, origin, blob)
            if self._checked.get(key) == packed:
                continue
            self._checked[key] = packed
            row = BlobRow.unpack(packed)
            is_wrong = row.state is RowState.INTACT and not node.durable.bytes_match(blob, row)
            if is_wrong and not self._damage.is_rotten(*key):
                self._break("right id", f"{node.host} has other bytes under {blob} of {origin}")
        if node.core is not None and not 0 <= node.core.memory.taken_bytes <= INGEST_MEMORY_BYTES_MAX:
            self._break("bounds", f"{node.host} holds {node.core.memory.taken_bytes} bytes in memory")

    # --- helpers -----------------------------------------------------------------------------------------------

    def _holds(self, node: SimNode, origin: NodeNumber, blob: BlobId) -> bool:
        if not node.durable.holds(origin, blob):
            return False
        if self._nodes[node.number] is node:
            self._damage.repaired(node.number, origin, blob)
            self._withdrawn.discard((node.number, origin, blob))
        return True

    def _says_rightly(self, node: SimNode, origin: NodeNumber, blob: BlobId) -> bool:
        """Whether the node may say that it holds the blob: it does, or it has not noticed yet that the bytes rotted."""
        if self._holds(node, origin, blob):
            return True
        if node.durable.row(origin, blob) is None:
            return False
        if self._nodes[node.number] is not node:  # an old machine took what had rotted by then along
            return self._damage.was_ever(node.number, origin, blob)
        return self._damage.is_rotten(node.number, origin, blob)

    def _break(self, invariant: str, sentence: str) -> None:
        self._story.broken(invariant, sentence)
