"""What a roster says about one node: who it is, where it stands, how it is reached and which keys speak for it.

A number stands for a node for ever. Names, provinces and addresses change; names and keys keep their whole history,
because entries and receipts of years ago must still be told apart from forgeries.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, IntEnum

from lumbung_cluster.canonical import Malformed
from lumbung_cluster.feed import Mark
from lumbung_cluster.ids import NodeNumber

__all__ = [
    "AgeRecipient",
    "Departure",
    "Extension",
    "KeyRecord",
    "KeyUse",
    "Label",
    "LinkClass",
    "NodeRecord",
    "NodeState",
    "NumberRange",
    "Reach",
    "Role",
]


class Role(IntEnum):
    """What a node is for; the value stands in signed bytes."""

    OFFICE = 1
    DRC = 2
    VAN = 3
    OPS = 4
    CENTRAL = 5


class NodeState(IntEnum):
    """`DRAINING` still pushes its own origin and answers reads; `GONE` is refused everywhere, for ever."""

    ACTIVE = 1
    DRAINING = 2
    GONE = 3


class LinkClass(Enum):
    """How quickly a silent link is noticed (keepalive); the same words as the transport port."""

    LAN = "lan"
    WAN = "wan"
    SATELLITE = "satellite"


class KeyUse(IntEnum):
    """What a key may do. TLS holds pins (BLAKE3-256 of the SubjectPublicKeyInfo), the others Ed25519 public keys."""

    TLS = 1
    ENTRY = 2
    RECEIPT = 3
    ACCESS = 4


@dataclass(frozen=True, slots=True)
class Label:
    """A name with the epochs for which it held; the last of a node's labels may be open."""

    name: str
    first_epoch: int
    last_epoch: int | None = None


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """A key or pin (32 B) with its first and last epoch. A retired entry key is good up to `bound` in its own feed."""

    use: KeyUse
    key: bytes
    first_epoch: int
    last_epoch: int | None = None
    bound: Mark | None = None

    @property
    def is_open(self) -> bool:
        return self.last_epoch is None

    def holds_in(self, epoch: int) -> bool:
        """Whether the key was in force in that epoch: the rule for receipts, which name their roster's epoch."""
        return self.first_epoch <= epoch and (self.last_epoch is None or epoch <= self.last_epoch)

    def covers(self, generation: int, number: int) -> bool:
        """Whether an entry at that place may carry this key: an open key covers all, a retired one up to its bound."""
        return self.bound is None or (generation, number) <= (self.bound.generation, self.bound.number)


@dataclass(frozen=True, slots=True)
class AgeRecipient:
    """A public age recipient (age1...) that blobs are sealed to while it is open; its private half is kept for ever."""

    recipient: str
    first_epoch: int
    last_epoch: int | None = None


@dataclass(frozen=True, slots=True)
class Extension:
    """A field of a later version, kept verbatim. A critical one must be understood, or the roster is refused."""

    name: str
    critical: bool
    value: bytes


@dataclass(frozen=True, slots=True)
class NumberRange:
    """`count` numbers from `first` on, in which an office may name vans under its own access key."""

    first: NodeNumber
    count: int

    def __contains__(self, number: int) -> bool:
        return self.first <= number < self.first + self.count


@dataclass(frozen=True, slots=True)
class Departure:
    """Why a node is gone: with the hash of its drain report (32 B), or overridden by a person with a reason."""

    epoch: int
    drain_proof: bytes | None
    override_by: str
    reason: str


@dataclass(frozen=True, slots=True)
class Reach:
    """`public` (anybody can dial it), `vpn:NAME` (those in the same VPN and it can dial each other), or `dial-only`."""

    text: str

    PUBLIC = "public"
    DIAL_ONLY = "dial-only"
    VPN_PREFIX = "vpn:"

    def __post_init__(self) -> None:
        if self.text not in (self.PUBLIC, self.DIAL_ONLY) and self.vpn is None:
            raise Malformed("reach", "public, dial-only or vpn:NAME", repr(self.text))

    @property
    def vpn(self) -> str | None:
        """The VPN's name, or None outside of one."""
        return self.text.removeprefix(self.VPN_PREFIX) or None if self.text.startswith(self.VPN_PREFIX) else None

    def can_dial(self, other: Reach) -> bool:
        """Whether a node of this reach can open a connection to one of the other."""
        return other.text == self.PUBLIC or (self.vpn is not None and self.vpn == other.vpn)

    def can_meet(self, other: Reach) -> bool:
        """Whether one of the two can dial the other: one stream serves both directions."""
        return self.can_dial(other) or other.can_dial(self)


@dataclass(frozen=True, slots=True)
class NodeRecord:
    """One node. `office` is the node it belongs to: itself for offices, DRC and central nodes, its office for a van.

    `capacity_bytes` is what it can hold, `load_bytes` what its own origin is expected to hold, `link_bytes_per_s` its
    measured line (0: unknown). `addresses` are host:port, best first. Keys, labels and recipients are never removed.
    """

    number: NodeNumber
    role: Role
    office: NodeNumber
    labels: tuple[Label, ...]
    province: str
    hazard_zone: str
    addresses: tuple[str, ...]
    reach: Reach
    link: LinkClass
    link_bytes_per_s: int
    capacity_bytes: int
    load_bytes: int
    state: NodeState
    keys: tuple[KeyRecord, ...]
    recipients: tuple[AgeRecipient, ...]
    vans: NumberRange | None = None
    departure: Departure | None = None
    extensions: tuple[Extension, ...] = ()

    def __post_init__(self) -> None:
        if not self.labels:
            raise Malformed(f"labels of node {self.number}", "at least one", "none")

    @property
    def name(self) -> str:
        """The newest label, such as 36.02, drc-batam or 36.02-van1."""
        return self.labels[-1].name

    @property
    def is_present(self) -> bool:
        """Active or draining: it may connect."""
        return self.state is not NodeState.GONE

    def keys_of(self, use: KeyUse) -> tuple[KeyRecord, ...]:
        """All keys of that use, retired ones too, oldest first."""
        return tuple(key for key in self.keys if key.use is use)

    def open_keys(self, use: KeyUse) -> tuple[bytes, ...]:
        """The keys (or pins) of that use in force now, oldest first: current and next."""
        return tuple(key.key for key in self.keys if key.use is use and key.is_open)

    def has_open_key(self, use: KeyUse, key: bytes) -> bool:
        return key in self.open_keys(use)
