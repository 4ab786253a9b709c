"""`lumbung get`: fetch, check, open; the own node first, then whoever else holds it. Many at once: `get_many`."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import click

from lumbung_cluster.errors import LumbungError
from lumbung_node.adapters.keys.key_files import name_new
from lumbung_tools.cli.common import blob_name, check_record, identities_of, node_named, run
from lumbung_tools.cli.framework import Call, command, option
from lumbung_tools.cli.get_many import ManyWishes, get_many
from lumbung_tools.cli.get_report import not_ours, tell_written
from lumbung_tools.client.ask import BlobName
from lumbung_tools.client.get import Fetched, NobodyHasIt, Source
from lumbung_tools.client.get import get as fetch
from lumbung_tools.client.into_folder import default_name
from lumbung_tools.client.opened import is_sealed, open_into
from lumbung_tools.client.part_file import sync_folder
from lumbung_tools.client.session import Session
from lumbung_tools.output.exit_codes import ExitCode, of_error
from lumbung_tools.output.failures import CommandFailed, sentence_of
from lumbung_tools.output.plain_text import one_line
from lumbung_tools.sealing import CannotOpen, Identities, open_sealed

__all__ = ["get"]

_STDOUT = "-"
_COPY_SIZE_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class _Wish:
    """One recording, as the person typed it."""

    digits: str | None
    record: str | None
    output: str | None
    sealed: bool
    source: str | None
    origin: str | None

    @property
    def name(self) -> str:
        """The recording in the person's own words."""
        return self.record or self.digits or ""

    @property
    def folder(self) -> Path | None:
        """Where the result goes; None for the standard output."""
        if self.output == _STDOUT:
            return None
        return Path(self.output).parent if self.output else Path()


@command(
    "get",
    help_key="help.get",
    examples_key="help.get.examples",
    exits=(
        ExitCode.OK,
        ExitCode.USAGE,
        ExitCode.NOT_FOUND,
        ExitCode.UNKNOWN,
        ExitCode.REFUSED,
        ExitCode.UNREACHABLE,
        ExitCode.DAMAGED,
    ),
)
@click.argument("ids", nargs=-1, metavar="[ID]...")
@option("--record", "records", multiple=True, help_key="help.get.record")
@option("--list", "listed", type=click.Path(), help_key="help.get.list")
@option("-o", "--output", help_key="help.get.output")
@option("--into", type=click.Path(), help_key="help.get.into")
@option("--sealed", is_flag=True, help_key="help.get.sealed")
@option("--from", "source", help_key="help.get.from")
@option("--origin", help_key="help.option.origin")
def get(
    call: Call,
    ids: tuple[str, ...],
    records: tuple[str, ...],
    listed: str | None,
    output: str | None,
    into: str | None,
    sealed: bool,
    source: str | None,
    origin: str | None,
) -> None:
    for record in records:
        check_record(record)
    names = len(ids) + len(records)
    if listed is None and into is None and names == 1:
        _check_output(call, output)
        wish = _Wish(next(iter(ids), None), next(iter(records), None), output, sealed, source, origin)
        run(call, partial(_get, call, wish))
        return
    if listed is None and not names:
        raise CommandFailed(ExitCode.USAGE, "get.nothing_named")
    if output is not None:
        raise CommandFailed(ExitCode.USAGE, "get.output_of_many")
    get_many(call, ManyWishes(ids, records, listed, Path(into or ""), sealed, source, origin))


def _check_output(call: Call, output: str | None) -> None:
    if output == _STDOUT and call.console.is_json:
        raise CommandFailed(ExitCode.USAGE, "get.stdout_json")
    if output is not None and os.path.lexists(output):
        raise CommandFailed(ExitCode.USAGE, "get.target_exists", target=output)
    if output not in (None, _STDOUT) and not os.path.isdir(os.path.dirname(output or "") or "."):
        raise CommandFailed(ExitCode.USAGE, "get.no_folder", folder=os.path.dirname(output or ""))


async def _get(call: Call, wish: _Wish, session: Session) -> None:
    wanted = blob_name(session, wish.digits, wish.record)
    # Before anything travels: a key that is missing must not cost a download.
    identities = None if wish.sealed else identities_of(session)
    only, origin = node_named(session.roster, wish.source), node_named(session.roster, wish.origin)
    sources = session.sources(wanted, origin, only)
    # The sealed file grows beside its target, so that opening it never fills another disk.
    with tempfile.TemporaryDirectory(prefix=".lumbung-", dir=wish.folder) as workroom:
        fetched = await _fetch(call, session, sources, wanted, wish.name, Path(workroom) / "sealed")
        target = await session.blocking.run(partial(_deliver, fetched, identities, wish, Path(workroom)))
    if wish.folder is not None:
        tell_written(call, session, fetched, target)


async def _fetch(
    call: Call, session: Session, sources: list[Source], wanted: BlobName, name: str, target: Path
) -> Fetched:
    console = call.console

    def on_failure(source: str, failure: LumbungError) -> None:
        console.warn("get.failed_source", source=source, why=sentence_of(console, failure))

    with console.progress() as progress:
        task = progress.add_task(console.text("get.progress", name=one_line(name)), total=None) if progress else None

        def on_progress(so_far: int, total: int) -> None:
            if progress is not None and task is not None:
                progress.update(task, completed=so_far, total=total)

        try:
            return await fetch(
                sources, wanted, target, session.blocking, on_failure=on_failure, on_progress=on_progress
            )
        except NobodyHasIt as exc:
            asked = ", ".join(dict.fromkeys(source for source, _ in exc.failures))
            raise CommandFailed(of_error(exc), "get.nobody", name=one_line(name), asked=asked) from exc


def _deliver(fetched: Fetched, identities: Identities | None, wish: _Wish, workroom: Path) -> str:
    """Open the sealed file if asked to, and put the result where it was wanted. Gives its name."""
    sealed = is_sealed(fetched.path)
    if not sealed:
        identities = None  # was stored as it came
    try:
        if wish.folder is None:
            _print(fetched, identities)
            return _STDOUT
        content = fetched.path if identities is None else workroom / "opened"
        if identities is not None:
            open_into(fetched.path, content, identities)
    except CannotOpen as exc:
        raise not_ours(str(fetched.id), exc) from exc
    target = Path(wish.output or default_name(str(fetched.id), is_left_sealed=wish.sealed and sealed))
    try:
        name_new(content, target)
    except FileExistsError as exc:
        raise CommandFailed(ExitCode.USAGE, "get.target_exists", target=target) from exc
    sync_folder(target.parent)
    return str(target)


def _print(fetched: Fetched, identities: Identities | None) -> None:
    with fetched.path.open("rb") as source:
        if identities is None:
            shutil.copyfileobj(source, sys.stdout.buffer, _COPY_SIZE_BYTES)
        else:
            open_sealed(source, sys.stdout.buffer, identities)
    sys.stdout.buffer.flush()
