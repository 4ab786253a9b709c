"""Nodes that do not do what they say, for a while: patched at the seams, by number, in the simulation only.

lossy        applies offers and moves its mark, but stores nothing of what it was sent
lying        sends wrong bytes for what is wanted
boasting     stores nothing, moves no mark, and signs receipts for everything
forging      signs what must not count: another nonce, an older generation, a broken signature, an old receipt anew
misnumbering shows marks with another running hash, or behind the end of the feed
retracting   withdraws copies that are intact
misreporting reports for another node, under a wrong key, with a broken signature, or what it reported long ago; and
             shows older reports again and again
misfolding   signs inventories and answers reconciles with wrong digests, counts and ids (misfolding.py)
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace

import trio

from lumbung_cluster import limits
from lumbung_cluster.ids import BlobId, Generation, NodeNumber
from lumbung_cluster.receipt import Statement, StatementKind, sign_statement
from lumbung_cluster.report import SignedReport
from lumbung_cluster.report_codec import sign_report
from lumbung_node.services.core import Core
from lumbung_node.services.session import greeting, incoming, proving, session
from lumbung_node.services.session.eager import EagerBytes
from lumbung_node.services.session.incoming import Incoming
from lumbung_node.services.session.offers import OfferedItem
from lumbung_node.services.session.pieces import PieceSender
from lumbung_node.services.session.proving import Proving
from lumbung_node.services.session.telling import Telling
from lumbung_node.services.statements import withdrawal
from lumbung_node.store.committer import Committer
from lumbung_node.store.jobs import Job
from lumbung_node.store.layout import MarkRow
from lumbung_proto.v1 import peer_pb2, report_frames_pb2
from lumbung_testing.rosters import SeededSigner
from lumbung_testing.simulation.patching import patched

__all__ = ["KINDS", "Misbehaviour", "misbehaving", "signed_words"]

KINDS = ("lossy", "lying", "boasting", "forging", "misnumbering", "retracting", "misreporting", "misfolding")
_FLOODING = "flooding"
_CommitReceipt = Callable[[Core, NodeNumber, int, Sequence[BlobId]], Awaitable[peer_pb2.SignedBytes | None]]
_FALSE_TONGUED = ("boasting", "forging", "retracting", "misnumbering", "misfolding")
_UNDER_WAY_S = 60.0  # what was made before the node turned honest again may wait so long for its turn on the line
_RETRACT_S = 3.0
_REPEAT_S = 5.0
_OLD_RECEIPTS_MAX = 50
_OLD_REPORTS_MAX = 20


class Misbehaviour:
    """Who misbehaves now, and how: one at a time, because two liars may keep the truth from a third."""

    def __init__(self, draws: random.Random) -> None:
        self.draws = draws
        self.who: NodeNumber | None = None
        self.how = ""
        self._tainted: dict[tuple[NodeNumber, str], float] = {}
        self._signed: dict[tuple[NodeNumber, NodeNumber], list[tuple[int, peer_pb2.SignedBytes]]] = defaultdict(list)

    def does(self, node: NodeNumber, how: str) -> bool:
        return self.who == node and self.how == how

    def has_done(self, node: NodeNumber, how: str) -> bool:
        """Whether something that the node has made in that way may still leave it."""
        return self.does(node, how) or trio.current_time() < self._tainted.get((node, how), 0.0)

    def is_false_tongued(self, node: NodeNumber) -> bool:
        """Whether what it says is not to be taken for the word of an honest node."""
        return any(self.has_done(node, how) for how in _FALSE_TONGUED)

    def flooded_in_the_name_of(self, node: NodeNumber) -> None:
        """Somebody with its key says in its name what it would never say: its sessions end with refusals meanwhile."""
        self._tainted[node, _FLOODING] = trio.current_time() + _UNDER_WAY_S

    def is_honest(self, node: NodeNumber) -> bool:
        """Whether it keeps to the protocol, and nobody breaks it in its name."""
        return not any(self.has_done(node, how) for how in (*KINDS, _FLOODING))

    def begin(self, node: NodeNumber, how: str) -> None:
        self.who, self.how = node, how

    def end(self) -> None:
        if self.who is not None:
            self._tainted[self.who, self.how] = trio.current_time() + _UNDER_WAY_S
        self.who, self.how = None, ""

    def remember(self, holder: NodeNumber, origin: NodeNumber, generation: int, word: peer_pb2.SignedBytes) -> None:
        """What an honest node has signed may be shown again by it when it has turned."""
        kept = self._signed[holder, origin]
        kept.append((generation, word))
        del kept[:-_OLD_RECEIPTS_MAX]

    def old_receipt(self, holder: NodeNumber, origin: NodeNumber, generation: int) -> peer_pb2.SignedBytes | None:
        """One that was signed in an earlier life, if there is any; else any."""
        kept = self._signed[holder, origin]
        older = [word for signed_in, word in kept if signed_in < generation]
        words = older or [word for _, word in kept]
        return self.draws.choice(words) if words else None


@contextmanager
def misbehaving(misbehaviour: Misbehaviour) -> Iterator[None]:
    """While the block runs, the node that `misbehaviour` names misbehaves.

    What it replaces it takes from where it stands: who does not misbehave does what is there, a planted mistake too.
    """
    with ExitStack() as stack:
        for patch in (_lossy, _lying, _boasting, _forging, _misnumbering, _retracting, _misreporting):
            stack.enter_context(patch(misbehaviour))
        yield


@contextmanager
def _lossy(misbehaviour: Misbehaviour) -> Iterator[None]:
    submit = Committer.submit

    async def lossy_submit(self: Committer, job: Job) -> None:
        node = self._state.node
        if misbehaviour.does(node, "lossy") or misbehaviour.does(node, "boasting"):
            job.foreign = [item for item in job.foreign if item.signed.content.origin == node]
        await submit(self, job)

    with patched(Committer, "submit", lossy_submit):
        yield


@contextmanager
def _lying(misbehaviour: Misbehaviour) -> Iterator[None]:
    send_bytes, read = PieceSender._send_bytes, EagerBytes.read

    async def lying_send(self: PieceSender, serial: int, index: int, content: memoryview) -> None:
        if misbehaviour.does(self._core.number, "lying") and content:
            content = memoryview(bytes([content[0] ^ 1]) + bytes(content[1:]))
        await send_bytes(self, serial, index, content)

    async def lying_read(self: EagerBytes, items: Sequence[OfferedItem]) -> list[bytes] | None:
        contents = await read(self, items)
        if misbehaviour.does(self._core.number, "lying") and contents:
            return [bytes([content[0] ^ 1]) + content[1:] if content else content for content in contents]
        return contents

    with patched(PieceSender, "_send_bytes", lying_send), patched(EagerBytes, "read", lying_read):
        yield


@contextmanager
def _boasting(misbehaviour: Misbehaviour) -> Iterator[None]:
    answer, next_mark, honest = Incoming._answer, Incoming._next_mark, vars(proving)["commit_receipt"]

    async def boasting_answer(self: Incoming, taking: incoming._Taking, job: Job) -> None:
        core = self._core
        if not misbehaviour.does(core.number, "boasting") or taking.origin != self._peer:
            await answer(self, taking, job)
            return
        blobs = [taking.entry(index).blob for index in range(len(taking.places))]
        applied = peer_pb2.Applied(offer=taking.message.offer)
        if blobs:
            applied.receipt.CopyFrom(_receipt_for_all(core, taking.origin, taking.message.nonce, blobs))
        await self._link.send(peer_pb2.SessionFrame(applied=applied))

    def no_mark(self: Incoming, taking: incoming._Taking) -> MarkRow | None:
        return None if misbehaviour.does(self._core.number, "boasting") else next_mark(self, taking)

    async def boasting_proof(
        core: Core, origin: NodeNumber, nonce: int, blobs: Sequence[BlobId]
    ) -> peer_pb2.SignedBytes | None:
        if misbehaviour.does(core.number, "boasting") and blobs:
            return _receipt_for_all(core, origin, nonce, list(blobs))
        word: peer_pb2.SignedBytes | None = await honest(core, origin, nonce, blobs)
        return word

    with (
        patched(Incoming, "_answer", boasting_answer),
        patched(Incoming, "_next_mark", no_mark),
        patched(proving, "commit_receipt", boasting_proof),
    ):
        yield


def _receipt_for_all(core: Core, origin: NodeNumber, nonce: int, blobs: list[BlobId]) -> peer_pb2.SignedBytes:
    state = core.store.state
    return signed_words(
        core,
        Statement(
            StatementKind.COMMIT_RECEIPT,
            core.cluster,
            core.number,
            state.generation,
            core.rosters.roster.epoch,
            origin,
            nonce,
            state.end(origin).number,
            core.clock.now_ms(),
            tuple(blobs),
        ),
    )


def signed_words(core: Core, statement: Statement) -> peer_pb2.SignedBytes:
    """Under the node's own key, whatever it says."""
    signed = sign_statement(statement, core.receipt_signer)
    return peer_pb2.SignedBytes(
        body=signed.body, public_key=signed.signature.key_public, signature=signed.signature.signature
    )


