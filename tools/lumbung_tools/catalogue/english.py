"""English sentences by key, in the order of `indonesian`."""

from __future__ import annotations

from typing import Final

__all__ = ["ENGLISH"]

ENGLISH: Final[dict[str, str]] = {
    # time
    "time.seconds": "{seconds} s",
    "time.minutes": "{minutes} min",
    "time.hours_minutes": "{hours} h {minutes} min",
    "time.days_hours": "{days:day|days} {hours} h",
    # put
    "put.safe": "{path}: stored, {count} of {wanted} copies, safe  {id}",
    "put.enough": "{path}: stored, {count} of {wanted} copies, as many as asked for  {id}",
    "put.short": "{path}: stored, {count} of {wanted} copies; no proof yet from {missing}  {id}",
    "put.refused": "{path}: NOT stored, refused: {why}",
    "put.retry_after": "Try again in {seconds} s: it comes back by itself when there is room.",
    "put.unknown": (
        "{path}: outcome unknown ({why}). Type the same command again: the same bytes go out, nothing is stored twice."
    ),
    "put.not_tried": "{path}: not sent. {why}",
    "put.not_tried_more": "... and {files:more file was|more files were} not sent, for the same reason.",
    "put.not_readable": "{path}: NOT stored. The file cannot be used: {why}",
    "put.repeated": "(was stored before; its bytes were read again and are good)",
    "put.new_version": "(a new version of this record; the older one stays)",
    "put.summary": "{total:recording|recordings}: {parts}.",
    "put.summary.safe": "{count} safe",
    "put.summary.enough": "{count} with the copies asked for",
    "put.summary.short": "{count} short of copies",
    "put.summary.failed": "{count} not stored or unknown",
    "put.unheard": (
        "The output could not be written ({why}). Every file was dealt with all the same. "
        "{total:recording|recordings}: {parts}."
    ),
    "put.would": "Would seal and store {files:file|files} ({size}) at {node}.",
    "put.would_be_refused": "{node} takes no recordings now: see lumbung health.",
    "put.would_ask": (
        "Whether {node} takes recordings now is for operators to know; the node answers and knows this station."
    ),
    "put.nobody": "nobody",
    "put.progress": "Storing",
    "put.no_files": "There is no file in what was named: {paths}. Name at least one file.",
    "put.nothing_named": "Name at least one file or folder, or give --waiting.",
    "put.waiting_alone": "--waiting sends what waits in the outbox: no files, --record or --no-seal go with it.",
    "put.waiting_busy": "Another put is at work here; what waits may be its own. Try again when it has ended.",
    "put.waiting_count": "Outbox of this station: {blobs:recording waits|recordings wait}.",
    "put.no_name": "One of the files that were named has an empty name. Name it, or leave it out.",
    "put.one_record": "--record names one record: give exactly one file with it, not {files}.",
    "put.stdin_plain": '"-" (standard input) is always sealed here: leave out --no-seal, or name a file.',
    # naming a blob
    "name.one_of": "Name a recording by its id or with --record, and only one of the two.",
    "name.no_record": "--record has no text behind it: give the record's own number, or leave the option out.",
    "name.unknown_node": "There is no node {name} in the roster of epoch {epoch}. Known: {known}.",
    # where
    "where.safe": "Safe: {count} of {wanted} copies are proven.",
    "where.short": "Not safe yet: {count} of {wanted} copies are proven; no proof from {missing}.",
    "where.unproven": (
        "This node keeps the recording for another office; only that office's own node counts the copies."
    ),
    "where.damaged": "The copy here is DAMAGED; it is fetched again from another holder.",
    "where.facts": "{id}  {size}, recorded at {origin}, {time} (UTC)",
    "where.own": "own copy, read here",
    "where.receipt": "signed receipt, life {generation}",
    "where.withdrawn": "WITHDRAWN: it no longer has it whole",
    "where.column.holder": "holder",
    "where.column.proof": "proof",
    "where.column.age": "bytes last read",
    "where.age": "{age} ago",
    "where.versions": "Older versions of this record: {versions}",
    # ls
    "ls.column.id": "id",
    "ls.column.size": "size",
    "ls.column.time": "recorded (UTC)",
    "ls.column.copies": "copies",
    "ls.copies": "{count} of {wanted}",
    "ls.copies_unknown": "-",
    "ls.damaged": "DAMAGED",
    "ls.none": "No recordings.",
    "ls.more": "{rows:line|lines} shown; there may be more. Use --limit for more.",
    # status
    "status.green": (
        "GREEN: all {blobs:recording is|recordings are} safe, {copies} proven copies each; the oldest "
        "proof was read {age} ago."
    ),
    "status.green_no_age": "GREEN: all {blobs:recording is|recordings are} safe, {copies} proven copies each.",
    "status.green_empty": "GREEN: no recordings yet, and the node is ready.",
    "status.yellow_only_here": "YELLOW: {blobs:recording exists|recordings exist} only here, oldest {age}.",
    "status.yellow_short": (
        "YELLOW: {blobs:recording has|recordings have} fewer than {copies} proven copies, oldest {age}."
    ),
    "status.yellow_young": "They are being copied; nothing to do now.",
    "status.yellow_no_link": "No holder is connected now; they are copied by themselves when the line is back.",
    "status.yellow_look": "See lumbung health.",
    "status.yellow_health": "YELLOW: nothing is lost, but look at this today: {what}",
    "status.red_damaged": (
        "RED: {blobs:recording|recordings} here are damaged. Leave the node on and connected: it fetches "
        "good copies by itself. If the number is the same in an hour, call the province."
    ),
    "status.red_refuses": "RED: this node takes no recordings now. {what}",
    "status.red_health": "RED: act now. {what}",
    "status.red_ask": 'Type "lumbung health" and call the province with what it says.',
    "status.node": "{name} (number {number}), lumbung {software}, life {generation}, running {uptime}",
    "status.roster": "Roster: epoch {epoch}, signed {age} ago",
    "status.disk": "Disk: {free} free of {total}",
    "status.disk_foreign": "Disk: {free} free of {total}; copies for other offices are refused until there is room",
    "status.disk_own": "Disk: {free} free of {total}; FULL, own recordings are refused",
    "status.own": "Own recordings: {blobs} ({size}); with 1 copy {one}, with 2 copies {two}, with 3 copies {three}",
    "status.kept": "Kept for others: {blobs} ({size}) of {origins:office|offices}",
    "status.certificate": "Certificate: good for {age} more",
    "status.outbox": (
        "Outbox of this station: {blobs:recording waits|recordings wait} for a definite answer. Put them again;"
        " where a file is gone: lumbung put --waiting."
    ),
    "status.column.link": "holder",
    "status.column.condition": "link",
    "status.column.lag": "behind by",
    "status.column.proven": "proven there",
    "status.column.age": "oldest bytes read",
    "status.column.remark": "remark",
    "link.up": "up, trusted",
    "link.behind": "up, behind",
    "link.down": "down for {age}",
    "link.refused": "TRUST REFUSED for {age}",
    "link.unknown": "unknown",
    "link.no_lag": "nothing",
    "link.lag": "{blobs:recording|recordings}, {age}",
    "link.no_proof": "-",
    # health
    "health.fine": "Nothing to do: no trouble above a note.",
    "health.notes_only": ("Nothing to do now: there are only notes, which pass by themselves or tell what comes."),
    "health.severity.note": "note",
    "health.severity.warning": "YELLOW",
    "health.severity.critical": "RED",
    "health.copies_short": (
        "Some recordings have too few proven copies. Keep the line up; they are copied by themselves."
    ),
    "health.link_down": "The link to {node} is down. Check the line; recording goes on.",
    "health.link_breaks": "The link to {node} breaks again and again. A slow line must be of class wan, not lan.",
    "health.trust_failed": (
        "{node} and this node do not trust each other. Check clock and certificates, then call the province."
    ),
    "health.has_left": (
        "{node} refuses the link because {left} has left the cluster by the newest roster. Clock and certificates are "
        "not the cause. Delete nothing; ask the central office whether this is meant."
    ),
    "health.disk_low": "The disk is nearly full. Make room or add a disk; reading always goes on.",
    "health.cert_expires": "Half of the certificate's life is over. Renew it: lumbung cert renew, or cert request.",
    "health.roster_fork": "Two different rosters of one epoch are signed. Call the central office at once.",
    "health.clock_skew": "The clock is wrong. Set it: timedatectl set-ntp true.",
    "health.two_lives": (
        "Another machine lives under this node's identity, so this one takes no recordings. Switch one of the two off;"
        " if this is the one to go on with: lumbung node recover."
    ),
    "health.keys_together": "A key that opens recordings lies on the node's disk. Move it away from the node.",
    "health.unknown": "{code}: this lumbung is too old to explain it; update it.",
    "health.line": "{severity}  {code}  {sentence}",
    # receipts
    "receipt.none": "No holder has given a receipt for {id} yet.",
    "receipt.shown": (
        "{holder}: signed receipt, life {generation}, roster epoch {epoch}, nonce {nonce}, bytes last "
        "read {time} (UTC), over {ids:id|ids}"
    ),
    "receipt.saved": "Receipt of {holder} written to {file}",
    "receipt.good": (
        "GOOD: {holder} signed that it holds {ids:recording|recordings} of {origin}, bytes last read {time} (UTC)."
    ),
    "receipt.covers": "Covered: {id}",
    "receipt.bad": "NOT VALID: {why}",
    "receipt.bad.signature": "the signature does not belong to these bytes",
    "receipt.bad.cluster": "it is from another cluster",
    "receipt.bad.kind": "it is a withdrawal, which says the opposite of a receipt",
    "receipt.bad.key": "its key was not a receipt key of {holder} in epoch {epoch}",
    "receipt.bad.epoch": "it names roster epoch {epoch}; give a roster of that epoch or later, not {held}",
    "receipt.bad.id": "it does not cover {id}",
    "receipt.bad.holder": "the roster knows no node {holder}",
    # config, node, version
    "config.good": "{file}: in order, node {name} (number {number})",
    "config.unread": (
        "Not checked, because this account may not read it: {files}. Type it again under the node's account."
    ),
    "config.other_name": (
        "The roster calls node {number} {known}, this configuration {name}: correct name under [node], or messages and"
        " logs speak of another office."
    ),
    "config.lan_slow": (
        "link.class is lan, but a bandwidth window lets the line carry only {rate} a second: sessions may be cut off in"
        ' the middle. Write class = "wan" under [link].'
    ),
    "version.line": "lumbung {version}",
    # errors
    "error.unreachable": "The node does not answer: {why}. Check that it runs and the line is up, then try again.",
    "error.trust": (
        "Somebody answers, but is not trusted: {why}. Check the clock and the certificate, then call the province."
    ),
    "error.gone": "The line broke in the middle: {why}. Try again.",
    "error.unknown": "Whether it was done is not known: {why}. Try again.",
    "error.refused": "Refused: {why}.",
    "error.not_found": "Not found: {why}.",
    "error.damaged": "Damaged: {why}. Try another holder with --from.",
    "error.key": "{why}.",
    "error.config": "{why}",
    "error.file": "{why}",
    "error.usage": "{why}",
    "error.no_profile": (
        "There is no profile in {home}. Name its folder with --home DIR or LUMBUNG_HOME; office init calls it client."
    ),
    "error.interrupted": "Stopped. What had no answer yet is unknown: type the same command again.",
    "error.output": (
        "The output could not be written: {why}. What the command itself does may be done: look before you type "
        "it again."
    ),
    "error.bug": (
        "This is a bug in lumbung (event {event}): {kind}. Type it again with LUMBUNG_DEBUG=1 and report "
        "what it prints."
    ),
    "error.peer_bug": "The node met a bug of its own: {why}. Report it with that event.",
    # roster
    "roster.head": "Roster of epoch {epoch}, written {created}, hash {hash}",
    "roster.custodians": "Signed by custodians: {needed} of {members} must sign",
    "roster.column.number": "number",
    "roster.column.name": "name",
    "roster.column.state": "state",
    "roster.column.province": "province",
    "roster.column.zone": "hazard zone",
    "roster.column.holders": "its recordings are also at",
    "roster.state.active": "active",
    "roster.state.draining": "draining",
    "roster.state.gone": "gone",
    "role.office": "office",
    "role.drc": "DRC",
    "role.van": "van",
    "role.ops": "ops",
    "role.central": "central",
    "roster.drafted": (
        "Draft of epoch {epoch} written to {file}. Edit it, then:\n  lumbung roster plan {file} -o PLANNED.toml"
    ),
    "roster.planned": (
        "Draft with the planned holders written to {file}. Nothing is signed yet. Next, by each custodian at "
        "their own place:\n"
        "  lumbung roster sign {file} --key KEY -o FILE"
    ),
    "roster.plan.unwritten": "Nothing is written: give -o PLANNED.toml to keep this draft.",
    "roster.plan.column.origin": "recordings of",
    "roster.plan.column.target": "go to",
    "roster.plan.column.units": "units of 64",
    "roster.plan.column.size": "about",
    "roster.plan.more_moves": "... and {moves:move|moves} more; all of them: --json",
    "roster.plan.and_more": "{names} and {more} more",
    "roster.plan.moved": "Moving: {units:unit|units}, about {size}",
    "roster.plan.column.node": "line of",
    "roster.plan.column.receives": "receives",
    "roster.plan.column.sends": "sends",
    "roster.plan.column.time": "takes at most",
    "roster.plan.slowest": "All is moved after about {time}, when the line of {node} is through.",
    "roster.plan.rate_unknown": "{nodes:line has|lines have} no known rate (link_bytes_per_s): no time for them.",
    "roster.plan.lan_slow": (
        "{names}: link lan on a line of {rate} a second: sessions may be cut off in the middle. Write link = "
        '"wan" (or satellite) in the draft, and class = "wan" in their configuration.'
    ),
    "roster.plan.note": "Note: {note}",
    "roster.plan.bad_release": "--release takes ORIGIN:NODE by name, such as 36.02:51.71; got {text}",
    "roster.signed": (
        "Epoch {epoch}, hash {hash}: signed by {given} of the {needed} custodians needed; written to {file}. "
        "Compare the hash by phone."
    ),
    "roster.signed.next": "Next, when all have signed:\n  lumbung roster collect {file} OTHER-FILE -o NEW-ROSTER",
    "roster.signed.enough": (
        "Next:\n  lumbung roster check {file} --held ROSTER-IN-FORCE\n  lumbung roster publish {file}"
    ),
    "roster.signed.stranger": (
        "This key is of no custodian and of nobody in the recovery set of this roster: its signature counts only "
        "if its owner is a custodian of the roster in force now. Is it the right key?"
    ),
    "roster.accepted": "Nodes that hold epoch {held} will obey it: epoch {epoch}.",
    "roster.known": "It is the roster that is held: epoch {epoch}.",
    "roster.obeyed": (
        "The node obeys epoch {epoch} and passes it on. This profile uses it after:\n  lumbung roster fetch"
    ),
    "roster.obeyed_before": "The node obeys epoch {epoch} already; nothing is changed.",
    "roster.access_obeyed": "The node obeys version {version} of the access list of {office} and passes it on.",
    "roster.access_obeyed_before": (
        "The node obeys version {version} of the access list of {office} already; nothing is changed."
    ),
    "roster.fetched": "This profile holds epoch {epoch} (before: {before}).",
    # keys and certificates
    "keys.made": "Key written to {file} (mode 0600).",
    "keys.made.backup": "Back it up before it is used: lumbung keys backup",
    "keys.made.tls": (
        "It needs no backup: if it is lost, make a new one. Next:\n"
        "  lumbung cert request --key {file} -o {file}.request"
    ),
    "keys.public": "{kind}: {public}",
    "keys.no_public": "a shared secret, it has no public half",
    "cert.requested": (
        "Request written to {file}. Next: send it to whoever issues, and read its pin out by phone:\n  {pin}"
    ),
    "cert.issued.access": "Next, by the office:\n  lumbung access add {file} --list LIST-IN-FORCE -o DRAFT.toml",
    "cert.issued.node": "Next: put it where tls_chain in that node's configuration says.",
    "cert.authority_made": "Authority written to {folder}. Keep its key offline.",
    "cert.no_identity": "an authority, no identity",
    "cert.shown": "{uri}\npin {pin}\ngood until {last} (UTC)",
    "cert.shown_from": "{uri}\npin {pin}\ngood from {first} to {last} (UTC)",
    "cert.not_a_station": "Only stations and operators stand in an access list; this certificate names {uri}.",
    "cert.other_office": "The list is of office {office}, the certificate names {uri}.",
    "cert.admitted": (
        "{name} stands in version {version} of the access list, written to {file}. Now: lumbung roster "
        "publish --access {file}"
    ),
    # help
    "help.root": "lumbung keeps every enrollment in proven, sealed copies at three places.",
    "help.heading.examples": "Examples",
    "help.heading.exits": "Exit codes",
    "help.option.json": "Print JSON for programs.",
    "help.option.lang": "Language of all sentences (default: LUMBUNG_LANG, then id).",
    "help.option.home": "Folder of the client profile (default: LUMBUNG_HOME, then ~/.lumbung).",
    "help.option.help": "Show this help.",
    "help.option.record": "The record's own number instead of an id.",
    "help.option.origin": "Name of the office whose recordings are meant (default: our own).",
    "help.put": (
        "Seal files and store them: first on the office's own node, then with the other holders. Folders are walked."
    ),
    "help.put.examples": (
        "lumbung put rekaman-0001.zip\n"
        "lumbung put /data/today --copies 2 --timeout 60\n"
        "lumbung put scan.zip --record R-2026-000123\n"
        "tar c folder | lumbung put -\n"
        "lumbung put --waiting"
    ),
    "help.put.copies": "Proven copies to wait for, 1 to 3.",
    "help.put.timeout": "Seconds to wait for copies after the last durable answer, and to retry a broken line.",
    "help.put.record": "The record's own number: a retry or a new version of it is recognized. One file only.",
    "help.put.waiting": "Send the sealed files of the outbox: their answers were lost. No files are named.",
    "help.put.no_seal": "Store the bytes as they are; the node must allow it unless they are sealed with age.",
    "help.where": "Show who holds a recording, and how each copy is proven.",
    "help.where.examples": ("lumbung where 3f2a9c01\nlumbung where --record R-2026-000123 --json"),
    "help.ls": "List recordings in the order in which the node learnt them.",
    "help.ls.examples": ("lumbung ls\nlumbung ls --copies-below 3\nlumbung ls --origin 36.02 --limit 1000 --json"),
    "help.ls.copies_below": "Only those with fewer proven copies than this.",
    "help.ls.limit": "Lines at most; 0 for all.",
    "help.status": "Is everything safe? One sentence first, then links, proofs, disk and roster.",
    "help.status.examples": ("lumbung status\nlumbung status --cluster\nlumbung status --json"),
    "help.health": "Troubles with what to do about each. For monitoring: the exit code tells the worst.",
    "help.health.examples": (
        "lumbung health\nlumbung health --cluster --json\nlumbung health explain LINK_DOWN\n"
        "lumbung health mute LINK_DOWN --node 34.04 --for 3d"
    ),
    "help.receipt": "Receipts: the holders' signatures that they hold a recording.",
    "help.receipt.show": "Show the receipts of a recording, and save them with --save.",
    "help.receipt.show.examples": ("lumbung receipt show 3f2a9c01\nlumbung receipt show 3f2a9c01 --save receipts"),
    "help.receipt.show.save": "Folder to write each receipt into, for `receipt verify`.",
    "help.receipt.verify": "Check a receipt offline, with the roster of its epoch or any later one.",
    "help.receipt.verify.examples": (
        "lumbung receipt verify 3f2a9c01-drc-batam.receipt --roster roster.lumbung\n"
        "lumbung receipt verify a.receipt --roster roster.lumbung --id 3f2a9c01"
    ),
    "help.receipt.verify.roster": "Signed roster file.",
    "help.receipt.verify.id": "Must be covered: a recording's id or its first digits.",
    "help.config": "Configuration of a node.",
    "help.config.check": (
        "Check a node's configuration file, and whether certificate, keys and roster belong together, as a start would."
        " Changes nothing."
    ),
    "help.config.check.examples": "lumbung config check /etc/lumbung/config.toml",
    "help.node": "The node of this machine: run it, let it join, make it a service, give it a new life.",
    "help.node.run": "Run a node until it is told to stop (Ctrl-C or SIGTERM).",
    "help.node.run.examples": "lumbung node run --config /etc/lumbung/config.toml",
    "help.node.run.config": "The node's configuration file.",
    "help.version": "Show the version.",
    "help.version.examples": "lumbung version",
    "help.cluster": "Make and run a whole cluster on this machine.",
    "help.demo": "Show it all: four nodes, 200 enrollments, a lost office, nothing lost.",
    # exit codes
    "exit.0": "everything in order",
    "exit.1": "a bug in lumbung",
    "exit.2": "wrong use, configuration, key or file",
    "exit.3": "stored, but short of copies",
    "exit.4": "nobody has it",
    "exit.5": "unknown: try again",
    "exit.6": "refused",
    "exit.7": "unreachable",
    "exit.8": "damaged",
    "exit.health.3": "the worst trouble is yellow",
    "exit.health.8": "the worst trouble is red",
    "exit.receipt.6": "the receipt is not valid",
    # help of roster, keys and cert
    "help.roster": "Rosters: look, plan, sign, check and publish.",
    "help.roster.output": "File to write; never over one that is there.",
    "help.roster.show": "Show a signed roster (default: the profile's).",
    "help.roster.show.examples": ("lumbung roster show\nlumbung roster show roster.lumbung --toml"),
    "help.roster.show.toml": "Print everything that is signed, as TOML.",
    "help.roster.next": "Write a TOML draft of the next epoch, to be edited by people.",
    "help.roster.next.examples": "lumbung roster next roster.lumbung -o next.toml",
    "help.roster.plan": "Compute who should hold for whom, and show what would move. Signs nothing.",
    "help.roster.plan.examples": (
        "lumbung roster plan next.toml\nlumbung roster plan next.toml -o planned.toml --release 36.02:51.71"
    ),
    "help.roster.plan.release": "Let a leaving holder go, once every present holder has proven its copy.",
    "help.roster.sign": "Sign a draft, or add a signature to a signed roster. Offline.",
    "help.roster.sign.examples": (
        "lumbung roster sign planned.toml --key custodian-1.key.pem -o signed-1.lumbung\n"
        "lumbung roster sign signed-1.lumbung --key custodian-2.key.pem -o roster-2.lumbung"
    ),
    "help.roster.sign.key": "The custodian's key file.",
    "help.roster.check": "Say whether nodes that hold one roster will obey another.",
    "help.roster.check.examples": "lumbung roster check roster-2.lumbung --held roster.lumbung",
    "help.roster.check.held": "The roster that nodes hold (default: the profile's).",
    "help.roster.publish": (
        "Give signed rosters, or access lists, to the own node; it judges them and passes them on."
    ),
    "help.roster.publish.examples": (
        "lumbung roster publish roster-2.lumbung\nlumbung roster publish --access access-2.lumbung"
    ),
    "help.roster.publish.access": "The files are access lists.",
    "help.roster.fetch": (
        "Take the newest roster from the own node, or from a file, into this profile, if it rightfully follows."
    ),
    "help.roster.fetch.examples": "lumbung roster fetch\nlumbung roster fetch roster-2.lumbung",
    "exit.roster.6": "nodes will refuse it",
    "help.keys": "Keys: make, show, rotate, pin, retire, back up.",
    "help.keys.new": "Make a key file (mode 0600): sign, tls, age, secret or cluster. Never over one that is there.",
    "help.keys.new.examples": ("lumbung keys new sign receipt.key.pem\nlumbung keys new age office.agekey"),
    "help.keys.show": "Show the public half of a key as rosters write it.",
    "help.keys.show.examples": "lumbung keys show receipt.key.pem",
    "help.cert": "Certificates: request, issue, renew, show.",
    "help.cert.key": "The TLS key file; it stays here.",
    "help.cert.output": "File to write; never over one that is there.",
    "help.cert.cluster": "The cluster's id, 32 hex digits.",
    "help.cert.request": "Write a request for a certificate: the public half of a TLS key.",
    "help.cert.request.examples": (
        "lumbung keys new tls station.key\nlumbung cert request --key station.key -o station.request"
    ),
    "help.cert.authority": "Make an authority that issues certificates.",
    "help.cert.authority.examples": (
        "lumbung cert authority authority-OFFLINE --cluster 000102030405060708090a0b0c0d0e0f"
    ),
    "help.cert.authority.name": "Name inside the certificate.",
    "help.cert.issue": "Issue a certificate for a request whose owner is known.",
    "help.cert.issue.examples": (
        "lumbung cert issue station.request --authority authority-OFFLINE --identity "
        "lumbung://CLUSTER/access/1/loket-3 -o station.crt"
    ),
    "help.cert.issue.authority": "The authority's folder.",
    "help.cert.issue.identity": "lumbung://CLUSTER/node/NUMBER or lumbung://CLUSTER/access/OFFICE/NAME",
    "help.cert.show": "Show whom a certificate names, its pin and until when it is good.",
    "help.cert.show.examples": "lumbung cert show station.crt",
    "help.cert.admit": "Put a station or operator on the office's access list and sign it.",
    "help.cert.admit.examples": (
        "lumbung cert admit station.crt --list access-1.lumbung --key access.key.pem -o access-2.lumbung"
    ),
    "help.cert.admit.list": "The list in force (default: begin a new one).",
    "help.cert.admit.duty": "A station stores and asks; an operator reads as well.",
    "help.cert.admit.key": "The office's access-list key.",
}
