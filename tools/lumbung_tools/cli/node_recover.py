"""`lumbung node recover`: first everything that was found and would be done, and only with --yes the deed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
import trio

from lumbung_cluster.errors import LumbungError
from lumbung_node.config import NodeConfig, load_config
from lumbung_node.ports.log import Unlogged
from lumbung_node.toml_table import ConfigError
from lumbung_tools.cli.framework import Call, command, option
from lumbung_tools.output.console import Console, JsonValue
from lumbung_tools.output.exit_codes import ExitCode
from lumbung_tools.output.failures import CommandFailed

if TYPE_CHECKING:
    from lumbung_node.recovery import Situation

__all__ = ["recover"]


@command(
    "recover",
    help_key="help.node.recover",
    examples_key="help.node.recover.examples",
    exits=(ExitCode.OK, ExitCode.BUG, ExitCode.USAGE),
)
@option("--config", "file", type=click.Path(path_type=Path), required=True, help_key="help.node.run.config")
@option("--yes", "is_sure", is_flag=True, help_key="help.node.recover.yes")
def recover(call: Call, file: Path, is_sure: bool) -> None:
    # Here, not above: gRPC takes a second to load, and help must not wait for it.
    from lumbung_node.main import refuse_taken_port
    from lumbung_node.recovery import look
    from lumbung_node.recovery import recover as write

    try:
        config = load_config(file)
    except ConfigError as exc:
        raise CommandFailed(ExitCode.USAGE, "error.usage", why=exc) from exc
    try:
        refuse_taken_port(config.listen)
    except OSError as exc:
        raise CommandFailed(ExitCode.USAGE, "recover.runs", address=config.listen) from exc
    try:
        situation = trio.run(look, config, Unlogged())
        _tell(call.console, config, situation)
        if is_sure:
            trio.run(write, config, situation)
    except (LumbungError, OSError) as exc:
        raise CommandFailed(ExitCode.USAGE, "error.usage", why=exc) from exc
    call.console.say("recover.done" if is_sure else "recover.nothing_yet", generation=situation.next_generation)
    call.console.json("lumbung.recover/1", _as_json(config, situation, is_sure=is_sure))


def _tell(console: Console, config: NodeConfig, situation: Situation) -> None:
    """What was found, a sentence each, then what follows."""
    console.say("recover.node", name=config.name, number=config.number)
    if situation.record is None:
        console.say("recover.no_identity", folder=config.identity)
    else:
        console.say("recover.generation", generation=situation.record.generation)
    if situation.is_stopped:
        console.say("recover.stopped")
    if situation.is_unmounted:
        console.say("recover.unmounted", folder=config.data, fallback=config.fallback)
    elif not situation.has_store:
        console.say("recover.empty", folder=config.data)
    for folder in situation.aside:
        console.say("recover.aside", folder=folder)
    if situation.answered:
        console.say("recover.answered", names=", ".join(situation.answered))
    if situation.silent:
        console.say("recover.silent", names=", ".join(situation.silent))
    console.say("recover.will", generation=situation.next_generation)
    console.say("recover.only_one")


def _as_json(config: NodeConfig, situation: Situation, *, is_sure: bool) -> dict[str, JsonValue]:
    return {
        "node": config.name,
        "number": config.number,
        "generation": situation.record.generation if situation.record is not None else None,
        "next_generation": situation.next_generation,
        "stopped": situation.is_stopped,
        "data_disk_mounted": not situation.is_unmounted,
        "has_store": situation.has_store,
        "set_aside": list(situation.aside),
        "answered": list(situation.answered),
        "silent": list(situation.silent),
        "done": is_sure,
    }
