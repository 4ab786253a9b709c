"""Looking for a key that opens blobs beside a node: what cannot be read stops no start."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from lumbung_node.main import has_age_secret

_NOBODY = 65534


def test_a_key_that_opens_blobs_is_found_at_any_depth(tmp_path: Path) -> None:
    assert not has_age_secret(tmp_path)
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "office.agekey").write_text("# public\nAGE-SECRET-KEY-1X\n")
    assert has_age_secret(tmp_path)


def test_a_file_that_the_nodes_account_may_not_read_stops_no_start(tmp_path: Path) -> None:
    """Such as root's authority beside the configuration; root itself reads everything, so another account looks."""
    (tmp_path / "authority.key").write_bytes(b"root's")
    (tmp_path / "authority.key").chmod(0)
    tmp_path.chmod(0o755)
    for folder in tmp_path.parents[:2]:
        folder.chmod(0o755)
    look = f"import os; os.geteuid() or os.setuid({_NOBODY})\n" if os.geteuid() == 0 else ""
    look += f"from pathlib import Path; import sys; print(has_age_secret(Path({str(tmp_path)!r})))"
    look = "from lumbung_node.main import has_age_secret\n" + look

    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, timeout=60, check=False)

    assert (done.returncode, done.stdout) == (0, "False\n"), done.stderr
