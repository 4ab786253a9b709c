"""The pages of the health codes in English, by key: causes and cures are one a line. docs/health is made from them."""

from __future__ import annotations

from typing import Final

__all__ = ["HEALTH_PAGES_ENGLISH"]

HEALTH_PAGES_ENGLISH: Final[dict[str, str]] = {
    "page.head.causes": "What it comes from",
    "page.head.cures": "What to do",
    "page.index.head": "Health codes",
    "page.index.intro": (
        "For operators: a page for each code that lumbung health shows, with cause and cure. lumbung "
        "health explain CODE prints the same. The files are made from the catalogue of sentences; tests "
        "hold them to it."
    ),
    "page.index.code": "code",
    "page.index.title": "about",
    "page.copies_short.title": "recordings with too few proven copies",
    "page.copies_short.means": (
        "Some recordings of this office have fewer than three copies that their holders have signed for, "
        "or bytes kept here are damaged. Nothing is lost as long as this node lives and is connected."
    ),
    "page.copies_short.severity": (
        "A note in the first ten minutes, yellow after that, red when a recording has existed only here "
        "for three days, and red at once when bytes here are damaged."
    ),
    "page.copies_short.causes": (
        "a line is down (LINK_DOWN stands beside it)\n"
        "much was recorded and the line is slow\n"
        "a holder's disk is full (its operator sees DISK_LOW)\n"
        "bytes on this disk are damaged"
    ),
    "page.copies_short.cures": (
        "Look at lumbung status: which holder is behind, and is its link up?\n"
        "Link down: get the line up; the rest happens by itself.\n"
        "Link up: wait; lumbung lag shows how far and how old. A holder's disk is full: its operator sees "
        "DISK_LOW; call the province.\n"
        "Damaged here: leave the node on and connected, it fetches good copies by itself. The same number after "
        "an hour: call the province.\n"
        "While a recording exists only here (lumbung find --copies-below 2), this machine must not be repaired, "
        "reinstalled or sent away."
    ),
    "page.copies_short.mute": "Mute it only while somebody works on the line and knows until when.",
    "page.link_down.title": "a holder does not answer",
    "page.link_down.means": (
        "Nobody answers at the addresses of a node that keeps copies for this one, or for which this one "
        "keeps copies. Recording goes on; copies come later by themselves."
    ),
    "page.link_down.severity": "Yellow after 2 minutes, red after 24 hours.",
    "page.link_down.causes": (
        "the internet, the VPN or the modem of this office is down\n"
        "the other node is down or is being restarted\n"
        "a firewall was changed on either side"
    ),
    "page.link_down.cures": (
        "Does the internet work on this machine? If not: modem, cable, provider.\n"
        "Only this one holder is down: the fault is there. Tell the province its name.\n"
        "All holders are down while the internet works: firewall or VPN of the office. Since when, and "
        "what was changed?"
    ),
    "page.link_down.mute": "Mute it for one node (--node) while a repair is under way there.",
    "page.link_breaks.title": "a link breaks again and again",
    "page.link_breaks.means": (
        "Three times in a row the link to a holder came up and broke within a minute. Where its class is lan, the "
        "node waits for it now as on a wan line, so that copies go on; a holder that dies is noticed after 50 seconds."
    ),
    "page.link_breaks.severity": "Yellow until the link has held for an hour.",
    "page.link_breaks.causes": (
        "the line is slow, and roster or configuration call it lan\n"
        "the holder's program or machine falls over and starts again\n"
        "a loose cable, a poor radio link, a router that forgets connections"
    ),
    "page.link_breaks.cures": (
        "Is the holder in the same building? If not, the class lan is wrong.\n"
        'The own line: set class = "wan" (by satellite "satellite") under [link] in the configuration, and restart.\n'
        "The holder's line: the central office changes its link in the roster and publishes it.\n"
        "The class is right: read the holder's log, then check cable, radio and router."
    ),
    "page.link_breaks.mute": "Mute it for one node (--node) until the new roster comes.",
    "page.trust_failed.title": "somebody answers, but one does not trust the other",
    "page.trust_failed.means": (
        "A connection comes about, but the certificate, its key or the list that names it does not fit. "
        "No copy goes to somebody who is not trusted."
    ),
    "page.trust_failed.severity": "Red at once.",
    "page.trust_failed.causes": (
        "a clock is wrong (CLOCK_SKEW)\n"
        "a certificate has ended (CERT_EXPIRES)\n"
        "one of the two obeys an older roster\n"
        "a new machine or key that the roster does not name yet\n"
        "this node has left the cluster by a newer roster\n"
        "somebody pretends to be the holder"
    ),
    "page.trust_failed.cures": (
        'Read the remark in lumbung status: it says what was expected and what came. "Has left '
        'the cluster": delete nothing, ask the central office.\n'
        "timedatectl: right day and time? If not, see CLOCK_SKEW.\n"
        "lumbung cert show with the node's certificate: still good? If not, see CERT_EXPIRES.\n"
        "lumbung roster show on both sides: same epoch, same hash? The lower epoch missed a change: "
        "lumbung roster publish FILE.\n"
        "A new machine or key: the central office must publish a roster.\n"
        "None of these: change nothing and call the province."
    ),
    "page.trust_failed.mute": "Do not mute it unless the central office has said why it may stay.",
    "page.disk_low.title": "the disk fills up",
    "page.disk_low.means": (
        "Little is free on the disk that holds the recordings. Below the first mark the node refuses "
        "copies for others, below the second its own recordings too. Reading always goes on."
    ),
    "page.disk_low.severity": (
        "Yellow when less than a tenth is free; red when the node refuses something: below 2 GiB copies for "
        "others, below 1 GiB its own recordings too (by default)."
    ),
    "page.disk_low.causes": (
        "other programs' files, logs or downloads on the same disk\n"
        "the office, or those that it keeps copies for, have outgrown the disk\n"
        "replaced bytes are kept as evidence after a mass damage (MASS_DAMAGE)"
    ),
    "page.disk_low.cures": (
        "Free what does not belong to lumbung: downloads, old logs, other programs' files.\n"
        "Never delete or move anything inside the node's data folder.\n"
        "lumbung drop shows what the roster no longer gives to this node and may go.\n"
        "Still short: a larger disk. Stop the node, copy the whole data folder, set data in the "
        "configuration, lumbung config check, start. Keep the old disk until status is green.\n"
        "All comes back by itself when there is room."
    ),
    "page.disk_low.mute": (
        "Mute the yellow one only when the new disk is ordered; red means that recordings are refused."
    ),
    "page.cert_expires.title": "the certificate ends soon",
    "page.cert_expires.means": (
        "The node's certificate has a last day. After it nobody trusts this node, and copies stop; recording goes on."
    ),
    "page.cert_expires.severity": "A note from half of its life on, yellow 60 days before the end, red 7 days before.",
    "page.cert_expires.causes": (
        "certificates live for years and have to be renewed\nthe clock is wrong and makes it look so (CLOCK_SKEW)"
    ),
    "page.cert_expires.cures": (
        "With an authority at hand: lumbung cert renew keys/tls.chain.pem --authority DIR (it does nothing "
        "before half life); with [keys] authority in the configuration the node does it by itself.\n"
        "Without one: lumbung cert request --key keys/tls.key.pem -o node.request. The key stays: then no new "
        "roster is needed.\n"
        "Send the request to the authority and read the pin out by phone.\n"
        "Put the certificate that comes back in the place that the configuration names as tls_chain. The node "
        "takes it into use within ten seconds, without a restart."
    ),
    "page.cert_expires.mute": "Mute the yellow one when the request is on its way, until the day it should be back.",
    "page.roster_fork.title": "two rosters of one epoch are signed",
    "page.roster_fork.means": (
        "Custodians have signed two different lists of nodes with one number. Nothing is lost; each node "
        "keeps to its own."
    ),
    "page.roster_fork.severity": "Red.",
    "page.roster_fork.causes": ("two drafts were signed by mistake\na custodian's key is in wrong hands"),
    "page.roster_fork.cures": (
        "Call the central office at once and read out epoch and hash of lumbung roster show.\n"
        "Only they can end it, by signing a roster of a higher epoch."
    ),
    "page.roster_fork.mute": "Do not mute it.",
    "page.roster_refused.title": ("a later roster cannot be obeyed here"),
    "page.roster_refused.means": (
        "Enough custodians have signed a roster of a higher epoch, and this node cannot take it. It goes on storing "
        "and serving by the roster that it has, but whoever joined or left since then is not known to it."
    ),
    "page.roster_refused.severity": ("Red."),
    "page.roster_refused.causes": (
        "the roster says something that this version of lumbung does not know\n"
        "the roster does not rightly follow the one held here\n"
        "the disk of the node's identity folder is full or failing: the log says not saved and not obeyed"
    ),
    "page.roster_refused.cures": (
        "Not saved: make room on that disk; the node tries again every 5 minutes by itself.\n"
        "Otherwise update lumbung here.\n"
        "It is the newest already: let the central office say what its own node answers to lumbung roster check FILE "
        "--held FILE, with the roster that you hold."
    ),
    "page.roster_refused.mute": ("Mute it only until the day of the update."),
    "page.clock_skew.title": "the clock is wrong",
    "page.clock_skew.means": (
        "This machine's clock jumped by 5 minutes or more, or differs by that much from a holder's. Recording "
        "and copying go on. No order and no safety depends on the clock; the end of certificates and the times "
        "in lists do. A clock that was years ahead for a while is forgotten as soon as most partners confirm the "
        "right time."
    ),
    "page.clock_skew.severity": (
        "Red for a jump here or a difference from all partners alike, yellow for one that differs (it may be "
        "its clock)."
    ),
    "page.clock_skew.causes": (
        "the battery on the mainboard is empty: wrong after each power cut\n"
        "time is not taken from the network\n"
        "somebody set it by hand"
    ),
    "page.clock_skew.cures": (
        "timedatectl: what does the machine think?\n"
        "timedatectl set-ntp true sets it from the network.\n"
        'Without network: timedatectl set-time "2026-11-24 08:15:00".\n'
        "It goes off by itself after a minute or two, for another's clock at the next connection."
    ),
    "page.clock_skew.mute": "Mute it for one node (--node) while that office waits for a battery.",
    "page.two_lives.title": "another machine runs under this node's identity",
    "page.two_lives.means": (
        "This node was shown a later life of itself under its own signature. It takes no recordings and "
        "signs nothing; reading goes on. The stop outlives restarts."
    ),
    "page.two_lives.severity": "Red.",
    "page.two_lives.causes": (
        "the office has a replacement machine, and the old one was switched on again\n"
        "the identity folder was lost, or restored from an old backup\n"
        "somebody copied the machine"
    ),
    "page.two_lives.cures": (
        "Find out which machine is to go on. Switch the other one off; do not wipe it.\n"
        "This is the one to go on with: stop the node and type lumbung node recover --config FILE, read what it "
        "found, then the same with --yes, and start.\n"
        "What only the stopped machine has comes over by its data folder: stop both nodes, copy its data/rocks "
        "into the data folder of the one that goes on as aside-20261125T000000Z/rocks (any date in that form), "
        "start that node, and see STORE_SET_ASIDE. Only then may the old machine go.\n"
        "Neither is explained: call at once; the keys must be replaced in the roster."
    ),
    "page.two_lives.mute": "Do not mute it: this node records nothing.",
    "page.keys_together.title": "a key that opens recordings lies on the node's disk",
    "page.keys_together.means": (
        "Whoever steals the machine could read everything that the office enrolled. An age key lies in "
        "the node's data folder or beside its configuration."
    ),
    "page.keys_together.severity": "Yellow.",
    "page.keys_together.causes": (
        "the office's key was copied to the node for convenience\na backup of keys was put there"
    ),
    "page.keys_together.cures": (
        "Copy the key to two media that are kept apart and locked.\n"
        "Check that it opens a recording from there.\n"
        "Remove it from the node, and restart the node. Never remove the last copy."
    ),
    "page.keys_together.mute": "Mute it only until the day on which the media come.",
    "page.key_not_in_force.title": ("the roster does not name a key in use"),
    "page.key_not_in_force.means": (
        "This node signs or speaks with a key that the roster in force does not give it. What it signs with that "
        "key counts for nobody, until a roster names it."
    ),
    "page.key_not_in_force.severity": ("Red."),
    "page.key_not_in_force.causes": (
        "a key was lost and made anew, and no roster names the new one yet\n"
        "the node still uses a key that the roster has retired\n"
        "key files of another node or an old backup lie in its place"
    ),
    "page.key_not_in_force.cures": (
        "lumbung keys status shows which key it is.\n"
        "Was the key made anew? The central office must publish a roster that names it (docs/keys.md).\n"
        "Was it retired, and the next one is not there? Look for FILE.next in the keys' folder, or: lumbung keys "
        "restore.\n"
        "Neither: call the province; do not try keys out."
    ),
    "page.key_not_in_force.mute": ("Mute it only from the day of the change until the day on which the roster comes."),
    "page.entry_not_ours.title": "recordings under our name that this node never recorded",
    "page.entry_not_ours.means": (
        "A partner brought recordings that are signed with an entry key of this office which was retired, with numbers "
        "that the key still covers. In this node's own feed these numbers are others: it never signed them."
    ),
    "page.entry_not_ours.severity": "Red, for 30 days after the last one came.",
    "page.entry_not_ours.causes": (
        "a former entry key was stolen, and a partner's machine or key too\n"
        "the data folder was once put back from a copy, and recordings of the time between come home"
    ),
    "page.entry_not_ours.cures": (
        "The node's log names the ids: entries never signed here.\n"
        "Open one of them (lumbung get ID): is it a recording of this office? Then the folder was put back once, and "
        "all is well.\n"
        "If not: do not rely on any of them, and tell whoever uses the recordings.\n"
        "Call the province: the partner that brings them (log: peer) has lost its machine or its key; its keys are "
        "retired by the next roster (docs/keys.md)."
    ),
    "page.entry_not_ours.mute": "Mute it when everybody who must know does.",
    "page.store_set_aside.title": "a store did not open and lies aside",
    "page.store_set_aside.means": (
        "The node found its store unreadable or contradicting itself. It renamed the folder to aside-DATE "
        "(nothing is deleted), opened a fresh one in a new life and records as before; what can be read is taken "
        "over, each recording checked. After four of them the node waits for you instead of filling a dying disk."
    ),
    "page.store_set_aside.severity": "Yellow, or a note when everything of it is here.",
    "page.store_set_aside.causes": (
        "the disk, its controller or its cable fails\na power cut on a disk that lies about its syncs"
    ),
    "page.store_set_aside.cures": (
        "Let it work: lumbung status --json shows how far it is.\n"
        "Have the disk looked at (smartctl -a, the system log): a store rarely breaks by itself.\n"
        "Is taken over: when status is green, delete the folder that the sentence names.\n"
        "Could not give recordings, or cannot be read: keep the folder and call the province; holders "
        "bring what they have."
    ),
    "page.store_set_aside.mute": "Mute it while the folder is kept for people who look into it.",
    "page.disk_unmounted.title": "the data disk is not mounted",
    "page.disk_unmounted.means": (
        "The data folder is empty and lies on another disk than the store did. Recordings go to the "
        "fallback folder and to their holders; nothing else is kept there, because the machine's own disk"
        " is small."
    ),
    "page.disk_unmounted.severity": "Red.",
    "page.disk_unmounted.causes": (
        "the disk was not mounted after a restart\nthe disk is dead, or was replaced by an empty one"
    ),
    "page.disk_unmounted.cures": (
        "mount -a, then restart the node. What the fallback folder has comes over by itself.\n"
        "Dead or replaced: stop the node, lumbung node recover --config FILE, read, then with --yes, and "
        "start. It refills from the holders."
    ),
    "page.disk_unmounted.mute": "Do not mute it.",
    "page.rebuilding.title": "an empty store refills",
    "page.rebuilding.means": (
        "The node fetches from its holders what it lacks, and takes recordings meanwhile. It ends when "
        "every partner was heard and nothing that one of them has is lacking here."
    ),
    "page.rebuilding.severity": "A note.",
    "page.rebuilding.causes": ("a new disk, or a new machine\na store that was set aside (STORE_SET_ASIDE)"),
    "page.rebuilding.cures": (
        "Nothing. lumbung status shows how far it is and for how long it goes on.\n"
        "Partners that were not heard are named there: get their lines up."
    ),
    "page.rebuilding.mute": "A note calls nobody; there is no need to mute it.",
    "page.inventory_doubted.title": "the disk and the node's own count differ",
    "page.inventory_doubted.means": (
        "A part of what the node had counted is not what lies on its disk. It counts that part anew and "
        "signs nothing for it meanwhile; copies are proven one by one. Recording goes on."
    ),
    "page.inventory_doubted.severity": (
        "Yellow while it counts, red when rows of a feed on this disk cannot be read at all."
    ),
    "page.inventory_doubted.causes": ("a crash on a failing disk\nlost or spoiled rows that the scrub found"),
    "page.inventory_doubted.cures": (
        "Yellow that goes away within the hour: nothing.\n"
        "Red, or yellow for more than an hour: look at the disk's own errors (dmesg, smartctl -a) and "
        "call the province."
    ),
    "page.inventory_doubted.mute": "Do not mute it: it goes by itself, or the disk fails.",
    "page.scrub_late.title": "not everything is read in time",
    "page.scrub_late.means": (
        "Every byte is to be read and checked within a week. This node needs longer, or the check is "
        "paused: damage would be found late."
    ),
    "page.scrub_late.severity": "Yellow.",
    "page.scrub_late.causes": (
        "the check was paused by an operator\n"
        "the disk is too slow for what it holds, or too busy\n"
        "the node was off for days"
    ),
    "page.scrub_late.cures": (
        "lumbung scrub status: paused, slow or behind?\n"
        "Paused: lumbung scrub start.\n"
        "Behind after days off: wait a week.\n"
        "Slow: is something else working on the disk (backup, virus scanner)? An old disk that becomes slow "
        "often fails soon: have it looked at.\n"
        "Still slow for weeks: a faster disk, or fewer origins for this node (central office)."
    ),
    "page.scrub_late.mute": "Mute it while a node catches up after days off.",
    "page.mass_damage.title": "too much is damaged at once",
    "page.mass_damage.means": (
        "More than one in a hundred recordings of an origin is wrong here. Single bytes rot on every disk; this "
        "is more than that. Nothing is lost as long as the other holders have it: the node fetches good copies "
        "by itself, and keeps what it replaced as evidence until an operator confirms."
    ),
    "page.mass_damage.severity": "Red.",
    "page.mass_damage.causes": (
        "the disk, its controller, its cable or the memory fails\na virus, or somebody changed files in the data folder"
    ),
    "page.mass_damage.cures": (
        "Leave the node on and connected. Delete nothing, and never repair the data folder by hand.\n"
        "lumbung scrub status --events 100: what, when, whose? Copy it to the call.\n"
        "Call the province. Let somebody look at the disk (dmesg, smartctl -a), cables and memory, and who was "
        "at the machine. Replace what fails.\n"
        "Only when the cause is known: lumbung scrub confirm lets the evidence go, its space comes back, and "
        "healing is routine again. If DISK_LOW stands beside it, the evidence takes room: hurry."
    ),
    "page.mass_damage.mute": "Do not mute it.",
    "page.report_late.title": "a node has not reported for long",
    "page.report_late.means": (
        "Told of a node by the DRC: no report of it came for 15 minutes, or none ever. Nobody knows how "
        "it stands. Its recording may well go on, and its copies are still where they were."
    ),
    "page.report_late.severity": "Yellow after 15 minutes, red after a day.",
    "page.report_late.causes": (
        "power or line of that office is down\n"
        "the node is switched off, or does not run\n"
        "its build is older than reports\n"
        "the DRC node itself was restarted a moment ago"
    ),
    "page.report_late.cures": (
        "lumbung nodes --state silent: one office, or many at once?\n"
        "Many at once: the DRC's own line, or a provider. See LINK_DOWN there.\n"
        "One: call the office. Power, modem, lumbung health on its machine.\n"
        "A node that never reported: is it started, and of a build that reports (lumbung version)?"
    ),
    "page.report_late.mute": "Mute it for that node (--node) while the office is known to be closed or moving.",
}
