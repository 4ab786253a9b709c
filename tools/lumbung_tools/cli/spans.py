"""Spans and ends as people type them: `90s`, `30m`, `12h`, `7d`; `2026-12-01` or `2026-12-01T08:00Z`; plain seconds."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime

import click

from lumbung_tools.cli.framework import Call

__all__ = ["END", "SPAN", "Seconds"]

_SPAN = re.compile(r"(\d{1,6})\s*([smhd])")
_UNITS_S = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 24 * 3600.0}


class _Span(click.ParamType[float]):
    """Seconds."""

    name = "span"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        found = _SPAN.fullmatch(str(value).strip().lower())
        if found is None:
            self.fail(_text(ctx, "spans.span", text=str(value)), param, ctx)
        return int(found[1]) * _UNITS_S[found[2]]


class _End(click.ParamType[int]):
    """UTC milliseconds. A day without a time ends when it begins; a time without a zone is UTC."""

    name = "end"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        try:
            found = datetime.fromisoformat(str(value).strip())
        except ValueError:
            self.fail(_text(ctx, "spans.end", text=str(value)), param, ctx)
        return round((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp() * 1000)


class Seconds(click.FloatRange):
    """A number in a range; `nan` is in none, and click lets it through."""

    def convert(self, value: float, param: click.Parameter | None, ctx: click.Context | None) -> float:
        number = float(super().convert(value, param, ctx))
        if math.isnan(number):
            self.fail(f"{value} is not in the range {self._describe_range()}.", param, ctx)
        return number


def _text(ctx: click.Context | None, key: str, **values: object) -> str:
    call = ctx.find_root().obj if ctx is not None else None
    return call.console.text(key, **values) if isinstance(call, Call) else key


SPAN = _Span()
END = _End()
