"""Under which nonces of each origin this node has signed: what it takes back must come behind all of it.

The origin orders our words by (generation, nonce). A session knows the nonces of its own questions, a disk knows one
nonce, and neither knows of the other: a withdrawal under the nonce of one alone could be overruled by an older receipt
that came by the other. So the highest nonce of each origin is kept, durably before anything under it is signed.
"""

from __future__ import annotations

from lumbung_cluster.ids import NodeNumber
from lumbung_node.ports.keyvalue import Family, KeyValue
from lumbung_node.store.committer import Committer
from lumbung_node.store.jobs import Job
from lumbung_node.store.state import scan_all

__all__ = ["SignedNonces", "signed_nonce_key"]

_FIRST, _BEHIND = b"q", b"r"


def signed_nonce_key(origin: NodeNumber) -> bytes:
    """SYSTEM: 'q', origin u32 -> u64: the highest nonce of that origin under which we may have signed."""
    return _FIRST + origin.to_bytes(4, "big")


class SignedNonces:
    """`load` once, before anything is signed."""

    def __init__(self, kv: KeyValue, committer: Committer) -> None:
        self._kv = kv
        self._committer = committer
        self._met: dict[NodeNumber, int] = {}
        self._durable: dict[NodeNumber, int] = {}

    async def load(self) -> None:
        for key, value in await scan_all(self._kv, Family.SYSTEM, _FIRST, _BEHIND):
            self._met[NodeNumber(int.from_bytes(key[1:], "big"))] = int.from_bytes(value, "big")
        self._durable = dict(self._met)

    def highest(self, origin: NodeNumber) -> int:
        """Whatever we take back now is signed under this nonce, or under a higher one that the origin has shown."""
        return self._met.get(origin, 0)

    def note(self, job: Job, origin: NodeNumber, nonce: int) -> None:
        """Keep `nonce` with `job`. Nothing may wait between this and the job's submission: the last row counts."""
        self._met[origin] = max(nonce, self._met.get(origin, 0))
        job.extra.put(Family.SYSTEM, signed_nonce_key(origin), self._met[origin].to_bytes(8, "big"))

    async def keep(self, origin: NodeNumber, nonce: int) -> None:
        """Durable when it returns: now something may be signed under `nonce`. Raises as `Committer.commit`."""
        if nonce <= self._durable.get(origin, 0):
            return
        job = Job()
        self.note(job, origin, nonce)
        kept = self._met[origin]
        await self._committer.commit(job)
        self._durable[origin] = max(kept, self._durable.get(origin, 0))
