"""English sentences about stopping, leaving and letting go."""

from __future__ import annotations

from typing import Final

__all__ = ["LEAVING_ENGLISH"]

LEAVING_ENGLISH: Final = {
    "help.stop": (
        "May this node stop? Yes, when two proven copies of everything are left without it. Asks the own node, which "
        "asks every origin whose recordings that node keeps; counts are of proofs, not of assignments."
    ),
    "help.stop.examples": "lumbung node safe-to-stop 61.01\nlumbung node safe-to-stop drc-batam --json",
    "exit.stop.0": "it may stop",
    "exit.stop.3": "it should not stop: some recordings would be left with fewer than two proven copies",
    "exit.stop.5": "not known: some origin could not be asked; try again when its line is up",
    "stop.yes": ("Yes: without {node} two proven copies of everything are left ({origins:origin|origins} asked)."),
    "stop.no": (
        "No: without {node} {blobs:recording|recordings} would have fewer than two proven copies. Wait until they are "
        "replicated (lumbung status), or see why they are not (lumbung health)."
    ),
    "stop.unknown": (
        "Not known: {origins:origin|origins} of whom {node} keeps recordings could not be asked. Try again when the "
        "line is up."
    ),
    "stop.column.origin": "recordings of",
    "stop.column.blobs": "proven there",
    "stop.column.none": "left with none",
    "stop.column.one": "left with one",
    "stop.not_asked": "could not be asked",
    "help.drop": (
        "Let go of other offices' recordings that the roster no longer gives to this node. Only units that every "
        "present holder has freshly proven may go, and only when what lies here is exactly what they proved. Without "
        "--yes it shows what would go and changes nothing."
    ),
    "help.drop.examples": "lumbung drop\nlumbung drop --origin 36.02 --yes",
    "help.drop.origin": "Only the recordings of this node.",
    "help.drop.yes": "Do it. What went cannot be brought back here except from the other holders.",
    "drop.nothing": "Nothing lies here that this node need not hold.",
    "drop.all_kept": "Nothing may go yet: the table says why.",
    "drop.dry": "Nothing was changed. To let it go: the same command with --yes",
    "drop.done": "Let go: {blobs:recording|recordings} of {origin}, {size}.",
    "drop.kept": "{units:unit stays|units stay}: {reason}",
    "drop.column.origin": "recordings of",
    "drop.column.units": "units that may go",
    "drop.column.size": "frees",
    "drop.column.kept": "what stays, and why",
    "drop.reason.still_held": "the roster still gives it to this node",
    "drop.reason.no_release": "the origin has not released this node yet",
    "drop.reason.not_in_release": "not proven at every holder when the origin last said so",
    "drop.reason.other_holders": "a holder of today has proven nothing to the origin",
    "drop.reason.too_old": "the origin's word is older than a week: make this node leaving again in the roster",
    "drop.reason.set_differs": "something lies here that the other holders have not proven",
    "drop.reason.bad_signature": "the origin's word is not signed by a key in force",
}
