"""`lumbung health explain CODE`: what a code means, what it comes from and what to do; the pages of docs/health."""

from __future__ import annotations

import click

from lumbung_tools.cli.framework import Call, command
from lumbung_tools.cli.mute import CODE
from lumbung_tools.output.exit_codes import ExitCode
from lumbung_tools.output.health_pages import health_page

__all__ = ["explain"]


@command("explain", help_key="help.explain", examples_key="help.explain.examples", exits=(ExitCode.OK, ExitCode.USAGE))
@click.argument("code", type=CODE, metavar="CODE")
def explain(call: Call, code: str) -> None:
    page = health_page(call.console.catalogue, code)
    for line in page.lines():
        call.console.line(line)
    call.console.json(
        "lumbung.health.explain/1",
        {
            "code": code,
            "title": page.title,
            "means": page.means,
            "severity": page.severity,
            "causes": page.causes,
            "cures": page.cures,
            "mute": page.mute,
        },
    )
