"""`lumbung doctor`: is this machine fit to be the node that its configuration says?"""

from __future__ import annotations

from pathlib import Path

import click
import trio

from lumbung_node.config import NodeConfig, load_config
from lumbung_tools.cli.framework import Call, command, option
from lumbung_tools.doctor.finding import Finding, code_of
from lumbung_tools.output.console import Console, JsonValue
from lumbung_tools.output.exit_codes import ExitCode
from lumbung_tools.output.refusals import reason_of

__all__ = ["doctor"]

_CONFIG = Path("/etc/lumbung/config.toml")


@command(
    "doctor",
    help_key="help.doctor",
    examples_key="help.doctor.examples",
    exits=(
        ExitCode.OK,
        ExitCode.USAGE,
        (ExitCode.COPIES_SHORT, "exit.doctor.3"),
        (ExitCode.DAMAGED, "exit.doctor.8"),
    ),
)
@option("--config", "file", type=click.Path(path_type=Path), default=_CONFIG, help_key="help.doctor.config")
def doctor(call: Call, file: Path) -> None:
    # Here, not above: gRPC takes a second to load, and help must not wait for it.
    from lumbung_tools.doctor.examination import examine

    config = load_config(file)
    findings = trio.run(examine, config)
    code = code_of(findings)
    for finding in findings:
        colour = call.console.text(f"doctor.colour.{finding.colour.value}")
        call.console.say("doctor.line", colour=colour, check=finding.check, sentence=sentence_of(call.console, finding))
    call.console.json("lumbung.doctor/1", _as_json(call.console, config, findings, code))
    call.end(code)


def sentence_of(console: Console, finding: Finding) -> str:
    """Durations and sizes are written as people read them."""
    shown: dict[str, object] = {}
    for name, value in finding.values:
        if name.endswith("_s") and not isinstance(value, str):
            shown[name] = console.catalogue.duration(value)
        elif name.endswith("_bytes") and isinstance(value, int):
            shown[name] = console.catalogue.size(value)
        else:
            shown[name] = reason_of(console, value) if name == "why" else value
    return console.text(finding.key, **shown)


def _as_json(console: Console, config: NodeConfig, findings: list[Finding], code: ExitCode) -> dict[str, JsonValue]:
    return {
        "node": config.name,
        "number": int(config.number),
        "exit_code": int(code),
        "findings": [
            {
                "check": finding.check,
                "colour": finding.colour.value,
                "key": finding.key.removeprefix("doctor."),
                "values": dict(finding.values),
                "sentence": sentence_of(console, finding),
            }
            for finding in findings
        ],
    }
