"""The people of one office: a station that puts and repeats, an operator who reads, lists and asks for status."""

from __future__ import annotations

import random
from collections.abc import Sequence

from blake3 import blake3

from lumbung_cluster.access import AccessEntry, AccessList, Duty, SignedAccess, sign_access
from lumbung_cluster.errors import LumbungError
from lumbung_cluster.identity_uri import AccessIdentity
from lumbung_cluster.ids import BlobId, NodeNumber
from lumbung_cluster.limits import MIB
from lumbung_cluster.van import VanRecord
from lumbung_node.ports.transport import Caller, Endpoint, Method, Transport
from lumbung_node.services.leaving import DROP, PLAN_DROP
from lumbung_node.services.reconcile_run import RECONCILE
from lumbung_node.services.server import GET, LIST, PUBLISH_ACCESS, PUBLISH_ROSTER, PUT, START_SCRUB, STATUS
from lumbung_proto.codec import decode_frame, encode_frame
from lumbung_proto.v1 import blobs_pb2, leaving_pb2, operations_pb2, reconcile_pb2, roster_pb2, scrub_pb2
from lumbung_testing.rosters import CLUSTER, SeededSigner
from lumbung_testing.simulation.content import Delivery
from lumbung_testing.simulation.node import address_of, node_caller
from lumbung_testing.simulation.story import Story
from lumbung_tools.client.ask import BlobName
from lumbung_tools.client.read_stream import BlobRefused, ReadStream, open_reads

__all__ = ["Operator", "Station", "access_caller", "office_access"]

_DEADLINE_S = 60.0
_HEADER_BYTES_MAX = 128 * 1024


def access_caller(office: NodeNumber, name: str) -> Caller:
    return Caller(AccessIdentity(CLUSTER, office, name).uri, blake3(f"{name} {office}".encode()).digest())


def office_access(office: NodeNumber, version: int = 1, vans: tuple[VanRecord, ...] = ()) -> SignedAccess:
    """The access list of one office: its operator, its station and its vans."""
    entries = tuple(
        AccessEntry(name, duty, (access_caller(office, name).key_pin,), 0, 1 << 50)
        for name, duty in (("operator", Duty.OPERATOR), ("station", Duty.STATION))
    )
    return sign_access(AccessList(CLUSTER, office, version, 0, entries, vans), SeededSigner(f"access {office}"))


def _endpoint(number: NodeNumber) -> Endpoint:
    caller = node_caller(number)
    return Endpoint(address_of(f"n{number}", number), caller.uri, (caller.key_pin,))


class Station:
    """Puts at its own office's node. What it was told is the story's; what it was promised, the watcher's."""

    def __init__(self, office: NodeNumber, transport: Transport, story: Story) -> None:
        self.office = office
        self.host = f"s{office}"
        self._transport = transport
        self._story = story

    async def put(self, deliveries: Sequence[Delivery], copies: int, wait_ms: int) -> list[blobs_pb2.PutAnswer]:
        """One stream, its answers. Every blob must get one final answer when the stream ends well."""
        answers: list[blobs_pb2.PutAnswer] = []
        channel = self._transport.dial(_endpoint(self.office))
        try:
            async with channel.stream(PUT, deadline_s=_DEADLINE_S) as stream:
                for ticket, delivery in enumerate(deliveries, start=1):
                    for frame in _frames(ticket, delivery, copies, wait_ms):
                        await stream.send(frame)
                await stream.finish_sending()
                while (message := await stream.receive()) is not None:
                    answers += blobs_pb2.PutResponse.FromString(message).answers
            self._check_final(answers, len(deliveries))
        except LumbungError as exc:
            self._story.tell(self.host, "put failed", type(exc).__name__)
        finally:
            await channel.close()
        for answer in answers:
            outcome = blobs_pb2.PutOutcome.Name(answer.outcome).removeprefix("PUT_OUTCOME_").lower()
            self._story.tell(self.host, outcome, f"{answer.id.hex()[:12]} {list(answer.copies.holders)}")
        return answers

    def _check_final(self, answers: list[blobs_pb2.PutAnswer], count: int) -> None:
        final = sorted(answer.ticket for answer in answers if answer.final)
        if final != list(range(1, count + 1)):
            self._story.broken("one final answer", f"{self.host} put {count} blobs, final answers for {final}")


