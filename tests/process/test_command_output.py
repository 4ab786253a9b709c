"""Outputs of the `lumbung` command: a full disk, a reader that went away, an encoding of few characters."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from lumbung_testing.profiles import make_profile

# The command against a blob service in its own process.
_COMMAND = textwrap.dedent(
    """
    import sys
    from contextlib import asynccontextmanager
    from lumbung_proto.v1 import operations_pb2
    from lumbung_testing.direct_channel import DirectChannel, DirectTransport
    from lumbung_testing.fake_blobs import FakeBlobs
    from lumbung_tools import main
    from lumbung_tools.client.methods import STATUS

    async def status(call):
        await call.receive()
        links = [operations_pb2.LinkState(node=2)]
        await call.send(operations_pb2.StatusResponse(node=1, name="36.02", links=links).SerializeToString())

    node = FakeBlobs(1)
    node.blobs[bytes(32)] = b"one"

    @asynccontextmanager
    async def transport(profile):
        yield DirectTransport({1: DirectChannel({**node.handlers, STATUS: status})})

    sys.exit(main.run(sys.argv[1:], transport))
    """
)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return make_profile(tmp_path / "home").profile.home


def start(home: Path, *arguments: str, stdout: int, **environment: str) -> subprocess.Popen[bytes]:
    words = [sys.executable, "-c", _COMMAND, *arguments, "--home", str(home), "--lang", "en"]
    spoken = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **environment}
    return subprocess.Popen(words, stdout=stdout, stderr=subprocess.PIPE, env=spoken)


def run_unheard(home: Path, *arguments: str) -> tuple[int, str]:
    """With a reader that has gone away already."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        process = start(home, *arguments, stdout=writer)
    finally:
        os.close(writer)
    err = process.communicate()[1].decode()
    return process.returncode, err


def run_into_full(home: Path, *arguments: str) -> tuple[int, str]:
    with open("/dev/full", "wb") as full:
        process = start(home, *arguments, stdout=full.fileno())
    err = process.communicate()[1].decode()
    return process.returncode, err


def files(folder: Path, *names: str) -> list[str]:
    for name in names:
        (folder / name).write_bytes(name.encode())
    return [str(folder / name) for name in names]


@pytest.mark.parametrize("arguments", [("status",), ("status", "--json"), ("--help",), ("ls",)])
def test_a_reader_that_went_away_is_no_bug(home: Path, arguments: tuple[str, ...]) -> None:
    assert run_unheard(home, *arguments) == (141, "")


def test_a_put_goes_on_to_its_end_when_its_reader_went_away(home: Path, tmp_path: Path) -> None:
    code, err = run_unheard(home, "put", *files(tmp_path, "a.zip", "b.zip", "c.zip"))

    assert (code, err) == (141, "")
    assert list((home / "outbox").iterdir()) == []


@pytest.mark.parametrize("more", [(), ("--json",)])
def test_a_put_whose_output_cannot_be_written_says_what_is_stored(
    home: Path, tmp_path: Path, more: tuple[str, ...]
) -> None:
    code, err = run_into_full(home, "put", *files(tmp_path, "a.zip", "b.zip"), *more)

    assert code == 2
    assert err.startswith("The output could not be written")
    assert "2 recordings: 2 safe." in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("arguments", [("ls", "--json"), ("status",), ("status", "--json")])
def test_an_output_that_cannot_be_written_is_one_sentence(home: Path, arguments: tuple[str, ...]) -> None:
    code, err = run_into_full(home, *arguments)

    assert code == 2
    assert err.startswith("The output could not be written")
    assert err.count("\n") == 1


def test_a_character_that_the_terminal_cannot_show_stops_no_put(home: Path, tmp_path: Path) -> None:
    names = files(tmp_path, "é.zip", "plain.zip")

    process = start(home, "put", *names, stdout=subprocess.PIPE, PYTHONIOENCODING="ascii")
    out = process.communicate()[0].decode()

    assert process.returncode == 0
    assert "\\xe9.zip: stored" in out
    assert "2 recordings: 2 safe." in out
