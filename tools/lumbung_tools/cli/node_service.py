"""`lumbung node install-service` and `lumbung node alive`: a node under systemd or in a container."""

from __future__ import annotations

import sys
from pathlib import Path

import click
import trio

from lumbung_node.config import load_config
from lumbung_node.ports.log import Unlogged
from lumbung_node.ports.transport import Caller, Method
from lumbung_tools.cli.framework import Call, command, option
from lumbung_tools.output.exit_codes import ExitCode
from lumbung_tools.packaging.unit import Service, filled_unit

__all__ = ["alive", "install_service"]

_MOUNTS = Path("/proc/self/mountinfo")
_MEMORY_MIB = 1024
_MEMORY_MIB_MIN = 512  # what peers bring and puts may take, the store's caches, and Python itself


@command(
    "install-service",
    help_key="help.node.install_service",
    examples_key="help.node.install_service.examples",
    exits=(ExitCode.OK, ExitCode.USAGE),
)
@option("--config", "file", type=click.Path(path_type=Path), required=True, help_key="help.node.run.config")
@option("--account", default="lumbung", help_key="help.node.install_service.account")
@option(
    "--memory",
    "memory_mib",
    type=click.IntRange(min=_MEMORY_MIB_MIN),
    default=_MEMORY_MIB,
    help_key="help.node.install_service.memory",
)
def install_service(call: Call, file: Path, account: str, memory_mib: int) -> None:
    config = load_config(file)
    service = Service(_program(), account, memory_mib)
    unit = filled_unit(config, service, _MOUNTS.read_text(encoding="utf-8", errors="replace").splitlines())
    call.console.line(unit.rstrip("\n"))
    call.console.json("lumbung.service/1", {"node": config.name, "number": int(config.number), "unit": unit})


def _program() -> Path:
    """The command as it was called; beside this Python when it was called as a module."""
    called = Path(sys.argv[0]).absolute()
    return called if called.name == "lumbung" else Path(sys.executable).with_name("lumbung")


@command(
    "alive",
    help_key="help.node.alive",
    examples_key="help.node.alive.examples",
    exits=(ExitCode.OK, ExitCode.USAGE, ExitCode.UNKNOWN, ExitCode.REFUSED, ExitCode.UNREACHABLE),
)
@option("--config", "file", type=click.Path(path_type=Path), required=True, help_key="help.node.run.config")
def alive(call: Call, file: Path) -> None:
    config = load_config(file)

    async def knock() -> None:
        # Here, not above: gRPC takes a second to load, and help must not wait for it.
        from lumbung_node.partners import open_own_node

        async with open_own_node(config, Unlogged(), _nobody_calls) as own:
            await own.knock()

    trio.run(knock)
    call.console.say("node.alive", address=config.listen)
    call.console.json("lumbung.alive/1", {"node": config.name, "address": config.listen})


def _nobody_calls(_caller: Caller, _method: Method) -> None:
    """This process serves nothing."""
