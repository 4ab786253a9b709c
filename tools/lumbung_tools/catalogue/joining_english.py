"""English sentences of joining: requests, packs, and a machine that becomes a node."""

from __future__ import annotations

from typing import Final

__all__ = ["JOINING_ENGLISH"]

JOINING_ENGLISH: Final[dict[str, str]] = {
    "health.roster_refused": (
        "The custodians signed a later roster that this node cannot obey, so it stays behind its cluster. Update"
        " lumbung here; if it is the newest, call the central office with the reason: lumbung roster check."
    ),
    "help.dry_run": "Check everything and say what would be done; write nothing.",
    "dry.head": "Dry run (--dry-run): nothing is written, sent or changed. Without --dry-run this would be said:",
    "help.fingerprint": ("The fingerprint that the other side reads out by phone; asked for at a terminal."),
    "fingerprint.missing": (
        "Nothing is written yet. Call the other side, let them read out the fingerprint, and type the same "
        'again with --fingerprint "...".'
    ),
    "fingerprint.ask": "Fingerprint as it is read out by phone",
    "fingerprint.differs": (
        "The fingerprint that was read out is not that of this file: it was altered or exchanged on its way, "
        "or belongs to another file. Nothing is changed. Do not use it; ask for the file again by another way."
    ),
    "fingerprint.slip": "Group {place} has a slip. Ask for that group again.",
    "fingerprint.not_one": "A fingerprint has 7 groups of 5 digits.",
    "office.one_of": "Say which node it will be: one of --code, --drc and --van.",
    "office.not_empty": ("{folder} is not empty and holds no join request. Choose a new folder."),
    "office.other_request": (
        "{folder} holds the join request of {name} with other facts. Nothing is changed: choose a new folder, "
        "or give the same options."
    ),
    "office.other_keys": ("The keys in {folder} are not those of its join request. Choose a new folder."),
    "office.half_a_place": ("Give --province and --zone together, or neither: then the region's code says both."),
    "office.bad_cluster": ("--cluster takes the 32 hex digits of the cluster's id, got {text}. The centre tells it."),
    "office.bad_size": "--capacity takes a size such as 500GB or 2TB; got {text}.",
    "office.will": "Making keys for {name} in {folder}, which holds up to {size}.",
    "office.dry": "Nothing is written (--dry-run).",
    "office.made": "The keys of {name} are made; they stay in {folder}.",
    "office.known": ("{folder} holds the keys and the join request of {name} already; nothing is changed."),
    "office.fingerprint": "Fingerprint to read out by phone:\n  {fingerprint}",
    "office.next": (
        "Next: send {request} to the centre. When they call back, read the fingerprint out. Their pack is used "
        "with:\n"
        "  lumbung node join PACK --dir {folder}"
    ),
    "office.next_van": (
        "Next: bring {request} to the office that owns the van and read the fingerprint out. There: lumbung "
        "access add-van. The pack that comes back is used with:\n"
        "  lumbung node join PACK --dir {folder}"
    ),
    "help.office": "Prepare an office's machine for joining a cluster.",
    "help.office.init": (
        "Make all keys of a new node where it will stand, and the request that asks to join. Typed again, it "
        "shows the fingerprint again."
    ),
    "help.office.init.examples": (
        "lumbung office init /srv/lumbung --cluster 0001...0e0f --code 36.02 --address 10.36.2.1:7443 --reach "
        "vpn:dukcapil --capacity 4TB --data /mnt/data\n"
        "lumbung office init /srv/lumbung --cluster 0001...0e0f --code 36.02 --address 192.168.1.10:7443 "
        "--reach dial-only\n"
        "lumbung office init /srv/lumbung --cluster 0001...0e0f --drc batam --address drc.example.go.id:7443\n"
        "lumbung office init /srv/new --cluster 0001...0e0f --code 36.02 --address 10.36.2.1:7443 --replaces 17"
    ),
    "help.office.init.cluster": "Id of the cluster, 32 hex digits; the centre tells it.",
    "help.office.init.code": "An office, by its region code.",
    "help.office.init.drc": "A DRC node, by its city: batam, or batam-2 for a second one there.",
    "help.office.init.van": "A van of an office: 36.02-van1.",
    "help.office.init.province": ("Province code, for a region that this lumbung does not know yet; goes with --zone."),
    "help.office.init.zone": ("Hazard zone, such as Jawa: what one disaster may hit together."),
    "help.office.init.load": ("What it will record, such as 300GB (default: by the region's population)."),
    "help.office.init.address": (
        "Where others, or the office's own stations, reach the node: host:port. May be repeated, best first."
    ),
    "help.office.init.reach": ("public, vpn:NAME, or dial-only (behind NAT: it dials, nobody dials it)."),
    "help.office.init.link": "Class of its line.",
    "help.office.init.rate": "Measured bytes per second of its line, for estimates.",
    "help.office.init.capacity": ("What it can hold, such as 4TB (default: nine tenths of the data disk)."),
    "help.office.init.data": "Data folder, on the data disk (default: DIR/node/data).",
    "help.office.init.listen": "Where the node listens (default: the first address).",
    "help.office.init.replaces": ("Number of the node whose machine is gone: same office, new hardware, new keys."),
    "roster.add.head": ("{name} asks to join, as number {number}; its request was made on {created} UTC."),
    "roster.add.row.role": "role",
    "roster.add.row.province": "province and hazard zone",
    "roster.add.row.addresses": "addresses",
    "roster.add.row.reach": "reach and line",
    "roster.add.row.capacity": "can hold",
    "roster.add.row.load": "will record about",
    "roster.add.replaces": ("It replaces the machine of node {number}: the old keys end with this roster."),
    "roster.add.known": (
        "{name} stands in {file} already, as number {number}; nothing is changed. Next:\n"
        "  lumbung roster plan {file} -o PLANNED.toml"
    ),
    "roster.add.dry": ("Nothing is written (--dry-run). Call the office back before you add it."),
    "roster.add.done": (
        "Number {number} is in the draft of epoch {epoch}: {file}. Next:\n  lumbung roster plan {file} -o PLANNED.toml"
    ),
    "roster.collect.differ": ("{first} and {other} are not the same roster: let custodians sign the same file."),
    "roster.pack.done": ("The pack for {name} (number {number}) is written to {file}. Only that machine can use it."),
    "roster.pack.dry": ("A pack for {name} (number {number}) can be made. Nothing is written (--dry-run)."),
    "roster.pack.fingerprint": (
        "Next: send it to whoever asked, and read this fingerprint out by phone:\n"
        "  {fingerprint}\n"
        "There they type:\n"
        "  lumbung node join PACK --dir DIR"
    ),
    "help.roster.add": (
        "Let a join request into the draft of the next roster, with a number of its own, once the fingerprint "
        "was compared by phone."
    ),
    "help.roster.add.examples": (
        "lumbung roster add request.lumbung --to roster.lumbung -o next.toml --dry-run\n"
        'lumbung roster add request.lumbung --to roster.lumbung -o next.toml --fingerprint "48215 00917 33260 '
        '..."'
    ),
    "help.roster.add.to": ("The newest signed roster, or a draft (.toml) that has others in it already."),
    "help.roster.add.number": "Its number for ever (default: the next that was never used).",
    "help.roster.add.bound": ("For a replaced machine: GENERATION:NUMBER:HASH up to which the old entry key is good."),
    "help.roster.collect": ("Bring the signatures of several custodians over the same roster into one file."),
    "help.roster.collect.examples": ("lumbung roster collect signed-1.lumbung signed-2.lumbung -o roster-2.lumbung"),
    "help.roster.pack": (
        "Answer a join request: roster, certificates, and the cluster secret sealed to the machine that asked."
    ),
    "help.roster.pack.examples": (
        "lumbung roster pack request.lumbung --roster roster-2.lumbung --authority authority-OFFLINE --secret "
        "centre-OFFLINE/cluster.secret -o 36.02.pack"
    ),
    "help.roster.pack.roster": (
        "The signed roster that names it; repeat for those that lead to it when custodians changed."
    ),
    "help.roster.pack.secret": "File of the cluster secret.",
    "help.roster.pack.access": ("Signed access list that the node should start with; may be repeated."),
    "exit.roster_add.6": (
        "the request is altered, used before, or its code, number or keys are in use; nothing written"
    ),
    "exit.roster_pack.6": ("the roster does not name it, or is not signed by enough; nothing written"),
    "exit.node_join.6": ("the pack is for another machine or cluster, or altered; nothing written"),
    "join.no_request": ("{folder} holds no join request. Give the folder that lumbung office init made: --dir DIR"),
    "join.known": (
        "This machine is {name} (number {number}) already; nothing is changed. Newer rosters come by themselves."
    ),
    "join.dry": (
        "The pack is good for {name} (number {number}). Nothing is written (--dry-run); this would be {file}:"
    ),
    "join.done": "This machine is now {name}, number {number}.",
    "join.next": (
        "Next: read {file}, examine the machine, then run the node (as a service: lumbung node install-service):\n"
        "  lumbung doctor --config {file}\n"
        "  lumbung node run --config {file}"
    ),
    "join.client": (
        "The operator's profile is in {client}: move it to the operator's machine, and {access} to a medium in a "
        "safe. Then:\n"
        "  lumbung --home {client} status"
    ),
    "help.node.join": (
        "Make a node of this machine by the pack that answers its join request. Judges everything first; typed "
        "again, it changes nothing."
    ),
    "help.node.join.examples": (
        "lumbung node join 36.02.pack --dir /srv/lumbung --dry-run\n"
        'lumbung node join 36.02.pack --dir /srv/lumbung --fingerprint "51930 22841 ..."'
    ),
    "help.node.join.dir": "The folder that lumbung office init made.",
    "reason.join_other_cluster": "this request is for another cluster",
    "reason.join_altered": (
        "the request of {name} was altered: a key in it has not signed what it says; ask for the file again"
    ),
    "reason.join_used": (
        "this request of {name} was used before, for node {node} in epoch {epoch}; a new machine makes new "
        "keys: lumbung office init"
    ),
    "reason.join_name": (
        "{name} is in the cluster already, as node {node}; new hardware for it says so: lumbung office "
        "init --replaces {node}"
    ),
    "reason.join_key": ("a key in the request of {name} is in use already; keys are made anew for each node"),
    "reason.join_recipient": "the age recipient in the request of {name} is that of node {node}",
    "reason.join_number": ("number {number} is that of {name}, and no number is used twice; leave --number away"),
    "reason.join_number_range": "number {number} is kept for vans; leave --number away",
    "reason.join_number_of_draft": "{name} has number {number} in this draft already",
    "reason.join_no_office": "the roster knows no office of {name}",
    "reason.join_not_replaced": "{name} wants to replace node {node}, which is not in the cluster",
    "reason.join_replaced_name": "{name} wants to replace node {node}, but that is {other}",
    "reason.join_replaced_number": "new hardware of {name} keeps number {node}; leave --number away",
    "reason.join_no_bound": (
        "say up to where the old entry key of {name} is good: --bound, as lumbung keys status --origin "
        "{name} prints it at its holders"
    ),
    "reason.join_not_added": (
        "the roster of epoch {epoch} does not name {name} with these keys; first: lumbung roster add, or "
        "for a van: lumbung access add-van"
    ),
    "reason.van_other_office": "{name} is no van of {office}",
    "reason.van_name": "there was a van {name} before; give this one the next number",
    "reason.van_numbers": ("the roster gives {office} no numbers for vans, or none are left; call the central office"),
    "reason.pack_other_cluster": "this pack is of another cluster",
    "reason.pack_other_machine": "this pack answers the request of another machine",
    "reason.pack_other_keys": "the roster in this pack names another {use} key than ours",
    "reason.roster_few": ("{given} of the {needed} custodians that are needed have signed the roster of epoch {epoch}"),
    "reason.roster_old": "the roster of epoch {epoch} is older than the one in force (epoch {held})",
    "reason.roster_other_cluster": "this roster is of another cluster",
    "reason.roster_fork": (
        "two rosters of epoch {epoch} are signed, {ours} and {theirs}; call the central office at once"
    ),
    "reason.roster_unknown_field": (
        "this roster needs a newer lumbung: it has the field {field}, which this one does not know"
    ),
    "reason.access_old": (
        "version {version} of the access list of {office} is not above the one in force (version {held})"
    ),
    "reason.access_key_retired": (
        "the access list of {office} is signed by a key that the roster of epoch {epoch} does not name for that"
    ),
    "reason.access_van_stays": ("{van} must stay on the access list of {office} as it was; it may end, nothing else"),
    "reason.plan_second_drc": "{name} can reach no office; a second DRC node keeps its third copy",
}
