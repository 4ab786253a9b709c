"""Looking for a key that opens blobs beside a node: what cannot be read stops no start."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from lumbung_node.main import has_age_secret

_NOBODY = 65534


def test_a_key_that_opens_blobs_is_found_at_any_depth(tmp_path: Path) -> None:
    assert not has_age_secret(tmp_path)
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "office.agekey").write_text("# public\nAGE-SECRET-KEY-1X\n")
    assert has_age_secret(tmp_path)


def test_a_file_that_the_nodes_account_may_not_read_stops_no_start() -> None:
    """Such as root's authority beside the configuration; root itself reads everything, so another account looks."""
    with tempfile.TemporaryDirectory() as name:  # folders of pytest are closed to other accounts
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "authority.key").write_bytes(b"root's")
        (folder / "authority.key").chmod(0)
        look = "from lumbung_node.main import has_age_secret\nimport os\nfrom pathlib import Path\n"
        look += f"if os.geteuid() == 0:\n    os.setuid({_NOBODY})\n"
        look += f"print(has_age_secret(Path({name!r})))"

        done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, timeout=60, check=False)

    assert (done.returncode, done.stdout) == (0, "False\n"), done.stderr
