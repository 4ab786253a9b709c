"""`lumbung keys backup` and `lumbung keys restore`: keys under a passphrase, as a file and on paper."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from lumbung_cluster.errors import KeyRefused
from lumbung_node.adapters.keys.key_files import read_secret, write_secret
from lumbung_tools.cli.framework import Call, command, dry_run, option
from lumbung_tools.keybackup.archive import PASSPHRASE_SIZE_MIN, KeyFile, collect, open_archive, seal_archive
from lumbung_tools.keybackup.paper import PAPER_MARK, from_paper, to_paper
from lumbung_tools.keybackup.passphrase import PassphraseRefused
from lumbung_tools.keybackup.restoring import plan_restore, restore_all
from lumbung_tools.output.exit_codes import ExitCode
from lumbung_tools.output.failures import CommandFailed
from lumbung_tools.sealing import AGE_MAGIC

__all__ = ["backup", "restore"]

_EXITS = (ExitCode.OK, ExitCode.USAGE)
_PATH = click.Path(path_type=Path)
_BACKUP_BYTES_MAX = 8 << 20


@command("backup", help_key="help.keys.backup", examples_key="help.keys.backup.examples", exits=_EXITS)
@click.argument("sources", nargs=-1, required=True, type=_PATH)
@option("-o", "--output", type=_PATH, required=True, help_key="help.cert.output")
@option("--paper", is_flag=True, help_key="help.keys.backup.paper")
@option("--passphrase-file", type=_PATH, help_key="help.keys.passphrase")
def backup(call: Call, sources: tuple[Path, ...], output: Path, paper: bool, passphrase_file: Path | None) -> None:
    files = collect(sources)
    passphrase = _passphrase(call, passphrase_file, is_new=True)
    sealed = seal_archive(files, passphrase)
    # The proof of a backup is that it opens.
    if open_archive(sealed, passphrase) != files:
        raise KeyRefused("backup: expected the same keys back, got others; nothing was written")
    if paper:
        head = call.console.text("keys.paper_head", files=", ".join(file.name for file in files))
        write_secret(output, f"{head}\n\n{to_paper(sealed)}".encode())
    else:
        write_secret(output, sealed)
    names = [file.name for file in files]
    call.console.say("keys.backed_up", count=len(names), file=output)
    call.console.json("lumbung.keys.backup/1", {"file": str(output), "keys": names, "paper": paper})


@command("restore", help_key="help.keys.restore", examples_key="help.keys.restore.examples", exits=_EXITS)
@click.argument("file", type=_PATH)
@click.argument("folder", type=_PATH, required=False)
@option("--replace", is_flag=True, help_key="help.keys.restore.replace")
@option("--passphrase-file", type=_PATH, help_key="help.keys.passphrase")
@dry_run
def restore(call: Call, file: Path, folder: Path | None, replace: bool, passphrase_file: Path | None) -> None:
    files = _opened(file, _passphrase(call, passphrase_file, is_new=False))
    if folder is None:
        for each in files:
            call.console.line(each.name)
        call.console.say("keys.verified", count=len(files))
        call.console.json("lumbung.keys.restore/1", {"keys": [each.name for each in files], "written": []})
        return
    restoring = plan_restore if call.console.is_dry else restore_all
    done = restoring(files, folder, replaces=replace)
    for restored in done:
        call.console.say(f"keys.restored.{restored.fate.value}", file=restored.path, aside=restored.aside or "")
    written = [str(restored.path) for restored in done if restored.fate.value != "present"]
    call.console.json("lumbung.keys.restore/1", {"keys": [each.name for each in files], "written": written})


def _opened(file: Path, passphrase: str) -> tuple[KeyFile, ...]:
    try:
        return open_archive(_sealed_in(file), passphrase)
    except PassphraseRefused as exc:
        raise PassphraseRefused(f"backup {file}: {str(exc).partition(': ')[2]}") from exc


def _sealed_in(file: Path) -> bytes:
    """A backup as a file, or what was typed from paper."""
    with file.open("rb") as source:
        raw = source.read(_BACKUP_BYTES_MAX + 1)
    if len(raw) > _BACKUP_BYTES_MAX:
        raise KeyRefused(f"backup {file}: expected at most {_BACKUP_BYTES_MAX} bytes, got more")
    if raw.startswith(AGE_MAGIC):
        return raw
    text = raw.decode("utf-8", "replace")
    if PAPER_MARK not in text.upper():
        raise KeyRefused(f"backup {file}: expected a backup of keys or its lines from paper, got neither")
    return from_paper(text)


def _passphrase(call: Call, file: Path | None, *, is_new: bool) -> str:
    if file is not None:
        try:
            return read_secret(file).decode("utf-8").strip("\r\n")
        except UnicodeDecodeError as exc:
            raise KeyRefused(f"passphrase {file}: expected text in UTF-8, got other bytes") from exc
    if not _has_terminal():  # Python would ask all the same, and show what is typed
        raise CommandFailed(ExitCode.USAGE, "keys.no_terminal")
    prompt = call.console.text("keys.passphrase", least=PASSPHRASE_SIZE_MIN)
    entered: str = click.prompt(prompt, hide_input=True, err=True)
    if is_new and click.prompt(call.console.text("keys.passphrase_again"), hide_input=True, err=True) != entered:
        raise CommandFailed(ExitCode.USAGE, "keys.passphrase_differs")
    return entered


def _has_terminal() -> bool:
    """Where a passphrase can be typed unseen; a pipe as standard input does not take it away."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return sys.stdin is not None and sys.stdin.isatty()
    return True