@contextmanager
def _forging(misbehaviour: Misbehaviour) -> Iterator[None]:
    def forging(honest: _CommitReceipt) -> _CommitReceipt:
        async def commit_receipt(
            core: Core, origin: NodeNumber, nonce: int, blobs: Sequence[BlobId]
        ) -> peer_pb2.SignedBytes | None:
            if misbehaviour.does(core.number, "forging") and blobs:
                return _forged(misbehaviour, core, origin, nonce, list(blobs))
            word = await honest(core, origin, nonce, blobs)
            if word is not None:
                misbehaviour.remember(core.number, origin, core.store.state.generation, word)
            return word

        return commit_receipt

    with (
        patched(incoming, "commit_receipt", forging(vars(incoming)["commit_receipt"])),
        patched(proving, "commit_receipt", forging(vars(proving)["commit_receipt"])),  # which may boast
    ):
        yield


def _forged(
    misbehaviour: Misbehaviour, core: Core, origin: NodeNumber, nonce: int, blobs: list[BlobId]
) -> peer_pb2.SignedBytes | None:
    """Something that is no receipt for this question, whatever else it is."""
    draws, generation = misbehaviour.draws, core.store.state.generation
    truth = Statement.parse(_receipt_for_all(core, origin, nonce, blobs).body)
    match draws.choice(("nonce", "generation", "origin", "key", "signature", "old", "old")):
        case "nonce":
            return signed_words(core, replace(truth, nonce=nonce + draws.choice((-1, 1, 1000))))
        case "generation":
            other = generation + 1 if generation == 1 else generation - 1
            return signed_words(core, replace(truth, generation=Generation(other)))
        case "origin":
            return signed_words(core, replace(truth, origin=core.number))
        case "key":
            word = signed_words(core, truth)
            word.public_key = SeededSigner("nobody").public_key
            return word
        case "signature":
            word = signed_words(core, truth)
            word.signature = bytes([word.signature[0] ^ 1]) + word.signature[1:]
            return word
        case _:
            return misbehaviour.old_receipt(core.number, origin, generation)


