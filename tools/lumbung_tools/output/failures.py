"""Expected errors as one sentence with what to do next, and everything else as a bug with an event id."""

from __future__ import annotations

import os
import secrets
import traceback
from collections.abc import Iterable, Iterator

from lumbung_cluster.canonical import Malformed
from lumbung_cluster.errors import (
    BlobDamaged,
    KeyRefused,
    LumbungError,
    OutcomeUnknown,
    PeerGone,
    PeerUnreachable,
    Rejected,
    StatusCode,
    TrustRefused,
)
from lumbung_node.toml_table import ConfigError
from lumbung_tools.client.get import NobodyHasIt
from lumbung_tools.output.console import Console, OutputLost
from lumbung_tools.output.exit_codes import ExitCode, of_error
from lumbung_tools.output.refusals import reason_of
from lumbung_tools.sealing import PlaintextRefused

__all__ = ["CommandFailed", "report", "sentence_of", "unwrap"]

_DEBUG_VARIABLE = "LUMBUNG_DEBUG"
_EVENT_SIZE_BYTES = 4


class CommandFailed(LumbungError):
    """A command cannot go on; `key` and `values` are its sentence, `code` its exit code."""

    def __init__(self, code: ExitCode, key: str, **values: object) -> None:
        super().__init__(key)
        self.code = code
        self.key = key
        self.values = values


def unwrap(error: BaseException) -> BaseException:
    """The one error inside nested groups, as nurseries wrap them; of several the first expected one."""
    while isinstance(error, BaseExceptionGroup):
        error = next(_expected(error.exceptions), error.exceptions[0])
    return error


def sentence_of(console: Console, error: BaseException) -> str:
    """What to tell a person about an expected error."""
    match error:
        case CommandFailed():
            return console.text(error.key, **_told(console, error.values))
        case NobodyHasIt():
            return " ".join(f"{name}: {sentence_of(console, failure)}" for name, failure in error.failures)
        case Rejected():
            return console.text(_key_of_rejection(error), why=reason_of(console, error.sentence))
        case PeerUnreachable():
            return console.text("error.unreachable", why=reason_of(console, error))
        case TrustRefused():
            return console.text("error.trust", why=reason_of(console, error))
        case PeerGone():
            return console.text("error.gone", why=reason_of(console, error))
        case OutcomeUnknown():
            return console.text("error.unknown", why=reason_of(console, error))
        case BlobDamaged():
            return console.text("error.damaged", why=reason_of(console, error))
        case KeyRefused():
            return console.text("error.key", why=reason_of(console, error))
        case ConfigError():
            return console.text("error.config", why=reason_of(console, error))
        case OutputLost():
            return console.text("error.output", why=reason_of(console, error))
        case Malformed() | PlaintextRefused() | OSError():
            return console.text("error.file", why=reason_of(console, error))
        case _:
            return console.text("error.refused", why=reason_of(console, error))


def report(console: Console, error: BaseException) -> ExitCode:
    """Say it on stderr (and as JSON when asked) and give the exit code. Never a traceback, but with LUMBUNG_DEBUG=1."""
    error = unwrap(error)
    if isinstance(error, LumbungError | OSError):
        code = error.code if isinstance(error, CommandFailed) else of_error(error)
        sentence = sentence_of(console, error)
    else:
        code, event = ExitCode.BUG, secrets.token_hex(_EVENT_SIZE_BYTES)
        sentence = console.text("error.bug", event=event, kind=type(error).__name__)
        if os.environ.get(_DEBUG_VARIABLE) == "1":
            traceback.print_exception(error)
    console.trouble(sentence)
    with console.outlasting():
        console.json("lumbung.error/1", {"exit_code": int(code), "sentence": sentence})
    return code


def _told(console: Console, values: dict[str, object]) -> dict[str, object]:
    """The values of a sentence; what somebody else said is put into the reader's language."""
    return {**values, "why": reason_of(console, values["why"])} if "why" in values else values


def _key_of_rejection(error: Rejected) -> str:
    match error.code:
        case StatusCode.NOT_FOUND:
            return "error.not_found"
        case StatusCode.DATA_LOSS:
            return "error.damaged"
        case StatusCode.INTERNAL:
            return "error.peer_bug"
        case StatusCode.UNAVAILABLE | StatusCode.ABORTED | StatusCode.CANCELLED | StatusCode.DEADLINE_EXCEEDED:
            return "error.unknown"
        case _:
            return "error.refused"


def _expected(errors: Iterable[BaseException]) -> Iterator[BaseException]:
    return iter([error for error in errors if isinstance(error, LumbungError | BaseExceptionGroup)])
