"""Every reader of bytes that come from outside: what it may raise, and what must hold for what it accepts.

A reader of canonical bytes is also held to its strictness: what it accepts, written again, is the same bytes. Else two
byte strings would mean one thing, and a signature over one of them could be shown with the other.
"""

from __future__ import annotations

import base64
import random
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType

from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_pem_x509_certificate
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from lumbung_cluster import limits
from lumbung_cluster.access import AccessEntry, AccessList, Duty, SignedAccess, sign_access
from lumbung_cluster.canonical import Malformed
from lumbung_cluster.enrolment_pack import EnrolmentPack
from lumbung_cluster.entry import Entry, EntryList, sign_list
from lumbung_cluster.errors import KeyRefused, StoreDamaged
from lumbung_cluster.health import Severity
from lumbung_cluster.identity_uri import parse_identity
from lumbung_cluster.ids import BlobId, Generation, NodeNumber
from lumbung_cluster.inventory.fingerprint import UnitDigest
from lumbung_cluster.inventory.inventory import Inventory
from lumbung_cluster.receipt import SignedStatement, Statement, StatementKind, UnitClaim, sign_statement
from lumbung_cluster.report import (
    DiskReport,
    ForeignReport,
    LinkReport,
    LinkWord,
    NodeReport,
    OwnReport,
    ScrubReport,
    TroubleReport,
)
from lumbung_cluster.report_codec import report_of_bytes, sign_report
from lumbung_cluster.roster_codec import SignedRoster
from lumbung_cluster.signed_join import SignedJoin
from lumbung_node.adapters.keys.certificates import read_certificate
from lumbung_node.store import layout
from lumbung_node.store.covers import CoverRow
from lumbung_node.store.inventory_rows import Folded, SumsRow, TableRow
from lumbung_proto import v1
from lumbung_proto.codec import MalformedFrame, decode_frame, decode_message, encode_frame
from lumbung_proto.v1 import peer_pb2
from lumbung_testing.fuzzing.mutation import mutated_bytes, mutated_message, random_message
from lumbung_testing.joining import join_request, signed_join, van_record
from lumbung_testing.rosters import CLUSTER, SeededSigner, founding, signed
from lumbung_testing.tls_parties import issue, new_authority
from lumbung_testing.world import INVENTORY_KEY
from lumbung_tools.roster_toml import parse_roster_toml, render_roster_toml

__all__ = ["WIRE_MODULES", "Broken", "Target", "byte_targets", "feed"]

WIRE_MODULES: tuple[ModuleType, ...] = tuple(
    import_module(f"{v1.__name__}.{found.name}") for found in iter_modules(v1.__path__) if found.name.endswith("_pb2")
)
_SAMPLES = 24


class Broken(AssertionError):
    """A reader did what none may do: raised something else, or took what it would not have written."""


@dataclass(frozen=True, slots=True)
class Target:
    """`read` returns what it took, written again (None: not canonical, so not compared). `refusals` are allowed."""

    name: str
    samples: list[bytes]
    read: Callable[[bytes], bytes | None]
    refusals: tuple[type[Exception], ...]
    kind: type[Message] | None = None

    def draw(self, draws: random.Random) -> bytes:
        """A mutated sample."""
        sample = draws.choice(self.samples)
        if self.kind is not None and draws.random() < 0.7:
            return mutated_message(sample, self.kind, draws)
        return mutated_bytes(sample, draws, self.samples)


def feed(target: Target, raw: bytes) -> bool:
    """Give `raw` to the reader; whether it was accepted. Raises Broken."""
    try:
        written = target.read(raw)
    except target.refusals:
        return False
    except Exception as exc:
        raise Broken(f"{target.name}: {exc!r} for {raw[:400].hex()}") from exc
    if written is not None and written != raw:
        raise Broken(f"{target.name}: took {raw[:400].hex()} and writes {written[:400].hex()}")
    return True


def byte_targets(draws: random.Random) -> list[Target]:
    """All but the files that people write or carry."""
    found = [*_signed_targets(draws), *_row_targets(draws), *_text_targets(), *_message_targets(draws)]
    return [*found, _frame_target(draws)]


# --- signed bodies ---------------------------------------------------------------------------------------------


