"""A client profile on disk for the founding roster of `rosters`, with real age keys."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from lumbung_cluster.ids import NodeNumber
from lumbung_cluster.roster_node import AgeRecipient
from lumbung_node.adapters.keys.age_identity import AgeIdentity
from lumbung_node.adapters.keys.key_files import write_secret
from lumbung_testing.rosters import CLUSTER, founding, signed
from lumbung_tools.client.profile import Profile, write_profile

__all__ = ["TestProfile", "make_profile"]


@dataclass(frozen=True, slots=True)
class TestProfile:
    """Of office 36.02 (number 1); `office` and `escrow` are the age keys that its blobs are sealed to."""

    __test__ = False

    profile: Profile
    office: AgeIdentity
    escrow: AgeIdentity


def make_profile(home: Path) -> TestProfile:
    office, escrow = AgeIdentity.generate(), AgeIdentity.generate()
    roster = founding()
    nodes = tuple(
        replace(node, recipients=(AgeRecipient(office.recipient, 1),) if node.number == 1 else ())
        for node in roster.nodes
    )
    roster = replace(roster, nodes=nodes, escrow=(AgeRecipient(escrow.recipient, 1),))
    profile = Profile(
        home=home,
        cluster=CLUSTER,
        node=NodeNumber(1),
        address=None,
        certificate=home / "station.crt",
        key=home / "station.key",
        trust_roots=home / "trust-roots.pem",
        roster=home / "roster.lumbung",
        tag_secret=home / "tag.secret",
        identities=(home / "office.agekey",),
    )
    write_profile(profile)
    profile.roster.write_bytes(signed(roster, "a", "b").encode())
    write_secret(profile.tag_secret, b"7" * 64)
    office.save(profile.identities[0])
    return TestProfile(profile, office, escrow)
