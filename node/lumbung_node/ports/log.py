"""The log port: structured events without personal data. structlog's bound loggers fit it."""

from __future__ import annotations

from typing import Protocol

__all__ = ["Log"]


class Log(Protocol):
    def info(self, event: str, /, **values: object) -> object: ...

    def warning(self, event: str, /, **values: object) -> object: ...

    def error(self, event: str, /, **values: object) -> object: ...