def _signed_targets(draws: random.Random) -> Iterator[Target]:
    roster = signed(founding(), "a", "b").encode()
    yield Target("roster", [roster], _roster, (Malformed,))
    lists = [_entry_list(draws, count) for count in (1, 2, 31, 32)]
    yield Target("entry list", lists, lambda raw: EntryList.parse(raw).pack(), (Malformed,))
    words = [_statement(draws, count) for count in (1, 2, 256)]
    words += [_inventory_word(draws, units) for units in (1, 2, 64)]
    yield Target("receipt", words, lambda raw: SignedStatement.from_bytes(raw).to_bytes(), (Malformed,))
    reports = [_report(draws, count) for count in (0, 2, limits.REPORT_LINKS_MAX)]
    yield Target("node report", reports, lambda raw: report_of_bytes(raw).to_bytes(), (Malformed,))
    yield Target(
        "access list", [*(_access(count) for count in (0, 1, 20)), _access(1, vans=2)], _signed_access, (Malformed,)
    )
    asked = [signed_join(join_request(name)) for name in ("73.71", "51.71")]
    yield Target("join request", [each.encode() for each in asked], _join_request, (Malformed,))
    yield Target(
        "enrolment pack", [_pack(asked[0], roster)], lambda raw: EnrolmentPack.decode(raw).encode(), (Malformed,)
    )


def _roster(raw: bytes) -> bytes:
    found = SignedRoster.decode(raw)
    found.parse()
    return found.encode()


def _signed_access(raw: bytes) -> bytes:
    found = SignedAccess.decode(raw)
    assert found.content.encode() == found.body
    return found.encode()


def _join_request(raw: bytes) -> bytes:
    found = SignedJoin.decode(raw)
    assert found.request.encode() == found.body
    return found.encode()


def _pack(asked: SignedJoin, roster: bytes) -> bytes:
    lists = (_access(1),)
    return EnrolmentPack(CLUSTER, NodeNumber(5), asked.hash, 1, (roster,), "chain", None, b"sealed", lists).encode()


def _entry_list(draws: random.Random, count: int) -> bytes:
    entries = tuple(Entry(BlobId(draws.randbytes(32)), 1 + n, 1000 * n, 1) for n in range(count))
    content = EntryList(CLUSTER, NodeNumber(1), Generation(1), 1, draws.randbytes(32), entries)
    return sign_list(content, SeededSigner("entry 1")).body


def _statement(draws: random.Random, count: int) -> bytes:
    blobs = tuple(BlobId(draws.randbytes(32)) for _ in range(count))
    word = Statement(
        StatementKind.COMMIT_RECEIPT, CLUSTER, NodeNumber(2), Generation(1), 1, NodeNumber(1), 5, count, 1000, blobs
    )
    return sign_statement(word, SeededSigner("receipt 2")).to_bytes()


def _inventory_word(draws: random.Random, units: int) -> bytes:
    claims = tuple(UnitClaim(unit, draws.randrange(100), draws.randbytes(32)) for unit in range(units))
    kind = StatementKind.INVENTORY_RECEIPT
    word = Statement(kind, CLUSTER, NodeNumber(2), Generation(1), 1, NodeNumber(1), 5, 9, 1000, (), claims)
    return sign_statement(word, SeededSigner("receipt 2")).to_bytes()


def _report(draws: random.Random, links: int) -> bytes:
    words = [LinkReport(NodeNumber(2 + n), LinkWord.UP, 1, draws.randrange(9), 2, 3, 4, None, 5) for n in range(links)]
    troubles = tuple(TroubleReport("LINK_DOWN", Severity.WARNING, NodeNumber(n), 1, "slow", n) for n in range(links))
    report = NodeReport(
        cluster=CLUSTER,
        node=NodeNumber(1),
        generation=Generation(1),
        sequence=draws.randrange(1 << 40),
        roster_epoch=1,
        roster_hash=draws.randbytes(32),
        access_version=1,
        software="0.1.0",
        wire_low=0,
        wire_high=0,
        disk_format=0,
        uptime_s=1,
        clock_ms=1,
        certificate_ends_ms=1,
        takes_puts=True,
        own=OwnReport(9, 900, (1, 2, 6)),
        foreign=ForeignReport(1, 2, 3, 4),
        disk=DiskReport(5, 6, refuses_foreign=True),
        scrub=ScrubReport(7, 8, 9),
        link_counts=(links, 0, 0, 0),
        links=tuple(words),
        troubles=troubles,
    )
    return sign_report(report, SeededSigner("receipt 1")).to_bytes()


def _access(count: int, vans: int = 0) -> bytes:
    entries = tuple(
        AccessEntry(f"station-{n:03}", Duty.STATION, (n.to_bytes(32, "big"),), 1, 1000) for n in range(count)
    )
    named = tuple(van_record(n) for n in range(1, vans + 1))
    return sign_access(AccessList(CLUSTER, NodeNumber(1), 1, 1, entries, named), SeededSigner("access 1")).encode()


# --- rows on disk ----------------------------------------------------------------------------------------------


