"""Reasons for a refusal, for people: what a node said in a known shape, and what to do about it."""

from __future__ import annotations

from typing import Final

__all__ = ["REASON_ENGLISH"]

REASON_ENGLISH: Final[dict[str, str]] = {
    "reason.stranger_node": "node {node} is not on the roster of epoch {epoch}",
    "reason.left_node": "{name} has left the cluster",
    "reason.node_key": "{name} shows a key that the roster of epoch {epoch} does not know; renew its certificate",
    "reason.no_access_list": "{who} is not known yet: the node has no access list of that office",
    "reason.access_list_key": "the access list for {who} was signed by a retired key; the office must sign it anew",
    "reason.not_listed": "{who} is not on the office's access list (version {version}); ask for: lumbung access add",
    "reason.access_key": "{who} shows a key that the access list does not know; ask for: lumbung access add",
    "reason.access_time": "the access of {who} has expired or has not begun; check the clock, or ask for a new entry",
    "reason.may_not_call": "{who} may not do this at this node: it is its operator's work ({method})",
    "reason.may_no_longer": "{who} has lost its access",
    "reason.may_not_read": "{who} may not read the recordings of node {origin}",
    "reason.disk_full": "the node's disk is full ({free} bytes free); make room, it takes recordings again by itself",
    "reason.slots": "too many commands at once from here (at most {most}); wait for the others",
    "reason.streams": "the node is busy with too many long calls; try again later",
    "reason.slots_all": "the node is busy with {most} calls; try again later",
    "reason.two_lives": (
        "another machine runs under this node's identity, so this one takes no recordings; call the province"
    ),
    "reason.store_failed": "the node is opening its store again after a disk error",
    "reason.store_closing": "the node is closing its store",
    "reason.not_known_on_disk": "a disk error came before the bytes were known to be on disk",
    "reason.not_sealed": "the file is not sealed; leave out --no-seal",
    "reason.wrong_hash": "the bytes were changed on their way ({id})",
    "reason.no_blob": "this node has no recording {id}",
    "reason.no_record": "this node knows no recording under that number",
    "reason.many_ids": "several ids begin with {digits}; give more digits",
    "reason.ask_origin": "only the office that recorded it knows this: ask node {node}",
    "reason.damaged_here": "the copy at this node is damaged",
    "reason.deadline": "the node took the question and did not answer in time",
    "reason.no_answer": "{address} did not answer within {seconds} s",
    "reason.connection_refused": "nobody listens at {address}",
    "reason.certificate": "the certificate at {address} was not issued for this cluster, or has expired",
    "reason.no_network": "no network leads to {address}; check the cable, the modem and the address",
    "reason.no_name": "the name in {address} is not known here; check the address and the network",
    "reason.handshake_closed": "{address} accepted the connection and closed it again",
    "reason.not_serving": "the node at {address} answers and does not serve now",
    "reason.other_name": "another node answers at {address} than the one that was called; check the address",
    "reason.other_side_left": "the other side ended the connection",
    "reason.line_broke": "the connection broke",
    "reason.silent": "nothing was heard for {seconds} s",
    "reason.stored_or_not": "the node could not say whether it stored it",
    "reason.sealed_to_others": "it is sealed to other keys than those here",
    "reason.plan_share": "{name} keeps {times} x its fair share, and no other holder may take more",
    "reason.plan_no_drc": "{name} reaches no DRC node",
    "reason.plan_no_peer": "{name} reaches no peer",
    "reason.plan_province": "{name} reaches no peer in another province",
    "reason.plan_zone": "{name}: no room at a peer in another hazard zone than {zone}",
    "reason.tls_failed": "no secure line to {address}: TLS failed ({why}); is it a node of this cluster?",
    "reason.no_grpc": "{address} answers, but not as a node of lumbung; check address and port",
    "reason.bundle_holder": "node {node} is this node itself, or has left the cluster",
    "reason.bundle_keeps_nothing": "{name} does not keep the recordings of {origin}",
    "reason.bundle_other_export": "another export goes on with this bundle; wait for it",
    "reason.receipt_old_life": "node {node} has lost its disk since; export again with --anew",
    "reason.receipt_no_bundle": "it belongs to no bundle that this node has written, or to one that is long forgotten",
    "reason.receipt_not_ours": "it names no recording of this node",
    "reason.drop_not_proven": "not all of it is freshly proven elsewhere any more; look again with: lumbung drop",
    "reason.closed_on_us": "{address} did not accept our certificate",
    "reason.other_node": "{address} is {got}, expected {expected}",
    "reason.other_key": "{address} shows a key that the roster does not know",
    "name.not_an_id": "An id has {least} to 64 digits, 0-9 and a-f; {text} is none. lumbung ls shows all.",
    "wait.node": "Waiting for an answer from {whom} ...",
    "health.copies_young": (
        "Recordings of the last ten minutes still lack proven copies, so status is yellow until they have them. They "
        "are copied by themselves."
    ),
    "health.damaged": (
        "Recordings kept here are damaged. Leave the node running and connected: good copies are fetched by "
        "themselves. If the number stays for an hour, call the province."
    ),
}
