"""A node's reason in the reader's language: nodes speak English on the wire, in sentences of known shapes.

What has no known shape stays as the node said it: the words of a newer node must never be lost.
"""

from __future__ import annotations

import re
from typing import Final

from lumbung_tools.output.console import Console

__all__ = ["reason_of"]

_SHAPES: Final = {
    "reason.stranger_node": r"node (?P<node>\d+): expected a node of the roster of epoch (?P<epoch>\d+), .*",
    "reason.left_node": r"node \d+ \((?P<name>[^)]*)\): expected a present node, got one that left the cluster",
    "reason.node_key": r"node \d+ \((?P<name>[^)]*)\): expected a TLS key that epoch (?P<epoch>\d+) pins, got \w+",
    "reason.no_access_list": r"(?P<who>\S+ of \S+): expected an access list of \S+, got none here yet",
    "reason.access_list_key": r"(?P<who>\S+ of \S+): expected an access list signed by a key in force, got version \d+",
    "reason.not_listed": r"(?P<who>\S+ of \S+): expected a name on access list version (?P<version>\d+), .*",
    "reason.access_key": r"(?P<who>\S+ of \S+): expected a key that the access list pins, got \w+",
    "reason.access_time": r"(?P<who>\S+ of \S+): expected a time from \d+ to \d+ ms UTC, got \d+",
    "reason.may_not_call": r"(?P<who>\S+) may not call (?P<method>\S+) at this node",
    "reason.may_no_longer": r"(?P<who>\S+) may no longer call \S+",
    "reason.may_not_read": r"(?P<who>\S+) may not read origin (?P<origin>\d+)",
    "reason.disk_full": r"disk full: (?P<free>\d+) bytes free, recording needs more",
    "reason.disk_nearly_full": r"disk nearly full: (?P<free>\d+) bytes free",
    "reason.no_shared_origin": r"node (?P<node>\d+) shares no origin with node \d+",
    "reason.no_partner_holds": r"no partner holds origin (?P<origin>\d+) beside node \d+",
    "reason.reconciles_wait": r"expected at most (?P<most>\d+) reconciles that wait, try again later",
    "reason.slots": r"open calls of \S+: expected at most (?P<most>\d+), got \d+",
    "reason.slots_all": r"open calls of all peers: expected at most (?P<most>\d+), try again later",
    "reason.two_lives": r"another machine lives under this node's identity: this one takes no puts",
    "reason.store_failed": r"the store failed and is being opened again[:;] try again",
    "reason.store_closing": r"the store is closing",
    "reason.not_known_on_disk": r"an error came before the bytes were known to be on disk: .*",
    "reason.not_sealed": r"not sealed: expected the age header, got .*",
    "reason.wrong_hash": r"expected bytes that hash to (?P<id>\w+), got others",
    "reason.no_blob": r"no blob (?P<id>\w+)(\.\.\.)? of origin \d+ here",
    "reason.no_record": r"no recording under this record tag",
    "reason.many_ids": r"(?P<digits>\w+) begins more than one id: give more digits",
    "reason.ask_origin": r"(copies are known to the origin|records are known to their origin): ask node (?P<node>\d+)",
    "reason.damaged_here": r"the stored bytes here are damaged: ask another holder",
    "reason.deadline": r"expected an end before the deadline, got none",
    "reason.no_answer": r"(?P<address>\S+): (no answer|not connected) within (?P<seconds>\d+)\.\d s",
    "reason.connection_refused": r"(?P<address>\S+): Connect(ion refused| call failed .*)",
    "reason.certificate": r"(?P<address>\S+): its certificate is not trusted: .*",
    "reason.plan_share": r"(?P<name>\S+): keeps (?P<times>[0-9.]+) x its fair share, no other holder may take more",
    "reason.plan_no_drc": r"(?P<name>\S+): no DRC node that it can reach",
    "reason.plan_no_peer": r"(?P<name>\S+): no peer that it can reach",
    "reason.plan_province": r"(?P<name>\S+): no peer in another province that it can reach",
    "reason.plan_zone": r"(?P<name>\S+): no room at a peer in another hazard zone than (?P<zone>.*)",
    "reason.tls_failed": r"(?P<address>\S+): TLS handshake failed: (?P<why>.*)",
    "reason.no_grpc": r"(?P<address>\S+): it answered, and then refused gRPC's handshake",
    "reason.bundle_holder": r"expected another present node of the roster, got (?P<node>\d+)",
    "reason.bundle_no_share": r"node (?P<node>\d+) shares no origin with this node",
    "reason.bundle_keeps_nothing": r"(?P<name>\S+) keeps nothing of origin (?P<node>\d+)",
    "reason.bundle_other_export": r"manifest: expected disk .*: another export goes on with this bundle",
    "reason.receipt_old_life": r"receipt of an older life of node (?P<node>\d+): .*",
    "reason.receipt_no_bundle": r"receipt: expected the nonce of a bundle that we exported, got \d+",
    "reason.receipt_not_ours": r"it names no recording of ours",
    "reason.drop_not_proven": r"origin \d+: expected only units that every present holder has freshly proven, .*",
    "reason.closed_on_us": r"(?P<address>\S+): it closed after our certificate",
    "reason.other_node": r"(?P<address>\S+): expected (?P<expected>lumbung://\S+), got (?P<got>\S+)",
    "reason.other_key": r"(?P<address>\S+): expected a key pinned as .*, got \w+",
}
_PATTERNS: Final = {key: re.compile(shape) for key, shape in _SHAPES.items()}


def reason_of(console: Console, said: object) -> str:
    """What a node or the line said, as a part of a sentence."""
    text = str(said)
    for key, pattern in _PATTERNS.items():
        found = pattern.fullmatch(text)
        if found is not None:
            return console.text(key, **{name: value or "" for name, value in found.groupdict().items()})
    return text
