"""What `lumbung get` says: a line for each recording as soon as it is written, and of many a summary at the end."""

from __future__ import annotations

from rich.progress import Progress, TaskID

from lumbung_cluster.errors import BlobDamaged, LumbungError, Rejected, StatusCode
from lumbung_tools.catalogue.text import rfc3339
from lumbung_tools.cli.framework import Call
from lumbung_tools.client.get import Fetched
from lumbung_tools.client.get_many import Want
from lumbung_tools.client.into_folder import FolderFailed, TargetThere
from lumbung_tools.client.session import Session
from lumbung_tools.output.exit_codes import ExitCode, of_error, worst
from lumbung_tools.output.failures import CommandFailed, sentence_of
from lumbung_tools.output.plain_text import one_line
from lumbung_tools.sealing import CannotOpen

__all__ = ["GetReport", "not_ours", "tell_written"]


def tell_written(call: Call, session: Session, fetched: Fetched, target: str) -> None:
    size = call.console.catalogue.size(fetched.size_bytes)
    call.console.say("get.written", target=one_line(target), size=size, source=fetched.source)
    call.console.json(
        "lumbung.get/1",
        {
            "id": str(fetched.id),
            "origin": session.roster.name(fetched.origin),
            "size_bytes": fetched.size_bytes,
            "time": rfc3339(fetched.time_ms),
            "seal_epoch": fetched.seal_epoch,
            "source": fetched.source,
            "file": target,
        },
    )


def not_ours(name: str, why: CannotOpen) -> CommandFailed:
    """It was fetched whole, and is sealed to others."""
    return CommandFailed(ExitCode.USAGE, "get.not_ours", target=name, why=why)


class GetReport:
    """Of many recordings; hears of them from `GetMany`."""

    def __init__(self, call: Call, session: Session, progress: Progress | None) -> None:
        self._call = call
        self._console = call.console
        self._session = session
        self._code = ExitCode.OK
        self._expected = 0
        self._written = 0
        self._there = 0
        self._failed = 0
        self._repeated = 0
        self._progress = progress
        self._task: TaskID | None = None
        if progress is not None:
            self._task = progress.add_task(self._console.text("get.progress_of_many"), total=None)

    def expect(self, names: int, *, is_last: bool) -> None:
        """So many more names; with the last of them it is known how many there are."""
        self._expected += names
        if is_last and self._progress is not None and self._task is not None:
            self._progress.update(self._task, total=self._expected)

    def written(self, fetched: Fetched) -> None:
        self._written += 1
        self._advance()
        tell_written(self._call, self._session, fetched, str(fetched.path))

    def repeated(self) -> None:
        self._repeated += 1
        self._advance()

    def failed(self, want: Want, failure: LumbungError) -> None:
        if isinstance(failure, TargetThere):
            self._is_there(want, failure)
            return
        told = not_ours(want.text, failure) if isinstance(failure, CannotOpen) else failure
        code = told.code if isinstance(told, CommandFailed) else of_error(told)
        self._not_written(want.text, code, sentence_of(self._console, told))

    def no_name(self, text: str, line: int) -> None:
        """A line of the list that names no recording."""
        self._not_written(text, ExitCode.USAGE, self._console.text("get.no_id", line=line))

    def passed_on(self, want: Want, source: str, failure: LumbungError) -> None:
        """Only damage is told at once: where thousands are not at their first source, that is no trouble."""
        if isinstance(failure, BlobDamaged) or _is_loss(failure):
            sentence = sentence_of(self._console, failure)
            self._console.warn("get.passed_on", name=one_line(want.text), source=source, why=sentence)

    def source_failed(self, source: str, failure: LumbungError, left: int) -> None:
        self._console.warn("get.source_failed", source=source, why=sentence_of(self._console, failure), left=left)

    def stopped(self, failure: FolderFailed | CommandFailed) -> None:
        """Nothing more can be written, or the list cannot be read on."""
        cause = failure.__cause__ if isinstance(failure, FolderFailed) and failure.__cause__ else failure
        code, sentence = ExitCode.USAGE, self._console.text("get.stopped", why=sentence_of(self._console, cause))
        self._code = worst([self._code, code])
        self._console.trouble(sentence)
        self._console.json("lumbung.error/1", {"exit_code": int(code), "sentence": sentence})

    def finish(self) -> None:
        """The summary, and the exit code of the call."""
        failed = self._there + self._failed
        total = self._written + failed
        self._console.sentence(self._summary(total))
        self._console.json(
            "lumbung.get.summary/1",
            {
                "total": total,
                "written": self._written,
                "failed": failed,
                "there": self._there,
                "repeated": self._repeated,
                "exit_code": int(self._code),
            },
        )
        self._call.end(self._code)

    def _summary(self, total: int) -> str:
        if not total and self._code is ExitCode.OK:
            return self._console.text("get.nothing_listed")
        counts = {"there": self._there, "failed": self._failed, "repeated": self._repeated}
        parts = [self._console.text(f"get.summary.{name}", count=count) for name, count in counts.items() if count]
        return " ".join([self._console.text("get.summary", written=self._written, total=total), *parts])

    def _is_there(self, want: Want, failure: TargetThere) -> None:
        """Counted apart: whoever types the same command again looks for the others."""
        self._there += 1
        sentence = self._console.text("get.there", target=one_line(str(failure.target)))
        self._console.warn("get.failed_there", name=one_line(want.text), why=sentence)
        self._end(want.text, ExitCode.USAGE, sentence)

    def _not_written(self, name: str, code: ExitCode, sentence: str) -> None:
        self._failed += 1
        self._console.warn("get.failed", name=one_line(name), why=sentence)
        self._end(name, code, sentence)

    def _end(self, name: str, code: ExitCode, sentence: str) -> None:
        self._code = worst([self._code, code])
        self._advance()
        self._console.json("lumbung.get.failed/1", {"name": name, "exit_code": int(code), "sentence": sentence})

    def _advance(self) -> None:
        if self._progress is not None and self._task is not None:
            self._progress.advance(self._task)


def _is_loss(failure: LumbungError) -> bool:
    return isinstance(failure, Rejected) and failure.code is StatusCode.DATA_LOSS
