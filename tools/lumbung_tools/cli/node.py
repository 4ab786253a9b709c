"""`lumbung node`: run one in this process until it is told to stop, or give it a new life."""

from __future__ import annotations

from pathlib import Path

import click

from lumbung_cluster.canonical import Malformed
from lumbung_cluster.errors import KeyRefused, StoreLocked, StoreMisconfigured
from lumbung_node.toml_table import ConfigError
from lumbung_tools.cli.framework import Call, LumbungGroup, command, option
from lumbung_tools.cli.node_join import join
from lumbung_tools.cli.node_recover import recover
from lumbung_tools.cli.node_service import alive, install_service
from lumbung_tools.cli.safe_to_stop import safe_to_stop
from lumbung_tools.output.exit_codes import ExitCode
from lumbung_tools.output.failures import CommandFailed, unwrap

__all__ = ["node"]

node = LumbungGroup("node", "help.node")


@command(
    "run",
    help_key="help.node.run",
    examples_key="help.node.run.examples",
    exits=(ExitCode.OK, ExitCode.BUG, ExitCode.USAGE),
)
@option("--config", "file", type=click.Path(path_type=Path), required=True, help_key="help.node.run.config")
def run(call: Call, file: Path) -> None:
    # Here, not above: the node's engine takes a second to load, and help must not wait for it.
    from lumbung_node.main import run as run_node

    try:
        run_node(file)
    except* (ConfigError, KeyRefused, Malformed, StoreLocked, StoreMisconfigured, OSError) as refused:
        raise CommandFailed(ExitCode.USAGE, "node.not_started", why=unwrap(refused), file=file) from refused


node.add_command(run)
node.add_command(join)
node.add_command(recover)
node.add_command(install_service)
node.add_command(alive)
node.add_command(safe_to_stop)
