"""A log that cannot be written stops nothing: it lies on the disk that is full, or its reader has gone."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest

from lumbung_testing.real_clusters import found, lumbung, on_test_path
from lumbung_tools.localcluster.processes import node_command

_OFFICE = "36.02"


@contextmanager
def _node_with_log(config: Path, log: IO[bytes] | int) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(
        node_command(config), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, env=on_test_path()
    ) as node:
        try:
            yield node
        finally:
            node.kill()


@pytest.mark.parametrize("log", ["full", "gone"])
def test_node_serves_while_no_line_of_its_log_can_be_written(log: str, tmp_path: Path) -> None:
    founded = found(tmp_path, (_OFFICE,))
    config = founded.folder / "nodes" / _OFFICE / "config.toml"
    with (
        Path("/dev/full").open("wb") as full,
        _node_with_log(config, full if log == "full" else subprocess.PIPE) as node,
    ):
        if node.stderr is not None:
            node.stderr.close()
        assert node.stdout is not None
        assert node.stdout.readline().startswith(b"ready ")
        done = lumbung("status", "--json", home=founded.client_home(_OFFICE))
        assert json.loads(done.stdout)["node"] == _OFFICE
        assert node.poll() is None
