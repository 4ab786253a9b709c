"""Disks and memory, looked at from time to time.

right id    no row says intact over bytes that hash to something else
bounds      memory budgets stay inside their limits
"""

from __future__ import annotations

from lumbung_cluster.limits import FOREIGN_MEMORY_BYTES_MAX, INGEST_MEMORY_BYTES_MAX
from lumbung_node.services.core import Core
from lumbung_node.store.layout import BlobRow, RowState
from lumbung_testing.simulation.invariants.claims import Claims
from lumbung_testing.simulation.node import SimNode

__all__ = ["SWEEPS"]


def _sweep_rows(claims: Claims) -> None:
    for node in claims.nodes.values():
        _check_rows(claims, node)


def _check_rows(claims: Claims, node: SimNode) -> None:
    for origin, blob, packed in node.durable.rows():
        if node.rows_checked.get((origin, blob)) == packed:
            continue
        node.rows_checked[origin, blob] = packed
        row = BlobRow.unpack(packed)
        is_wrong = row.state is RowState.INTACT and not node.durable.bytes_match(blob, row)
        if is_wrong and not claims.damage.is_rotten(node.number, origin, blob):
            claims.broken("right id", f"{node.host} has other bytes under {blob} of {origin}")


def _sweep_bounds(claims: Claims) -> None:
    for node in claims.nodes.values():
        if node.core is not None:
            _check_bounds(claims, node.host, node.core)


def _check_bounds(claims: Claims, host: str, core: Core) -> None:
    budgets = (
        ("own", core.memory, INGEST_MEMORY_BYTES_MAX),
        ("foreign", core.foreign_memory, FOREIGN_MEMORY_BYTES_MAX),
    )
    for name, budget, bytes_max in budgets:
        if not 0 <= budget.taken_bytes <= bytes_max:
            claims.broken("bounds", f"{host}: {name} memory holds {budget.taken_bytes} of {bytes_max} bytes")


SWEEPS = (_sweep_rows, _sweep_bounds)