def _row_targets(draws: random.Random) -> Iterator[Target]:
    place = layout.ListPlace(Generation(1), 1, 7, 0)
    blob = layout.BlobRow(layout.RowState.INTACT, 10, 1, 1, 1, 5, 5, place)
    feed_row = layout.FeedRow(BlobId(draws.randbytes(32)), draws.randbytes(32), place, NodeNumber(1), Generation(1))
    pending = layout.PendingRow(True, NodeNumber(1), BlobId(draws.randbytes(32)), 10, 1, 5)
    copy = layout.CopyRow(True, Generation(1), 4, 5, 6, 7)
    yield Target("blob row", [blob.pack()], lambda raw: layout.BlobRow.unpack(raw).pack(), (StoreDamaged,))
    yield Target("feed row", [feed_row.pack()], lambda raw: layout.FeedRow.unpack(raw).pack(), (StoreDamaged,))
    yield Target("pending row", [pending.pack()], lambda raw: _void(layout.PendingRow.unpack(raw)), (StoreDamaged,))
    yield Target("copy row", [copy.pack()], lambda raw: _void(layout.CopyRow.unpack(raw)), (StoreDamaged,))

    cover = CoverRow(True, Generation(1), 4, 5, 6, 7, 8, 9, tuple(range(64)))
    yield Target("cover row", [cover.pack()], lambda raw: _void(CoverRow.unpack(raw)), (StoreDamaged,))
    folded = Folded(draws.randbytes(8), 5, draws.randbytes(32))
    sums = SumsRow(folded, 3, tuple(UnitDigest(draws.getrandbits(256), unit) for unit in range(64)))
    table = TableRow(folded, Inventory(INVENTORY_KEY).to_bytes())
    yield Target("sums row", [sums.pack()], _sums_row, ())
    yield Target("table row", [table.pack()], _table_row, (ValueError,))


def _sums_row(raw: bytes) -> bytes | None:
    taken = SumsRow.unpack(raw)
    return taken.pack() if taken is not None else None


def _table_row(raw: bytes) -> bytes | None:
    taken = TableRow.unpack(raw)
    if taken is None:
        return None
    return TableRow(taken.folded, Inventory.from_bytes(INVENTORY_KEY, taken.inventory).to_bytes()).pack()


def _void(_taken: object) -> None:
    """Accepted, and not canonical: flags are written as 0 or 1 and read as any byte."""


# --- what people carry -----------------------------------------------------------------------------------------


def _text_targets() -> Iterator[Target]:
    uris = [f"lumbung://{CLUSTER}/node/7".encode(), f"lumbung://{CLUSTER}/access/7/station-1".encode()]
    yield Target("identity", uris, _identity, (Malformed,))
    chain = issue(new_authority(), 1).tls.certificate_chain_pem
    yield Target("certificate", [_first_der(chain)], _certificate, (KeyRefused,))
    yield Target("roster TOML", [render_roster_toml(founding()).encode()], _roster_toml, (Malformed,))


def _first_der(pem: bytes) -> bytes:
    return load_pem_x509_certificate(pem).public_bytes(Encoding.DER)


def _certificate(raw: bytes) -> None:
    body = base64.encodebytes(raw)
    with warnings.catch_warnings(action="ignore"):  # of a library that will refuse later what it only dislikes now
        read_certificate(b"-----BEGIN CERTIFICATE-----\n" + body + b"-----END CERTIFICATE-----\n")


def _identity(raw: bytes) -> bytes | None:
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return parse_identity(text).uri.encode()


def _roster_toml(raw: bytes) -> None:
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        return
    taken = parse_roster_toml(text)
    assert parse_roster_toml(render_roster_toml(taken)) == taken


# --- the wire --------------------------------------------------------------------------------------------------


def _message_targets(draws: random.Random) -> Iterator[Target]:
    for module in WIRE_MODULES:
        for descriptor in module.DESCRIPTOR.message_types_by_name.values():
            kind = GetMessageClass(descriptor)
            samples = [random_message(kind, draws).SerializeToString() for _ in range(_SAMPLES)]
            yield Target(descriptor.name, samples, _parser(kind), (MalformedFrame,), kind)


def _parser(kind: type[Message]) -> Callable[[bytes], None]:
    def parse(raw: bytes) -> None:
        decode_message(kind, raw)

    return parse


def _frame_target(draws: random.Random) -> Target:
    samples = [
        encode_frame(random_message(peer_pb2.SessionRequest, draws), [draws.randbytes(draws.choice((0, 5, 900)))])
        for _ in range(_SAMPLES)
    ]
    return Target("frame", samples, _frame, (MalformedFrame,))


def _frame(raw: bytes) -> None:
    header, payload = decode_frame(peer_pb2.SessionRequest, raw, header_bytes_max=limits.FRAME_HEADER_SIZE_BYTES_MAX)
    assert header.ByteSize() <= 2 * limits.FRAME_HEADER_SIZE_BYTES_MAX
    assert len(payload) <= len(raw)
