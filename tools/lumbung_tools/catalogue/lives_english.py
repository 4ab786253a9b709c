"""English sentences about a node's lives: stores set aside, disks not mounted, recovery."""

from __future__ import annotations

from typing import Final

__all__ = ["LIVES_ENGLISH"]

LIVES_ENGLISH: Final[dict[str, str]] = {
    "health.set_aside_running": (
        "The store did not open and lies aside as {folder}; recording goes on in a fresh one, and {taken} recordings"
        " were taken over so far. Wait for the end; have the disk looked at."
    ),
    "health.set_aside_ended": (
        "The store that lies aside as {folder} is taken over: {taken} recordings. Once status is green, delete that"
        " folder."
    ),
    "health.set_aside_lacking": (
        "The store that lies aside as {folder} could not give {lacking} recordings; the holders bring what they have."
        " Keep the folder, have the disk looked at, and call the province."
    ),
    "health.set_aside_refuses": (
        "The store that lies aside as {folder} cannot be read at all; the holders bring what they have. Keep the"
        " folder, have the disk looked at, and call the province."
    ),
    "health.disk_unmounted": (
        "The data disk is not mounted; recordings go to {folder} meanwhile, and nothing else is kept. Mount"
        " the disk and start the node again; if it is gone for good: lumbung node recover."
    ),
    "recover.node": "Node {name} (number {number}).",
    "recover.generation": "Its identity remembers life {generation}.",
    "recover.no_identity": "The identity folder {folder} remembers nothing: it was lost, or this machine is new.",
    "recover.stopped": "It has stopped because another machine lived under its identity.",
    "recover.unmounted": (
        "The data folder {folder} is empty and lies on another disk than before; recordings went to"
        " {fallback}. If the old disk can be mounted, do that instead."
    ),
    "recover.empty": "The data folder {folder} is empty.",
    "recover.aside": "A store lies aside: {folder}. It is taken over when the node runs.",
    "recover.answered": "Asked what they have met of this node: {names}.",
    "recover.silent": (
        "No answer from: {names}. If one of them has met a newer life, the node stops again; then repeat this."
    ),
    "recover.will": (
        "It will begin life {generation}, above all that were met. It keeps every recording it has, takes"
        " puts at once, and refills what is lacking from its holders; proofs of its copies are made anew."
    ),
    "recover.only_one": (
        "Do this only if no other machine runs as this node: the other one will stop taking recordings."
    ),
    "recover.nothing_yet": "Nothing is changed yet. To do it, type the same again with --yes.",
    "recover.done": "Done. Start the node; it begins life {generation}.",
    "recover.runs": "The node still runs (something listens on {address}). Stop it first.",
    "help.node.recover": (
        "Give a node a new life: after an empty disk, a lost identity folder, a disk that is gone, or when it"
        " has stopped for another machine. Says first what it will do."
    ),
    "help.node.recover.examples": (
        "lumbung node recover --config /etc/lumbung/config.toml\n"
        "lumbung node recover --config /etc/lumbung/config.toml --yes"
    ),
    "help.node.recover.yes": "Do it; without this nothing is changed.",
    "health.rebuilding": (
        "This node refills an empty store from its holders; recording and reading go on. lumbung status shows"
        " how far it is."
    ),
    "status.rebuild": "Refilling: {here} of {known} known at holders ({size_here} of {size_known}), {rate}/s",
    "status.rebuild_left": "Refilling takes about {age} more at this rate",
    "status.rebuild_open": "Not compared to the end with {partner} yet: recordings of {origin}",
    "status.rebuild_lacking": (
        "{partner} has {lacking:recording|recordings} of {origin} that did not come: lumbung reconcile --with {partner}"
    ),
    "status.rebuild_unmet": "Not heard from since the start, so what only they have is not known: {names}",
}
