"""English sentences about access lists, in the order of `access_indonesian`."""

from __future__ import annotations

from typing import Final

__all__ = ["ACCESS_ENGLISH"]

ACCESS_ENGLISH: Final[dict[str, str]] = {
    "access.head": ("Access list version {version} of node {office}, signed by key {signer}"),
    "access.head_of_draft": "Draft of version {version} of the access list of node {office}, not signed",
    "access.column.name": "name",
    "access.column.duty": "duty",
    "access.column.from": "from (UTC)",
    "access.column.until": "until (UTC)",
    "access.van_line": "Van {name}, number {number}.",
    "access.van_gone": "Van {name}, number {number}: ended for ever.",
    "access.drafted": (
        "Draft of version {version} written to {file}. Next, where the office's access key is:\n"
        "  lumbung access sign {file} --key KEY --held LIST-IN-FORCE -o FILE"
    ),
    "access.dry": "Version {version} can be made. Nothing is written (--dry-run).",
    "access.signed": "Version {version} is signed: {file}. Next:\n  lumbung access publish {file}",
    "access.unknown_name": "There is no {name} on the list. Known: {known}.",
    "access.no_office": "The roster knows no node {office}. Give a newer one: --roster FILE",
    "access.van": "{name} gets number {number} of the office's own.",
    "access.bound_of_one": "--bound says how far one van's recordings are good: name exactly one van. Named: {vans}",
    "access.van_unbound": (
        "{name} ends without a bound: whoever has its key could still add recordings to it. If the machine is lost, "
        "ask its holders, lumbung keys status --origin {name}, and give the highest: --bound GENERATION:NUMBER:HASH"
    ),
    "access.van_known": ("{name} stands on the list already, as number {number}; nothing is changed."),
    "help.access": ("Access lists: who may call an office's node, and which vans are its own."),
    "help.access.show": "Show a signed list, or a draft.",
    "help.access.show.examples": "lumbung access show access-7.lumbung",
    "help.access.next": "Draft the next version with nothing changed: to be edited, or signed with another key.",
    "help.access.next.examples": "lumbung access next access-7.lumbung -o access-8.toml",
    "help.access.add": ("Draft the next version with these stations or operators, by their certificates."),
    "help.access.add.examples": (
        "lumbung access add loket-3.crt --list access-7.lumbung -o access-8.toml\n"
        "lumbung access add sari.crt --duty operator --list access-8.toml -o access-8b.toml"
    ),
    "help.access.revoke": ("Draft the next version without these callers; a van named here ends for ever."),
    "help.access.revoke.examples": ("lumbung access revoke loket-3 --list access-7.lumbung -o access-8.toml"),
    "help.access.revoke.bound": (
        "Up to where a lost van's recordings are good, as lumbung keys status --origin VAN prints it; take the highest."
    ),
    "help.access.add_van": (
        "Draft the next version with a van, by its join request: a node in the office's own numbers, without a "
        "new roster."
    ),
    "help.access.add_van.examples": (
        "lumbung access add-van request.lumbung --list access-7.lumbung --roster roster.lumbung -o "
        'access-8.toml --fingerprint "48215 00917 ..."'
    ),
    "help.access.sign": ("Sign a draft with the office's access key. Offline; refuses what nodes would refuse."),
    "help.access.sign.examples": (
        "lumbung access sign access-8.toml --key access.key.pem --held access-7.lumbung --roster "
        "roster.lumbung -o access-8.lumbung"
    ),
    "help.access.publish": "Give a signed list to the own node; it judges it and passes it on.",
    "help.access.publish.examples": "lumbung access publish access-8.lumbung",
    "help.access.list": ("The newest signed list, or a draft (.toml) that has changes already."),
    "help.access.held": "The list that nodes hold now: only a higher version is signed.",
    "help.access.roster": "Signed roster (default: the profile's).",
    "help.access.output": "Draft to write (.toml); never over one that is there.",
    "exit.access.6": ("nodes would refuse it, or the request was altered or used before; nothing written"),
}
