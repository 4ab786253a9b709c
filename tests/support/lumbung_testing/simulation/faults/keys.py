"""Entry and receipt keys change under load: the next ones pinned, taken into use, and the former ones retired.

The people do as docs/keys.md says: they retire a key once its node has said that it uses the next one, and they give
the entry key the end of the feed as its bound.
"""

from __future__ import annotations

import random

import trio

from lumbung_cluster.feed import Mark
from lumbung_cluster.ids import Generation
from lumbung_cluster.roster_keys import pin_key, retire_key
from lumbung_cluster.roster_node import KeyUse
from lumbung_node.services.key_report import own_end
from lumbung_testing.rosters import successor
from lumbung_testing.simulation.faults.stage import Fault, Stage
from lumbung_testing.simulation.node import KEY_CHANGES_MAX, SimNode, keys_of

__all__ = ["FAULTS"]

_LOOK_S = 5.0


async def _new_keys(stage: Stage, draws: random.Random) -> None:
    cluster, node = stage.cluster, stage.some_node(draws)
    is_of_roster = cluster.roster.node(node.number) is not None  # a van has its keys for ever
    if not is_of_roster or node.key_changes >= KEY_CHANGES_MAX or len(node.keys.keys.entry) > 1:
        return
    node.key_changes += 1
    node.keys.keys = keys_of(node.number, following=node.key_changes)
    entry, receipt = node.keys.keys.entry[-1].public_key, node.keys.keys.receipt[-1].public_key
    stage.tell(node, "next keys", f"change {node.key_changes}")
    draft = pin_key(successor(cluster.rosters[-1]), node.number, KeyUse.ENTRY, entry)
    cluster.sign(pin_key(draft, node.number, KeyUse.RECEIPT, receipt))
    await cluster.publish(draws.choice(cluster.offices))
    while (bound := _end_under_next(node)) is None:  # noqa: ASYNC110 (polled)
        await trio.sleep(_LOOK_S)
    draft = retire_key(successor(cluster.rosters[-1]), node.number, KeyUse.RECEIPT, None, None)
    cluster.sign(retire_key(draft, node.number, KeyUse.ENTRY, None, bound))
    stage.tell(node, "former keys retired", f"at {bound.generation}:{bound.number}")
    node.keys.keys = type(node.keys.keys)(node.keys.keys.entry[-1:], node.keys.keys.receipt[-1:], ())
    await cluster.publish(draws.choice(cluster.offices))


def _end_under_next(node: SimNode) -> Mark | None:
    """The end of its feed as its status tells it, once it says that it uses both next keys."""
    core, keys = node.core, node.keys
    if core is None or keys.used.entry != keys.keys.entry[-1].public_key:
        return None
    if keys.used.receipt != keys.keys.receipt[-1].public_key:
        return None
    end = own_end(core, keys.used)
    return Mark(Generation(end.generation), end.number, end.running_hash) if end is not None else None


FAULTS = (Fault("new keys", 8, _new_keys),)
