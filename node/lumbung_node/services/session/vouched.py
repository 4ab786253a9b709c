"""Which signed lists still count: a key that was retired is good up to its bound, and behind it nothing.

Entries behind a bound may lie here: they were taken while the key was in force. They stay, but nobody else takes them.
So they are given to nobody: one that is refused would hold up all that travels with it. In comparisons they count as
what no good bytes are left of.
"""

from __future__ import annotations

from collections.abc import Sequence

from lumbung_cluster.entry import EntryList, SignedList
from lumbung_cluster.ids import BlobId, NodeNumber
from lumbung_cluster.roster import Roster
from lumbung_cluster.signed import Signature
from lumbung_node.services.core import Core
from lumbung_node.store.layout import BlobRow

__all__ = ["is_vouched_for", "is_vouched_raw", "void_among"]


def is_vouched_for(roster: Roster, signed: SignedList, origin: NodeNumber) -> bool:
    """Whether the roster has the list's key for all of its numbers; its signature is checked elsewhere."""
    return _is_covered(roster, signed.content, signed.signature.key_public, origin)


def is_vouched_raw(roster: Roster, body: bytes, signature: Signature, origin: NodeNumber) -> bool:
    """The same of a list as it lies on the disk. Under a key in force it is not even parsed."""
    keys = roster.entry_keys(origin)
    if any(key.key == signature.key_public and key.is_open for key in keys):
        return True
    return _is_covered(roster, EntryList.parse(body), signature.key_public, origin)


async def void_among(core: Core, origin: NodeNumber, pairs: Sequence[tuple[BlobId, BlobRow]]) -> set[BlobId]:
    """Those of our rows whose list no longer counts."""
    roster = core.rosters.roster
    if all(key.is_open for key in roster.entry_keys(origin)):
        return set()
    places = {row.signed.list: row.signed for _, row in pairs}
    found = await core.store.reader.signed_bytes(origin, list(places.values()))
    void = {
        place
        for place, signed in zip(places, found, strict=True)
        if signed is not None and not is_vouched_raw(roster, *signed, origin)
    }
    return {blob for blob, row in pairs if row.signed.list in void}


def _is_covered(roster: Roster, content: EntryList, key_public: bytes, origin: NodeNumber) -> bool:
    last = content.first + len(content.entries) - 1
    return any(
        record.key == key_public and record.covers(content.generation, last) for record in roster.entry_keys(origin)
    )
