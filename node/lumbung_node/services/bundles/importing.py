"""Import: a disk's batches come in and are committed as what a peer brings: same checks, same bounds, same sync.

    begin -> offer (lists, entries) -> Want (what is lacking) -> pieces -> every id verified -> one commit -> Applied

Differences to a session: nobody is believed about where the entries come from, so they are learnt from ourselves and
offered to everybody who may lack them; no mark moves; the receipt names the nonce of a manifest that its origin has
signed, never one that a disk alone says: else a holder could be made to sign under nonces that are still to come.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import trio

from lumbung_cluster import limits
from lumbung_cluster.bundle_manifest import SignedManifest
from lumbung_cluster.canonical import Malformed
from lumbung_cluster.entry import Entry, SignedList
from lumbung_cluster.errors import Rejected, StatusCode
from lumbung_cluster.ids import NodeNumber
from lumbung_node.ports.transport import ServerCall
from lumbung_node.services.budget import ByteBudget, check_crawling
from lumbung_node.services.core import Core
from lumbung_node.services.session.arrivals import Arrival, Arrivals, contents_of, put_away
from lumbung_node.services.session.lists import ListChecker
from lumbung_node.services.session.pieces import bits
from lumbung_node.services.statements import commit_receipt, withdrawal
from lumbung_node.store.jobs import ForeignBlob, Job
from lumbung_node.store.reads import is_intact
from lumbung_proto.codec import MalformedFrame, decode_frame
from lumbung_proto.v1 import bundles_pb2, peer_pb2

__all__ = ["ImportStream"]


@dataclass(slots=True)
class _Taking:
    """A batch that is being taken in."""

    offer: peer_pb2.Offer
    origin: NodeNumber
    places: list[tuple[SignedList, int]]
    arrivals: dict[int, Arrival] = field(default_factory=dict)
    progress: trio.Event = field(default_factory=trio.Event)

    def entry(self, index: int) -> Entry:
        signed, at = self.places[index]
        return signed.content.entries[at]


class ImportStream:
    """One call of `Import`."""

    def __init__(self, core: Core, arrivals: Arrivals, share: ByteBudget, call: ServerCall) -> None:
        """`share` is what all imports together may hold of the memory for foreign bytes."""
        self._core = core
        self._share = share
        self._received_bytes = 0
        self._arrivals = arrivals
        self._call = call
        self._checker = ListChecker(core, arrivals.known_lists, core.number)
        self._open: dict[int, _Taking] = {}
        self._manifest: SignedManifest | None = None
        self._turn = trio.Lock()

    async def run(self) -> None:
        """To the end of the caller's messages; every batch is answered before it returns."""
        await self._begin()
        async with trio.open_nursery() as nursery:
            while (received := await self._receive()) is not None:
                request, payload = received
                match request.WhichOneof("kind"):
                    case "offer":
                        nursery.start_soon(self._take, self._taking(request.offer))
                    case "pieces":
                        await self._on_pieces(request.pieces, payload)
                    case other:
                        raise _invalid(f"unexpected message {other}")
            for taking in self._open.values():  # the disk was pulled out, or its reader gave up
                for arrival in taking.arrivals.values():
                    if not arrival.ended:
                        arrival.fail("its bytes did not come")
                taking.progress.set()
        await self._take_back()

    async def _receive(self) -> tuple[bundles_pb2.ImportRequest, memoryview] | None:
        message = await self._call.receive()
        if message is None:
            return None
        try:
            return decode_frame(bundles_pb2.ImportRequest, message, header_bytes_max=limits.MESSAGE_SIZE_BYTES_MAX)
        except MalformedFrame as exc:
            raise _invalid(str(exc)) from exc

    async def _send(self, response: bundles_pb2.ImportResponse) -> None:
        async with self._turn:
            await self._call.send(response.SerializeToString())

    # --- whose disk --------------------------------------------------------------------------------------------

    async def _begin(self) -> None:
        received = await self._receive()
        if received is None or received[0].WhichOneof("kind") != "begin":
            raise _invalid("expected a begin first")
        begin, core = received[0].begin, self._core
        if begin.cluster_id != core.cluster.raw:
            raise Rejected(
                StatusCode.FAILED_PRECONDITION,
                f"disk of another cluster: expected {core.cluster}, got {begin.cluster_id.hex()}",
            )
        if begin.holder != core.number:
            raise Rejected(
                StatusCode.FAILED_PRECONDITION, f"disk for another node: expected {core.number}, got {begin.holder}"
            )
        begun = bundles_pb2.ImportBegun()
        try:
            self._manifest = self._believed(begin)
        except Malformed as exc:
            begun.sentence = str(exc)
        else:
            exporter = self._manifest.content.exporter
            nonce = self._nonce(exporter)
            if nonce:
                await core.store.nonces.keep(exporter, nonce)
                begun.receipts_for.append(exporter)
        await self._send(bundles_pb2.ImportResponse(begun=begun))

    def _believed(self, begin: bundles_pb2.ImportBegin) -> SignedManifest:
        """The manifest, when its exporter has signed it for us. Raises Malformed."""
        if not begin.HasField("manifest"):
            raise Malformed("manifest", "one that the exporter has signed", "none")
        words = begin.manifest
        signed = SignedManifest.from_bytes(words.body + words.public_key + words.signature)
        content = signed.content
        expected = (self._core.cluster.raw, self._core.number, begin.bundle_id, begin.exporter)
        if (content.cluster.raw, content.holder, content.bundle, content.exporter) != expected:
            raise Malformed("manifest", "the one of this disk", "another's")
        keys = self._core.rosters.roster.receipt_keys(content.exporter)
        key = signed.signature.key_public
        held = next((known for known in keys if known.key == key and known.holds_in(content.roster_epoch)), None)
        if held is None:
            raise Malformed("manifest", f"a receipt key of node {content.exporter}", key.hex()[:16])
        if not signed.is_valid(self._core.verifier):
            raise Malformed("manifest", "a valid signature", "a broken one")
        if not held.is_open and _own_nonce(signed) > self._core.store.nonces.highest(content.exporter):
            # The thief of that key could name a nonce that its owner never draws: all that we take back later would be
            # signed behind it, and the owner would refuse it, or never believe that it was mended.
            raise Malformed("manifest", "a key in force, or a nonce that its node has shown us", "a retired key")
        return signed

    # --- batches -----------------------------------------------------------------------------------------------

    def _taking(self, offer: peer_pb2.Offer) -> _Taking:
        """Raises Rejected for what breaks the protocol; what is wrong with the content is answered by itself."""
        if len(self._open) >= limits.BUNDLE_OFFERS_OPEN_MAX or offer.offer in self._open:
            raise Rejected(
                StatusCode.RESOURCE_EXHAUSTED,
                f"expected at most {limits.BUNDLE_OFFERS_OPEN_MAX} open offers, each with a new number",
            )
        if len(offer.entries) > limits.OFFER_ENTRIES_MAX or len(offer.lists) > limits.OFFER_LISTS_MAX:
            raise _invalid(f"expected at most {limits.OFFER_ENTRIES_MAX} entries and {limits.OFFER_LISTS_MAX} lists")
        taking = _Taking(offer, NodeNumber(offer.origin), [])
        self._open[offer.offer] = taking
        return taking

    async def _on_pieces(self, pieces: peer_pb2.Pieces, payload: memoryview) -> None:
        taking = self._open.get(pieces.offer)
        if taking is None or len(pieces.pieces) > limits.FRAME_PARTS_MAX:
            raise _invalid(f"pieces for offer {pieces.offer}, which is not open, or too many")
        at = 0
        for piece in pieces.pieces:
            arrival = taking.arrivals.get(piece.entry)
            if arrival is None or at + piece.length_bytes > len(payload):
                raise _invalid(f"offer {pieces.offer}: bytes that were not asked for")
            if piece.failed:
                arrival.fail("the disk could not be read")
            else:
                await arrival.append(payload[at : at + piece.length_bytes])
            at += piece.length_bytes
        self._received_bytes += len(payload)
        taking.progress.set()

    async def _take(self, taking: _Taking) -> None:
        offer = taking.offer
        try:
            applied = await self._taken(taking)
        except Rejected as exc:
            verdicts = [bundles_pb2.IMPORT_VERDICT_REFUSED] * len(offer.entries)
            applied = bundles_pb2.ImportApplied(
                offer=offer.offer,
                verdicts=verdicts,
                status_code=exc.code.value,
                sentence=exc.sentence,
                retry_after_ms=int(exc.retry_after_s * 1000),
            )
        finally:
            self._open.pop(offer.offer, None)
        await self._send(bundles_pb2.ImportResponse(applied=applied))

    async def _taken(self, taking: _Taking) -> bundles_pb2.ImportApplied:
        """Raises Rejected when nothing of the batch may be taken."""
        core, offer, origin = self._core, taking.offer, taking.origin
        taking.places = self._checker.places(offer, origin)
        await self._checker.verify(offer, origin)
        if core.condition.refuses_foreign and origin != core.number:
            raise core.condition.below_a_mark(f"disk nearly full: {core.condition.free_bytes} bytes free")
        units = core.rosters.roster.units_held(core.number, origin)
        assigned = [i for i in range(len(taking.places)) if units >> taking.entry(i).blob.unit & 1]
        assigned_blobs = [taking.entry(i).blob for i in assigned]
        async with self._arrivals.claim(origin, assigned_blobs, core.number) as lacking:
            wanted = [i for i in assigned if taking.entry(i).blob in lacking]
            sizes = [min(taking.entry(i).size_bytes, limits.MEMORY_BLOB_BYTES_MAX) for i in wanted]
            async with self._share.hold(sum(sizes)), core.foreign_memory.hold(sum(sizes)):
                try:
                    await self._bring(taking, wanted)
                    await self._commit(taking)
                finally:
                    await put_away(taking.arrivals.values())
        return await self._answer(taking, set(assigned), set(wanted))

    async def _bring(self, taking: _Taking, wanted: list[int]) -> None:
        """Ask for what is lacking and wait until each blob is whole or has failed."""
        want = peer_pb2.Want(offer=taking.offer.offer, wanted=bits(wanted, len(taking.places)))
        for index in wanted:
            taking.arrivals[index] = await self._arrivals.begin(self._core.number, taking.origin, taking.entry(index))
        await self._send(bundles_pb2.ImportResponse(want=want))
        begun, received_before = trio.current_time(), self._received_bytes
        while not all(arrival.ended for arrival in taking.arrivals.values()):
            taking.progress = trio.Event()
            with trio.move_on_after(limits.BLOB_SILENCE_S) as silence:
                await taking.progress.wait()
            if silence.cancelled_caught:
                raise Rejected(
                    StatusCode.DEADLINE_EXCEEDED, f"expected bytes, got none for {limits.BLOB_SILENCE_S:.0f} s"
                )
            self._check_rate(trio.current_time() - begun, self._received_bytes - received_before)

    def _check_rate(self, elapsed_s: float, received_bytes: int) -> None:
        """A disk that crawls goes on for as long as nobody else waits for the memory it holds. Raises Rejected."""
        is_wanted = self._share.is_waited_for or self._core.foreign_memory.is_waited_for
        if is_wanted and elapsed_s >= limits.FOREIGN_HOLD_S_MIN:
            check_crawling(elapsed_s, received_bytes, StatusCode.RESOURCE_EXHAUSTED)

    async def _commit(self, taking: _Taking) -> None:
        job = Job()
        arrivals = sorted(taking.arrivals.items())
        contents = await contents_of(self._core, [arrival for _, arrival in arrivals])
        for (index, _), content in zip(arrivals, contents, strict=True):
            if content is not None:
                signed, at = taking.places[index]
                life = self._core.store.state.generation
                job.foreign.append(ForeignBlob(signed, at, content, self._core.number, life))
        if job.foreign:
            with trio.CancelScope(shield=True):  # whose reader hangs up holds memory and claims until the disk has it
                await self._core.store.committer.commit(job)

    async def _answer(self, taking: _Taking, assigned: set[int], wanted: set[int]) -> bundles_pb2.ImportApplied:
        blobs = [taking.entry(i).blob for i in range(len(taking.places))]
        rows = await self._core.store.reader.rows(taking.origin, blobs)
        here = [i for i, row in enumerate(rows) if is_intact(row)]
        applied = bundles_pb2.ImportApplied(offer=taking.offer.offer)
        for i, row in enumerate(rows):
            if is_intact(row):
                stored = bundles_pb2.IMPORT_VERDICT_STORED
                applied.verdicts.append(stored if i in wanted else bundles_pb2.IMPORT_VERDICT_PRESENT)
            else:
                broken = bundles_pb2.IMPORT_VERDICT_BROKEN
                applied.verdicts.append(broken if i in assigned else bundles_pb2.IMPORT_VERDICT_NOT_OURS)
        nonce = self._nonce(taking.origin)
        if nonce and here:
            receipt = await commit_receipt(self._core, taking.origin, nonce, [blobs[i] for i in here])
            if receipt is not None:
                applied.receipt.CopyFrom(receipt)
        return applied

    async def _take_back(self) -> None:
        """What is damaged here of the exporter's, whatever disk or line it came by: its old receipts count no more.

        Said last, so that what this very disk has mended is not taken back; and under the highest nonce that we have
        ever signed under for that origin: the disk may be older than a receipt that went by another one, or by a line.
        """
        core = self._core
        origin = self._manifest.content.exporter if self._manifest is not None else None
        if origin is None or not self._nonce(origin) or core.condition.stopped:
            return
        damaged = [blob for of, blob in core.store.state.damaged if of == origin]
        for at in range(0, len(damaged), limits.RECEIPT_IDS_MAX):
            nonce = core.store.nonces.highest(origin)
            words = withdrawal(core, origin, nonce, damaged[at : at + limits.RECEIPT_IDS_MAX])
            await self._send(bundles_pb2.ImportResponse(withdrawal=words))

    def _nonce(self, origin: NodeNumber) -> int:
        if self._manifest is None or self._manifest.content.exporter != origin:
            return 0
        return _own_nonce(self._manifest)


def _own_nonce(manifest: SignedManifest) -> int:
    """The nonce that receipts for the exporter's own blobs must name; 0 when it carries none of them."""
    span = manifest.content.span(manifest.content.exporter)
    return span.nonce if span is not None else 0


def _invalid(sentence: str) -> Rejected:
    return Rejected(StatusCode.INVALID_ARGUMENT, sentence)
