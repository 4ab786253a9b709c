"""`lumbung node`: run one in this process until it is told to stop, or give it a new life."""

from __future__ import annotations

from lumbung_tools.cli.framework import LazyCommand, LazyGroup

__all__ = ["node"]

# Each in its own module: a node that starts after a power cut does not wait for what only `join` needs.
node = LazyGroup(
    "node",
    "help.node",
    {
        "run": LazyCommand("lumbung_tools.cli.node_run", "run", "help.node.run"),
        "join": LazyCommand("lumbung_tools.cli.node_join", "join", "help.node.join"),
        "recover": LazyCommand("lumbung_tools.cli.node_recover", "recover", "help.node.recover"),
        "install-service": LazyCommand(
            "lumbung_tools.cli.node_service", "install_service", "help.node.install_service"
        ),
        "alive": LazyCommand("lumbung_tools.cli.node_service", "alive", "help.node.alive"),
        "safe-to-stop": LazyCommand("lumbung_tools.cli.safe_to_stop", "safe_to_stop", "help.stop"),
    },
)
