"""A holder's signed words: receipts over what is durable here, withdrawals of what is damaged."""

from __future__ import annotations

from collections.abc import Sequence

from lumbung_cluster.canonical import Malformed
from lumbung_cluster.errors import InventoryUnknown, KeyRefused
from lumbung_cluster.ids import BlobId, NodeNumber, all_units
from lumbung_cluster.inventory.claims import make_claims
from lumbung_cluster.receipt import SignedStatement, Statement, StatementKind, sign_statement
from lumbung_cluster.signed import Signature
from lumbung_node.services.core import Core
from lumbung_node.store.layout import RowState
from lumbung_proto.v1 import peer_pb2

__all__ = ["check_statement", "commit_receipt", "inventory_receipt", "withdrawal"]


async def commit_receipt(
    core: Core, origin: NodeNumber, nonce: int, blobs: Sequence[BlobId]
) -> peer_pb2.SignedBytes | None:
    """Our receipt for those of `blobs` that are durable and intact here; None for none, or when we may not sign.

    The rows are read now, behind the durable end: what no returned sync covers cannot be signed. Nor can what is here
    of a unit that we let go and that is not ours to hold: it may be on its way out.
    """
    if core.condition.stopped:
        return None
    rows = await core.store.reader.rows(origin, blobs)
    going = core.store.state.dropped_units.get(origin, 0)
    going = going and going & ~core.rosters.roster.units_held(core.number, origin)
    held = [
        (blob, row)
        for blob, row in zip(blobs, rows, strict=True)
        if row is not None and row.state is RowState.INTACT and not going >> blob.unit & 1
    ]
    if not held:
        return None
    _forget_taken_back(core, origin, [blob for blob, _ in held])
    verified_since_ms = min(core.store.state.verified_ms(origin, row) for _, row in held)
    return _sign(core, StatementKind.COMMIT_RECEIPT, origin, nonce, verified_since_ms, tuple(blob for blob, _ in held))


async def inventory_receipt(core: Core, origin: NodeNumber, nonce: int) -> peer_pb2.SignedBytes | None:
    """Our receipt for all of an origin that we must hold: one word for each unit, from one moment; None for no unit.

    A unit is left out while it is doubted, and while a blob in it is known to be damaged here.
    """
    try:
        snapshot = await core.store.inventories.snapshot(origin)
    except InventoryUnknown as exc:
        core.log.error("inventory unknown", origin=origin, reason=str(exc))
        return None
    state = core.store.state
    units = core.rosters.roster.units_held(core.number, origin) & ~snapshot.doubted
    units &= ~state.dropped_units.get(origin, 0)
    for damaged_origin, blob in state.damaged:
        if damaged_origin == origin:
            units &= ~(1 << blob.unit)
    if core.condition.stopped or not units:
        return None
    _forget_taken_back(core, origin, [blob for of, blob in core.taken_back if of == origin and units >> blob.unit & 1])
    claims = make_claims(core.store.inventories.key, origin, snapshot.inventory.digests(all_units()), units)
    verified_since_ms = state.verified_since_ms.get(origin, core.clock.now_ms())
    statement = Statement(
        StatementKind.INVENTORY_RECEIPT,
        core.cluster,
        core.number,
        state.generation,
        core.rosters.roster.epoch,
        origin,
        nonce,
        snapshot.number,
        verified_since_ms,
        (),
        claims,
    )
    return _signed(core, statement)


def withdrawal(core: Core, origin: NodeNumber, nonce: int, blobs: Sequence[BlobId]) -> peer_pb2.SignedBytes:
    """Our word that these no longer count here."""
    return _sign(core, StatementKind.WITHDRAWAL, origin, nonce, core.clock.now_ms(), tuple(blobs))


def check_statement(
    core: Core,
    message: peer_pb2.SignedBytes,
    *,
    kind: StatementKind,
    holder: NodeNumber,
    generation: int,
    nonce: int | None,
    is_carried: bool,
) -> SignedStatement:
    """Parse and check what a holder says of our blobs. Raises KeyRefused with what was expected and what came.

    What comes on a line was signed just now, so its key must be in force now, whatever epoch it names: the thief of a
    retired key dates his words back. What a disk carried for weeks is judged by the epoch that it names.
    """
    try:
        signed = SignedStatement.parse(message.body, Signature(message.public_key, message.signature))
    except Malformed as exc:
        raise KeyRefused(str(exc)) from exc
    content = signed.content
    expected = (kind, core.cluster, holder, generation, core.number)
    got = (content.kind, content.cluster, content.holder, content.generation, content.origin)
    if got != expected:
        raise KeyRefused(f"receipt: expected {_words(expected)}, got {_words(got)}")
    if nonce is not None and content.nonce != nonce:
        raise KeyRefused(f"receipt: expected nonce {nonce}, got {content.nonce}")
    keys = core.rosters.roster.receipt_keys(holder)
    key = next((key for key in keys if key.key == signed.signature.key_public), None)
    if key is None or not key.holds_in(content.roster_epoch):
        raise KeyRefused(f"receipt: its key is not a receipt key of node {holder} in epoch {content.roster_epoch}")
    if not (is_carried or key.is_open):
        raise KeyRefused(f"receipt: its key of node {holder} is retired since epoch {key.last_epoch}")
    if not signed.is_valid(core.verifier):
        raise KeyRefused(f"receipt of node {holder}: the signature is not valid")
    return signed


def _forget_taken_back(core: Core, origin: NodeNumber, blobs: Sequence[BlobId]) -> None:
    """These are about to be signed for: what takes them back again has to come behind that."""
    if core.taken_back:
        for blob in blobs:
            core.taken_back.pop((origin, blob), None)


def _sign(
    core: Core,
    kind: StatementKind,
    origin: NodeNumber,
    nonce: int,
    verified_since_ms: int,
    blobs: tuple[BlobId, ...],
) -> peer_pb2.SignedBytes:
    state = core.store.state
    statement = Statement(
        kind,
        core.cluster,
        core.number,
        state.generation,
        core.rosters.roster.epoch,
        origin,
        nonce,
        state.end(origin).number,
        verified_since_ms,
        blobs,
    )
    return _signed(core, statement)


def _signed(core: Core, statement: Statement) -> peer_pb2.SignedBytes:
    signed = sign_statement(statement, core.receipt_signer)
    return peer_pb2.SignedBytes(
        body=signed.body, public_key=signed.signature.key_public, signature=signed.signature.signature
    )


def _words(fields: tuple[StatementKind, object, int, int, int]) -> str:
    kind, cluster, holder, generation, origin = fields
    return f"{kind.name} of cluster {cluster} by {holder} in generation {generation} for origin {origin}"
