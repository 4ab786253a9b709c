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
    "stop.gone": (
        "{origin} has left the cluster: nobody counts the copies of its recordings any more, so that what {node} "
        "keeps of it stays unknown, and asking again changes nothing. By the roster they lie at {holders} too. Before "
        "{node} stops, type there: lumbung reconcile --with {node} --all"
    ),
    "stop.gone_only": (
        "{origin} has left the cluster, and by the roster nobody but {node} keeps its recordings: do not stop it. Ask "
        "the central office."
    ),
    "stop.has_left": "has left the cluster",
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
    "drop.reason.dated_ahead": "the origin's word is dated ahead: the origin's clock or this node's is wrong",
    "drop.reason.set_differs": "something lies here that the other holders have not proven",
    "drop.reason.bad_signature": "the origin's word is not signed by a key in force",
    "drop.reason.own": "its own recordings, of which fewer than two proven copies would be left",
    "help.roster.drained": (
        "Make the drain report of this node: whatever lies here, with the signed word of each origin that all present "
        "holders have proven it. Written only when nothing is at stake; otherwise it says what is."
    ),
    "help.roster.drained.examples": "lumbung roster drained -o 61.01.drained",
    "help.roster.gone": (
        "Write a draft in which a node is gone for ever: with its drain report, or by the name of somebody who answers "
        "for what may be lost."
    ),
    "help.roster.gone.examples": (
        "lumbung roster gone 13.toml 61.01 --drained 61.01.drained -o 13-gone.toml\n"
        'lumbung roster gone 13.toml 61.01 --override-by "Direktur" --reason "burnt down" -o 13-gone.toml'
    ),
    "help.roster.report": "Drain report of a node that is gone in this roster.",
    "help.roster.gone.override_by": "Who answers for it; needs --reason. It stands in the roster for ever.",
    "help.roster.gone.reason": "Why it leaves without being drained.",
    "exit.drained.0": "drained; the report is written",
    "exit.drained.3": "not drained: some recordings have no other proven copy; nothing is written",
    "exit.gone.6": "a node is gone in it without proof that nothing is lost, and nobody overrides it by name",
    "drained.yes": (
        "{node} is drained: for everything there (of {origins:origin|origins}) the other holders have proven "
        "their copies. Report: {file} (drain_proof {proof}). Next: send it to the centre, and there, in the next "
        "roster's draft:\n"
        "  lumbung roster gone DRAFT.toml {node} --drained {file} -o FILE.toml"
    ),
    "drained.no": (
        "Not drained. At {node}, without a proven copy elsewhere: {blobs:recording|recordings}. Nothing was "
        "written. Let the origins see their other holders (lumbung status there), and ask again."
    ),
    "drained.other_roster": (
        "The node obeys the roster of epoch {epoch}, this profile has {held}. Take the node's: lumbung roster fetch"
    ),
    "drained.column.origin": "recordings of",
    "drained.column.blobs": "at stake",
    "drained.column.why": "why",
    "gone.drafted": "Draft in which {node} is gone, epoch {epoch}: {file}. Next: lumbung roster plan, then sign.",
    "gone.unknown": "The draft of epoch {epoch} has no node {node}.",
    "gone.both": "--override-by and --reason go together: one without the other says nothing.",
    "gone.no_proof": (
        "In this roster {node} is gone, and what lies there may be the only copy. Make the report there (lumbung "
        "roster drained -o FILE) and give it with --drained FILE, or let somebody answer for it: lumbung roster gone "
        "--override-by NAME --reason TEXT"
    ),
    "gone.other_proof": "The drain report of {node} is not the one that this roster names.",
    "gone.other_roster": (
        "The drain report of {node} was made under the roster of epoch {epoch}, and this one follows another, of epoch "
        "{before}. Make the report anew at {node}."
    ),
    "gone.at_stake": (
        "{node} is not drained: no proven copy elsewhere of {blobs:recording|recordings}: {origins}. "
        "Wait until the others have proven them and make the report anew, or let somebody answer for it: lumbung "
        "roster gone --override-by NAME --reason TEXT"
    ),
    "gone.override": (
        "{by} overrides the proof for {node} ({reason}). At stake: {blobs:recording|recordings} without another proven "
        "copy: {origins}."
    ),
    "gone.override_unknown": (
        "{by} overrides the proof for {node} ({reason}). Nobody knows what is at stake: there is no drain report."
    ),
}
