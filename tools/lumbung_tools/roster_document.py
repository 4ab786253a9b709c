"""The shape of a roster's TOML form: what people read, edit and compare before they sign (docs/roster.md).

One class for each table, one attribute for each key; unknown keys are refused. Keys and hashes are hex, units are
`all` or ranges such as `0-31,40`. Names beside numbers are for the reader's eyes and are checked against the nodes.
"""

from __future__ import annotations

import msgspec

__all__ = [
    "AgeTable",
    "AssignmentTable",
    "BoundTable",
    "CustodianTable",
    "DepartureTable",
    "ExtensionTable",
    "KeyTable",
    "LabelTable",
    "NodeTable",
    "QuorumTable",
    "RosterDocument",
    "ShareTable",
    "TrustRootTable",
    "VansTable",
]


class _Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Optional keys are left out, since TOML has no null."""


class CustodianTable(_Table, frozen=True):
    name: str
    key: str


class QuorumTable(_Table, frozen=True):
    threshold: int
    members: list[CustodianTable]


class AgeTable(_Table, frozen=True):
    recipient: str
    first_epoch: int
    last_epoch: int | None = None


class TrustRootTable(_Table, frozen=True):
    name: str
    pem: str
    first_epoch: int
    last_epoch: int | None = None


class ExtensionTable(_Table, frozen=True):
    name: str
    value: str
    critical: bool = False


class LabelTable(_Table, frozen=True):
    name: str
    first_epoch: int
    last_epoch: int | None = None


class BoundTable(_Table, frozen=True):
    generation: int
    number: int
    running_hash: str


class KeyTable(_Table, frozen=True):
    use: str
    key: str
    first_epoch: int
    last_epoch: int | None = None
    bound: BoundTable | None = None


class VansTable(_Table, frozen=True):
    first: int
    count: int


class DepartureTable(_Table, frozen=True):
    epoch: int
    drain_proof: str | None = None
    override_by: str = ""
    reason: str = ""


class NodeTable(_Table, frozen=True):
    number: int
    role: str
    office: int
    labels: list[LabelTable]
    province: str
    hazard_zone: str
    addresses: list[str]
    reach: str
    link: str
    link_bytes_per_s: int
    capacity_bytes: int
    load_bytes: int
    state: str
    keys: list[KeyTable]
    recipients: list[AgeTable] = []
    vans: VansTable | None = None
    departure: DepartureTable | None = None
    extensions: list[ExtensionTable] = []


class ShareTable(_Table, frozen=True):
    node: int
    name: str
    units: str


class AssignmentTable(_Table, frozen=True):
    origin: int
    name: str
    holders: list[ShareTable]
    leaving: list[ShareTable] = []


class RosterDocument(_Table, frozen=True):
    format: int
    cluster: str
    epoch: int
    predecessor_hash: str
    created_ms: int
    format_level: int
    custodians: QuorumTable
    recovery: QuorumTable
    abandons: list[str] = []
    escrow: list[AgeTable] = []
    trust_roots: list[TrustRootTable] = []
    nodes: list[NodeTable] = []
    assignments: list[AssignmentTable] = []
    extensions: list[ExtensionTable] = []