@contextmanager
def _misnumbering(misbehaviour: Misbehaviour) -> Iterator[None]:
    make_hello = greeting.make_hello

    def lying_hello(core: Core, peer: NodeNumber) -> peer_pb2.Hello:
        hello = make_hello(core, peer)
        if misbehaviour.does(core.number, "misnumbering"):
            for mark in hello.marks:
                if misbehaviour.draws.random() < 0.5:
                    mark.running_hash = misbehaviour.draws.randbytes(32)
                else:
                    mark.number += misbehaviour.draws.choice((1, 10, 1 << 40))
        return hello

    with patched(session, "make_hello", lying_hello):
        yield


@contextmanager
def _retracting(misbehaviour: Misbehaviour) -> Iterator[None]:
    run = Proving.run

    async def retract(self: Proving) -> None:
        core = self._core
        while True:
            await trio.sleep(_RETRACT_S)
            rows = await core.store.reader.feed(self._peer, 0, limits.OFFER_ENTRIES_MAX)
            if rows and misbehaviour.does(core.number, "retracting"):
                blobs = [row.blob for _, row in misbehaviour.draws.sample(rows, min(3, len(rows)))]
                words = withdrawal(core, self._peer, self._nonce_seen, blobs)
                await self._link.send(peer_pb2.SessionFrame(withdraw=peer_pb2.Withdraw(withdrawal=words)))

    async def run_and_retract(self: Proving) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(retract, self)
            await run(self)
            nursery.cancel_scope.cancel()

    with patched(Proving, "run", run_and_retract):
        yield


@contextmanager
def _misreporting(misbehaviour: Misbehaviour) -> Iterator[None]:
    word, run, earlier = Telling._word, Telling.run, dict[NodeNumber, list[report_frames_pb2.NodeReport]]()

    def misword(self: Telling, own: SignedReport) -> report_frames_pb2.NodeReport:
        core, honest = self._core, word(self, own)
        if not misbehaviour.does(core.number, "misreporting"):
            kept = earlier.setdefault(core.number, [])
            kept.append(honest)
            del kept[:-_OLD_REPORTS_MAX]
            return honest
        key = core.receipt_signer
        match misbehaviour.draws.choice(("node", "key", "signature", "old", "generation")):
            case "node":
                other = NodeNumber(core.number % 3 + 1)
                return _report_message(sign_report(replace(own.content, node=other, links=()), key))
            case "generation":
                later = Generation(own.content.generation + 1)
                return _report_message(sign_report(replace(own.content, generation=later), key))
            case "key":
                return _report_message(sign_report(own.content, SeededSigner("nobody")))
            case "signature":
                honest.signature = bytes([honest.signature[0] ^ 1]) + honest.signature[1:]
                return honest
            case _:
                kept = earlier.get(core.number, [])
                return misbehaviour.draws.choice(kept) if kept else honest

    async def repeat(self: Telling) -> None:
        while True:
            await trio.sleep(_REPEAT_S)
            kept = earlier.get(self._core.number, [])
            if kept and misbehaviour.does(self._core.number, "misreporting"):
                await self._link.send(peer_pb2.SessionFrame(report=misbehaviour.draws.choice(kept)))

    async def run_and_repeat(self: Telling) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(repeat, self)
            await run(self)
            nursery.cancel_scope.cancel()

    with patched(Telling, "_word", misword), patched(Telling, "run", run_and_repeat):
        yield


def _report_message(signed: SignedReport) -> report_frames_pb2.NodeReport:
    signature = signed.signature
    return report_frames_pb2.NodeReport(
        body=signed.body, public_key=signature.key_public, signature=signature.signature
    )
