"""Which of a node's keys is in use while one takes the other's place.

    1  the present key alone is open in the roster                     it is used
    2  the next one is open too, and every partner knows that roster   from here on the next one is used
    3  the former one has a last epoch                                 the next one alone is open

Between 1 and 2 nobody may meet a key that his roster does not know: an honest word would be refused. Behind 2 there is
no way back: the bound of a retired entry key is recorded from then on, and what the old key signed later would be void.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from lumbung_cluster.ids import NodeNumber
from lumbung_cluster.roster_node import KeyRecord

__all__ = ["choose_key", "epoch_known_to_all"]


def choose_key(records: Collection[KeyRecord], at_hand: Collection[bytes], in_use: bytes, known_epoch: int) -> bytes:
    """The key to use from now on. `records` are the roster's of this use, `at_hand` those whose secret half is here.

    `known_epoch`: every partner obeys a roster of at least this epoch. A key that is out of force gives way to any that
    is in force, known or not. When none at hand is in force, what is used stays (or the first one at hand): recording
    goes on, and a later roster may name it.
    """
    usable = [record for record in records if record.is_open and record.key in at_hand]
    if not usable:
        return in_use if in_use in at_hand else next(iter(at_hand), in_use)
    known = [record for record in usable if record.first_epoch <= known_epoch]
    present = next((record for record in usable if record.key == in_use), None)
    if present is None:
        return _newest(known or usable).key
    newest = _newest([*known, present])
    return newest.key if newest.first_epoch > present.first_epoch else present.key


def epoch_known_to_all(
    partners: Collection[NodeNumber], seen: Mapping[NodeNumber, int], own_epoch: int, *, is_long_ago: bool
) -> int:
    """The epoch that every partner obeys at least, by what each has shown; 0 while somebody has shown none.

    `is_long_ago`: our own roster has been in force so long that whoever does not know it is away, and learns it first
    when he comes back.
    """
    if is_long_ago:
        return own_epoch
    return min([own_epoch, *(seen.get(partner, 0) for partner in partners)])


def _newest(records: Collection[KeyRecord]) -> KeyRecord:
    return max(records, key=lambda record: (record.first_epoch, record.key))
