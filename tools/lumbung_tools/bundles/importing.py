"""Import: reads a disk batch by batch, gives the node what it lacks, and writes its receipts back to the disk.

Whatever is wrong with the disk is named and passed by: each batch, and in it each recording, stands for itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeVar

import trio

from lumbung_cluster import limits
from lumbung_cluster.bundle import PartEnd, PartHead
from lumbung_cluster.bundle_manifest import Manifest, SignedManifest
from lumbung_cluster.bundle_receipts import ReceiptsFile
from lumbung_cluster.bundle_scan import FoundBatch, Gap, scan_part
from lumbung_cluster.canonical import Malformed
from lumbung_cluster.errors import PeerGone, StatusCode
from lumbung_cluster.receipt import SignedStatement, StatementKind
from lumbung_cluster.signed import Signature
from lumbung_node.ports.transport import ClientStream
from lumbung_proto.codec import MalformedFrame, decode_message, encode_frame
from lumbung_proto.v1 import bundles_pb2, peer_pb2
from lumbung_tools.bundles.feeder import OfferedBatch, wanted_frames
from lumbung_tools.bundles.folder import BundleFolder, part_name
from lumbung_tools.bundles.problem import Problems
from lumbung_tools.client.methods import IMPORT
from lumbung_tools.client.session import Session
from lumbung_tools.output.exit_codes import ExitCode

__all__ = ["Imported", "NotABundle", "import_bundle", "read_manifest"]

T = TypeVar("T")


class NotABundle(Malformed):
    """A folder without a manifest and without a readable part: nobody can say whose it is."""


@dataclass(slots=True)
class Imported:
    """What became of one disk. `manifest` is None when there is none that can be read."""

    bundle: bytes
    exporter: int
    holder: int
    disk: int
    manifest: Manifest | None
    stored: int = 0
    present: int = 0
    not_ours: int = 0
    broken: int = 0
    refused: int = 0
    receipts: int = 0
    receipt_blobs: int = 0
    withdrawn: int = 0
    stored_bytes: int = 0
    problems: Problems = field(default_factory=Problems)


def read_manifest(folder: BundleFolder, problems: Problems) -> SignedManifest | None:
    """The manifest, or None with the reason told."""
    try:
        signed = folder.manifest()
    except Malformed as exc:
        problems.add(ExitCode.DAMAGED, "bundle.bad.manifest", bundle=folder.name, why=str(exc))
        return None
    if signed is None:
        problems.add(ExitCode.DAMAGED, "bundle.bad.no_manifest", bundle=folder.name)
    return signed


async def import_bundle(session: Session, folder: BundleFolder, on_progress: Callable[[int, int], None]) -> Imported:
    """Take one disk in. `on_progress` hears of entries answered and expected.

    A disk for another node or of another cluster is told as a problem, and nothing is taken from it. Raises
    NotABundle, Rejected, PeerUnreachable, TrustRefused, PeerGone, OSError (the folder itself cannot be listed).
    """
    problems = Problems()
    signed = await session.blocking.run(partial(read_manifest, folder, problems))
    head = await session.blocking.run(partial(_identity, folder, signed.content if signed else None))
    done = Imported(
        head.bundle, head.exporter, head.holder, head.disk, signed.content if signed else None, problems=problems
    )
    if head.cluster != session.roster.roster.cluster:
        problems.add(ExitCode.REFUSED, "bundle.bad.cluster", bundle=folder.name)
        return done
    if head.holder != session.profile.node:
        holder, own = session.roster.name(head.holder), session.roster.name(session.profile.node)
        problems.add(ExitCode.REFUSED, "bundle.bad.holder", bundle=folder.name, holder=holder, own=own)
        return done
    async with session.own.stream(IMPORT) as stream:
        await _Import(session, folder, signed, head, done, on_progress).run(stream)
    return done


def _identity(folder: BundleFolder, manifest: Manifest | None) -> PartHead:
    """Whose disk it is: the manifest says it, else the first part whose head can be read."""
    if manifest is not None:
        return PartHead(manifest.cluster, manifest.bundle, manifest.exporter, manifest.holder, manifest.disk, part=1)
    for number in folder.parts():
        try:
            with folder.open_part(number) as file:
                first = next(scan_part(file.read_past_damage, file.size_bytes, None), None)
        except (Malformed, OSError):
            continue
        if isinstance(first, PartHead):
            return first
    raise NotABundle(folder.name, "a manifest or a readable part", "none")


class _Import:
    """One stream: a task that offers, one that feeds, one that takes the answers."""

    def __init__(
        self,
        session: Session,
        folder: BundleFolder,
        signed: SignedManifest | None,
        head: PartHead,
        done: Imported,
        on_progress: Callable[[int, int], None],
    ) -> None:
        self._session = session
        self._folder = folder
        self._signed = signed
        self._head = head
        self._done = done
        self._on_progress = on_progress
        self._open: dict[int, OfferedBatch] = {}
        self._window = trio.Semaphore(limits.BUNDLE_OFFERS_OPEN_MAX)
        self._turn = trio.Lock()
        self._serial = 0
        self._answered = 0
        self._is_stopped = False
        self._receipts: list[SignedStatement] = []
        self._receipts_file = 0

    async def run(self, stream: ClientStream) -> None:
        await self._begin(stream)
        send, wants = trio.open_memory_channel[tuple[OfferedBatch, peer_pb2.Want]](limits.BUNDLE_OFFERS_OPEN_MAX)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._feed, stream, wants)
            nursery.start_soon(self._take_answers, stream, send)
            await self._offer_all(stream)
            for _ in range(limits.BUNDLE_OFFERS_OPEN_MAX):  # every batch is answered
                await self._window.acquire()
            await stream.finish_sending()
        await self._write_receipts()

    async def _send(self, stream: ClientStream, message: bytes) -> None:
        async with self._turn:
            await stream.send(message)

    async def _begin(self, stream: ClientStream) -> None:
        begin = bundles_pb2.ImportBegin(
            cluster_id=self._head.cluster.raw,
            bundle_id=self._head.bundle,
            exporter=self._head.exporter,
            holder=self._head.holder,
        )
        if self._signed is not None:
            begin.manifest.body = self._signed.body
            begin.manifest.public_key = self._signed.signature.key_public
            begin.manifest.signature = self._signed.signature.signature
        await self._send(stream, encode_frame(bundles_pb2.ImportRequest(begin=begin)))
        answer = await _answer(stream)
        if answer is None or answer.WhichOneof("kind") != "begun":
            raise PeerGone("answer not understood: expected the beginning of an import")
        if answer.begun.sentence and self._signed is not None:
            self._done.problems.add(
                ExitCode.DAMAGED, "bundle.bad.manifest", bundle=self._folder.name, why=answer.begun.sentence
            )

    # --- offering ----------------------------------------------------------------------------------------------

    async def _offer_all(self, stream: ClientStream) -> None:
        there = await self._session.blocking.run(self._folder.parts)
        listed = {part.part: part for part in self._signed.content.parts} if self._signed is not None else {}
        for number in sorted({*there, *listed}):
            if self._is_stopped:
                return
            if number not in there:
                self._problem(ExitCode.DAMAGED, "bundle.bad.part_missing", part=number, entries=listed[number].entries)
                continue
            try:
                await self._offer_part(stream, number)
            except (Malformed, OSError) as exc:
                self._problem(ExitCode.DAMAGED, "bundle.bad.part_unreadable", part=part_name(number), why=str(exc))

    async def _offer_part(self, stream: ClientStream, number: int) -> None:
        """Raises Malformed, OSError: the part cannot be read."""
        expected = replace(self._head, part=number)
        with self._folder.open_part(number) as file:
            events = scan_part(file.read_past_damage, file.size_bytes, expected)
            while (found := await self._session.blocking.run(partial(_next, events))) is not None:
                if self._is_stopped:
                    return
                match found:
                    case FoundBatch():
                        await self._offer(stream, number, found)
                    case Gap():
                        self._tell_gap(number, found)
                    case PartHead() | PartEnd():
                        pass

    def _tell_gap(self, number: int, gap: Gap) -> None:
        key = "bundle.bad.part_cut" if gap.is_cut else "bundle.bad.part_damaged"
        self._problem(ExitCode.DAMAGED, key, part=part_name(number), at=gap.first, why=gap.why)

    async def _offer(self, stream: ClientStream, number: int, found: FoundBatch) -> None:
        await self._window.acquire()
        self._serial += 1
        batch = found.batch
        offer = peer_pb2.Offer(offer=self._serial, origin=batch.origin)
        for signed in batch.lists:
            key = signed.signature
            offer.lists.add(body=signed.body, public_key=key.key_public, signature=key.signature)
        for at, index in batch.places:
            offer.entries.add(list=at, index=index)
        self._open[self._serial] = OfferedBatch(self._serial, number, found)
        await self._send(stream, encode_frame(bundles_pb2.ImportRequest(offer=offer)))

    # --- feeding -----------------------------------------------------------------------------------------------

    async def _feed(
        self, stream: ClientStream, wants: trio.MemoryReceiveChannel[tuple[OfferedBatch, peer_pb2.Want]]
    ) -> None:
        async for offered, want in wants:
            frames = wanted_frames(self._folder, offered, want)
            while (message := await self._session.blocking.run(partial(_next, frames))) is not None:
                await self._send(stream, message)

    # --- answers -----------------------------------------------------------------------------------------------

    async def _take_answers(
        self, stream: ClientStream, send: trio.MemorySendChannel[tuple[OfferedBatch, peer_pb2.Want]]
    ) -> None:
        async with send:
            while (answer := await _answer(stream)) is not None:
                match answer.WhichOneof("kind"):
                    case "want":
                        offered = self._open.get(answer.want.offer)
                        if offered is None:
                            raise PeerGone("answer not understood: bytes wanted of a batch that was not offered")
                        await send.send((offered, answer.want))
                    case "applied":
                        await self._on_applied(answer.applied)
                    case "withdrawal":
                        await self._keep_receipt(answer.withdrawal)
                    case other:
                        raise PeerGone(f"answer not understood: {other}")

    async def _on_applied(self, applied: bundles_pb2.ImportApplied) -> None:
        offered = self._open.pop(applied.offer, None)
        entries = offered.found.batch.entries if offered is not None else ()
        if offered is None or len(applied.verdicts) != len(entries):
            raise PeerGone("answer not understood: verdicts of a batch that was not offered")
        for entry, verdict in zip(entries, applied.verdicts, strict=True):
            self._count(offered, entry.blob.raw.hex(), entry.size_bytes, verdict)
        if applied.status_code:
            self._on_refusal(offered, applied)
        if applied.HasField("receipt"):
            await self._keep_receipt(applied.receipt)
        self._answered += len(entries)
        expected = self._done.manifest.entries if self._done.manifest is not None else 0
        self._on_progress(self._answered, max(expected, self._answered))
        self._window.release()

    def _count(
        self, offered: OfferedBatch, blob: str, size_bytes: int, verdict: bundles_pb2.ImportVerdict.ValueType
    ) -> None:
        done = self._done
        match verdict:
            case bundles_pb2.IMPORT_VERDICT_STORED:
                done.stored += 1
                done.stored_bytes += size_bytes
            case bundles_pb2.IMPORT_VERDICT_PRESENT:
                done.present += 1
            case bundles_pb2.IMPORT_VERDICT_NOT_OURS:
                done.not_ours += 1
            case bundles_pb2.IMPORT_VERDICT_REFUSED:
                done.refused += 1
            case _:
                done.broken += 1
                self._problem(ExitCode.DAMAGED, "bundle.bad.blob", blob=blob, part=part_name(offered.part))

    def _on_refusal(self, offered: OfferedBatch, applied: bundles_pb2.ImportApplied) -> None:
        entries = len(offered.found.batch.places)
        if applied.status_code == StatusCode.RESOURCE_EXHAUSTED.value:
            # The node's own disk is full: every further batch would hear the same.
            if not self._is_stopped:
                seconds = -(-applied.retry_after_ms // 1000)
                self._problem(ExitCode.COPIES_SHORT, "bundle.bad.node_full", why=applied.sentence, seconds=seconds)
            self._is_stopped = True
            return
        if applied.status_code == StatusCode.DEADLINE_EXCEEDED.value:
            self._problem(ExitCode.UNKNOWN, "bundle.bad.slow", part=part_name(offered.part), why=applied.sentence)
            return
        self._problem(
            ExitCode.REFUSED,
            "bundle.bad.refused",
            entries=entries,
            part=part_name(offered.part),
            why=applied.sentence,
        )

    # --- receipts ----------------------------------------------------------------------------------------------

    async def _keep_receipt(self, words: peer_pb2.SignedBytes) -> None:
        try:
            receipt = SignedStatement.parse(words.body, Signature(words.public_key, words.signature))
        except Malformed as exc:
            raise PeerGone(f"answer not understood: {exc}") from exc
        self._receipts.append(receipt)
        if len(self._receipts) == limits.BUNDLE_RECEIPTS_FILE_MAX:
            await self._write_receipts()

    async def _write_receipts(self) -> None:
        """On the disk when it returns; a disk that takes none is told once."""
        receipts, self._receipts = self._receipts, []
        if not receipts:
            return
        self._receipts_file += 1
        content = ReceiptsFile(self._head.bundle, receipts[0].content.holder, tuple(receipts))
        try:
            write = partial(self._folder.write_receipts, self._receipts_file, content)
            await self._session.blocking.run(write)
        except OSError as exc:
            if "bundle.bad.receipts" not in {problem.key for problem in self._done.problems.found}:
                self._problem(ExitCode.COPIES_SHORT, "bundle.bad.receipts", why=exc.strerror or str(exc))
            return
        for word in receipts:
            if word.content.kind is StatementKind.WITHDRAWAL:
                self._done.withdrawn += len(word.content.blobs)
            else:
                self._done.receipts += 1
                self._done.receipt_blobs += len(word.content.blobs)

    def _problem(self, code: ExitCode, key: str, **values: object) -> None:
        self._done.problems.add(code, key, bundle=self._folder.name, **values)


async def _answer(stream: ClientStream) -> bundles_pb2.ImportResponse | None:
    message = await stream.receive()
    if message is None:
        return None
    try:
        return decode_message(bundles_pb2.ImportResponse, message)
    except MalformedFrame as exc:
        raise PeerGone(f"answer not understood: {exc}") from exc


def _next(source: Iterator[T]) -> T | None:
    return next(source, None)
