"""Watches for the methods that make promises: they decode what passes and hand it to the invariants.

What a node signs is handed to them when it is signed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import trio

from lumbung_cluster.bundle_manifest import Manifest
from lumbung_cluster.canonical import Malformed
from lumbung_cluster.errors import Rejected
from lumbung_cluster.identity_uri import NodeIdentity, parse_identity
from lumbung_cluster.limits import FRAME_HEADER_SIZE_BYTES_MAX, MESSAGE_SIZE_BYTES_MAX
from lumbung_cluster.receipt import Statement
from lumbung_node.ports.transport import Method
from lumbung_node.services import statements
from lumbung_node.services.core import Core
from lumbung_node.services.replicator import SESSION
from lumbung_node.services.server import IMPORT, PUT, TAKE_RECEIPTS
from lumbung_node.services.session.session import Session
from lumbung_proto.codec import MalformedFrame, decode_frame
from lumbung_proto.v1 import blobs_pb2, bundles_pb2, peer_pb2
from lumbung_testing.simulation.invariants.ends import SessionEnds
from lumbung_testing.simulation.invariants.promises import Promises
from lumbung_testing.simulation.node import Life, SimNode
from lumbung_testing.simulation.patching import patched
from lumbung_testing.simulation.story import Story
from lumbung_testing.simulation.tapping import Watch

__all__ = ["open_watch", "refusals_watched", "signatures_watched"]

_Frames = type[peer_pb2.SessionRequest] | type[peer_pb2.SessionResponse]


def open_watch(
    story: Story, promises: Promises, node: SimNode, life: Life, uri: str, method: Method, dialled: bool
) -> Watch:
    """The watch for one call that `life` of `node` takes part in."""
    identity = parse_identity(uri)
    if method == SESSION and isinstance(identity, NodeIdentity):
        ends = SessionEnds(identity.number)
        out: _Frames = peer_pb2.SessionRequest if dialled else peer_pb2.SessionResponse
        back: _Frames = peer_pb2.SessionResponse if dialled else peer_pb2.SessionRequest
        return _SessionWatch(story, promises, node, life, ends, out, back)
    if method == IMPORT:
        return _ImportWatch(story, promises, node, life)
    if method == TAKE_RECEIPTS:
        return _CarriedWatch(story, promises, node, life)
    if method == PUT:
        return _PutWatch(story, promises, node, life)
    return _AnswerWatch(story, promises, node, life, method)


@contextmanager
def signatures_watched(promises: Promises) -> Iterator[None]:
    """While the block runs, whatever a node signs as its own word is looked at; what a liar signs is not."""
    sign = statements._signed

    def signed(core: Core, statement: Statement) -> peer_pb2.SignedBytes:
        promises.signs(core, statement)
        return sign(core, statement)

    with patched(statements, "_signed", signed):
        yield


@contextmanager
def refusals_watched(promises: Promises) -> Iterator[None]:
    """While the block runs, what a session ends with is looked at when one of the two sides has refused something."""
    run = vars(Session)["run"]

    async def watched(session: Session, *arguments: Callable[[], None]) -> None:
        try:
            await run(session, *arguments)
        except (Rejected, BaseExceptionGroup) as exc:
            for refusal in _refusals(exc):
                promises.refuses(session._core, session.peer, refusal)
            raise

    with patched(Session, "run", watched):
        yield


def _refusals(exc: BaseException) -> list[Rejected]:
    if isinstance(exc, BaseExceptionGroup):
        return [refusal for each in exc.exceptions for refusal in _refusals(each)]
    return [exc] if isinstance(exc, Rejected) else []


class _HashingWatch:
    """Everything that leaves a node is part of the digest."""

    def __init__(self, story: Story, node: SimNode, life: Life) -> None:
        self._story = story
        self._node = node
        self._life = life

    def sends(self, message: bytes) -> None:
        if not self._life.is_dead:
            self._story.hear(self._node.host, "client", message)

    def received(self, message: bytes) -> None:
        """Clients promise nothing."""


class _AnswerWatch(_HashingWatch):
    def __init__(self, story: Story, promises: Promises, node: SimNode, life: Life, method: Method) -> None:
        super().__init__(story, node, life)
        self._promises = promises
        self._method = method

    def sends(self, message: bytes) -> None:
        super().sends(message)
        if not self._life.is_dead:
            self._promises.answer(self._node, self._method, message)


class _PutWatch(_HashingWatch):
    def __init__(self, story: Story, promises: Promises, node: SimNode, life: Life) -> None:
        super().__init__(story, node, life)
        self._promises = promises
        self._begun = trio.current_time()

    def sends(self, message: bytes) -> None:
        super().sends(message)
        if not self._life.is_dead:
            for answer in blobs_pb2.PutResponse.FromString(message).answers:
                self._promises.put_answer(self._node, self._begun, answer)


class _ImportWatch(_HashingWatch):
    """`received` takes the nonce of the manifest that comes first."""

    def __init__(self, story: Story, promises: Promises, node: SimNode, life: Life) -> None:
        super().__init__(story, node, life)
        self._promises = promises
        self._nonce: int | None = None

    def received(self, message: bytes) -> None:
        if self._nonce is None:
            header, _ = decode_frame(bundles_pb2.ImportRequest, message, header_bytes_max=MESSAGE_SIZE_BYTES_MAX)
            self._nonce = _nonce_of(header.begin)

    def sends(self, message: bytes) -> None:
        super().sends(message)
        if not self._life.is_dead:
            self._promises.says_on_disk(self._node, self._nonce or 0, bundles_pb2.ImportResponse.FromString(message))


def _nonce_of(begin: bundles_pb2.ImportBegin) -> int:
    try:
        manifest = Manifest.decode(begin.manifest.body)
    except Malformed:
        return 0
    span = manifest.span(manifest.exporter)
    return span.nonce if span is not None else 0


class _CarriedWatch(_HashingWatch):
    """Each answer is about the words of the request before it."""

    def __init__(self, story: Story, promises: Promises, node: SimNode, life: Life) -> None:
        super().__init__(story, node, life)
        self._promises = promises
        self._requests: deque[bundles_pb2.TakeReceiptsRequest] = deque()

    def received(self, message: bytes) -> None:
        self._requests.append(bundles_pb2.TakeReceiptsRequest.FromString(message))

    def sends(self, message: bytes) -> None:
        super().sends(message)
        if not self._life.is_dead:
            asked = self._requests.popleft()
            said = bundles_pb2.TakeReceiptsResponse.FromString(message)
            self._promises.came_home(self._node, list(asked.receipts), said)


class _SessionWatch:
    def __init__(
        self,
        story: Story,
        promises: Promises,
        node: SimNode,
        life: Life,
        ends: SessionEnds,
        out: _Frames,
        back: _Frames,
    ) -> None:
        self._story = story
        self._promises = promises
        self._node = node
        self._life = life
        self._ends = ends
        self._out = out
        self._back = back

    def sends(self, message: bytes) -> None:
        if self._life.is_dead:
            return
        self._story.hear(self._node.host, f"n{self._ends.peer}", message)
        header, _ = decode_frame(self._out, message, header_bytes_max=FRAME_HEADER_SIZE_BYTES_MAX)
        self._promises.says(self._node, self._ends, header.frame)

    def received(self, message: bytes) -> None:
        try:
            header, _ = decode_frame(self._back, message, header_bytes_max=FRAME_HEADER_SIZE_BYTES_MAX)
        except MalformedFrame:
            return  # the node's to refuse
        self._promises.heard(self._node, self._ends, header.frame)
