"""Recordings are sealed before they leave the station: no node sees one, and stock programs open what comes back.

The same cluster is then looked at as a whole: what its nodes report to the DRC.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lumbung_testing.real_clusters import DRC, OFFICES, accept_unsealed, cluster_up, found, lumbung
from lumbung_testing.tools import require_tool
from lumbung_tools.localcluster.founding import Founded
from lumbung_tools.output.exit_codes import ExitCode

_MARKER = b"NIK 9999-not-a-person-31bd5c"
_SIZE_BYTES = 300_000
_OPEN_OFFICE = "34.04"  # its stations deliver data that is encrypted otherwise
_LOOKS = 60


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Founded]:
    made = found(tmp_path_factory.mktemp("sealing"))
    accept_unsealed(made, _OPEN_OFFICE)
    with cluster_up(made):
        yield made


def _put(founded: Founded, name: str, file: Path, *options: str) -> tuple[int, dict[str, object]]:
    done = lumbung("put", file, *options, "--json", home=founded.client_home(name))
    return done.returncode, json.loads(done.stdout.splitlines()[0])


def _files_with(folder: Path, part: bytes) -> list[Path]:
    return [file for file in folder.rglob("*") if file.is_file() and part in file.read_bytes()]


def test_stock_age_opens_and_stock_b3sum_names_what_get_sealed_wrote(founded: Founded, tmp_path: Path) -> None:
    age, b3sum = require_tool("age", "age"), require_tool("b3sum", "b3sum")
    content = os.urandom(_SIZE_BYTES)
    file, sealed = tmp_path / "enrollment.tar", tmp_path / "sealed.age"
    file.write_bytes(content)
    code, said = _put(founded, "36.02", file)
    assert code == ExitCode.OK
    home = founded.client_home("36.02")
    done = lumbung("get", str(said["id"]), "--sealed", "-o", sealed, home=home)
    assert done.returncode == ExitCode.OK, done.stderr

    summed = subprocess.run([b3sum, "--no-names", sealed], capture_output=True, text=True, check=True)
    assert summed.stdout.strip() == said["id"]
    (identity,) = home.glob("*.agekey")
    opened = subprocess.run([age, "-d", "-i", identity, sealed], capture_output=True, check=True)
    assert opened.stdout == content


def test_plaintext_stands_in_no_file_of_any_node(founded: Founded, tmp_path: Path) -> None:
    file = tmp_path / "enrollment.json"
    file.write_bytes(_MARKER * 4000)
    code, said = _put(founded, "36.02", file, "--record", "case 1")
    assert code == ExitCode.OK
    assert said["outcome"] == "stored"
    nodes = founded.folder / "nodes"
    assert _files_with(nodes, bytes.fromhex(str(said["id"])))  # the search finds what is there
    assert _files_with(nodes, b"age-encryption.org/v1")
    assert _files_with(nodes, _MARKER) == []
    assert _files_with(nodes, b"case 1") == []
    assert _files_with(founded.folder / "logs", _MARKER) == []


def test_a_node_refuses_what_is_not_sealed_with_exit_6_and_stores_nothing(founded: Founded, tmp_path: Path) -> None:
    file = tmp_path / "plain.bin"
    file.write_bytes(_MARKER * 100 + os.urandom(64))
    code, said = _put(founded, "36.02", file, "--no-seal")
    assert code == ExitCode.REFUSED
    assert said["outcome"] == "refused"
    assert "expected the age header" in str(said["sentence"])
    assert _files_with(founded.folder / "nodes" / "36.02", _MARKER) == []


def test_a_node_whose_config_allows_it_takes_what_is_not_sealed(founded: Founded, tmp_path: Path) -> None:
    file, back = tmp_path / "encrypted-otherwise.bin", tmp_path / "back.bin"
    file.write_bytes(os.urandom(_SIZE_BYTES))
    code, said = _put(founded, _OPEN_OFFICE, file, "--no-seal")
    assert code == ExitCode.OK
    done = lumbung("get", str(said["id"]), "-o", back, home=founded.client_home(_OPEN_OFFICE))
    assert done.returncode == ExitCode.OK, done.stderr
    assert back.read_bytes() == file.read_bytes()


# --- the same cluster, seen as a whole -----------------------------------------------------------------------------


def _nodes_seen(founded: Founded, name: str) -> dict[str, dict[str, object] | None]:
    """The report of each node that an operator of `name` is shown; None for one that has not reported."""
    done = lumbung("nodes", "--json", home=founded.client_home(name))
    assert done.returncode == ExitCode.OK, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    return {row["node"]: row["report"] for row in rows}


def test_the_drc_shows_how_every_node_stands_and_an_office_sees_only_its_own(founded: Founded) -> None:
    for _ in range(_LOOKS):
        seen = _nodes_seen(founded, DRC)
        if all(seen.values()):
            break
        time.sleep(1)

    assert set(seen) == {*OFFICES, DRC}
    assert all(report is not None and report["generation"] == 1 for report in seen.values())
    assert set(_nodes_seen(founded, OFFICES[0])) == {OFFICES[0]}


def test_a_mute_is_kept_by_the_node_until_it_is_ended(founded: Founded) -> None:
    home = founded.client_home(DRC)
    about = ("DISK_LOW", "--node", OFFICES[0])

    assert lumbung("health", "mute", *about, "--for", "1h", home=home).returncode == ExitCode.OK
    (kept,) = lumbung("health", "mutes", "--json", home=home).stdout.splitlines()
    assert (json.loads(kept)["code"], json.loads(kept)["node"]) == ("DISK_LOW", OFFICES[0])
    assert lumbung("health", "unmute", *about, home=home).returncode == ExitCode.OK
    assert lumbung("health", "mutes", "--json", home=home).stdout == ""
