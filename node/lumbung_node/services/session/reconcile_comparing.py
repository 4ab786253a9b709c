"""The teller's answer to a Compare: equal or not, which origins differ, and the first symbols of one of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

import trio

from lumbung_cluster import limits
from lumbung_cluster.ids import NodeNumber
from lumbung_cluster.inventory.fingerprint import NONCE_SIZE_BYTES, Fingerprints
from lumbung_cluster.reconcile.messages import AskSymbols, Broken, Stretch
from lumbung_node.services.core import Core
from lumbung_node.services.session.outgoing import Outgoing
from lumbung_node.services.session.reconcile_moments import Moment, Moments
from lumbung_node.services.session.reconcile_views import NO_NONCE, View, take_view
from lumbung_node.services.session.reconcile_wire import split_fingerprints
from lumbung_proto.v1 import reconcile_frames_pb2 as pb

__all__ = ["Comparing"]

_MINUTE_S = 60.0


class Comparing:
    """Of one session. `confirm` is told of each origin that is seen to be equal."""

    def __init__(
        self,
        core: Core,
        peer: NodeNumber,
        outgoing: Outgoing,
        moments: Moments,
        confirm: Callable[[NodeNumber, bool], None],
    ) -> None:
        self._core = core
        self._peer = peer
        self._outgoing = outgoing
        self._moments = moments
        self._confirm = confirm
        self._compared_at: deque[float] = deque(maxlen=limits.RECONCILE_COMPARES_PER_MINUTE_MAX)

    async def answer(self, message: pb.ReconcileCompare) -> tuple[pb.ReconcileCompared, bytes]:
        """The answer and its payload. Raises Broken for a question that breaks the protocol."""
        self._moments.forget()
        answer = pb.ReconcileCompared(serial=message.serial)
        payload = b""
        origins = self._origins(message)
        if len(message.nonce) != NONCE_SIZE_BYTES:
            raise Broken(f"expected a nonce of {NONCE_SIZE_BYTES} bytes, got {len(message.nonce)}")
        if message.key_version != self._core.store.inventories.key.version:
            ours = self._core.store.inventories.key.version
            answer.refusal = f"expected the cluster's secret in version {ours}, got {message.key_version}"
            answer.key_version = ours
            self._outgoing.start_over()
        elif self._is_too_often():
            answer.refusal = "too many comparisons: again in a minute"
        elif origins is None:
            answer.refusal = "expected origins that both hold: the rosters of the two differ"
        else:
            payload = await self._fill(answer, message, origins)
        return answer, payload

    def _origins(self, message: pb.ReconcileCompare) -> list[NodeNumber] | None:
        """Which are compared; None where the asker, by another roster, has others in mind than we. Raises Broken."""
        shared = self._core.rosters.roster.origins_shared(self._core.number, self._peer)
        origins = [NodeNumber(number) for number in message.origins] or list(shared)
        if sorted(set(origins)) != origins:
            raise Broken("expected origins rising")
        told = len(split_fingerprints(message.fingerprints))
        return origins if set(origins) <= set(shared) and told in (0, len(origins)) else None

    def _is_too_often(self) -> bool:
        now = trio.current_time()
        is_full = len(self._compared_at) == self._compared_at.maxlen
        if is_full and now - self._compared_at[0] < _MINUTE_S:
            return True
        self._compared_at.append(now)
        return False

    async def _fill(
        self, answer: pb.ReconcileCompared, message: pb.ReconcileCompare, origins: Sequence[NodeNumber]
    ) -> bytes:
        """Equal or not; the payload is that of the eager symbols."""
        key = self._core.store.inventories.key
        answer.nonce = self._core.randomness.bytes(NONCE_SIZE_BYTES)
        asked, both = key.fingerprints(message.nonce, NO_NONCE), key.fingerprints(message.nonce, answer.nonce)
        views = [await take_view(self._core, origin, self._peer) for origin in origins]
        moments = {
            origin: Moment(view.number, view.running_hash, both.root((view.part,)), view.beyond)
            for origin, view in zip(origins, views, strict=True)
        }
        self._moments.begin(message.serial, both, moments)
        answer.waiting.extend(origin for origin in self._outgoing.waiting() if origin in moments)
        doubted = {origin for origin, view in zip(origins, views, strict=True) if view.is_doubted}
        answer.busy.extend(o for o in origins if o in doubted or self._outgoing.is_feeding(o))
        if not doubted and asked.root(view.part for view in views) == message.root:
            answer.root = both.root(view.part for view in views)
            for origin in origins:
                self._confirm(origin, False)
            return b""
        answer.fingerprints = b"".join(both.inner(view.part) for view in views)
        answer.counts.extend(view.count for view in views)
        differing = self._differing(message, asked, dict(zip(origins, views, strict=True)))
        return await self._add_eager(answer, [origin for origin in differing if origin not in answer.busy])

    def _differing(
        self, message: pb.ReconcileCompare, asked: Fingerprints, views: dict[NodeNumber, View]
    ) -> list[NodeNumber]:
        """The origins that differ, as far as the asker has told; those that do not are confirmed."""
        if len(views) == 1:
            return list(views)
        if not message.fingerprints:
            return []
        found = []
        told = split_fingerprints(message.fingerprints)
        for (origin, view), fingerprint in zip(views.items(), told, strict=True):
            if view.is_doubted or asked.inner(view.part) != fingerprint:
                found.append(origin)
            else:
                self._confirm(origin, False)
        return found

    async def _add_eager(self, answer: pb.ReconcileCompared, differing: Sequence[NodeNumber]) -> bytes:
        """Symbols of the first origin that differs, so that a few differences are named in this round trip."""
        frozen = await self._moments.freeze(differing[0]) if differing else None
        if frozen is None or not frozen.side.inventory.count:
            return b""  # of an empty set the count alone says it
        side = frozen.side
        told = side.tell_symbols(AskSymbols((Stretch(side.units, 0, limits.RECONCILE_EAGER_SYMBOLS),)), {})
        answer.eager.CopyFrom(pb.ReconcileSymbols(root=told.root, counts=told.counts))
        answer.eager_origin = differing[0]
        return told.symbols[0].to_bytes()
