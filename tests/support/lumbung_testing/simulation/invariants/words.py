"""Signed words: a receipt leaves only a node that holds all of it, synced; the latest word on a copy is on record.

durable before said       a receipt names only what a power cut would leave
receipts say what is      the present generation, the roster obeyed, the nonce asked, no number past the durable
                          end, bytes that were checked no later than they rotted, and nothing that is known to be
                          damaged when it signs
the latest word counts    a word that came is on record at its origin, unless a later one is
stopped means silent      a machine that was told of a newer life of itself signs nothing
"""

from __future__ import annotations

import trio

from lumbung_cluster.canonical import Malformed
from lumbung_cluster.ids import BlobId, NodeNumber
from lumbung_cluster.receipt import SignedStatement, Statement, StatementKind
from lumbung_cluster.signed import Signature
from lumbung_node.ports.keyvalue import Family
from lumbung_node.services.core import Core
from lumbung_node.store.layout import BlobRow, CopyRow, RowState, blob_key, copy_key, receipt_key
from lumbung_proto.v1 import peer_pb2
from lumbung_testing.rosters import CLUSTER, TestVerifier
from lumbung_testing.simulation.damage import Harm
from lumbung_testing.simulation.invariants.claims import Claims
from lumbung_testing.simulation.invariants.ends import SessionEnds
from lumbung_testing.simulation.node import SimNode
from lumbung_testing.virtual_tables import Tables

__all__ = [
    "HEARD",
    "SAYS",
    "SAYS_ANYTHING",
    "came_between",
    "check_latest",
    "check_receipt",
    "check_signed",
    "check_silence",
    "note_old_machine",
]

_RECORDED_S = 5.0  # a word that came, on a session that lives on and over a quick disk, is on record by then
_VERIFIER = TestVerifier()


# --- as the origin ---------------------------------------------------------------------------------------------


def _hear_applied(claims: Claims, node: SimNode, ends: SessionEnds, frame: peer_pb2.SessionFrame) -> None:
    nonce = ends.asked.pop(("offer", frame.applied.offer), 0)
    if frame.applied.HasField("receipt"):
        _hear_word(node, ends, frame.applied.receipt, nonce)


def _hear_proof(claims: Claims, node: SimNode, ends: SessionEnds, frame: peer_pb2.SessionFrame) -> None:
    nonce = ends.asked.pop(("prove", frame.proof.question), 0)
    if frame.proof.HasField("receipt"):
        _hear_word(node, ends, frame.proof.receipt, nonce)


def _hear_withdrawal(claims: Claims, node: SimNode, ends: SessionEnds, frame: peer_pb2.SessionFrame) -> None:
    _hear_word(node, ends, frame.withdraw.withdrawal, None)


def _hear_word(node: SimNode, ends: SessionEnds, message: peer_pb2.SignedBytes, nonce: int | None) -> None:
    """Remember a word that its origin has to believe: of this session's peer and life, asked for, truly signed."""
    try:
        word = SignedStatement.parse(message.body, Signature(message.public_key, message.signature))
    except Malformed:
        return
    content, roster = word.content, node.core.rosters.roster if node.core is not None else None
    keys = roster.receipt_keys(ends.peer) if roster is not None else ()
    is_in_force = any(key.key == word.signature.key_public and key.is_open for key in keys)
    is_of_peer = (content.cluster, content.holder, content.generation) == (CLUSTER, ends.peer, ends.generation)
    is_due = content.kind is (StatementKind.WITHDRAWAL if nonce is None else StatementKind.COMMIT_RECEIPT)
    if not is_of_peer or not is_due or content.origin != node.number or nonce not in (None, content.nonce):
        return
    if is_in_force and word.is_valid(_VERIFIER):
        # A word on an entry that this node does not know (a wiped origin) says nothing to it.
        rows = [(blob, node.durable.row(node.number, blob)) for blob in content.blobs]
        known = [
            (blob, _last_word(node.disk.visible, row.number, content.holder)) for blob, row in rows if row is not None
        ]
        ends.words.append((trio.current_time(), content, known))


