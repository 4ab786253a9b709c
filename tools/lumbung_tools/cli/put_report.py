"""What `lumbung put` says: a line for each file as soon as its answer is final, and the summary at the end."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import trio
from rich.progress import Progress, TaskID

from lumbung_cluster.errors import LumbungError
from lumbung_tools.cli.common import copies_json, names
from lumbung_tools.cli.framework import Call
from lumbung_tools.client.answers import Outcome, PutAnswer
from lumbung_tools.client.put_frames import PutItem, PutTerms
from lumbung_tools.client.recheck import recheck
from lumbung_tools.client.session import Session
from lumbung_tools.output.exit_codes import ExitCode, of_error, of_put, worst
from lumbung_tools.output.failures import sentence_of
from lumbung_tools.output.plain_text import one_line
from lumbung_tools.output.refusals import reason_of

__all__ = ["PutReport"]

_DIGITS_SHOWN = 16
_NOT_TRIED_SHOWN_MAX = 5  # all have one cause; thousands of lines would bury it


class PutReport:
    """Of the files `labels`. `forget` is called for each item that needs its sealed file no longer.

    After a refusal it does only where `is_kept_elsewhere`: the named file is there to be sealed again.
    """

    def __init__(
        self,
        call: Call,
        session: Session,
        terms: PutTerms,
        labels: Sequence[str],
        progress: Progress | None,
        *,
        is_kept_elsewhere: bool,
    ) -> None:
        self._call = call
        self._console = call.console
        self._session = session
        self._terms = terms
        self._is_kept_elsewhere = is_kept_elsewhere
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
        is_refused = answer.final and answer.outcome is Outcome.REFUSED
        if answer.outcome.is_durable or (is_refused and self._is_kept_elsewhere):
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
                "size_bytes": answer.other_bytes or item.size_bytes,
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
