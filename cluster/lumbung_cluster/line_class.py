"""Lines that are too slow for the class of their link.

On a `lan` link silence of two seconds ends a session: a ping goes out after one, and its answer may take one. About two
seconds' worth of a line's bytes are under way while a backlog is sent, and a ping's answer stands behind them: on a
line that needs a second for what may be under way at most (2 MiB), every larger transfer is cut off and begun anew.
"""

from __future__ import annotations

from lumbung_cluster.limits import LAN_RATE_BYTES_PER_S_MIN
from lumbung_cluster.roster import Roster
from lumbung_cluster.roster_node import LinkClass, NodeRecord

__all__ = ["is_too_slow_for_lan", "too_slow_lines"]


def is_too_slow_for_lan(bytes_per_s: float) -> bool:
    """Whether a line of this rate should be of class `wan` or `satellite`. 0 is an unknown rate: nobody can tell."""
    return 0 < bytes_per_s < LAN_RATE_BYTES_PER_S_MIN


def too_slow_lines(roster: Roster) -> tuple[NodeRecord, ...]:
    """Present nodes of class `lan` whose line, as the roster knows it, is too slow for that."""
    return tuple(
        node
        for node in roster.nodes
        if node.is_present and node.link is LinkClass.LAN and is_too_slow_for_lan(node.link_bytes_per_s)
    )