def _check_recorded(claims: Claims, node: SimNode, ends: SessionEnds, frame: peer_pb2.SessionFrame) -> None:
    now = trio.current_time()
    while ends.words and now - ends.words[0][0] > _RECORDED_S:
        at, word, blobs = ends.words.pop(0)
        if claims.nodes[node.number] is node and node.was_quick_since(at):
            for blob, before in blobs:
                check_latest(claims, node, word, blob, before)


def check_latest(claims: Claims, node: SimNode, word: Statement, blob: BlobId, before: Statement | None = None) -> None:
    """`before` is what was on record when the word came."""
    row = node.durable.row(node.number, blob)
    if row is None:
        return
    held = _last_word(node.disk.durable, row.number, word.holder)
    is_behind = held is None or (_order(held) < _order(word) and not _says_the_same(held, word))
    if is_behind and not came_between(before, held, word):
        claims.broken(
            "the latest word counts",
            f"{node.host} heard {_tell(word)} from node {word.holder} on {blob}, on record is {_tell(held)}",
        )
    elif held is not None and held.kind is StatementKind.WITHDRAWAL:
        claims.withdrawn.add((word.holder, node.number, blob))


def _last_word(tables: Tables, number: int, holder: NodeNumber) -> Statement | None:
    copy = tables.get(Family.PROOFS, copy_key(number, holder))
    raw = tables.get(Family.PROOFS, receipt_key(CopyRow.unpack(copy).receipt_serial)) if copy is not None else None
    return SignedStatement.from_bytes(raw).content if raw is not None else None


def _says_the_same(held: Statement, word: Statement) -> bool:
    """What is proven in a life and not taken back is proven: another receipt for it need not be kept."""
    are_proofs = StatementKind.WITHDRAWAL not in (held.kind, word.kind)
    return are_proofs and held.generation == word.generation


def came_between(before: Statement | None, held: Statement | None, word: Statement) -> bool:
    """Whether a withdrawal that was signed between two receipts has come behind the second one, as those on disks do.

    The second one said nothing new and was not kept. So the withdrawal counts, and the blob is asked for again.
    """
    if before is None or held is None or held.kind is not StatementKind.WITHDRAWAL:
        return False
    return _says_the_same(before, word) and _order(before) < _order(held)


def _order(word: Statement) -> tuple[int, int, bool]:
    return word.generation, word.nonce, word.kind is StatementKind.WITHDRAWAL


def _tell(word: Statement | None) -> str:
    return f"{word.kind.name} of generation {word.generation}, nonce {word.nonce}" if word is not None else "nothing"


def _says_offer(claims: Claims, node: SimNode, ends: SessionEnds, frame: peer_pb2.SessionFrame) -> None:
    ends.asked["offer", frame.offer.offer] = frame.offer.nonce
    claims.ask(node.number, ends.peer, frame.offer.nonce)


def _says_prove(claims: Claims, node: SimNode, ends: SessionEnds, frame: peer_pb2.SessionFrame) -> None:
    ends.asked["prove", frame.prove.question] = frame.prove.nonce
    claims.ask(node.number, ends.peer, frame.prove.nonce)


# --- as the holder ---------------------------------------------------------------------------------------------


def _hear_prove(claims: Claims, node: SimNode, ends: SessionEnds, frame: peer_pb2.SessionFrame) -> None:
    ends.questions[frame.prove.question] = frame.prove.nonce


def _says_proof(claims: Claims, node: SimNode, ends: SessionEnds, frame: peer_pb2.SessionFrame) -> None:
    nonce = ends.questions.pop(frame.proof.question, 0)
    if frame.proof.HasField("receipt"):
        check_receipt(claims, node, frame.proof.receipt, nonce)


def _says_applied(claims: Claims, node: SimNode, ends: SessionEnds, frame: peer_pb2.SessionFrame) -> None:
    offer = ends.offers.get(frame.applied.offer)
    if frame.applied.HasField("receipt"):
        check_receipt(claims, node, frame.applied.receipt, offer.nonce if offer is not None else 0)


