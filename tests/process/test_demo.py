"""`lumbung demo` on real processes: an office is lost with its disk, and no recording with it."""

from __future__ import annotations

import json
from pathlib import Path

from lumbung_testing.real_clusters import lumbung
from lumbung_tools.output.exit_codes import ExitCode

_RECORDS = 12


def _processes_with(words: Path) -> list[str]:
    """Command lines of living processes that name a path."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = file.read_bytes().decode("utf-8", "replace")
        except (FileNotFoundError, ProcessLookupError):
            continue
        if str(words) in line:
            found.append(line)
    return found


def test_the_demo_loses_an_office_but_no_recording_and_cleans_up(tmp_path: Path) -> None:
    done = lumbung("demo", "--records", str(_RECORDS), "--dir", tmp_path)
    assert done.returncode == ExitCode.OK, done.stdout + done.stderr
    assert "0 lost" in done.stdout
    assert list(tmp_path.iterdir()) == []
    assert _processes_with(tmp_path) == []


def test_the_kept_demo_counts_every_copy_in_json_and_leaves_its_folder(tmp_path: Path) -> None:
    done = lumbung("demo", "--records", str(_RECORDS), "--dir", tmp_path, "--keep", "--json")
    assert done.returncode == ExitCode.OK, done.stdout + done.stderr
    said = json.loads(done.stdout)
    assert (said["records"], said["stored"], said["safe"], said["lost"]) == (_RECORDS, _RECORDS, _RECORDS, 0)
    assert said["recovered"] == said["lost_office_records"] == sum(said["recovered_from"].values()) > 0
    assert said["lost_office"] not in said["recovered_from"]
    recovered = list(Path(said["folder"]).glob("recovered/*"))
    assert len(recovered) == said["recovered"]
    assert _processes_with(tmp_path) == []
