"""The log port: structured events without personal data. structlog's bound loggers fit it."""

from __future__ import annotations

from typing import Protocol

__all__ = ["Log", "Unlogged"]


class Log(Protocol):
    def info(self, event: str, /, **values: object) -> object: ...

    def warning(self, event: str, /, **values: object) -> object: ...

    def error(self, event: str, /, **values: object) -> object: ...


class Unlogged:
    """For a command: it speaks in sentences and exit codes, and keeps no log."""

    def info(self, event: str, /, **values: object) -> None:
        """Nobody reads it."""

    def warning(self, event: str, /, **values: object) -> None:
        """Nobody reads it."""

    def error(self, event: str, /, **values: object) -> None:
        """Nobody reads it."""
