"""What a shell offers in place of a node's name: the names of the roster that the profile holds.

Its signatures are not checked: nothing is done with a name before the command itself reads the roster.
"""

from __future__ import annotations

from click.shell_completion import CompletionItem

from lumbung_cluster.errors import LumbungError
from lumbung_cluster.roster_codec import SignedRoster
from lumbung_tools.cli.framework import Call
from lumbung_tools.client.profile import load_profile

__all__ = ["node_names"]


def node_names(call: Call, incomplete: str) -> list[CompletionItem]:
    """Present nodes whose name begins so; none without a profile."""
    try:
        roster = SignedRoster.decode(load_profile(call.home).roster.read_bytes()).parse()
    except (LumbungError, OSError, ValueError):
        return []
    names = [node.name for node in roster.nodes if node.is_present]
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]
