"""Receipts that came back on a disk, given to the origin's own node."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

from lumbung_cluster import limits
from lumbung_cluster.canonical import Malformed
from lumbung_cluster.errors import PeerGone
from lumbung_cluster.receipt import SignedStatement
from lumbung_proto.codec import MalformedFrame, decode_message
from lumbung_proto.v1 import bundles_pb2
from lumbung_tools.bundles.folder import BundleFolder
from lumbung_tools.bundles.problem import Problems
from lumbung_tools.client.methods import TAKE_RECEIPTS
from lumbung_tools.client.session import Session
from lumbung_tools.output.exit_codes import ExitCode

__all__ = ["Carried", "take_receipts"]


@dataclass(slots=True)
class Carried:
    """What a disk's receipts were worth, by holder's number: `blobs` newly proven, `withdrawn` no longer counted."""

    files: int = 0
    receipts: int = 0
    counted: int = 0
    known: int = 0
    refused: int = 0
    blobs: Counter[int] = field(default_factory=Counter)
    withdrawn: Counter[int] = field(default_factory=Counter)
    problems: Problems = field(default_factory=Problems)


async def take_receipts(session: Session, folder: BundleFolder, on_progress: Callable[[int, int], None]) -> Carried:
    """Everything in the folder's `receipts`. `on_progress` hears of files done and in all.

    Raises Rejected, PeerUnreachable, TrustRefused, PeerGone.
    """
    done = Carried()
    names = await session.blocking.run(folder.receipts)
    reasons: Counter[str] = Counter()
    async with session.own.stream(TAKE_RECEIPTS) as stream:
        for at, name in enumerate(names, start=1):
            try:
                content = await session.blocking.run(partial(folder.read_receipts, name))
            except (Malformed, OSError) as exc:
                done.problems.add(ExitCode.DAMAGED, "bundle.bad.receipts_file", bundle=folder.name, file=name, why=exc)
                continue
            done.files += 1
            for some in _frames(content.receipts):
                await stream.send(_request(some))
                answers = _answers(await stream.receive(), len(some))
                for answer in answers:
                    _count(done, answer, reasons)
            on_progress(at, len(names))
        await stream.finish_sending()
        await stream.receive()
    for sentence, receipts in reasons.items():
        done.problems.add(ExitCode.REFUSED, "bundle.bad.receipt", bundle=folder.name, receipts=receipts, why=sentence)
    return done


def _frames(receipts: Sequence[SignedStatement]) -> Iterator[Sequence[SignedStatement]]:
    for at in range(0, len(receipts), limits.BUNDLE_RECEIPTS_FRAME_MAX):
        yield receipts[at : at + limits.BUNDLE_RECEIPTS_FRAME_MAX]


def _request(receipts: Sequence[SignedStatement]) -> bytes:
    request = bundles_pb2.TakeReceiptsRequest()
    for receipt in receipts:
        key = receipt.signature
        request.receipts.add(body=receipt.body, public_key=key.key_public, signature=key.signature)
    return request.SerializeToString()


def _answers(message: bytes | None, count: int) -> Sequence[bundles_pb2.ReceiptAnswer]:
    if message is None:
        raise PeerGone("the node ended the stream without an answer")
    try:
        answers = decode_message(bundles_pb2.TakeReceiptsResponse, message).answers
    except MalformedFrame as exc:
        raise PeerGone(f"answer not understood: {exc}") from exc
    if len(answers) != count:
        raise PeerGone(f"answer not understood: expected {count} answers, got {len(answers)}")
    return answers


def _count(done: Carried, answer: bundles_pb2.ReceiptAnswer, reasons: Counter[str]) -> None:
    done.receipts += 1
    match answer.outcome:
        case bundles_pb2.RECEIPT_OUTCOME_COUNTED:
            done.counted += 1
            done.blobs[answer.holder] += answer.blobs
            done.withdrawn[answer.holder] += answer.withdrawn
        case bundles_pb2.RECEIPT_OUTCOME_KNOWN:
            done.known += 1
        case _:
            done.refused += 1
            reasons[answer.sentence] += 1
