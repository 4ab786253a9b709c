"""`lumbung config check`: is a node's configuration in order?"""

from __future__ import annotations

from pathlib import Path

import click
import trio

from lumbung_cluster.line_class import is_too_slow_for_lan
from lumbung_node.config import NodeConfig, load_config
from lumbung_node.ports.transport import LinkClass
from lumbung_tools.cli.framework import Call, LumbungGroup, command
from lumbung_tools.output.exit_codes import ExitCode

__all__ = ["config"]

config = LumbungGroup("config", "help.config")


@command(
    "check",
    help_key="help.config.check",
    examples_key="help.config.check.examples",
    exits=(ExitCode.OK, ExitCode.USAGE),
)
@click.argument("file", type=click.Path(path_type=Path))
def check(call: Call, file: Path) -> None:
    # Here, not above: gRPC takes a second to load, and help must not wait for it.
    from lumbung_node.checking import check_files, unreadable_files

    found = load_config(file)
    unread = [str(path) for path in unreadable_files(found)]
    name = trio.run(check_files, found) if not unread else None
    call.console.say("config.good", file=file, name=found.name, number=int(found.number))
    if unread:
        call.console.warn("config.unread", files=", ".join(unread))
    if name is not None and name != found.name:
        call.console.warn("config.other_name", name=found.name, number=int(found.number), known=name)
    slow = _slow_for_lan(found)
    if slow is not None:
        call.console.warn("config.lan_slow", rate=call.console.catalogue.size(int(slow)))
    call.console.json(
        "lumbung.config/1",
        {
            "file": str(file),
            "node": found.name,
            "number": int(found.number),
            "name_in_roster": name,
            "unchecked": [*unread],
            "line_too_slow_for_lan": slow is not None,
        },
    )


def _slow_for_lan(found: NodeConfig) -> float | None:
    """The lowest rate that a bandwidth window sets, when it is too low for the class of the node's line."""
    if found.link is not LinkClass.LAN:
        return None
    rates = [
        rate for window in found.bandwidth.windows for rate in (window.send_bytes_per_s, window.receive_bytes_per_s)
    ]
    slow = [rate for rate in rates if rate is not None and is_too_slow_for_lan(rate)]
    return min(slow, default=None)


config.add_command(check)
