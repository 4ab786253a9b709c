"""`lumbung put`: seal, store, wait for copies, and say truthfully what came of each file."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import click
import trio
from rich.progress import Progress, TaskID

from lumbung_cluster.errors import LumbungError
from lumbung_cluster.limits import PUT_WAIT_S_DEFAULT
from lumbung_tools.cli.common import check_record, copies_json, names, run
from lumbung_tools.cli.framework import Call, command, dry_run, option
from lumbung_tools.cli.put_trial import Unusable, try_put
from lumbung_tools.cli.spans import Seconds
from lumbung_tools.client.answers import Outcome, PutAnswer
from lumbung_tools.client.leftovers import forget_stored
from lumbung_tools.client.outbox import Outbox
from lumbung_tools.client.prepare import STDIN, Preparer, walk
from lumbung_tools.client.put import put_many
from lumbung_tools.client.put_frames import PutItem, PutTerms
from lumbung_tools.client.recheck import recheck
from lumbung_tools.client.session import Session
from lumbung_tools.output.exit_codes import ExitCode, of_error, of_put, worst
from lumbung_tools.output.failures import CommandFailed, sentence_of
from lumbung_tools.output.plain_text import one_line
from lumbung_tools.output.refusals import reason_of
from lumbung_tools.sealing import no_file_in_it

__all__ = ["put"]

_COPIES_MAX = 3
_TIMEOUT_S_MAX = 600.0  # the wire's bound of wait_ms
_DIGITS_SHOWN = 16
_NOT_TRIED_SHOWN_MAX = 5  # all have one cause; thousands of lines would bury it


@command(
    "put",
    help_key="help.put",
    examples_key="help.put.examples",
    exits=(
        ExitCode.OK,
        ExitCode.USAGE,
        ExitCode.COPIES_SHORT,
        ExitCode.UNKNOWN,
        ExitCode.REFUSED,
        ExitCode.UNREACHABLE,
        ExitCode.DAMAGED,
    ),
)
@click.argument("paths", nargs=-1, required=True)
@option(
    "--copies", type=click.IntRange(1, _COPIES_MAX), default=_COPIES_MAX, show_default=True, help_key="help.put.copies"
)
@option(
    "--timeout",
    type=Seconds(0, _TIMEOUT_S_MAX),
    default=PUT_WAIT_S_DEFAULT,
    show_default=True,
    help_key="help.put.timeout",
)
@option("--record", help_key="help.put.record")
@option("--no-seal", is_flag=True, help_key="help.put.no_seal")
@dry_run
def put(call: Call, paths: tuple[str, ...], copies: int, timeout: float, record: str | None, no_seal: bool) -> None:
    check_record(record)
    labels, unread = _walk(paths)
    _check(paths, labels, unread, record, no_seal)
    terms = PutTerms(copies=copies, wait_s=timeout, retry_s=timeout)
    if call.console.is_dry:
        run(call, partial(try_put, call, labels, unread, no_seal))
    else:
        run(call, partial(_put, call, labels, unread, terms, record, no_seal))


def _walk(paths: tuple[str, ...]) -> tuple[list[str], list[Unusable]]:
    """All files, and what cannot be used. A folder without any is told beside others: is its disk mounted?"""
    labels: list[str] = []
    unread: list[Unusable] = []
    empty: list[Unusable] = []
    for path in paths:
        before = len(labels) + len(unread)
        labels.extend(walk([path], lambda folder, why: unread.append((folder, why))))
        if len(labels) + len(unread) == before:
            empty.append((path, no_file_in_it()))
    return labels, [*unread, *empty] if labels or unread else []


def _check(
    paths: tuple[str, ...], labels: list[str], unread: list[Unusable], record: str | None, no_seal: bool
) -> None:
    if "" in paths:
        raise CommandFailed(ExitCode.USAGE, "put.no_name")
    if not labels and unread:
        folders = ", ".join(folder for folder, _ in unread)
        raise CommandFailed(ExitCode.USAGE, "put.not_readable", path=one_line(folders), why=unread[0][1])
    if not labels:
        raise CommandFailed(ExitCode.USAGE, "put.no_files", paths=one_line(", ".join(paths)))
    if record is not None and len(labels) + len(unread) != 1:
        raise CommandFailed(ExitCode.USAGE, "put.one_record", files=len(labels) + len(unread))
    if no_seal and STDIN in labels:
        raise CommandFailed(ExitCode.USAGE, "put.stdin_plain")


async def _put(
    call: Call,
    labels: list[str],
    unread: list[Unusable],
    terms: PutTerms,
    record: str | None,
    no_seal: bool,
    session: Session,
) -> None:
    if not no_seal:
        await session.renew_roster()
    recipients = None if no_seal else session.roster.seal_recipients(session.profile.node)
    secret = session.profile.read_tag_secret()
    outbox = Outbox(session.profile.outbox, secret)
    with call.console.outlasting(), call.console.progress() as progress:
        report = _Report(call, session, terms, [*labels, *(folder for folder, _ in unread)], progress)
        preparer = Preparer(outbox, secret, recipients, session.reading, report.unusable)
        report.forget = preparer.forget
        for folder, why in unread:
            report.unusable(folder, why)
        try:
            batches = preparer.batches(labels, record)
            failure = await put_many(session.own, batches, terms, session.blocking, report.answered)
            await report.ask_again(session, terms)
            report.finish(failure)
            if failure is None and not no_seal:
                await session.blocking.run(preparer.finish)
                await forget_stored(session.own, outbox, session.blocking)
        finally:
            preparer.finish()
            outbox.close()
    report.tell_if_unheard()


class _Report:
    """Says a line for each file as soon as its answer is final, and the summary at the end."""

    def __init__(
        self, call: Call, session: Session, terms: PutTerms, labels: list[str], progress: Progress | None
    ) -> None:
        self._call = call
        self._console = call.console
        self._session = session
        self._terms = terms
        self._left = dict.fromkeys(labels, 0)
        self._codes: list[ExitCode] = []
        self._safe = 0
        self._short: list[tuple[PutItem, PutAnswer]] = []
        self._durable_at = trio.current_time()
        self._progress = progress
        self._task: TaskID | None = None
        self.forget: Callable[[PutItem], None] = lambda item: None
        for label in labels:
            self._left[label] += 1
        if progress is not None:
            self._task = progress.add_task(self._console.text("put.progress"), total=len(labels))

    def unusable(self, label: str, why: Exception) -> None:
        code = of_error(why)
        sentence = sentence_of(self._console, why)
        self._end(label, code, self._console.text("put.not_readable", path=one_line(label), why=sentence))
        self._json(label, "refused", code, sentence)

    def answered(self, item: PutItem, answer: PutAnswer) -> None:
        """Early answers only free the outbox; a final one is said."""
        if answer.outcome is Outcome.NOT_SENT:
            return  # `finish` says so, together with those that were never pulled
        is_definite = answer.outcome.is_durable or (answer.final and answer.outcome is Outcome.REFUSED)
        if is_definite:
            self.forget(item)
        if not answer.final:
            self._durable_at = trio.current_time()
            return
        if answer.outcome.is_durable and answer.copies.count < self._terms.copies:
            self._short.append((item, answer))
            return
        self._say(item, answer)

    async def ask_again(self, session: Session, terms: PutTerms) -> None:
        """One wait for all paths: those that were short get their last word now."""
        answers = [answer for _, answer in self._short]
        newest = await recheck(session.own, answers, terms.copies, self._durable_at + terms.wait_s)
        for (item, _), answer in zip(self._short, newest, strict=True):
            self._say(item, answer)

    def finish(self, failure: LumbungError | None) -> None:
        not_tried = [label for label, count in self._left.items() for _ in range(count)]
        assert failure is not None or not not_tried, f"no answer for {not_tried[:1]}"
        if failure is not None:
            code, why = of_error(failure), sentence_of(self._console, failure)
            for label in not_tried:
                self._codes.append(code)
                self._json(label, "not_sent", code, why)
            for label in not_tried[:_NOT_TRIED_SHOWN_MAX]:
                self._console.warn("put.not_tried", path=one_line(label), why=why)
            if len(not_tried) > _NOT_TRIED_SHOWN_MAX:
                self._console.warn("put.not_tried_more", files=len(not_tried) - _NOT_TRIED_SHOWN_MAX)
        self._summary()
        self._call.end(worst(self._codes))

    def tell_if_unheard(self) -> None:
        """All was put although the standard output failed: say on the other one what came of it."""
        lost, code = self._console.lost, worst(self._codes)
        if lost is None:
            return
        if not isinstance(lost, BrokenPipeError):
            total, parts = len(self._codes), ", ".join(self._parts())
            self._console.warn("put.unheard", why=reason_of(self._console, lost), total=total, parts=parts)
            self._call.end(worst([code, ExitCode.USAGE]))
        elif code is ExitCode.OK:
            raise lost

    def _say(self, item: PutItem, answer: PutAnswer) -> None:
        code = of_put(answer, self._terms.copies)
        self._safe += answer.copies.safe
        self._end(item.label, code, self._line(item, answer))
        blob = str(answer.id) if answer.id is not None else ""
        self._console.json(
            "lumbung.put/1",
            {
                "path": item.label,
                "outcome": answer.outcome.value,
                "id": blob,
                "size_bytes": item.size_bytes,
                "copies": copies_json(self._session.roster, answer.copies),
                "new_version": answer.new_version,
                "sentence": answer.sentence,
                "retry_after_s": answer.retry_after_s,
                "exit_code": int(code),
            },
        )

    def _line(self, item: PutItem, answer: PutAnswer) -> str:
        console, copies = self._console, answer.copies
        if answer.outcome is Outcome.REFUSED:
            line = console.text("put.refused", path=one_line(item.label), why=reason_of(console, answer.sentence))
            return f"{line} {self._retry(answer)}" if answer.retry_after_s else line
        if answer.outcome is Outcome.UNKNOWN:
            return console.text("put.unknown", path=one_line(item.label), why=reason_of(console, answer.sentence))
        values = {"path": one_line(item.label), "count": copies.count, "wanted": copies.wanted, "id": _digits(answer)}
        if copies.safe:
            line = console.text("put.safe", **values)
        elif copies.count >= self._terms.copies:
            line = console.text("put.enough", **values)
        else:
            missing = ", ".join(names(self._session.roster, copies.missing)) or console.text("put.nobody")
            line = console.text("put.short", missing=missing, **values)
        if answer.outcome is Outcome.REPEATED:
            line = f"{line} {console.text('put.repeated')}"
        return f"{line} {console.text('put.new_version')}" if answer.new_version else line

    def _retry(self, answer: PutAnswer) -> str:
        return self._console.text("put.retry_after", seconds=math.ceil(answer.retry_after_s))

    def _end(self, label: str, code: ExitCode, line: str) -> None:
        self._codes.append(code)
        self._left[label] -= 1
        if code in (ExitCode.OK, ExitCode.COPIES_SHORT):
            self._console.sentence(line)
        else:
            self._console.trouble(line)
        if self._progress is not None and self._task is not None:
            self._progress.advance(self._task)

    def _json(self, label: str, outcome: str, code: ExitCode, sentence: str) -> None:
        self._console.json(
            "lumbung.put/1", {"path": label, "outcome": outcome, "sentence": sentence, "exit_code": int(code)}
        )

    def _parts(self) -> list[str]:
        stored, short = self._codes.count(ExitCode.OK), self._codes.count(ExitCode.COPIES_SHORT)
        failed = len(self._codes) - stored - short
        parts = {"safe": self._safe, "enough": stored - self._safe, "short": short, "failed": failed}
        return [self._console.text(f"put.summary.{name}", count=count) for name, count in parts.items() if count]

    def _summary(self) -> None:
        stored, short = self._codes.count(ExitCode.OK), self._codes.count(ExitCode.COPIES_SHORT)
        total = len(self._codes)
        counts = {"total": total, "safe": self._safe, "short": short, "failed": total - stored - short}
        if total > 1:
            self._console.say("put.summary", total=total, parts=", ".join(self._parts()))
        self._console.json("lumbung.put.summary/1", {**counts, "exit_code": int(worst(self._codes))})


def _digits(answer: PutAnswer) -> str:
    return str(answer.id)[:_DIGITS_SHOWN] if answer.id is not None else ""
