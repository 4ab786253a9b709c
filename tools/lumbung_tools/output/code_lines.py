"""Troubles of the whole cluster by code: how bad, at which nodes, and where they are muted."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lumbung_cluster.health import Severity
from lumbung_cluster.overview import CodeView
from lumbung_tools.output.cluster_page import named
from lumbung_tools.output.console import Console, JsonValue
from lumbung_tools.output.exit_codes import ExitCode

__all__ = ["code_json", "exit_code_of_codes", "print_codes"]

Name = Callable[[int], str]


def print_codes(console: Console, codes: Sequence[CodeView], name: Name) -> None:
    """A line for each code, the worst first."""
    heads = [console.text(f"health.column.{head}") for head in ("severity", "code", "nodes", "which")]
    rows = [_row(console, code, name) for code in codes]
    if rows:
        console.table(heads, rows)


def exit_code_of_codes(codes: Sequence[CodeView]) -> ExitCode:
    """0 while nothing above a note is unmuted, 3 when the worst is yellow, 8 when something is red."""
    severities = {code.severity for code in codes if code.nodes}
    if Severity.CRITICAL in severities:
        return ExitCode.DAMAGED
    return ExitCode.COPIES_SHORT if Severity.WARNING in severities else ExitCode.OK


def code_json(code: CodeView, name: Name) -> dict[str, JsonValue]:
    return {
        "code": code.code,
        "severity": code.severity.name.lower(),
        "nodes": [name(node) for node in code.nodes],
        "muted": [name(node) for node in code.muted],
        "count": code.count,
    }


def _row(console: Console, code: CodeView, name: Name) -> list[str]:
    parts = [named(console, code.nodes, name)] if code.nodes else []
    if code.muted:
        parts.append(console.text("health.muted_at", names=named(console, code.muted, name)))
    severity = console.text(f"health.severity.{code.severity.name.lower()}")
    return [severity, code.code, str(len(code.nodes) + len(code.muted)), "; ".join(parts)]
