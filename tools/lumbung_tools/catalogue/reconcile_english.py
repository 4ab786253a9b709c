"""English sentences of reconcile on demand, by key, in the order of `reconcile_indonesian`."""

from __future__ import annotations

from typing import Final

__all__ = ["RECONCILE_ENGLISH"]

RECONCILE_ENGLISH: Final[dict[str, str]] = {
    "reconcile.progress": "comparing",
    "reconcile.waits": "Another comparison is under way at the node; this one begins when it has ended ...",
    "reconcile.origin_or_all": "Give --origin or --all, not both.",
    "reconcile.all_equal": "Everything is equal ({pairs} compared); brought over: {mended:recording|recordings}.",
    "reconcile.not_equal": (
        "NOT everything is equal: {equal} of {pairs} are; brought over: {mended:recording|recordings}."
    ),
    "reconcile.cut": "The comparison was cut short: {why}",
    "reconcile.more": "... and {count} more; --json shows all.",
    "reconcile.cost": "It took {size} of questions and answers in {questions:round trip|round trips}.",
    "reconcile.mended_of": "{mended} of {lacked}",
    "reconcile.column.partner": "partner",
    "reconcile.column.origin": "recordings of",
    "reconcile.column.outcome": "how it stands",
    "reconcile.column.here": "brought here",
    "reconcile.column.there": "brought there",
    "reconcile.column.remark": "remark",
    "reconcile.outcome.equal": "equal",
    "reconcile.outcome.mended": "mended, equal now",
    "reconcile.outcome.working": "under way",
    "reconcile.outcome.rebuilding": "being filled",
    "reconcile.outcome.busy": "not known yet",
    "reconcile.outcome.partly": "partly mended",
    "reconcile.outcome.not_delivered": "something is missing",
    "reconcile.outcome.unexplained": "does not add up",
    "reconcile.outcome.refused": "not compared",
    "reconcile.outcome.not_connected": "not compared",
    "reconcile.reason.none": "",
    "reconcile.reason.no_session": "no connection with {partner} ({why}); see: lumbung status",
    "reconcile.reason.session_ended": "the connection with {partner} ended meanwhile; try again",
    "reconcile.reason.no_answer": "{partner} did not answer in time; try again",
    "reconcile.reason.peer_refused": "{partner} refused: {why}",
    "reconcile.reason.peer_busy": "{partner} is busy; try again in some minutes",
    "reconcile.reason.on_its_way": "what is missing is on its way; look again later",
    "reconcile.reason.inventory_rebuilt": "the inventory here is being made anew; try again in some minutes",
    "reconcile.reason.everything_offered": (
        "so much is missing that everything is sent, newest first; see: lumbung status"
    ),
    "reconcile.reason.more_left": "what was found was brought over, and more may be missing; try again",
    "reconcile.reason.stopped": "stopped; what was brought over stays",
    "reconcile.reason.no_good_bytes": (
        "neither of the two can give them: {here} damaged here or void, {there} at {partner}. Compare with another"
        " holder, or bring a bundle"
    ),
    "reconcile.reason.disk_full_here": "{not_come} not fetched: the disk here is nearly full; make room",
    "reconcile.reason.not_taken": "{partner} did not take {not_taken}: {why}",
    "reconcile.reason.not_come": "{partner} did not bring {not_come}; try again",
    "reconcile.reason.does_not_add_up": (
        "what {partner} says of its recordings contradicts itself, so nothing of it is believed; call the province"
    ),
    "status.reconcile": "compared: equal with all {partners:partner|partners}, {age} ago at most",
    "status.reconcile_some": "compared: equal with {equal} of {partners:partner|partners}; not (yet) with {names}",
    "reason.disk_nearly_full": "its disk is nearly full ({free} bytes free)",
    "reason.no_shared_origin": "node {node} keeps nothing that this node keeps too",
    "reason.nothing_shared": "{name} and this node keep nothing in common",
    "reason.nothing_shared_of": "{name} and this node keep no recordings of {origin} in common",
    "reason.no_partner_holds": "no other node keeps recordings of {origin} beside this one",
    "reason.reconciles_wait": "{most} comparisons wait already; try again later",
    "help.reconcile": (
        "Compare with partners now and bring over what is missing. Nodes do it by themselves at the beginning of "
        "each connection, every hour and after repairs; this is for whoever wants to know now."
    ),
    "help.reconcile.examples": (
        "lumbung reconcile\nlumbung reconcile --with drc-batam --all\nlumbung reconcile --origin 36.02 --json"
    ),
    "help.reconcile.with": "Only with this node; without: with all that keep the same recordings.",
    "help.reconcile.origin": (
        "The recordings of this office; without: those recorded here, or all when nothing was recorded here."
    ),
    "help.reconcile.all": "All recordings that both nodes keep.",
    "exit.reconcile.0": "everything is equal, or was mended and is equal now",
    "exit.reconcile.3": "something is still missing somewhere; the remark says why",
    "exit.reconcile.5": "not known: busy, cut short or no answer in time; try again",
    "exit.reconcile.6": "refused, by the node or by a partner, or not believed",
    "exit.reconcile.7": "the node, or a partner, is not connected",
    "exit.reconcile.8": "damaged at the only one of the two nodes that has it",
}
