"""`make bench-reconcile`: what it costs to find what differs between two sets, and to keep the state for it.

Both sides live in one process (two processes: reconcile_processes.py); counted are the protocol's own bytes (serialised
frames with their payload) and round trips from Compare until the asker has proven the difference. Blob bytes and the
offers that carry them are not.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from dataclasses import dataclass

from lumbung_cluster import limits
from lumbung_cluster.ids import NodeNumber, all_units
from lumbung_cluster.inventory.fingerprint import InventoryKey
from lumbung_cluster.inventory.inventory import Inventory
from lumbung_cluster.inventory.symbols import short_id
from lumbung_cluster.reconcile.messages import AskIds, AskSymbols, AskUnits, Question, Stretch, ToldIds, ToldSymbols
from lumbung_cluster.reconcile.search import Found, OwnIds, ReadUnit, find
from lumbung_cluster.reconcile.side import Side, explained_digests, units_to_read
from lumbung_node.services.session.reconcile_wire import pack_answer, pack_question, pack_shorts, unpack_answer
from lumbung_proto.codec import encode_frame
from lumbung_proto.v1 import peer_pb2
from lumbung_proto.v1 import reconcile_frames_pb2 as pb

__all__ = ["main"]

_ORIGIN = NodeNumber(36_02)
_KEY = InventoryKey(1, bytes(range(32)))
_FOLD_IDS = 1024
_IDS = (10_000, 100_000, 1_000_000)
_DIFFERENCES = (0, 1, 10, 100, 1_000, 10_000)


@dataclass(slots=True)
class _Cost:
    """Bytes both ways, round trips and milliseconds of both sides."""

    size_bytes: int = 0
    round_trips: int = 0
    elapsed_ms: float = 0.0

    def count(self, frame: peer_pb2.SessionFrame, payload: bytes = b"") -> None:
        self.size_bytes += len(encode_frame(peer_pb2.SessionRequest(frame=frame), [payload]))


@dataclass(slots=True)
class _Set:
    """Ids and their inventory."""

    ids: list[bytes]
    inventory: Inventory

    @classmethod
    def of(cls, ids: list[bytes]) -> _Set:
        inventory = Inventory(_KEY)
        for at in range(0, len(ids), _FOLD_IDS):
            inventory.fold(ids[at : at + _FOLD_IDS])
        return cls(ids, inventory)

    def with_more(self, ids: list[bytes]) -> _Set:
        inventory = self.inventory.copy()
        inventory.fold(ids)
        return _Set([*self.ids, *ids], inventory)

    def unit(self, unit: int) -> list[bytes]:
        return sorted(raw for raw in self.ids if raw[0] >> 2 == unit)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ids", type=int, action="append", help="ids that both have (10,000, 100,000, 1,000,000)")
    parser.add_argument("--seeds", type=int, default=2, help="runs of each line; the worst is shown")
    chosen = parser.parse_args()
    print(f"{'ids':>9} {'differ':>7} {'sides':>6} {'bytes':>9} {'round trips':>12} {'ms':>8}")
    for count in chosen.ids or _IDS:
        luck = random.Random(count)
        begun = time.perf_counter()
        base = _Set.of([luck.randbytes(32) for _ in range(count)])
        fold_us = (time.perf_counter() - begun) / count * 1e6
        for differ in _DIFFERENCES:
            for sides in (1, 2) if differ else (1,):
                _tell(count, differ, sides, [_run(base, differ, sides, luck) for _ in range(chosen.seeds)])
        print(f"{count:>9} ids: {fold_us:.1f} us an insert, {len(base.inventory.to_bytes()):,} bytes an origin")
    return 0


def _tell(count: int, differ: int, sides: int, costs: list[_Cost]) -> None:
    worst = max(costs, key=lambda cost: cost.size_bytes)
    trips, elapsed = max(cost.round_trips for cost in costs), max(cost.elapsed_ms for cost in costs)
    print(f"{count:>9} {differ:>7} {sides:>6} {worst.size_bytes:>9} {trips:>12} {elapsed:>8.1f}", flush=True)


def _run(base: _Set, differ: int, sides: int, luck: random.Random) -> _Cost:
    """One whole exchange; the asker is the side that has more. Raises AssertionError when the proof fails."""
    ours = [luck.randbytes(32) for _ in range(differ - differ // 2 if sides == 2 else differ)]
    theirs = [luck.randbytes(32) for _ in range(differ - len(ours))]
    asker_set, teller_set = base.with_more(ours), base.with_more(theirs)
    nonces = luck.randbytes(8), luck.randbytes(8)
    prints = _KEY.fingerprints(*nonces)
    asker = Side(_ORIGIN, all_units(), asker_set.inventory, prints)
    teller = Side(_ORIGIN, all_units(), teller_set.inventory, prints)
    cost = _Cost(round_trips=1)
    begun = time.perf_counter()
    eager = _compare(cost, asker, teller, nonces)
    if eager is not None:
        found = _search(cost, asker, teller, asker_set, teller_set, eager)
        cost.elapsed_ms = (time.perf_counter() - begun) * 1e3
        lacking = {short_id(raw) for raw in theirs}
        assert {short_id(raw) for raw in ours} == set(found.ours)
        assert lacking == set(found.theirs)
        assert asker.root(explained_digests(_KEY, asker, ours, theirs)) == found.root
        for at in range(0, len(found.theirs), limits.RECONCILE_FETCH_IDS_MAX):
            part = found.theirs[at : at + limits.RECONCILE_FETCH_IDS_MAX]
            fetch = pb.ReconcileFetch(serial=1, origin=_ORIGIN)
            cost.count(peer_pb2.SessionFrame(reconcile_fetch=fetch), pack_shorts(part))
            cost.count(peer_pb2.SessionFrame(reconcile_fetched=pb.ReconcileFetched(origin=_ORIGIN)))
    else:
        cost.elapsed_ms = (time.perf_counter() - begun) * 1e3
    return cost


def _compare(cost: _Cost, asker: Side, teller: Side, nonces: tuple[bytes, bytes]) -> ToldSymbols | None:
    """None when equal; else the symbols that come with the answer."""
    asked = _KEY.fingerprints(nonces[0], bytes(8))
    root = asked.root(((_ORIGIN, all_units(), asker.digests),))
    compare = pb.ReconcileCompare(serial=1, nonce=nonces[0], key_version=1, root=root)
    cost.count(peer_pb2.SessionFrame(reconcile_compare=compare))
    compared = pb.ReconcileCompared(serial=1, nonce=nonces[1])
    if root == asked.root(((_ORIGIN, all_units(), teller.digests),)):
        compared.root = teller.root()
        cost.count(peer_pb2.SessionFrame(reconcile_compared=compared))
        return None
    told = teller.tell_symbols(AskSymbols((Stretch(all_units(), 0, limits.RECONCILE_EAGER_SYMBOLS),)), {})
    compared.fingerprints = teller.fingerprints.inner((_ORIGIN, all_units(), teller.digests))
    compared.counts.append(teller.count)
    compared.eager.CopyFrom(pb.ReconcileSymbols(root=told.root, counts=told.counts))
    compared.eager_origin = _ORIGIN
    cost.count(peer_pb2.SessionFrame(reconcile_compared=compared), told.symbols[0].to_bytes())
    return told


def _search(cost: _Cost, asker: Side, teller: Side, asker_set: _Set, teller_set: _Set, eager: ToldSymbols) -> Found:
    search = find(asker, teller.count, eager)
    try:
        effect = next(search)
        while True:
            if isinstance(effect, ReadUnit):
                effect = search.send(OwnIds(asker_set.unit(effect.unit)))
                continue
            cost.round_trips += 1
            ask = pack_question(1, _ORIGIN, effect)
            cost.count(peer_pb2.SessionFrame(reconcile_ask=ask))
            tell, payload = _answer(teller, teller_set, effect)
            cost.count(peer_pb2.SessionFrame(reconcile_tell=tell), payload)
            effect = search.send(unpack_answer(tell, memoryview(payload), effect, all_units()))
    except StopIteration as stop:
        found = stop.value
        assert isinstance(found, Found)
        return found


def _answer(teller: Side, teller_set: _Set, question: Question) -> tuple[pb.ReconcileTell, bytes]:
    match question:
        case AskSymbols():
            ids = {unit: teller_set.unit(unit) for unit in units_to_read(question, teller.units)}
            return pack_answer(_ORIGIN, teller.tell_symbols(question, ids))
        case AskUnits():
            return pack_answer(_ORIGIN, teller.tell_units())
        case AskIds():
            page = [raw for raw in teller_set.unit(question.unit) if raw > question.after]
            limit = limits.RECONCILE_IDS_PAGE_MAX
            return pack_answer(_ORIGIN, ToldIds(page[:limit], len(page) <= limit))


if __name__ == "__main__":
    sys.exit(main())
