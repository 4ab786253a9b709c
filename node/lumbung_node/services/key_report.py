"""What `status` tells of keys: which are in use, and where feeds end, for whoever retires an entry key."""

from __future__ import annotations

from lumbung_cluster.feed import next_hash
from lumbung_cluster.roster_node import KeyUse
from lumbung_node.ports.keystore import KeysInUse
from lumbung_node.services.core import Core
from lumbung_node.services.keyring import KeyRing
from lumbung_proto.v1 import operations_pb2

__all__ = ["key_states", "list_ends", "own_end"]

_NUMBER_MAX = 2**64 - 1


def key_states(keys: KeyRing) -> list[operations_pb2.KeyState]:
    """One for each use; none for a key that this process does not know (a TLS key in the simulator)."""
    used = ((KeyUse.TLS, keys.used.tls_pin), (KeyUse.ENTRY, keys.used.entry), (KeyUse.RECEIPT, keys.used.receipt))
    return [
        operations_pb2.KeyState(use=use.name.lower(), public_key=key, in_force=keys.is_in_force(use, key))
        for use, key in used
        if key
    ]


def own_end(core: Core, used: KeysInUse) -> operations_pb2.FeedEndState | None:
    """Everything that was ever signed for this origin, by whichever key, lies up to here.

    None where that is not known: a life above ours has signed more, or may have and a partner that could tell was not
    met yet. As a bound such an end would make void, for ever, what holders have of those lives.
    """
    if core.condition.stopped or (core.store.state.rebuild_since_ms and _unmet(core)):
        return None
    end = core.store.state.end(core.number)
    return operations_pb2.FeedEndState(
        origin=core.number,
        generation=core.store.state.generation,
        number=end.number,
        running_hash=end.running_hash,
        public_key=used.entry,
    )


def _unmet(core: Core) -> bool:
    """Whether some partner has not shown since the start which life of ours is the newest that it has met.

    Asked while an empty store refills: its identity may have been lost too, and be recovered below what it once was.
    """
    rosters = core.rosters
    return any(partner not in rosters.epochs_seen for partner in rosters.roster.partners_of(core.number))


async def list_ends(core: Core) -> list[operations_pb2.FeedEndState]:
    """The newest list of each origin that lies here: what is left to tell by when an office's machine is gone."""
    ends = []
    for origin in sorted(core.store.state.counts):
        signed = await core.store.reader.newest_list(origin)
        if signed is None:
            continue
        running_hash = signed.content.previous
        for entry in signed.content.entries:
            running_hash = next_hash(running_hash, entry)
        ends.append(
            operations_pb2.FeedEndState(
                origin=origin,
                generation=signed.content.generation,
                # An origin numbers its lists as it likes; the answer must not fail for the one that has no number left.
                number=min(_NUMBER_MAX, signed.content.first + len(signed.content.entries) - 1),
                running_hash=running_hash,
                public_key=signed.signature.key_public,
            )
        )
    return ends
