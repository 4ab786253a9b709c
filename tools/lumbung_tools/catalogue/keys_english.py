"""English sentences about keys: rotation, backup, what comes next."""

from __future__ import annotations

from typing import Final

__all__ = ["KEYS_ENGLISH"]

KEYS_ENGLISH: Final[dict[str, str]] = {
    "health.key_not_in_force": (
        "The roster does not name keys that this node uses ({keys}): the others refuse what it signs. Look with:"
        " lumbung keys status; then have them pinned (lumbung keys pin), or give the keys back from the backup."
    ),
    "health.entry_not_ours": (
        "{blobs:recording|recordings} came under this office's name that this node never recorded: somebody has a"
        " former entry key. The node's log names them; do not rely on them, and call the province."
    ),
    "keys.needs": "Expected {what} for this kind of key. See: lumbung keys --help",
    "keys.not_a_key": "Expected a public half of 64 hex digits, got {text}. See it with: lumbung keys show FILE",
    "keys.not_a_bound": "Expected GENERATION:NUMBER:HASH as lumbung keys status prints it, got {text}",
    "keys.in_use": "{use}: in use and in force\n  {public}",
    "keys.in_use_unknown": "{use}: in use, but the roster does not name it: others refuse it\n  {public}",
    "keys.bound": "End of the feed of {origin} (for --bound):\n  {bound}",
    "keys.no_lists": "Nothing that {origin} has signed lies at this node.",
    "keys.end_unknown": (
        "The node does not know how far its feed once reached: another life of it has recorded, or it refills an empty"
        " disk and has not met every partner yet. A bound read now could make recordings void for ever. See lumbung"
        " health; mend that first. When it cannot be mended ask every holder, lumbung keys status --origin NAME, and"
        " give the highest with --bound."
    ),
    "keys.of_node": "Keys of node {node}, which was asked:",
    "keys.still_used": (
        "The node does not use the next entry key {public} yet: what it signs meanwhile would lie behind the"
        " bound. Wait"
        " until lumbung keys status shows it, then type this again."
    ),
    "keys.bound_too_low": (
        "The bound {given} lies before the end of the feed, {end}: recordings between the two would become void. Leave"
        " --bound away: the node tells it."
    ),
    "keys.pinned": "Draft of epoch {epoch} with the next {kind} key: {file}. Read it, have it signed, publish it.",
    "keys.retired": (
        "Draft of epoch {epoch} without the former {kind} key: {file}. Read it, have it signed, publish it."
    ),
    "keys.recovery_signs": "A change of the recovery set needs the signatures of the recovery set itself.",
    "keys.rotate.made": "Next key written to {file} (mode 0600). Back it up before it is used.",
    "keys.would_make": "The next {kind} key would be made at {file}.",
    "keys.would_move": (
        "The roster names only the new key: it would be moved to {file}, and the former one stay beside it with "
        ".former at its end."
    ),
    "keys.next.node": (
        "Next, at the centre (then sign and publish):\n"
        "  lumbung keys pin {kind} {public} --roster ROSTER --node NAME -o DRAFT.toml\n"
        "Then type this command again."
    ),
    "keys.next.tls": (
        "Next: have a certificate issued for {file}.request and put it beside the present one with .next at its "
        "end. At the centre (then sign and publish):\n"
        "  lumbung keys pin tls {public} --roster ROSTER --node NAME -o DRAFT.toml\n"
        "Then type this command again."
    ),
    "keys.next.access": (
        "Next, at the centre (then sign and publish):\n"
        "  lumbung keys pin access {public} --roster ROSTER --node NAME -o DRAFT.toml\n"
        "Then sign the access list again with {file} and publish it; only then retire the former key."
    ),
    "keys.next.age": (
        "Next, both in one draft (then sign and publish):\n"
        "  lumbung keys pin age {public} --roster ROSTER --node NAME -o DRAFT.toml\n"
        "  lumbung keys retire age FORMER --roster DRAFT.toml --node NAME -o DRAFT-2.toml\n"
        "Keep the former identity for ever: old recordings open with it alone."
    ),
    "keys.next.escrow": (
        "Next, both in one draft (then sign and publish):\n"
        "  lumbung keys pin escrow {public} --roster ROSTER -o DRAFT.toml\n"
        "  lumbung keys retire escrow FORMER --roster DRAFT.toml -o DRAFT-2.toml\n"
        "Keep the former identity for ever: old recordings open with it."
    ),
    "keys.next.custodian": (
        "Next (the custodians of the roster in force sign):\n"
        "  lumbung keys pin custodian {public} --name NAME --replaces FORMER --roster ROSTER -o DRAFT.toml"
    ),
    "keys.next.recovery": (
        "Next (the recovery set signs as well):\n"
        "  lumbung keys pin recovery {public} --name NAME --replaces FORMER --roster ROSTER -o DRAFT.toml"
    ),
    "keys.next.cluster": (
        "Version {version} of the cluster secret: {file}. Next: carry it to every node as a secret, move it over the"
        " present file there and start the node again, one node after the other. Until all have it they compare id by"
        " id; nothing stops."
    ),
    "keys.next.tag": (
        "Next: put it in the place of tag.secret at every station of the office at once. Records from before are new"
        " ones from then on."
    ),
    "keys.step.unpinned": (
        "The roster that this node obeys does not name {public} yet. At the centre (then sign and publish):\n"
        "  lumbung keys pin {kind} {public} --roster ROSTER --node NAME -o DRAFT.toml\n"
        "Then type this command again."
    ),
    "keys.step.uncertified": (
        "The roster names {public}, but its certificate is not here: expected it beside the present one with .next at"
        " its end."
    ),
    "keys.step.pinned": (
        "The roster names {public} beside the former key. The node changes over as soon as its partners know it,"
        " at most"
        " after a day; see it with: lumbung keys status. Then, at the centre: lumbung keys retire {kind} --roster"
        " ROSTER"
        " --node NODE -o DRAFT.toml (an entry key with the --bound that keys status shows); sign, publish."
    ),
    "keys.step.moved": "Done: {file} is the {kind} key now, and the former one lies beside it with .former at its end.",
    "keys.passphrase": "Passphrase (at least {least} characters)",
    "keys.passphrase_again": "The same passphrase again",
    "keys.passphrase_differs": "The two passphrases differ; nothing was written. Type the command again.",
    "keys.no_terminal": (
        "There is no terminal to ask for the passphrase. Give it in a file of mode 0600: --passphrase-file FILE"
    ),
    "keys.backed_up": "{count:key|keys} in {file}, opened again and compared. Keep the passphrase at another place.",
    "keys.verified": "The backup is whole: {count:key|keys}. Nothing was written; name a folder to restore there.",
    "keys.restored.written": "{file}: written",
    "keys.restored.present": "{file}: lies there already",
    "keys.restored.replaced": "{file}: written; the key that lay there is {aside} now",
    "keys.paper_head": (
        "Keys of lumbung under a passphrase: {files}. To restore: type or scan the lines below into a file, then"
        " lumbung"
        " keys restore FILE FOLDER. Each line is checked by its last four letters."
    ),
    "cert.renewed": "Renewed: {file}. The node takes it into use within ten seconds, without a restart.",
    "cert.not_due": "{file} is good until {until}; it is renewed once half of its life is over (or with --now).",
    "help.cert.renew": "Renew a certificate under the same key, once half of its life is over. For a daily timer.",
    "help.cert.renew.examples": "lumbung cert renew keys/tls.chain.pem --authority /etc/lumbung/office-authority",
    "help.cert.renew.now": "Whether it is due or not.",
    "help.cert.authority.under": (
        "Folder of the root: an office's own authority below it, which renews without the centre."
    ),
    "roster.level_not_higher": "Expected a level above {before}, which the roster asks for already, got {after}.",
    "roster.level_not_ready": (
        "Level {after} may rise once every node has reported that its lumbung can write it. Not yet: {names}."
        " Update them,"
        " wait for their reports (lumbung nodes), then type this again."
    ),
    "help.roster.level": "Draft the next roster with a higher format level, once every node has reported that it can.",
    "help.roster.level.examples": "lumbung roster level 1 -o next.toml",
    "roster.level_rises": (
        "The format level rises from {before} to {after}: every node brings its disk up at its next start, and an older"
        " lumbung can then no longer open it. This cannot be undone. Nodes with an older lumbung refuse this roster:"
        " update all of them first (lumbung status names each one's version)."
    ),
    "help.keys.rotate": (
        "Make the next key and say what comes next. Type it again to go on. KIND: tls, entry, receipt "
        "(--config); access, custodian, recovery, age, escrow, cluster, tag (FILE)."
    ),
    "help.keys.rotate.examples": (
        "lumbung keys rotate entry --config config.toml\nlumbung keys rotate escrow escrow-3.agekey"
    ),
    "help.keys.rotate.config": "Configuration of the node whose key it is (tls, entry, receipt).",
    "help.keys.pin": (
        "Draft the next roster with one more key: 64 hex digits, age1..., or a certificate file. KIND: tls, "
        "entry, receipt, access, age, escrow, custodian, recovery, authority."
    ),
    "help.keys.pin.examples": (
        "lumbung keys pin entry 5f2c... --roster roster.lumbung --node 36.02 -o next.toml\n"
        "lumbung keys pin custodian 9a1d... --name Direktur --replaces Direktur-lama --roster next.toml -o next-2.toml"
    ),
    "help.keys.pin.name": "Name of the custodian or authority.",
    "help.keys.pin.replaces": "The member whose place it takes.",
    "help.keys.roster": "The signed roster in force, or a draft (.toml) to change further.",
    "help.keys.node": "Name of the node whose key it is.",
    "help.keys.retire": (
        "Draft the next roster, which gives the former key its last epoch. KIND: tls, entry, receipt, access, "
        "age, escrow, custodian, recovery, authority."
    ),
    "help.keys.retire.examples": (
        "lumbung keys retire receipt --roster roster.lumbung --node 36.02 -o next.toml\n"
        "lumbung keys retire entry --bound 1:1204:5f2c... --roster roster.lumbung --node 36.02 -o next.toml"
    ),
    "help.keys.retire.bound": "Up to where an entry key's word stays good, as keys status prints it.",
    "help.keys.status": "Which keys the office's node uses, and where its feed ends.",
    "help.keys.status.examples": "lumbung keys status\nlumbung keys status --origin 36.02",
    "help.keys.status.origin": "Where another office's feed ends, as far as it lies here.",
    "help.keys.backup": "Put keys under a passphrase into one file, or onto paper. Opened again before it counts.",
    "help.keys.backup.examples": (
        "lumbung keys backup node/keys -o 36.02-keys.backup\n"
        "lumbung keys backup office.agekey --paper -o office-paper.txt"
    ),
    "help.keys.backup.paper": "Write lines to print, type and scan instead of bytes.",
    "help.keys.passphrase": "File that holds the passphrase (mode 0600) instead of asking.",
    "help.keys.restore": "Open a backup; without a folder verify it only. Never over another key.",
    "help.keys.restore.examples": (
        "lumbung keys restore 36.02-keys.backup\nlumbung keys restore 36.02-keys.backup /etc/lumbung"
    ),
    "help.keys.restore.replace": "Move other keys that lie there aside.",
}
