"""English sentences about a node as a service."""

from __future__ import annotations

from typing import Final

__all__ = ["SERVICE_ENGLISH"]

SERVICE_ENGLISH: Final[dict[str, str]] = {
    "node.alive": "The node serves at {address}.",
    "help.node.install_service": (
        "Print a systemd unit for this node, filled in for its configuration. Nothing is changed;"
        " docs/installing says where to put it."
    ),
    "help.node.install_service.examples": (
        "lumbung node install-service --config /etc/lumbung/config.toml > /etc/systemd/system/lumbung-node.service"
    ),
    "help.node.install_service.account": "The account that the node runs under.",
    "help.node.install_service.memory": "Memory that the node may take, in MiB.",
    "help.node.alive": (
        "Ask the node of this configuration, under its own certificate, whether it serves. For health checks"
        " of containers and scripts."
    ),
    "help.node.alive.examples": "lumbung node alive --config /etc/lumbung/config.toml",
    "node.not_started": "The node was not started: {why}.",
}
