"""Commands as a person at an office types them, against blob services in the same process."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from lumbung_node.ports.transport import Dialer
from lumbung_proto.v1 import blobs_pb2
from lumbung_testing.direct_channel import DirectChannel, DirectTransport
from lumbung_testing.fake_blobs import FakeBlobs, Put
from lumbung_testing.profiles import TestProfile, make_profile
from lumbung_tools.client.profile import Profile
from lumbung_tools.main import run

__all__ = ["PLAIN", "Office", "answers"]

PLAIN = b"a recording that is nobody's\n" * 100


class Office:
    """Office 36.02 with its station, its node, its peer 34.04 and the DRC."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.station: TestProfile = make_profile(folder / "home")
        self.folder = folder
        self.node, self.peer, self.drc = FakeBlobs(1), FakeBlobs(2), FakeBlobs(4)
        self.channels = {n: DirectChannel(fake.handlers) for n, fake in ((1, self.node), (2, self.peer), (4, self.drc))}
        self._capsys = capsys

    def type(self, *arguments: str) -> int:
        @asynccontextmanager
        async def open_transport(profile: Profile) -> AsyncIterator[Dialer]:
            yield DirectTransport(self.channels)

        return run([*arguments, "--home", str(self.station.profile.home), "--lang", "en"], open_transport)

    def file(self, name: str, content: bytes = PLAIN) -> str:
        path = self.folder / name
        path.write_bytes(content)
        return str(path)

    def said(self) -> tuple[str, str]:
        captured = self._capsys.readouterr()
        return captured.out, captured.err

    def objects(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.said()[0].splitlines()]

    def waiting(self) -> list[str]:
        return sorted(path.name for path in self.station.profile.outbox.iterdir())


def answers(count: int) -> Callable[[Put, int], blobs_pb2.PutAnswer]:
    """Every blob ends stored with so many copies."""

    def rule(put: Put, completed: int) -> blobs_pb2.PutAnswer:
        copies = blobs_pb2.CopyCount(count=count, wanted=3, safe=count == 3, holders=[1], missing=[2, 4])
        return blobs_pb2.PutAnswer(outcome=blobs_pb2.PUT_OUTCOME_STORED, id=put.start.id, copies=copies, final=True)

    return rule
