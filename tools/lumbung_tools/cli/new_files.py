"""Files that commands write for people."""

from __future__ import annotations

from pathlib import Path

from lumbung_tools.cli.framework import Call
from lumbung_tools.output.exit_codes import ExitCode
from lumbung_tools.output.failures import CommandFailed

__all__ = ["write_new"]


def write_new(call: Call, file: Path, content: bytes) -> None:
    """Never over another file: a draft that somebody edited is an hour of work. In a dry run only what refuses it."""
    if call.console.is_dry:
        if file.exists():
            raise CommandFailed(ExitCode.USAGE, "get.target_exists", target=file)
        return
    try:
        with file.open("xb") as target:
            target.write(content)
    except FileExistsError as exc:
        raise CommandFailed(ExitCode.USAGE, "get.target_exists", target=file) from exc
