"""The roster as a client trusts it: read from the profile, verified, and replaced only by a rightful successor.

`VerifiedRoster` is made here and nowhere else, so whoever holds one may seal to the recipients that it names.
"""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from lumbung_cluster.access import SignedAccess, access_objection
from lumbung_cluster.canonical import Malformed
from lumbung_cluster.errors import KeyRefused
from lumbung_cluster.identity_uri import NodeIdentity
from lumbung_cluster.ids import ClusterId, NodeNumber
from lumbung_cluster.roster import Roster
from lumbung_cluster.roster_codec import SignedRoster
from lumbung_cluster.roster_rules import Accept, Alarm, Known, judge, judge_first
from lumbung_cluster.signed import Verifier
from lumbung_cluster.with_vans import with_vans
from lumbung_node.ports.transport import Endpoint, LinkClass
from lumbung_tools.sealing import SealRecipients

__all__ = ["VerifiedRoster", "newer_roster", "read_roster", "renew_roster", "verify_roster"]


@dataclass(frozen=True, slots=True)
class VerifiedRoster:
    """A roster whose signatures were checked."""

    signed: SignedRoster
    roster: Roster

    def seal_recipients(self, node: NodeNumber) -> SealRecipients:
        """To whom stations of this node seal. Raises KeyRefused when the roster names nobody."""
        return SealRecipients(self.roster.seal_recipients(node), self.roster.epoch)

    def naming_vans(self, raw: bytes, verifier: Verifier) -> VerifiedRoster:
        """The same with the vans of this access list; a list that does not count names none."""
        try:
            listed = SignedAccess.decode(raw)
        except Malformed:
            return self
        signed_roster = self.signed.parse()
        if access_objection(signed_roster, None, listed, verifier) is not None:
            return self
        return VerifiedRoster(self.signed, with_vans(signed_roster, {listed.content.office: listed}))

    def name(self, number: int) -> str:
        """What people call the node; its number when the roster does not know it."""
        record = self.roster.node(NodeNumber(number))
        return record.name if record else str(number)

    def endpoints(self, number: NodeNumber, address: str | None = None) -> tuple[Endpoint, ...]:
        """Where to dial a node, best first, and whom to expect there. Raises KeyRefused for a node it does not know."""
        record = self.roster.node(number)
        if record is None:
            raise KeyRefused(f"roster of epoch {self.roster.epoch}: expected node {number} in it, got none")
        uri = NodeIdentity(self.roster.cluster, number).uri
        pins, link = self.roster.tls_pins(number), LinkClass(record.link.value)
        addresses = (address,) if address is not None else record.addresses
        return tuple(Endpoint(entry, uri, pins, link) for entry in addresses)


def verify_roster(raw: bytes, cluster: ClusterId | None, verifier: Verifier) -> VerifiedRoster:
    """A roster that enough of its own custodians have signed. Raises KeyRefused.

    That says "whole and signed", and "ours" only because the profile (or whoever names the file) vouches for it;
    `renew_roster` is the way to newer ones.
    """
    try:
        signed = SignedRoster.decode(raw)
        expected = cluster or signed.parse().cluster
    except Malformed as exc:
        raise KeyRefused(f"roster not understood: {exc}") from exc
    match judge_first(signed, expected, verifier):
        case Accept(roster=roster):
            return VerifiedRoster(signed, roster)
        case refusal:
            raise KeyRefused(refusal.reason if not isinstance(refusal, Known) else "roster: expected a first one")


def read_roster(path: Path, cluster: ClusterId | None, verifier: Verifier) -> VerifiedRoster:
    """Raises KeyRefused."""
    try:
        raw = path.read_bytes()
    except OSError as exc:
        raise KeyRefused(f"roster {path}: expected a readable file, got {exc.strerror}") from exc
    return verify_roster(raw, cluster, verifier)


def renew_roster(held: VerifiedRoster, raw: bytes, path: Path, verifier: Verifier) -> VerifiedRoster:
    """The roster to use after a node showed `raw`; a rightful successor is kept at `path`. Raises as `newer_roster`."""
    found = newer_roster(held, raw, verifier)
    if found is not held:
        _replace(path, raw)
    return found


def newer_roster(held: VerifiedRoster, raw: bytes, verifier: Verifier) -> VerifiedRoster:
    """The rightful successor that `raw` is, or the one held when it is that one or an older one.

    Raises KeyRefused for a fork or a successor without the right to be.
    """
    try:
        offered = SignedRoster.decode(raw)
        epoch = offered.parse().epoch
    except Malformed as exc:
        raise KeyRefused(f"roster not understood: {exc}") from exc
    if epoch < held.roster.epoch:
        return held
    match judge(held.signed, offered, verifier):
        case Known():
            return held
        case Accept(roster=roster):
            return VerifiedRoster(offered, roster)
        case Alarm() as alarm:
            raise KeyRefused(alarm.reason)
        case refusal:
            raise KeyRefused(refusal.reason)


def _replace(path: Path, raw: bytes) -> None:
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        with part.open("xb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        part.rename(path)
    finally:
        part.unlink(missing_ok=True)
