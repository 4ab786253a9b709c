"""`lumbung put`: seal, store, wait for copies, and say truthfully what came of each file.

With `--waiting` it is the sealed files of the outbox that go: their answers were lost, and the files that a person
named may be gone by now.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import click

from lumbung_cluster.limits import PUT_WAIT_S_DEFAULT
from lumbung_tools.cli.common import check_record, run
from lumbung_tools.cli.framework import Call, command, dry_run, option
from lumbung_tools.cli.put_report import PutReport
from lumbung_tools.cli.put_trial import Unusable, try_put
from lumbung_tools.cli.spans import Seconds
from lumbung_tools.client.leftovers import forget_stored
from lumbung_tools.client.outbox import Outbox
from lumbung_tools.client.prepare import STDIN, Preparer, walk
from lumbung_tools.client.put import put_many
from lumbung_tools.client.put_frames import PutItem, PutTerms
from lumbung_tools.client.session import Session
from lumbung_tools.output.exit_codes import ExitCode
from lumbung_tools.output.failures import CommandFailed
from lumbung_tools.output.plain_text import one_line
from lumbung_tools.sealing import no_file_in_it

__all__ = ["put"]

_COPIES_MAX = 3
_TIMEOUT_S_MAX = 600.0  # the wire's bound of wait_ms


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
@click.argument("paths", nargs=-1)
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
@option("--waiting", is_flag=True, help_key="help.put.waiting")
@dry_run
def put(
    call: Call,
    paths: tuple[str, ...],
    copies: int,
    timeout: float,
    record: str | None,
    no_seal: bool,
    waiting: bool,
) -> None:
    check_record(record)
    terms = PutTerms(copies=copies, wait_s=timeout, retry_s=timeout)
    if waiting:
        if paths or record is not None or no_seal:
            raise CommandFailed(ExitCode.USAGE, "put.waiting_alone")
        run(call, partial(_put_waiting, call, terms))
        return
    if not paths:
        raise CommandFailed(ExitCode.USAGE, "put.nothing_named")
    labels, unread = _walk(paths)
    _check(paths, labels, unread, record, no_seal)
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
    with _closing(call, outbox), call.console.progress() as progress:
        named = [*labels, *(folder for folder, _ in unread)]
        report = PutReport(call, session, terms, named, progress, is_kept_elsewhere=True)
        preparer = Preparer(outbox, secret, recipients, session.reading, report.unusable)
        for folder, why in unread:
            report.unusable(folder, why)
        clears = outbox if not no_seal else None
        await _send(session, terms, report, preparer, preparer.batches(labels, record), clears)
    report.tell_if_unheard()


async def _put_waiting(call: Call, terms: PutTerms, session: Session) -> None:
    """What waits in the outbox, as it was sealed. A sealed file may be all that is left of a recording: it goes from
    there only once it is stored."""
    secret = session.profile.read_tag_secret()
    outbox = Outbox(session.profile.outbox, secret)
    with _closing(call, outbox):
        if not outbox.is_alone:
            raise CommandFailed(ExitCode.USAGE, "put.waiting_busy")
        paths = await session.blocking.run(outbox.paths)
        if not paths or call.console.is_dry:
            call.console.say("put.waiting_count", blobs=len(paths))
            call.console.json("lumbung.put.summary/1", {"total": len(paths), "exit_code": int(ExitCode.OK)})
            return
        with call.console.progress() as progress:
            report = PutReport(call, session, terms, list(map(str, paths)), progress, is_kept_elsewhere=False)
            preparer = Preparer(outbox, secret, None, session.reading, report.unusable)
            await _send(session, terms, report, preparer, preparer.waiting(paths), outbox)
    report.tell_if_unheard()


@contextmanager
def _closing(call: Call, outbox: Outbox) -> Iterator[None]:
    with call.console.outlasting():
        try:
            yield
        finally:
            outbox.close()


async def _send(
    session: Session,
    terms: PutTerms,
    report: PutReport,
    preparer: Preparer,
    batches: AsyncGenerator[Sequence[PutItem], None],
    clears: Outbox | None,
) -> None:
    """Put what the preparer gives, and say what came of it; `clears` gives up what others have proven in the end."""
    report.forget = preparer.forget
    try:
        failure = await put_many(session.own, batches, terms, session.blocking, report.answered)
        await report.ask_again(session, terms)
        report.finish(failure)
        if failure is None and clears is not None:
            await session.blocking.run(preparer.finish)
            await forget_stored(session.own, clears, session.blocking)
    finally:
        preparer.finish()