class Operator:
    """Reads at any holder of the office's blobs."""

    def __init__(self, office: NodeNumber, transport: Transport, story: Story) -> None:
        self.office = office
        self.host = f"o{office}"
        self._transport = transport
        self._story = story

    async def get(self, holder: NodeNumber, blob: BlobId) -> bool:
        """Whether it came, right; a refusal is an answer too, wrong bytes are not."""
        content = bytearray()
        channel = self._transport.dial(_endpoint(holder))
        try:
            async with channel.stream(GET, deadline_s=_DEADLINE_S) as stream:
                await stream.send(blobs_pb2.GetRequest(origin=self.office, id=blob.raw).SerializeToString())
                await stream.finish_sending()
                while (message := await stream.receive()) is not None:
                    _, payload = decode_frame(blobs_pb2.GetResponse, message, header_bytes_max=_HEADER_BYTES_MAX)
                    content += payload
        except LumbungError as exc:
            self._story.tell(self.host, "get refused", f"{holder} {blob.raw.hex()[:12]} {type(exc).__name__}")
            return False
        finally:
            await channel.close()
        if BlobId.of(bytes(content)) != blob:
            self._story.broken("a read is right", f"node {holder} gave wrong bytes for {blob}")
        self._story.tell(self.host, "got", f"{holder} {blob.raw.hex()[:12]}")
        return True

    async def read(self, holder: NodeNumber, blobs: Sequence[BlobId]) -> None:
        """All over one stream, asked for ahead; each comes right, in this order, or is refused for itself."""
        channel = self._transport.dial(_endpoint(holder))
        try:
            async with open_reads(channel, deadline_s=_DEADLINE_S) as reads:
                for blob in blobs:
                    await reads.ask(BlobName(blob.raw.hex()), self.office)
                await reads.finish_asking()
                for blob in blobs:
                    await self._read_one(reads, holder, blob)
        except LumbungError as exc:
            self._story.tell(self.host, "read ended", f"{holder} {type(exc).__name__}")
        finally:
            await channel.close()

    async def _read_one(self, reads: ReadStream, holder: NodeNumber, blob: BlobId) -> None:
        content = bytearray()
        try:
            await reads.begin()
            while (piece := await reads.piece()) is not None:
                content += piece
        except BlobRefused as exc:
            self._story.tell(self.host, "read refused", f"{holder} {blob.raw.hex()[:12]} {exc.code.name}")
            return
        if BlobId.of(bytes(content)) != blob:
            self._story.broken("a read is right", f"node {holder} gave wrong bytes for {blob} in a stream")
        self._story.tell(self.host, "read", f"{holder} {blob.raw.hex()[:12]}")

    async def status(self) -> None:
        channel = self._transport.dial(_endpoint(self.office))
        try:
            request = operations_pb2.StatusRequest().SerializeToString()
            raw = await channel.call(STATUS, request, deadline_s=_DEADLINE_S)
        except LumbungError as exc:
            self._story.tell(self.host, "status refused", type(exc).__name__)
            return
        finally:
            await channel.close()
        status = operations_pb2.StatusResponse.FromString(raw)
        if sum(status.own.by_copies) != status.own.blobs:
            self._story.broken("status adds up", f"{status.own.blobs} blobs, by copies {list(status.own.by_copies)}")
        self._story.tell(self.host, "status", f"{status.own.blobs} {list(status.own.by_copies)}")

    async def list_blobs(self) -> None:
        channel = self._transport.dial(_endpoint(self.office))
        try:
            raw = await channel.call(LIST, blobs_pb2.ListRequest().SerializeToString(), deadline_s=_DEADLINE_S)
        except LumbungError as exc:
            self._story.tell(self.host, "list refused", type(exc).__name__)
            return
        finally:
            await channel.close()
        self._story.tell(self.host, "listed", str(len(blobs_pb2.ListResponse.FromString(raw).blobs)))

    async def publish(self, rosters: list[bytes]) -> None:
        channel = self._transport.dial(_endpoint(self.office))
        try:
            request = roster_pb2.PublishRosterRequest(rosters=rosters).SerializeToString()
            await channel.call(PUBLISH_ROSTER, request, deadline_s=_DEADLINE_S)
        except LumbungError as exc:
            self._story.tell(self.host, "roster not published", type(exc).__name__)
        finally:
            await channel.close()

    async def publish_access(self, access: SignedAccess) -> None:
        await self._ask_own(
            PUBLISH_ACCESS, roster_pb2.PublishAccessRequest(access_list=access.encode()).SerializeToString()
        )

    async def plan_drop(self) -> list[leaving_pb2.OriginDrop]:
        """What the own node says that it could let go of; nothing when it does not answer."""
        raw = await self._ask_own(PLAN_DROP, leaving_pb2.PlanDropRequest().SerializeToString())
        return list(leaving_pb2.PlanDropResponse.FromString(raw).origins) if raw is not None else []

    async def reconcile(self, request: reconcile_pb2.ReconcileRequest) -> list[reconcile_pb2.ReconcileResponse]:
        """All that the own node says of a reconcile, to its end; nothing when it was refused or cut."""
        said: list[reconcile_pb2.ReconcileResponse] = []
        channel = self._transport.dial(_endpoint(self.office))
        try:
            async with channel.stream(RECONCILE) as stream:
                await stream.send(request.SerializeToString())
                await stream.finish_sending()
                while (message := await stream.receive()) is not None:
                    said.append(reconcile_pb2.ReconcileResponse.FromString(message))
        except LumbungError as exc:
            self._story.tell(self.host, "reconcile refused", type(exc).__name__)
            return []
        finally:
            await channel.close()
        return said

    async def start_scrub(self) -> None:
        await self._ask_own(START_SCRUB, scrub_pb2.StartScrubRequest().SerializeToString())

    async def drop(self, origin: int, units: int) -> None:
        await self._ask_own(DROP, leaving_pb2.DropRequest(origin=origin, units=units).SerializeToString())

    async def _ask_own(self, method: Method, request: bytes) -> bytes | None:
        channel = self._transport.dial(_endpoint(self.office))
        try:
            return await channel.call(method, request, deadline_s=_DEADLINE_S)
        except LumbungError as exc:
            self._story.tell(self.host, "not answered", type(exc).__name__)
            return None
        finally:
            await channel.close()


def _frames(ticket: int, delivery: Delivery, copies: int, wait_ms: int) -> list[bytes]:
    content = delivery.content
    start = blobs_pb2.PutStart(
        size_bytes=len(content),
        id=delivery.blob.raw,
        record_tag=delivery.record_tag,
        content_tag=delivery.content_tag,
        seal_epoch=1,
        copies=copies,
        wait_ms=wait_ms,
    )
    frames = []
    for at in range(0, len(content), MIB):
        piece = content[at : at + MIB]
        part = blobs_pb2.PutPart(ticket=ticket, start=start if at == 0 else None, length_bytes=len(piece))
        frames.append(encode_frame(blobs_pb2.PutRequest(parts=[part]), [piece]))
    return frames


def pick(luck: random.Random, blobs: Sequence[tuple[NodeNumber, BlobId]], office: NodeNumber) -> BlobId | None:
    """Some acknowledged blob of this office."""
    own = [blob for origin, blob in blobs if origin == office]
    return luck.choice(own) if own else None
