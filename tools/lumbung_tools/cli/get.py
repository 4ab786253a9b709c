"""`lumbung get`: fetch, check, open; the own node first, then whoever else holds it."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO

import click

from lumbung_cluster.errors import LumbungError
from lumbung_node.adapters.keys.key_files import name_new
from lumbung_tools.catalogue.text import rfc3339
from lumbung_tools.cli.common import blob_name, node_named, run
from lumbung_tools.cli.framework import Call, command, option
from lumbung_tools.client.ask import BlobName
from lumbung_tools.client.get import Fetched, NobodyHasIt, Source
from lumbung_tools.client.get import get as fetch
from lumbung_tools.client.profile import PROFILE_FILE
from lumbung_tools.client.session import Session
from lumbung_tools.output.exit_codes import ExitCode, of_error
from lumbung_tools.output.failures import CommandFailed, sentence_of
from lumbung_tools.output.plain_text import one_line
from lumbung_tools.sealing import AGE_MAGIC, CannotOpen, Identities, looks_sealed, open_sealed

__all__ = ["get"]

_STDOUT = "-"
_DIGITS_SHOWN = 16
_COPY_SIZE_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class _Wish:
    """What the person typed."""

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
@click.argument("id", required=False)
@option("--record", help_key="help.option.record")
@option("-o", "--output", help_key="help.get.output")
@option("--sealed", is_flag=True, help_key="help.get.sealed")
@option("--from", "source", help_key="help.get.from")
@option("--origin", help_key="help.option.origin")
def get(
    call: Call,
    id: str | None,
    record: str | None,
    output: str | None,
    sealed: bool,
    source: str | None,
    origin: str | None,
) -> None:
    if output == _STDOUT and call.console.is_json:
        raise CommandFailed(ExitCode.USAGE, "get.stdout_json")
    if output is not None and os.path.lexists(output):
        raise CommandFailed(ExitCode.USAGE, "get.target_exists", target=output)
    if output not in (None, _STDOUT) and not os.path.isdir(os.path.dirname(output or "") or "."):
        raise CommandFailed(ExitCode.USAGE, "get.no_folder", folder=os.path.dirname(output or ""))
    run(call, partial(_get, call, _Wish(id, record, output, sealed, source, origin)))


async def _get(call: Call, wish: _Wish, session: Session) -> None:
    wanted = blob_name(session, wish.digits, wish.record)
    # Before anything travels: a key that is missing must not cost a download.
    if not wish.sealed and not session.profile.identities:
        raise CommandFailed(ExitCode.USAGE, "get.no_identities", file=session.profile.home / PROFILE_FILE)
    identities = None if wish.sealed else session.profile.read_identities()
    only, origin = node_named(session.roster, wish.source), node_named(session.roster, wish.origin)
    sources = session.sources(wanted, origin, only)
    # The sealed file grows beside its target, so that opening it never fills another disk.
    with tempfile.TemporaryDirectory(prefix=".lumbung-", dir=wish.folder) as workroom:
        fetched = await _fetch(call, session, sources, wanted, wish.name, Path(workroom) / "sealed")
        target = await session.blocking.run(partial(_deliver, fetched, identities, wish, Path(workroom)))
    _tell(call, session, fetched, target)


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
    is_sealed = _is_sealed(fetched.path)
    if not is_sealed:
        identities = None  # was stored as it came
    if wish.folder is None:
        _write(fetched, identities, sys.stdout.buffer)
        return _STDOUT
    content = fetched.path if identities is None else workroom / "opened"
    if identities is not None:
        _open(fetched, identities, content)
    suffix = ".age" if wish.sealed and is_sealed else ""
    target = Path(wish.output or f"{str(fetched.id)[:_DIGITS_SHOWN]}{suffix}")
    try:
        name_new(content, target)
    except FileExistsError as exc:
        raise CommandFailed(ExitCode.USAGE, "get.target_exists", target=target) from exc
    return str(target)


def _is_sealed(path: Path) -> bool:
    with path.open("rb") as content:
        return looks_sealed(content.read(len(AGE_MAGIC)))


def _open(fetched: Fetched, identities: Identities, opened: Path) -> None:
    handle = os.open(opened, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as target:
        _write(fetched, identities, target)
        os.fsync(target.fileno())


def _write(fetched: Fetched, identities: Identities | None, target: IO[bytes]) -> None:
    with fetched.path.open("rb") as source:
        if identities is None:
            shutil.copyfileobj(source, target, _COPY_SIZE_BYTES)
        else:
            try:
                open_sealed(source, target, identities)
            except CannotOpen as exc:
                raise CommandFailed(ExitCode.USAGE, "get.not_ours", target=fetched.id, why=exc) from exc
    target.flush()


def _tell(call: Call, session: Session, fetched: Fetched, target: str) -> None:
    size = call.console.catalogue.size(fetched.size_bytes)
    if target != _STDOUT:
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
