"""What a scrub has looked at.

a pass has seen all    whatever was wrong before a pass began is mended, or known to be damaged, when it has ended
"""

from __future__ import annotations

from lumbung_node.store.layout import RowState
from lumbung_testing.simulation.invariants.claims import Claims
from lumbung_testing.simulation.node import SimNode

__all__ = ["SWEEPS"]


def _sweep_passes(claims: Claims) -> None:
    for node in claims.nodes.values():
        _check_seen(claims, node)


def _check_seen(claims: Claims, node: SimNode) -> None:
    if node.core is None:
        return
    for origin, blob in claims.damage.rotten_before(node.number, node.scrub.seen_since):
        row = node.durable.row(origin, blob)
        if row is None or row.state is not RowState.INTACT or (origin, blob) in node.core.store.state.damaged:
            continue  # what has no row is the matter of its origin and of a reconcile
        if not claims.holds(node, origin, blob):
            since = node.scrub.seen_since
            claims.broken("a pass has seen all", f"{node.host} takes {blob} of {origin} for intact, rotten at {since}")


SWEEPS = (_sweep_passes,)
