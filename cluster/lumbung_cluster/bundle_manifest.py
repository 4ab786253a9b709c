"""The manifest of one disk of a bundle: what the exporter says is on it, signed with its receipt key.

Body (domain `lumbung/bundle/0`), canonical encoding:

    version u32 (0), cluster id 16 B, bundle id 16 B, exporter u32, generation u32, roster epoch u32, holder u32,
    disk u32 (from 1), created u64 (UTC ms), complete flag u8,
    origins: u32 count, each: origin u32, nonce u64, after u64, upto u64
    parts:   u32 count, each: part u32, file size u64, entries u64, blob bytes u64, BLAKE3 of the file 32 B

A manifest says whether the disk is whole and what the holder's receipts must name; no blob and no entry is believed
because of it. The file is the body, then public key (32 B) and signature (64 B).
"""

from __future__ import annotations

from dataclasses import dataclass

from lumbung_cluster.bundle import BUNDLE_ID_SIZE_BYTES, BUNDLE_VERSION, HASH_SIZE_BYTES
from lumbung_cluster.canonical import Malformed, Reader, Writer
from lumbung_cluster.ids import CLUSTER_ID_SIZE_BYTES, ClusterId, Generation, NodeNumber
from lumbung_cluster.limits import BUNDLE_ORIGINS_MAX, BUNDLE_PARTS_MAX
from lumbung_cluster.signed import (
    Domain,
    Signature,
    Signer,
    Verifier,
    is_signed_by,
    sign,
    split_signed,
)

__all__ = ["MANIFEST_SIZE_BYTES_MAX", "Manifest", "OriginSpan", "PartRecord", "SignedManifest", "sign_manifest"]

_ORIGIN_SIZE, _PART_SIZE, _REST_SIZE = 28, 60, 256
MANIFEST_SIZE_BYTES_MAX = BUNDLE_ORIGINS_MAX * _ORIGIN_SIZE + BUNDLE_PARTS_MAX * _PART_SIZE + _REST_SIZE


@dataclass(frozen=True, slots=True)
class OriginSpan:
    """Numbers of the exporter's feed of `origin`: `after` excluded, `upto` included. `nonce` is 0 for others'."""

    origin: NodeNumber
    nonce: int
    after: int
    upto: int


@dataclass(frozen=True, slots=True)
class PartRecord:
    """One finished file; `hash` is what `b3sum` prints for it."""

    part: int
    file_bytes: int
    entries: int
    blob_bytes: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class Manifest:
    """One disk. `is_complete`: with this disk the bundle has everything that it was to carry."""

    cluster: ClusterId
    bundle: bytes
    exporter: NodeNumber
    generation: Generation
    roster_epoch: int
    holder: NodeNumber
    disk: int
    created_ms: int
    is_complete: bool
    origins: tuple[OriginSpan, ...]
    parts: tuple[PartRecord, ...]

    @property
    def entries(self) -> int:
        return sum(part.entries for part in self.parts)

    @property
    def blob_bytes(self) -> int:
        return sum(part.blob_bytes for part in self.parts)

    def span(self, origin: NodeNumber) -> OriginSpan | None:
        return next((span for span in self.origins if span.origin == origin), None)

    def encode(self) -> bytes:
        """The canonical body. Raises Malformed."""
        _check(self)
        writer = Writer().u32("version", BUNDLE_VERSION)
        writer.fixed("cluster id", self.cluster.raw, CLUSTER_ID_SIZE_BYTES)
        writer.fixed("bundle id", self.bundle, BUNDLE_ID_SIZE_BYTES)
        writer.u32("exporter", self.exporter).u32("generation", self.generation).u32("epoch", self.roster_epoch)
        writer.u32("holder", self.holder).u32("disk", self.disk).u64("created", self.created_ms)
        writer.flag("complete", self.is_complete)
        writer.sequence("origins", self.origins, _write_span, BUNDLE_ORIGINS_MAX)
        return writer.sequence("parts", self.parts, _write_part, BUNDLE_PARTS_MAX).finish()

    @classmethod
    def decode(cls, body: bytes) -> Manifest:
        """Exactly what `encode` gives is accepted. Raises Malformed."""
        reader = Reader(body)
        version = reader.u32("version")
        if version != BUNDLE_VERSION:
            raise Malformed("manifest version", f"{BUNDLE_VERSION} (install a newer lumbung)", str(version))
        found = cls(
            cluster=ClusterId(reader.fixed("cluster id", CLUSTER_ID_SIZE_BYTES)),
            bundle=reader.fixed("bundle id", BUNDLE_ID_SIZE_BYTES),
            exporter=NodeNumber(reader.u32("exporter")),
            generation=Generation(reader.u32("generation")),
            roster_epoch=reader.u32("epoch"),
            holder=NodeNumber(reader.u32("holder")),
            disk=reader.u32("disk"),
            created_ms=reader.u64("created"),
            is_complete=reader.flag("complete"),
            origins=reader.sequence("origins", _read_span, BUNDLE_ORIGINS_MAX),
            parts=reader.sequence("parts", _read_part, BUNDLE_PARTS_MAX),
        )
        reader.finish()
        _check(found)
        return found


