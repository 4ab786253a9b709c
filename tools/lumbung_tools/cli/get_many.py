"""`lumbung get` of many recordings into a folder: from the command line, from a list, a lot at a time."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import IO, Final

from lumbung_cluster.errors import LumbungError
from lumbung_tools.cli.common import blob_name, identities_of, node_named, run
from lumbung_tools.cli.framework import Call
from lumbung_tools.cli.get_report import GetReport
from lumbung_tools.client.ask import BlobName
from lumbung_tools.client.get import Source
from lumbung_tools.client.get_many import GetMany, Want
from lumbung_tools.client.into_folder import FolderFailed, IntoFolder
from lumbung_tools.client.name_list import NotAList, Wanted, open_list, read_list
from lumbung_tools.client.once import Once
from lumbung_tools.client.session import Session
from lumbung_tools.output.exit_codes import ExitCode
from lumbung_tools.output.failures import CommandFailed
from lumbung_tools.output.plain_text import one_line

__all__ = ["ManyWishes", "get_many"]

_LOT: Final = 1000  # names in memory at once; a source gets a stream for so many


@dataclass(frozen=True, slots=True)
class ManyWishes:
    """What the person typed; `listed` is a file of names, `-` for the standard input."""

    ids: Sequence[str]
    records: Sequence[str]
    listed: str | None
    into: Path
    sealed: bool
    source: str | None
    origin: str | None


def get_many(call: Call, wishes: ManyWishes) -> None:
    if not wishes.into.is_dir():
        raise CommandFailed(ExitCode.USAGE, "get.no_into", folder=one_line(str(wishes.into)))
    run(call, partial(_get_many, call, wishes))


async def _get_many(call: Call, wishes: ManyWishes, session: Session) -> None:
    # What was typed is judged before anything travels, as is a missing key; a line of a list when its turn comes.
    typed = [
        *(Wanted(text, blob_name(session, text, None)) for text in wishes.ids),
        *(Wanted(text, blob_name(session, None, text)) for text in wishes.records),
    ]
    identities = None if wishes.sealed else identities_of(session)
    only, origin = node_named(session.roster, wishes.source), node_named(session.roster, wishes.origin)
    listed = await _open(session, wishes.listed)
    names = chain(typed, read_list(listed) if listed is not None else ())
    with _workroom(wishes.into) as workroom, call.console.progress() as progress:
        report = GetReport(call, session, progress)
        once = Once()
        many = GetMany(IntoFolder(wishes.into, Path(workroom), identities), once, session.blocking, report)
        try:
            while lot := await _next_lot(session, wishes.listed, names):
                report.expect(len(lot), is_last=len(lot) < _LOT)
                new = [wanted for wanted in lot if _is_new(wanted, once, report)]
                await many.get(list(_wants(new, lambda name: session.sources(name, origin, only), report)))
        except (FolderFailed, CommandFailed) as exc:
            report.stopped(exc)
    # Not where it ends otherwise: a thread may still wait for the list's next line, and closing would wait for it.
    if listed is not None:
        listed.close()
    report.finish()


def _workroom(folder: Path) -> tempfile.TemporaryDirectory[str]:
    """Beside the targets, so that nothing is moved between disks.

    A disk that is gone is told by what could not be written to it: that nothing can be deleted there either is no news.
    """
    return tempfile.TemporaryDirectory(prefix=".lumbung-", dir=folder, ignore_cleanup_errors=True)


async def _open(session: Session, listed: str | None) -> IO[bytes] | None:
    if listed is None:
        return None
    try:
        return await session.reading.run(lambda: open_list(listed))  # a pipe opens once somebody writes to it
    except (OSError, NotAList) as exc:
        raise _unread(listed, exc) from exc


async def _next_lot(session: Session, listed: str | None, names: Iterator[Wanted]) -> list[Wanted]:
    """Fewer than a lot at the end only. Raises CommandFailed where the list cannot be read on."""
    try:
        return await session.reading.run(lambda: list(islice(names, _LOT)))
    except (OSError, NotAList) as exc:
        raise _unread(listed, exc) from exc


def _is_new(wanted: Wanted, once: Once, report: GetReport) -> bool:
    if wanted.name is None:
        report.no_name(wanted.text, wanted.line)
        return False
    if not once.is_new(wanted.name):
        report.repeated()
        return False
    return True


def _wants(lot: Sequence[Wanted], sources_of: Callable[[BlobName], list[Source]], report: GetReport) -> Iterator[Want]:
    for wanted in lot:
        assert wanted.name is not None
        want = Want(wanted.text, wanted.name, [])
        try:
            want.sources.extend(sources_of(wanted.name))
        except LumbungError as exc:  # a holder that the roster gives no address, for example
            report.failed(want, exc)
        else:
            yield want


def _unread(listed: str | None, why: OSError | NotAList) -> CommandFailed:
    if isinstance(why, OSError):
        why = OSError(*why.args[:2])  # without the file, which our sentence names
    return CommandFailed(ExitCode.USAGE, "get.list_unread", file=one_line(listed or ""), why=why)
