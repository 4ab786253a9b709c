"""`lumbung node run`: a node in this process, until it is told to stop."""

from __future__ import annotations

import gc
from pathlib import Path

import click

from lumbung_cluster.canonical import Malformed
from lumbung_cluster.errors import KeyRefused, StoreLocked, StoreMisconfigured
from lumbung_node.toml_table import ConfigError
from lumbung_tools.cli.framework import Call, command, option
from lumbung_tools.loading import loading
from lumbung_tools.output.exit_codes import ExitCode
from lumbung_tools.output.failures import CommandFailed, unwrap

__all__ = ["run"]

# New objects before the collector looks at them. Thousands of puts wait at a time, so that with Python's own 700 it
# mostly walked over what was in use: 8 % of a node's processor time in a bulk of small puts, 4 % with this.
_GARBAGE_OBJECTS = 5000


@command(
    "run",
    help_key="help.node.run",
    examples_key="help.node.run.examples",
    exits=(ExitCode.OK, ExitCode.BUG, ExitCode.USAGE),
)
@option("--config", "file", type=click.Path(path_type=Path), required=True, help_key="help.node.run.config")
def run(call: Call, file: Path) -> None:
    with loading():
        # Here, not above: the node's engine takes a second to load, and help must not wait for it.
        from lumbung_node.main import run as run_node
    gc.freeze()  # what is loaded stays for ever: no later collection walks over it while a put waits
    gc.set_threshold(_GARBAGE_OBJECTS)
    try:
        run_node(file)
    except* (ConfigError, KeyRefused, Malformed, StoreLocked, StoreMisconfigured, OSError) as refused:
        raise CommandFailed(ExitCode.USAGE, "node.not_started", why=unwrap(refused), file=file) from refused
