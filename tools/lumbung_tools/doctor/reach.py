"""The way to the others and back: own port, each partner, and what they say of our addresses and our clock."""

from __future__ import annotations

import errno
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from statistics import median

import trio

from lumbung_cluster import limits
from lumbung_cluster.errors import LumbungError, Rejected, StatusCode, TrustRefused
from lumbung_cluster.roster_node import NodeRecord, Reach
from lumbung_node.adapters.world import SystemClock
from lumbung_node.main import refuse_taken_port
from lumbung_node.partners import OwnNode
from lumbung_node.ports.transport import Caller, Method
from lumbung_node.services.dial_back import DIAL_BACK, HEALTH_CHECK
from lumbung_proto.codec import MalformedFrame, decode_message
from lumbung_proto.v1 import reach_pb2
from lumbung_tools.doctor.finding import Finding, green, red, yellow

__all__ = ["Answer", "let_partners_in", "look_at_reach"]

_OFFSET_S_YELLOW = 30.0
_OFFSET_S_RED = 300.0
_SENTENCE_MAX = 200


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of asking one partner. `offset_s` is its clock less ours; `results` are None from an older node.

    `dials_us` for one that nobody can dial: it comes by itself.
    """

    name: str
    failure: str = ""
    dials_us: bool = False
    is_trust: bool = False
    offset_s: float | None = None
    results: Sequence[tuple[str, bool, str]] | None = None


def let_partners_in(_caller: Caller, method: Method) -> None:
    """For the listener of a node that is down: it answers the standard health service and nothing else."""
    if method != HEALTH_CHECK:
        raise Rejected(StatusCode.PERMISSION_DENIED, "this node is down: only its doctor listens")


async def look_at_reach(own: OwnNode) -> list[Finding]:
    """Dials every partner; while the node is down its port is held meanwhile, so that they can dial back."""
    async with _listening(own) as port:
        findings = [port]
        partners = own.partners()
        answers: list[Answer] = []
        async with trio.open_nursery() as nursery:
            for partner in partners:
                nursery.start_soon(_ask, own, partner, answers)
    answers.sort(key=lambda answer: answer.name)
    record = own.roster.node(own.config.number)
    findings += judge_partners(answers)
    findings += judge_dial_back(answers, record)
    findings += judge_clock(answers)
    return findings


@asynccontextmanager
async def _listening(own: OwnNode) -> AsyncIterator[Finding]:
    address = own.config.listen
    try:
        refuse_taken_port(address)
    except OSError as exc:
        yield (
            await _who_listens(own, address)
            if exc.errno == errno.EADDRINUSE
            else red("port", "doctor.port.refused", address=address, why=exc.strerror or str(exc))
        )
        return
    async with own.transport.serve(address, {}):
        yield green("port", "doctor.port.free", address=address)


async def _who_listens(own: OwnNode, address: str) -> Finding:
    try:
        await own.knock()
    except Rejected:  # it answered under our own key
        return green("port", "doctor.port.running", address=address)
    except LumbungError as exc:
        return red("port", "doctor.port.taken", address=address, why=str(exc))
    return green("port", "doctor.port.running", address=address)


async def _ask(own: OwnNode, partner: NodeRecord, answers: list[Answer]) -> None:
    record = own.roster.node(own.config.number)
    if not partner.addresses or (record is not None and not record.reach.can_dial(partner.reach)):
        answers.append(Answer(partner.name, dials_us=True))
        return
    clock = SystemClock()
    begun_ms = clock.now_ms()
    try:
        raw = await own.ask(partner, DIAL_BACK, deadline_s=limits.DIAL_BACK_ANSWER_S)
        response = decode_message(reach_pb2.DialBackResponse, raw)
    except Rejected as exc:  # it answered and knows us, and has another lumbung or was asked a moment ago
        is_known = exc.code in (StatusCode.UNIMPLEMENTED, StatusCode.RESOURCE_EXHAUSTED)
        answers.append(Answer(partner.name, "" if is_known else exc.sentence, is_trust=not is_known))
    except (LumbungError, MalformedFrame) as exc:
        answers.append(Answer(partner.name, str(exc), is_trust=isinstance(exc, TrustRefused)))
    else:
        # The answer was stamped before the partner dialled back: the call's begin is nearer to it than its middle.
        offset_s = (response.clock_ms - begun_ms) / 1000
        results = [
            (_plain(result.address), result.reached, _plain(result.sentence))
            for result in response.results[: limits.DIAL_BACK_ADDRESSES_MAX]
        ]
        answers.append(Answer(partner.name, offset_s=offset_s, results=results))


def _plain(text: str) -> str:
    """What a partner says, fit for a page."""
    return "".join(letter for letter in text[:_SENTENCE_MAX] if letter.isprintable())


def judge_partners(answers: Sequence[Answer]) -> Iterator[Finding]:
    for answer in answers:
        if answer.dials_us:
            yield green("partner", "doctor.partner.dials_us", partner=answer.name)
        elif answer.is_trust:
            yield red("partner", "doctor.partner.trust", partner=answer.name, why=answer.failure)
        elif answer.failure:
            yield yellow("partner", "doctor.partner.down", partner=answer.name, why=answer.failure)
        else:
            yield green("partner", "doctor.partner.good", partner=answer.name)
    if not answers:
        yield green("partner", "doctor.partner.none")


def judge_dial_back(answers: Sequence[Answer], record: NodeRecord | None) -> Iterator[Finding]:
    """One finding an address: whoever reached it is named, else what those who tried it said."""
    if record is None or not record.addresses or record.reach.text == Reach.DIAL_ONLY:
        yield green("dial_back", "doctor.dial_back.dial_only")
        return
    asked = [answer for answer in answers if answer.results is not None]
    for address in record.addresses:
        tried = [(a.name, reached, why) for a in asked for to, reached, why in a.results or () if to == address]
        reached_by = [name for name, reached, _ in tried if reached]
        if reached_by:
            yield green("dial_back", "doctor.dial_back.good", address=address, partners=", ".join(reached_by))
        elif tried:
            name, _, why = tried[0]
            yield red("dial_back", "doctor.dial_back.failed", address=address, partner=name, why=why)
        else:
            yield yellow("dial_back", "doctor.dial_back.nobody", address=address)


def judge_clock(answers: Sequence[Answer]) -> Iterator[Finding]:
    """The middle of what the partners say: one wrong clock among them says nothing of ours."""
    offsets = [answer.offset_s for answer in answers if answer.offset_s is not None]
    if not offsets:
        yield yellow("clock", "doctor.clock.nobody")
        return
    ahead_s = -median(offsets)
    values: dict[str, int | str] = {"offset_s": round(abs(ahead_s)), "partners": len(offsets)}
    way = "ahead" if ahead_s > 0 else "behind"
    if abs(ahead_s) >= _OFFSET_S_RED:
        yield red("clock", f"doctor.clock.{way}", **values)
    elif abs(ahead_s) >= _OFFSET_S_YELLOW:
        yield yellow("clock", f"doctor.clock.{way}", **values)
    else:
        yield green("clock", "doctor.clock.good", **values)
