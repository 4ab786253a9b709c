"""A node's reason in the reader's language: nodes speak English on the wire, in sentences of known shapes.

What has no known shape stays as the node said it: the words of a newer node must never be lost.
"""

from __future__ import annotations

import re
from typing import Final

from lumbung_tools.output.console import Console
from lumbung_tools.output.file_reasons import FILE_SHAPES, os_words_told
from lumbung_tools.output.plain_text import one_line

__all__ = ["reason_of", "who_left"]

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
    "reason.nothing_shared": r"(?P<name>\S+) shares no origin with this node",
    "reason.nothing_shared_of": r"(?P<name>\S+) and this node share nothing of origin (?P<origin>\S+)",
    "reason.no_partner_holds": r"no partner holds origin (?P<origin>\S+) beside this node",
    "reason.reconciles_wait": r"expected at most (?P<most>\d+) reconciles that wait, try again later",
    "reason.slots": r"open calls of \S+: expected at most (?P<most>\d+), got \d+",
    "reason.streams": r"open streams above \d+ of a caller: expected at most (?P<most>\d+) of all callers, .*",
    "reason.slots_all": r"open calls of all peers: expected at most (?P<most>\d+), try again later",
    "reason.two_lives": r"another machine lives under this node's identity: this one (takes no puts|signs nothing)",
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
    "reason.no_network": r"(?P<address>\S+): (Network is unreachable|No route to host)",
    "reason.no_name": (
        r"(?P<address>\S+): (Name or service not known|Temporary failure in name resolution|"
        r"No address associated with hostname)"
    ),
    "reason.handshake_closed": r"(?P<address>\S+): (it closed during the handshake|Connection reset by peer)",
    "reason.not_serving": r"(?P<address>\S+): it answers and does not serve now",
    "reason.other_name": r"(?P<address>\S+): its certificate is not trusted: Hostname mismatch.*",
    "reason.certificate": r"(?P<address>\S+): its certificate is not trusted: .*",
    "reason.plan_share": r"(?P<name>\S+): keeps (?P<times>[0-9.]+) x its fair share, no other holder may take more",
    "reason.plan_no_drc": r"(?P<name>\S+): no DRC node that it can reach",
    "reason.plan_no_peer": r"(?P<name>\S+): no peer that it can reach",
    "reason.plan_province": r"(?P<name>\S+): no peer in another province that it can reach",
    "reason.plan_zone": r"(?P<name>\S+): no room at a peer in another hazard zone than (?P<zone>.*)",
    "reason.tls_failed": r"(?P<address>\S+): TLS handshake failed: (?P<why>.*)",
    "reason.no_grpc": r"(?P<address>\S+): it answered, and then refused gRPC's handshake",
    "reason.bundle_holder": r"expected another present node of the roster, got (?P<node>\d+)",
    "reason.bundle_keeps_nothing": r"(?P<name>\S+) keeps nothing of origin (?P<origin>\S+)",
    "reason.bundle_other_export": r"manifest: expected disk .*: another export goes on with this bundle",
    "reason.receipt_old_life": r"receipt of an older life of node (?P<node>\d+): .*",
    "reason.receipt_no_bundle": r"receipt: expected the nonce of a bundle that we exported, got \d+",
    "reason.receipt_not_ours": r"it names no recording of ours",
    "reason.drop_not_proven": r"origin \d+: expected only units that every present holder has freshly proven, .*",
    "reason.closed_on_us": r"(?P<address>\S+): it closed after our certificate",
    "reason.other_node": r"(?P<address>\S+): expected (?P<expected>lumbung://\S+), got (?P<got>\S+)",
    "reason.other_key": r"(?P<address>\S+): expected a key pinned as .*, got \w+",
    "reason.join_other_cluster": r"join request for another cluster: expected \w+, got \w+",
    "reason.join_altered": r"(.*: )?join request of (?P<name>\S+): expected (a signature|signatures) by .*",
    "reason.join_used": (
        r"join request of (?P<name>\S+): expected one that was never used, got one that made node "
        r"(?P<node>\d+) in epoch (?P<epoch>\d+): .*"
    ),
    "reason.join_name": (
        r"join request of (?P<name>\S+): expected a name that nobody bears, got that of node (?P<node>\d+); .*"
    ),
    "reason.join_key": r"join request of (?P<name>\S+): expected keys that nobody has, got .*",
    "reason.join_recipient": (
        r"join request of (?P<name>\S+): expected age recipients of its own, got one of node (?P<node>\d+) .*"
    ),
    "reason.join_number": r"number (?P<number>\d+): expected one that was never used, got that of node (?P<name>\S+)",
    "reason.join_number_range": (
        r"number (?P<number>\d+): expected one from 1 to (?P<most>\d+) outside of all van numbers"
    ),
    "reason.join_number_of_draft": (
        r"join request of (?P<name>\S+): it has number (?P<number>\d+) in this draft, got \d+"
    ),
    "reason.join_no_office": r"join request of (?P<name>\S+): expected the van of an office in this roster, got none",
    "reason.join_not_replaced": (
        r"join request of (?P<name>\S+): expected to replace a node that is present, got (?P<node>\d+)"
    ),
    "reason.join_replaced_name": (
        r"join request of (?P<name>\S+): expected the name of node (?P<node>\d+) \((?P<other>\S+)\), .*"
    ),
    "reason.join_replaced_number": (
        r"join request of (?P<name>\S+): a new machine keeps the number (?P<node>\d+), got \d+"
    ),
    "reason.join_no_bound": (
        r"join request of (?P<name>\S+): expected how far entries of the machine before are good .*"
    ),
    "reason.join_not_added": (
        r"join request of (?P<name>\S+): expected its keys in the roster of epoch (?P<epoch>\d+), got none; .*"
    ),
    "reason.van_other_office": r"join request of (?P<name>\S+): expected a van of (?P<office>\S+), got something else",
    "reason.van_name": r"join request of (?P<name>\S+): expected a name that no van had, got one in use",
    "reason.van_numbers": r"vans of (?P<office>\S+): expected .*",
    "reason.pack_other_cluster": r"pack of another cluster: expected \w+, got \w+",
    "reason.pack_other_machine": r"pack for another machine: expected the answer to request \w+, got that to \w+",
    "reason.pack_other_keys": r"pack: expected our (?P<use>\w+) key in epoch (?P<epoch>\d+) of the roster, got another",
    "reason.roster_few": (
        r"roster of epoch (?P<epoch>\d+): expected signatures of (?P<needed>\d+) of (?P<members>\d+) "
        r"custodians .*, got (?P<given>\d+) and \d+"
    ),
    "reason.roster_old": r"old roster: expected an epoch above (?P<held>\d+), got (?P<epoch>\d+)",
    "reason.roster_other_cluster": r"roster of another cluster: expected \w+, got \w+",
    "reason.roster_fork": (
        r"two rosters of epoch (?P<epoch>\d+) are signed: expected hash (?P<ours>\w+), got (?P<theirs>\w+) too"
    ),
    "reason.roster_unknown_field": r"roster not understood: .*the unknown critical field .(?P<field>[^']*).",
    "reason.access_old": (
        r"access list of (?P<office>\S+): expected a version above (?P<held>\d+), got (?P<version>\d+)"
    ),
    "reason.access_key_retired": (
        r"access list of (?P<office>\S+): expected an access-list key in force in epoch (?P<epoch>\d+), got "
        r"\w+"
    ),
    "reason.access_van_stays": (
        r"access list of (?P<office>\S+): expected (?P<van>\S+) to stay as it was \(gone at most\), got "
        r"another or none"
    ),
    "reason.plan_second_drc": r"(?P<name>\S+): no office that it can reach, a second DRC node keeps its copy",
    "reason.no_region": r"expected a region code such as (?P<such>\S+), got '(?P<code>.*)'; near codes: (?P<near>.*)",
    "reason.no_city": (
        r"expected a city in small letters such as (?P<such>\S+), got '(?P<name>.*)'; near names: (?P<near>.*)"
    ),
    "reason.session_ended": r"it ended the session",
    "reason.other_side_left": (
        r"the caller has left the call|the peer has ended the stream|node \d+ ended the session before its hello|"
        r"the node ended the stream (with \d+ blobs unanswered|without a word)"
    ),
    "reason.line_broke": (
        r"the connection broke(: .*| while we were sending)?|the stream broke: .*|the call ended without an answer"
    ),
    "reason.silent": r"no answer for (?P<seconds>\d+) s",
    "reason.stored_or_not": r"the node could not say whether it stored",
    "reason.sealed_to_others": r"age: expected a blob sealed to one of our identities, got: .*",
    "reason.no_address": r"(?:(?P<where>.+): )?expected host:port, got (?P<text>.*)",
    **FILE_SHAPES,
}
_PATTERNS: Final = {key: re.compile(shape) for key, shape in _SHAPES.items()}
# As `Malformed` words every check of bytes and values, and other errors by the same custom; each shape above is nearer.
_CHECK: Final = re.compile(r"(?P<what>.+?): expected (?P<expected>.+), got (?P<got>[^:]*(?::\S[^:]*)*)")


def who_left(said: str) -> str | None:
    """The node that has left the cluster, when that is the reason."""
    found = _PATTERNS["reason.left_node"].fullmatch(said)
    return found["name"] if found is not None else None


def reason_of(console: Console, said: object) -> str:
    """What a node, the line or the system said, as a part of a sentence."""
    text = one_line(str(said))  # a peer is a stranger: its words are a part of our sentence and no line of their own
    for key, pattern in _PATTERNS.items():
        found = pattern.fullmatch(text)
        if found is not None:
            values = {name: os_words_told(console, value or "") for name, value in found.groupdict().items()}
            for part in ("why", "who"):
                if part in values:
                    values[part] = console.catalogue.phrase(values[part])
            if values.get("near") == "none":
                values["near"] = console.catalogue.phrase("none")
            if "times" in values:
                values["times"] = console.catalogue.decimal(values["times"])
            return console.text(key, **values)
    check = _CHECK.fullmatch(text)
    if check is not None:
        said_in = {name: console.catalogue.phrase(value) for name, value in check.groupdict().items()}
        return console.text("reason.check", **{name: os_words_told(console, value) for name, value in said_in.items()})
    return os_words_told(console, text)