@dataclass(frozen=True, slots=True)
class SignedManifest:
    """A manifest with the bytes it came as."""

    content: Manifest
    body: bytes
    signature: Signature

    def to_bytes(self) -> bytes:
        return self.body + self.signature.to_bytes()

    @classmethod
    def from_bytes(cls, raw: bytes) -> SignedManifest:
        """Raises Malformed. The signature is not checked yet."""
        body, signature = split_signed("manifest", raw)
        return cls(Manifest.decode(body), body, signature)

    def is_valid(self, verifier: Verifier) -> bool:
        """Whether the signature is its key's; whether that key is the exporter's is the roster's to say."""
        return is_signed_by(Domain.BUNDLE, self.body, self.signature, verifier)


def sign_manifest(content: Manifest, signer: Signer) -> SignedManifest:
    """Raises Malformed."""
    body = content.encode()
    return SignedManifest(content, body, sign(Domain.BUNDLE, body, signer))


def _check(content: Manifest) -> None:
    if not (content.exporter and content.holder and content.disk and content.generation):
        raise Malformed("manifest", "exporter, generation, holder and disk from 1", "0")
    origins = [span.origin for span in content.origins]
    if not origins or origins != sorted(set(origins)):
        raise Malformed("manifest origins", "at least one, rising without repeats", str(origins[:8]))
    if any(span.upto < span.after for span in content.origins):
        raise Malformed("manifest origins", "upto not before after", "one that is")
    parts = [part.part for part in content.parts]
    if parts != sorted(set(parts)) or 0 in parts:
        raise Malformed("manifest parts", "rising from 1 without repeats", str(parts[:8]))


def _write_span(writer: Writer, span: OriginSpan) -> None:
    writer.u32("origin", span.origin).u64("nonce", span.nonce).u64("after", span.after).u64("upto", span.upto)


def _read_span(reader: Reader) -> OriginSpan:
    return OriginSpan(NodeNumber(reader.u32("origin")), reader.u64("nonce"), reader.u64("after"), reader.u64("upto"))


def _write_part(writer: Writer, part: PartRecord) -> None:
    writer.u32("part", part.part).u64("file size", part.file_bytes).u64("entries", part.entries)
    writer.u64("blob bytes", part.blob_bytes).fixed("hash", part.hash, HASH_SIZE_BYTES)


def _read_part(reader: Reader) -> PartRecord:
    return PartRecord(
        reader.u32("part"),
        reader.u64("file size"),
        reader.u64("entries"),
        reader.u64("blob bytes"),
        reader.fixed("hash", HASH_SIZE_BYTES),
    )