def _says_withdrawal(claims: Claims, node: SimNode, ends: SessionEnds, frame: peer_pb2.SessionFrame) -> None:
    if not claims.misbehaviour.is_false_tongued(node.number):
        check_silence(claims, node)


def check_receipt(claims: Claims, node: SimNode, message: peer_pb2.SignedBytes, nonce: int) -> None:
    statement = Statement.parse(message.body)
    for blob in statement.blobs:
        note_old_machine(claims, node, statement, blob)
    if claims.misbehaviour.is_false_tongued(node.number):
        if claims.misbehaviour.has_done(node.number, "boasting"):
            claims.lied.update((node.number, statement.origin, blob) for blob in statement.blobs)
        return
    check_silence(claims, node)
    _check_fields(claims, node, statement, nonce)
    for blob in statement.blobs:
        if not claims.says_rightly(node, statement.origin, blob):
            claims.broken("durable before said", f"{node.host} signs for {blob}, which it has not")
        harm = claims.damage.of(node.number, statement.origin, blob)
        if harm is not None and harm.harm is Harm.ROTTEN and statement.verified_since_ms > harm.wall_ms:
            claims.broken("receipts say what is", f"{node.host} says it checked {blob} after it had rotted")


def check_signed(claims: Claims, core: Core, statement: Statement) -> None:
    """Held against the rows as they can be read now: a word that was signed may wait long for its turn on the line."""
    node = claims.nodes.get(core.number)
    if node is None or node.core is not core or statement.kind is StatementKind.WITHDRAWAL:
        return
    signed_for = statement.blobs or _blobs_of_units(node, statement)
    for blob in signed_for:
        value = node.disk.visible.get(Family.BLOBS, blob_key(statement.origin, blob))
        if value is not None and BlobRow.unpack(value).state is RowState.DAMAGED:
            claims.broken("receipts say what is", f"{node.host} signs for {blob}, which it knows to be damaged")


def _blobs_of_units(node: SimNode, statement: Statement) -> list[BlobId]:
    """What an inventory receipt is about."""
    units = {claim.unit for claim in statement.units}
    numbers = range(1, statement.durable_number + 1)
    feed_rows = [node.durable.feed_row(statement.origin, number) for number in numbers]
    return [feed_row.blob for feed_row in feed_rows if feed_row is not None and feed_row.blob.unit in units]


def check_silence(claims: Claims, node: SimNode) -> None:
    if node.stopped_at is not None:
        claims.broken("stopped means silent", f"{node.host} signs, told at {node.stopped_at:.3f} of its newer life")


def _check_fields(claims: Claims, node: SimNode, statement: Statement, nonce: int) -> None:
    core = node.core
    if core is None:
        return
    said = (statement.kind, statement.holder, statement.generation, statement.roster_epoch, statement.nonce)
    generation, epoch = core.store.state.generation, core.rosters.roster.epoch
    due = (StatementKind.COMMIT_RECEIPT, node.number, generation, epoch, nonce)
    if said != due:
        claims.broken("receipts say what is", f"{node.host} signs {said}, expected {due}")
    if node.durable.feed_row(statement.origin, statement.durable_number) is None:
        claims.broken("receipts say what is", f"{node.host} signs number {statement.durable_number}, not durable there")


def note_old_machine(claims: Claims, node: SimNode, statement: Statement, blob: BlobId) -> None:
    """What an old machine signs for is void once the newer life was met; until then nobody can know better."""
    present, origin = claims.nodes[node.number], statement.origin
    if present is node:
        return
    claims.damage.note_signed_elsewhere(node.number, origin, blob, statement.generation)
    if not present.durable.holds(origin, blob):
        claims.damage.note(present, origin, blob, Harm.GONE, statement.generation)


HEARD = {"applied": _hear_applied, "proof": _hear_proof, "withdraw": _hear_withdrawal, "prove": _hear_prove}
SAYS = {
    "offer": _says_offer,
    "prove": _says_prove,
    "applied": _says_applied,
    "proof": _says_proof,
    "withdraw": _says_withdrawal,
}
SAYS_ANYTHING = (_check_recorded,)
