"""The `lumbung` command: finds the language, runs the command, and turns whatever happened into an exit code."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, suppress
from pathlib import Path
from typing import NoReturn

import click

from lumbung_node.config import Language
from lumbung_node.ports.transport import Dialer
from lumbung_tools.catalogue.text import Catalogue
from lumbung_tools.cli.framework import COMPLETION_VARIABLE, Call, LazyCommand, LazyGroup
from lumbung_tools.client.profile import Profile
from lumbung_tools.client.session import OpenTransport
from lumbung_tools.loading import loading
from lumbung_tools.output.console import Console, OutputLost
from lumbung_tools.output.exit_codes import ExitCode
from lumbung_tools.output.failures import report, unwrap
from lumbung_tools.output.usage import report_usage

__all__ = ["leave", "main", "run"]

_INTERRUPTED = 130  # as shells count a Ctrl-C
_UNHEARD = 141  # as shells count a closed pipe
_COMMANDS = {
    "put": LazyCommand("lumbung_tools.cli.put", "put", "help.put"),
    "get": LazyCommand("lumbung_tools.cli.get", "get", "help.get"),
    "where": LazyCommand("lumbung_tools.cli.where", "where", "help.where"),
    "ls": LazyCommand("lumbung_tools.cli.ls", "ls", "help.ls"),
    "status": LazyCommand("lumbung_tools.cli.status", "status", "help.status"),
    "health": LazyCommand("lumbung_tools.cli.health", "health", "help.health"),
    "reconcile": LazyCommand("lumbung_tools.cli.reconcile", "reconcile", "help.reconcile"),
    "doctor": LazyCommand("lumbung_tools.cli.doctor", "doctor", "help.doctor"),
    "nodes": LazyCommand("lumbung_tools.cli.nodes", "nodes", "help.nodes"),
    "lag": LazyCommand("lumbung_tools.cli.lag", "lag", "help.lag"),
    "find": LazyCommand("lumbung_tools.cli.find", "find", "help.find"),
    "top": LazyCommand("lumbung_tools.cli.top", "top", "help.top"),
    "scrub": LazyCommand("lumbung_tools.cli.scrub", "scrub", "help.scrub"),
    "receipt": LazyCommand("lumbung_tools.cli.receipt", "receipt", "help.receipt"),
    "bundle": LazyCommand("lumbung_tools.cli.bundle", "bundle", "help.bundle"),
    "drop": LazyCommand("lumbung_tools.cli.drop", "drop", "help.drop"),
    "office": LazyCommand("lumbung_tools.cli.office", "office", "help.office"),
    "access": LazyCommand("lumbung_tools.cli.access", "access", "help.access"),
    "roster": LazyCommand("lumbung_tools.cli.roster", "roster", "help.roster"),
    "keys": LazyCommand("lumbung_tools.cli.keys", "keys", "help.keys"),
    "cert": LazyCommand("lumbung_tools.cli.cert", "cert", "help.cert"),
    "node": LazyCommand("lumbung_tools.cli.node", "node", "help.node"),
    "config": LazyCommand("lumbung_tools.cli.config", "config", "help.config"),
    "cluster": LazyCommand("lumbung_tools.cli.cluster", "cluster", "help.cluster"),
    "demo": LazyCommand("lumbung_tools.cli.demo", "demo", "help.demo"),
    "completion": LazyCommand("lumbung_tools.cli.completion", "completion", "help.completion"),
    "version": LazyCommand("lumbung_tools.cli.version", "version", "help.version"),
}


def main() -> None:
    """The command with the words and streams of this process."""
    # gRPC's own lines on stderr name sockets and tell an operator nothing: our sentences say what happened.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # `lumbung put >&-`: whoever closes it wants to hear nothing
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 - as long as the process lives
    if COMPLETION_VARIABLE in os.environ:  # asked at each press of the key: grpc alone takes longer to load
        sys.exit(run(sys.argv[1:], _no_transport))
    with loading():
        # Here, not above: help and offline commands must not wait for grpc to load.
        from lumbung_tools.client.over_grpc import open_grpc

    leave(run(sys.argv[1:], open_grpc))


def leave(code: int) -> NoReturn:
    """End the process with this code, after a Ctrl-C at once: a thread may still wait for bytes of a pipe then, inside
    of what seals them.

    Python ends such a thread as soon as it stirs, and where native code called it that aborts the process.
    """
    if code != _INTERRUPTED:
        sys.exit(code)
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


def _no_transport(_profile: Profile) -> AbstractAsyncContextManager[Dialer]:
    raise AssertionError("completing a command line speaks to nobody")


def run(arguments: Sequence[str], open_transport: OpenTransport) -> int:
    """Run one command line and give its exit code; nothing escapes."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A character that the terminal cannot show is shown by its number, and stops nothing.
            stream.reconfigure(errors="backslashreplace")
    console = Console(Catalogue(_language(arguments)), sys.stdout, sys.stderr, is_json="--json" in arguments)
    code = _run(arguments, console, open_transport)
    try:
        sys.stdout.flush()  # of what was not written through the console
    except BrokenPipeError as exc:
        console.lost, code = exc, code or _UNHEARD
    except OSError as exc:
        code = code or report(console, OutputLost(*exc.args))
        console.lost = exc
    if console.lost is not None:
        _let_go_of_output()
    return code


def _run(arguments: Sequence[str], console: Console, open_transport: OpenTransport) -> int:
    call = Call(console, Path(os.environ.get("LUMBUNG_HOME") or Path.home() / ".lumbung"), open_transport)
    root = LazyGroup("lumbung", "help.root", _COMMANDS)
    try:
        ended: object = root.main(args=list(arguments), prog_name="lumbung", obj=call, standalone_mode=False)
    except click.ClickException as exc:
        return report_usage(console, exc)
    except BaseException as exc:  # noqa: BLE001 - the border: whatever it is becomes one line and a code
        error = unwrap(exc)
        if isinstance(error, KeyboardInterrupt | click.Abort):
            console.warn("error.interrupted")
            return _INTERRUPTED
        if _is_of_closed_pipe(error, console):
            _let_go_of_output()
            return _UNHEARD
        if isinstance(error, SystemExit):  # of a command that insists
            return error.code if isinstance(error.code, int) else ExitCode.BUG
        return report(console, error)
    # click gives the code of its own endings (--help) as a result; our commands set theirs at the call.
    return ended if isinstance(ended, int) else call.code


def _is_of_closed_pipe(error: BaseException, console: Console) -> bool:
    """`lumbung nodes | head`: whoever reads has seen enough. click and rich make a SystemExit of it.

    rich does so in the middle of a command; click tells by a wrapper of the output that swallows the rest.
    """
    if isinstance(error, SystemExit):
        return isinstance(error.__context__, BrokenPipeError) or sys.stdout is not console.out
    return isinstance(error, BrokenPipeError)


def _let_go_of_output() -> None:
    """What Python still wants to flush goes nowhere, or it would complain of that too."""
    with suppress(OSError):  # an output that is no file
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _language(arguments: Sequence[str]) -> Language:
    """Before click parses anything, because help is printed while it parses: --lang, LUMBUNG_LANG, Indonesian."""
    named = [os.environ.get("LUMBUNG_LANG", "")]
    for before, argument in zip(["", *arguments], arguments, strict=False):
        if before == "--lang":
            named.append(argument)
        elif argument.startswith("--lang="):
            named.append(argument.removeprefix("--lang="))
    # A language that does not exist is told in the one that would have been spoken without it.
    known = [language for name in named for language in Language if language.value == name]
    return known[-1] if known else Language.INDONESIAN
