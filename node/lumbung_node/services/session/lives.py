"""Lives in a Hello: what we show, what we believe of the peer's, and what the peer has seen of ours."""

from __future__ import annotations

from lumbung_cluster import limits
from lumbung_cluster.canonical import Malformed
from lumbung_cluster.errors import DiskFailed, DiskFull, Rejected, StatusCode
from lumbung_cluster.ids import Generation, NodeNumber
from lumbung_cluster.life import OwnVerdict, PeerVerdict, SignedLife, judge_own_life, judge_peer_life
from lumbung_cluster.signed import Signature
from lumbung_node.services.core import Core, DoubtAboutOurselves
from lumbung_proto.v1 import peer_pb2

__all__ = ["LifeUnknown", "judge_our_life", "judge_their_life", "life_message", "read_life"]


class LifeUnknown(Exception):
    """A life is signed with a key that our roster does not give to its node; a newer roster may."""


def life_message(life: SignedLife) -> peer_pb2.SignedBytes:
    return peer_pb2.SignedBytes(
        body=life.body, public_key=life.signature.key_public, signature=life.signature.signature
    )


def read_life(message: peer_pb2.SignedBytes) -> SignedLife:
    """Raises Rejected for bytes that are no signed life."""
    try:
        return SignedLife.parse(message.body, Signature(message.public_key, message.signature))
    except Malformed as exc:
        raise Rejected(StatusCode.INVALID_ARGUMENT, f"hello: {exc}") from exc


async def judge_our_life(core: Core, peer: NodeNumber, shown: SignedLife, epoch: int) -> None:
    """The newest life that the peer, which obeys the roster of `epoch`, has met of us. Only our own signature counts: a
    peer's word alone changes nothing.

    Raises DoubtAboutOurselves when another machine has lived in our generation and we are the one that goes on, and
    LifeUnknown when the peer's newer roster may say that the key is ours: a machine that slept through a change of its
    keys must not doubt its history, and go on above its successor, before it knows of that one.
    """
    if not _is_signed_by_node(core, core.number, shown):
        if epoch > core.rosters.roster.epoch and _may_be_ours(core, shown):
            raise LifeUnknown(f"our life: expected one of our receipt keys of epoch {core.rosters.roster.epoch}")
        _judge_retired(core, peer, shown)
        return
    match judge_own_life(core.store.life.content, shown.content):
        case OwnVerdict.NOTHING:
            return
        case OwnVerdict.STOP:
            if not core.condition.stopped:
                core.condition.stopped = True
                own = core.store.life.content
                core.log.error("two lives", own=own.generation, seen=shown.content.generation, told_by=peer)
            if core.store.stopped_by is None:  # or the disk was full when another partner showed it
                await _remember(core, shown)
        case OwnVerdict.MOVE_ON if not core.condition.stopped:
            raise DoubtAboutOurselves(f"another machine has lived in generation {shown.content.generation}")


def _judge_retired(core: Core, peer: NodeNumber, shown: SignedLife) -> None:
    """A life under a key of ours that is retired stops nobody; but this may be new hardware under new keys.

    Then partners know the machine before it in a generation that we have not passed, and would refuse us for ever: we
    begin a life above it, at most once an hour for each partner, and never so high that the thief of that key could use
    our generations up.
    """
    own, content = core.store.life.content, shown.content
    if (content.generation, content.life_id) == (own.generation, own.life_id):
        return  # our own life, signed before we changed to the next receipt key
    is_former = _is_signed_by_node(core, core.number, shown, is_retired_too=True)
    is_above = own.generation <= content.generation <= core.rosters.roster.former_generation_max(core.number)
    if is_former and is_above and core.may_doubt(peer):
        raise DoubtAboutOurselves("a machine before this one has lived in our generation", content.generation)
    core.log.warning("life refused", told_by=peer, generation=content.generation)


async def judge_their_life(core: Core, peer: NodeNumber, shown: SignedLife) -> None:
    """Learn the peer's life. Raises Rejected for one that does not count here, LifeUnknown for a key that we lack."""
    if shown.content.node != peer or shown.content.cluster != core.cluster or not shown.is_valid(core.verifier):
        raise Rejected(StatusCode.PERMISSION_DENIED, f"hello: expected a life that node {peer} has signed")
    if not _is_signed_by_node(core, peer, shown):
        raise LifeUnknown(f"life: its key is not a receipt key of node {peer} in epoch {core.rosters.roster.epoch}")
    known = core.store.state.lives.get(peer)
    verdict = judge_peer_life(known.content if known is not None else None, shown.content)
    seen = core.store.state.generations_seen.get(peer, Generation(0))
    if shown.content.generation < seen:  # a receipt on a carried disk may have spoken for a newer one
        verdict = PeerVerdict.OLDER
    match verdict:
        case PeerVerdict.KNOWN:
            _check_lives(core, peer, is_new=False)
        case PeerVerdict.NEWER:
            await core.store.see_life(shown)
            _check_lives(core, peer, is_new=known is not None)
        case PeerVerdict.OLDER | PeerVerdict.RIVAL:
            core.log.warning("life refused", peer=peer, generation=shown.content.generation, reason=verdict.value)
            raise Rejected(
                StatusCode.FAILED_PRECONDITION,
                f"another machine lives as node {peer} in generation {seen}, this one is of "
                f"{shown.content.generation}: it must stop taking puts or start a new life",
            )


def _check_lives(core: Core, peer: NodeNumber, *, is_new: bool) -> None:
    """Raises Rejected while the peer has begun more lives than a node has reasons to."""
    wait_s = core.life_wait_s(peer, is_new=is_new)
    if wait_s:
        raise Rejected(
            StatusCode.RESOURCE_EXHAUSTED,
            f"expected at most {limits.LIVES_BURST} new lives, and one in {1 / limits.LIVES_PER_S:.0f} s: "
            f"again in {wait_s:.0f} s",
        )


def _may_be_ours(core: Core, life: SignedLife) -> bool:
    """Truly signed for this node, with a key that our roster has never given to it."""
    content = life.content
    is_known = _is_signed_by_node(core, core.number, life, is_retired_too=True)
    is_for_us = content.cluster == core.cluster and content.node == core.number
    return is_for_us and not is_known and life.is_valid(core.verifier)


def _is_signed_by_node(core: Core, node: NodeNumber, life: SignedLife, *, is_retired_too: bool = False) -> bool:
    """Under a receipt key of the node that the roster in force knows, for this cluster and node."""
    content, roster = life.content, core.rosters.roster
    if content.cluster != core.cluster or content.node != node:
        return False
    keys = roster.receipt_keys(node)
    is_key = any(
        key.key == life.signature.key_public and (is_retired_too or key.holds_in(roster.epoch)) for key in keys
    )
    return is_key and life.is_valid(core.verifier)


async def _remember(core: Core, evidence: SignedLife) -> None:
    """On a full system disk we stand still all the same, and whoever shows it next makes us try again."""
    try:
        await core.store.stop(evidence)
    except (OSError, DiskFull, DiskFailed) as exc:
        if not core.condition.is_stop_unkept:
            core.condition.is_stop_unkept = True
            core.log.warning("stop not remembered", reason=str(exc))
