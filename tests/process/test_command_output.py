"""Outputs and inputs of the `lumbung` command: a full disk, a reader that went away, an encoding of few characters,
a pipe that gives nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from lumbung_cluster.ids import BlobId
from lumbung_testing.profiles import make_profile

# The command against a blob service in its own process.
_COMMAND = textwrap.dedent(
    """
    import signal
    import sys
    from contextlib import asynccontextmanager
    from lumbung_cluster.ids import BlobId
    from lumbung_proto.v1 import operations_pb2
    from lumbung_testing.direct_channel import DirectChannel, DirectTransport
    from lumbung_testing.fake_blobs import FakeBlobs
    from lumbung_tools import main
    from lumbung_tools.client.methods import STATUS

    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs inherit that it is ignored

    async def status(call):
        await call.receive()
        links = [operations_pb2.LinkState(node=2)]
        await call.send(operations_pb2.StatusResponse(node=1, name="36.02", links=links).SerializeToString())

    node = FakeBlobs(1)
    node.blobs[bytes(32)] = b"one"
    whole, stalled = b"whole", bytes(2 << 20)
    node.blobs.update({BlobId.of(each).raw: each for each in (whole, stalled)})
    node.stalls_in = BlobId.of(stalled).raw

    @asynccontextmanager
    async def transport(profile):
        yield DirectTransport({1: DirectChannel({**node.handlers, STATUS: status})})

    main.leave(main.run(sys.argv[1:], transport))
    """
)


_WHOLE, _STALLED = BlobId.of(b"whole").raw, BlobId.of(bytes(2 << 20)).raw


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return make_profile(tmp_path / "home").profile.home


def start(
    home: Path, *arguments: str, stdout: int, stdin: int | None = None, **environment: str
) -> subprocess.Popen[bytes]:
    words = [sys.executable, "-c", _COMMAND, *arguments, "--home", str(home), "--lang", "en"]
    spoken = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **environment}
    return subprocess.Popen(words, stdin=stdin, stdout=stdout, stderr=subprocess.PIPE, env=spoken)


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


_PATIENCE_S = 30.0


def test_ctrl_c_ends_a_put_of_a_pipe_into_which_nobody_writes(home: Path, tmp_path: Path) -> None:
    """Only a kill from another terminal ended it."""
    pipe = tmp_path / "scanner"
    os.mkfifo(pipe)
    process = start(home, "put", str(pipe), stdout=subprocess.PIPE)
    with pipe.open("wb"):  # the put has it open now, and waits for bytes
        process.send_signal(signal.SIGINT)
        err = process.communicate(timeout=_PATIENCE_S)[1].decode()

    assert process.returncode == 130
    assert err.startswith("Stopped.")
    assert err.count("\n") == 1


def test_ctrl_c_ends_a_put_of_a_standard_input_that_does_not_end(home: Path) -> None:
    process = start(home, "put", "-", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.write(bytes(1 << 20))  # more than a pipe holds: the put is reading
    process.stdin.flush()
    process.send_signal(signal.SIGINT)
    process.wait(timeout=_PATIENCE_S)
    err = process.communicate()[1].decode()

    assert process.returncode == 130
    assert err.startswith("Stopped.")
    assert err.count("\n") == 1


def test_ctrl_c_ends_a_get_of_a_list_that_does_not_end(home: Path, tmp_path: Path) -> None:
    into = tmp_path / "into"
    into.mkdir()
    process = start(home, "get", "--list", "-", "--into", str(into), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.write(b"# nothing yet\n" * (1 << 16))  # more than a pipe holds: the get is reading
    process.stdin.flush()
    process.send_signal(signal.SIGINT)
    process.wait(timeout=_PATIENCE_S)
    err = process.communicate()[1].decode()

    assert process.returncode == 130
    assert err.startswith("Stopped.")
    assert err.count("\n") == 1
    assert list(into.iterdir()) == []


def test_ctrl_c_in_the_middle_of_a_recording_leaves_whole_ones_only(home: Path, tmp_path: Path) -> None:
    into = tmp_path / "into"
    into.mkdir()
    names = [_WHOLE.hex(), _STALLED.hex()]
    words = ("get", "--sealed", *names, "--from", "36.02", "--into", str(into))
    process = start(home, *words, stdout=subprocess.PIPE)
    until_some_bytes_lie_there(into)
    process.send_signal(signal.SIGINT)
    err = process.communicate(timeout=_PATIENCE_S)[1].decode()

    assert process.returncode == 130
    assert err.startswith("Stopped.")
    assert [path.name for path in into.iterdir()] == [_WHOLE.hex()[:16]]


def until_some_bytes_lie_there(folder: Path) -> None:
    """Of the second recording, beside the first one."""
    ends_at = time.monotonic() + _PATIENCE_S
    while not ((folder / _WHOLE.hex()[:16]).exists() and any(each.stat().st_size for each in folder.glob(".*/*"))):
        assert time.monotonic() < ends_at, list(folder.rglob("*"))
        time.sleep(0.01)


def test_a_standard_input_that_is_named_twice_is_stored_once(home: Path) -> None:
    process = start(home, "put", "-", "-", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    out, err = process.communicate(b"a recording")

    assert process.returncode == 2
    assert out.decode().startswith("-: stored")
    assert "it is empty" in err.decode()


def test_a_closed_standard_input_is_told_in_a_sentence(home: Path) -> None:
    words = [sys.executable, "-c", _COMMAND, "put", "-", "--home", str(home), "--lang", "en"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    ended = subprocess.run(["sh", "-c", 'exec "$@" <&-', "sh", *words], capture_output=True, env=environment)

    assert ended.returncode == 2
    assert b"the standard input is closed" in ended.stderr


@pytest.mark.parametrize("module", ["lumbung_tools.main", "lumbung_tools.client.over_grpc"])
def test_ctrl_c_while_the_command_loads_is_no_traceback(module: str) -> None:
    code = textwrap.dedent(
        f"""
        import runpy
        import sys

        class Interrupts:
            def find_spec(self, name, path=None, target=None):
                if name == {module!r}:
                    raise KeyboardInterrupt

        sys.meta_path.insert(0, Interrupts())
        runpy.run_module("lumbung_tools", run_name="__main__", alter_sys=True)
        """
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    ended = subprocess.run([sys.executable, "-c", code, "version"], capture_output=True, env=environment)

    assert (ended.returncode, ended.stderr) == (130, b"")
