"""English sentences of the doctor."""

from __future__ import annotations

from typing import Final

__all__ = ["DOCTOR_ENGLISH"]

DOCTOR_ENGLISH: Final[dict[str, str]] = {
    "doctor.line": "{colour}  {check}: {sentence}",
    "doctor.colour.green": "GREEN ",
    "doctor.colour.yellow": "YELLOW",
    "doctor.colour.red": "RED   ",
    "doctor.versions.good": "lumbung {version} on Python {python}; {shown}",
    "doctor.versions.lacking": (
        "Python {python} lacks {lacking}. Install lumbung again with its own wheels (docs/installing)."
    ),
    "doctor.versions.not_installed": (
        "Python {python} runs lumbung from a folder, not as an installed package: its requirements cannot be checked."
    ),
    "doctor.limits.good": "enough open files are allowed ({files}; 0 is without limit)",
    "doctor.limits.files": (
        "Only {files} open files are allowed, {wanted} are wanted. In the service: LimitNOFILE=65536; in a"
        " shell: ulimit -n 65536."
    ),
    "doctor.modes.good": "folders are private, everything belongs to account {owner}",
    "doctor.modes.open": ("Others on this machine can look into {folder}. Type: chmod 700 '{folder}'"),
    "doctor.modes.owners": (
        "Folders and keys belong to several accounts ({owners}): the node will fail at one of them. Give all"
        " of them to the node's account with chown."
    ),
    "doctor.account.root": (
        "You are root. The node needs no rights of root, and what root makes here the node's account cannot"
        " open. Run both as an account of its own (lumbung node install-service)."
    ),
    "doctor.keys_together.good": "no key that opens recordings lies beside the node",
    "doctor.keys_together.found": (
        "A key that opens recordings lies under {folder}: whoever steals the machine reads everything. Copy"
        " it to two media that are kept apart and locked, try it from there, then remove it here."
    ),
    "doctor.mount.good": ("the data disk under {folder} is the one that the node remembers"),
    "doctor.mount.first": "the node has never run; its data will lie in {folder}",
    "doctor.mount.identity_lost": (
        "A store lies in {folder}, but {identity} remembers nothing of it: the node will not start. Give that folder"
        " back as it was; if it is lost: lumbung node recover --config FILE."
    ),
    "doctor.mount.missing": (
        "The data disk is not mounted at {folder}; the node would record into {fallback}. Mount it (mount"
        " -a), then start the node; if it is gone for good: lumbung node recover."
    ),
    "doctor.mount.identity": "The identity cannot be read: {why}",
    "doctor.sync.good": ("a sync takes {synced_us} us, a write to the cache {cached_us} us ({file_system})"),
    "doctor.sync.too_quick": (
        "A sync takes {synced_us} us, a write to the cache {cached_us} us ({file_system}): too quick to be"
        " true. A controller or a virtual disk that says done too early loses recordings at a power cut."
        " Switch its write cache off, or be sure that it has a battery."
    ),
    "doctor.sync.slow": (
        "A sync takes {synced_us} us ({file_system}): every recording waits for it. Is something else working"
        " on this disk, or is it failing (smartctl -a)?"
    ),
    "doctor.sync.memory": (
        "The data folder lies in memory ({file_system}): everything is gone at a power cut. Set `data` to a"
        " folder on a disk."
    ),
    "doctor.sync.failed": (
        "A file cannot be written in {folder}: {why}. Who owns the folder, and is the disk mounted for writing?"
    ),
    "doctor.space.good": "{free_bytes} of {total_bytes} are free",
    "doctor.space.low": (
        "Only {free_bytes} of {total_bytes} are free. Plan a larger disk, or free what does not belong to lumbung."
    ),
    "doctor.space.foreign": (
        "Only {free_bytes} are free, less than the first mark ({mark_bytes}): copies for other offices are"
        " refused. Free what does not belong to lumbung."
    ),
    "doctor.space.own": (
        "Only {free_bytes} are free, less than the second mark ({mark_bytes}): own recordings are refused."
        " Free what does not belong to lumbung now."
    ),
    "doctor.ballast.good": "the ballast file of {size_bytes} is there",
    "doctor.ballast.missing": (
        "The ballast file in {folder} is missing: a full disk could not be opened again. It comes back at a"
        " start with enough space."
    ),
    "doctor.store.good": "the store opens",
    "doctor.store.running": "the node has the store open",
    "doctor.store.none": "no store yet; the first start makes it in {folder}",
    "doctor.store.other_account": (
        "The store in {folder} belongs to another account and was not opened. Run the doctor as the node's account."
    ),
    "doctor.store.full": ("The store does not open, the disk is full: {why}. Free what does not belong to lumbung."),
    "doctor.store.broken": (
        "The store does not open: {why}. Start the node: it sets the store aside and records into a fresh"
        " one. Have the disk looked at."
    ),
    "doctor.roster.good": "roster of epoch {epoch}, signed {age_s} ago",
    "doctor.roster.old": (
        "The roster of epoch {epoch} was signed {age_s} ago: ask the central office whether there is a newer one."
    ),
    "doctor.roster.unknown": (
        "The roster of epoch {epoch} knows no node {number}: nobody will let it in. Is `number` right, and is"
        " this the newest roster?"
    ),
    "doctor.roster.unreadable": "Roster, certificate or keys cannot be used: {why}",
    "doctor.certificate.good": ("good for another {left_s}, under the key that the roster names"),
    "doctor.certificate.ends": (
        "It ends in {left_s}; then nobody trusts this node. Renew it: lumbung cert request (docs/health, CERT_EXPIRES)."
    ),
    "doctor.certificate.ended": (
        "It ended {age_s} ago: nobody trusts this node. Is the clock right? If so, renew it: lumbung cert request."
    ),
    "doctor.certificate.early": (
        "It is good only in {early_s}: the clock of this machine is wrong. Set it: timedatectl set-ntp true."
    ),
    "doctor.certificate.other": ("It names {got}, the configuration {expected}. Take the certificate of this node."),
    "doctor.certificate.pin": (
        "Its key ({pin}...) is not the one that the roster pins: nobody lets this node in. Take the pinned"
        " key, or let the central office publish a roster with this one."
    ),
    "doctor.keys.good": ("entry and receipt keys are those of the roster of epoch {epoch}"),
    "doctor.keys.not_in_roster": (
        "The {name} is not the one that the roster of epoch {epoch} names: nobody believes what it signs."
        " Take the right file, or let the central office publish a roster with this key."
    ),
    "doctor.keys.unreadable": "A key cannot be used: {why}",
    "doctor.port.free": "{address} is free for the node",
    "doctor.port.running": "this node answers at {address}",
    "doctor.port.taken": (
        "Something else listens on {address}: {why}. Stop it (ss -ltnp names it), or set another `listen` and"
        " let the roster follow."
    ),
    "doctor.port.refused": (
        "The node cannot listen on {address}: {why}. Does this machine have that address, and may the account"
        " use that port?"
    ),
    "doctor.partner.good": "{partner} answers, and both trust each other",
    "doctor.partner.dials_us": "{partner} cannot be dialled: it dials us",
    "doctor.partner.none": "the roster gives this node no partner",
    "doctor.partner.down": (
        "{partner} does not answer: {why}. Only this one? Then the fault is there. All of them? Line,"
        " firewall or VPN of this office."
    ),
    "doctor.partner.trust": (
        "{partner} answers and there is no trust: {why}. See TRUST_FAILED in docs/health: clock, certificate, roster."
    ),
    "doctor.dial_back.good": "{address} is reached from outside, by {partners}",
    "doctor.dial_back.dial_only": "nobody has to reach this node: it dials the others",
    "doctor.dial_back.failed": (
        "{address} is not reached from outside; {partner} says: {why}. Open this port in firewall and router"
        " for incoming TCP, or let the roster name the right address."
    ),
    "doctor.dial_back.nobody": "No partner could be asked to dial {address}. Try again in a minute.",
    "doctor.clock.good": "within {offset_s} of {partners:partner|partners}",
    "doctor.clock.ahead": (
        "This clock is {offset_s} ahead of {partners:partner|partners}. Set it: timedatectl set-ntp true."
    ),
    "doctor.clock.behind": (
        "This clock is {offset_s} behind {partners:partner|partners}. Set it: timedatectl set-ntp true."
    ),
    "doctor.clock.nobody": ("No partner told the time: compare the clock with a telephone (timedatectl)."),
    "help.doctor": (
        "Check whether this machine is fit for its node. Disk, sync, space, clock, certificate, keys, ports,"
        " partners, and whether they reach this node; each line with its cure. Changes nothing."
    ),
    "help.doctor.examples": ("lumbung doctor --config /etc/lumbung/config.toml\nlumbung doctor --json"),
    "help.doctor.config": ("The node's configuration; /etc/lumbung/config.toml without this."),
    "exit.doctor.3": "the worst is yellow",
    "exit.doctor.8": "something is red",
}
