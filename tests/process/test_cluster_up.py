"""`lumbung cluster up` as a person sees it: a table, a clean stop, and who died."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lumbung_testing.fake_nodes import fake_node_words, make_fake_cluster
from lumbung_tools.output.exit_codes import ExitCode

_PATIENCE_S = 30.0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make_fake_cluster(tmp_path)
    return tmp_path


@contextmanager
def _up(folder: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    """The command in a process of its own, with fake nodes."""
    code = textwrap.dedent(
        f"""
        import sys
        import lumbung_tools.cli.cluster as command
        from lumbung_tools.main import run
        command.node_command = lambda config: [*{fake_node_words(folder)!r}, str(config)]
        sys.exit(run(["--lang", "en", *{list(options)!r}, "cluster", "up", {str(folder)!r}], None))
        """
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    words = [sys.executable, "-c", code]
    pipe = subprocess.PIPE
    with subprocess.Popen(words, stdout=pipe, stderr=pipe, text=True, env=environment) as process:
        try:
            yield process
        finally:
            process.kill()


def _read_until(process: subprocess.Popen[str], words: str) -> str:
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        if words in line:
            return said
    raise AssertionError(f"expected {words!r}, got {said!r}")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_shows_every_node_and_stops_them_all_on_a_signal(folder: Path, number: signal.Signals) -> None:
    with _up(folder) as process:
        said = _read_until(process, "2 nodes are up")
        assert "36.02" in said
        assert "127.0.0.1:4711" in said
        process.send_signal(number)
        out, err = process.communicate(timeout=_PATIENCE_S)
    assert "All nodes are stopped." in out
    assert (process.returncode, err) == (ExitCode.OK, "")
    for name in ("36.02", "drc-batam"):
        assert (folder / "logs" / f"{name}.log").read_text().splitlines()[-1] == "stopped"


def test_it_says_who_died_goes_on_with_the_rest_and_ends_when_none_is_left(folder: Path) -> None:
    with _up(folder, "--json") as process:
        assert process.stdout is not None
        first, second = json.loads(process.stdout.readline())["nodes"]
        os.kill(first["pid"], signal.SIGKILL)
        assert process.stderr is not None
        told = process.stderr.readline()
        assert process.poll() is None
        os.kill(second["pid"], signal.SIGKILL)
        _, err = process.communicate(timeout=_PATIENCE_S)
    assert "36.02 ended with signal 9; last log line: log of 36.02" in told
    assert "No node is left." in err
    assert process.returncode == ExitCode.BUG


def test_a_node_that_cannot_start_is_named_and_the_others_are_stopped(folder: Path) -> None:
    (folder / "nodes" / "36.02" / "broken").touch()
    with _up(folder) as process:
        _, err = process.communicate(timeout=_PATIENCE_S)
    assert "36.02 ended with exit code 3; last log line: cannot start: broken" in err
    assert process.returncode == ExitCode.USAGE


def test_a_folder_that_is_no_cluster_is_refused_with_the_command_that_makes_one(tmp_path: Path) -> None:
    make_fake_cluster(tmp_path)
    (tmp_path / "empty").mkdir()
    with _up(tmp_path / "empty") as process:
        _, err = process.communicate(timeout=_PATIENCE_S)
    assert "lumbung cluster new" in err
    assert process.returncode == ExitCode.USAGE
