"""A command whose output nobody reads to the end."""

from __future__ import annotations

import subprocess
import sys


def test_a_reader_who_has_seen_enough_gets_no_complaint() -> None:
    """`lumbung completion bash | head -1` printed a broken pipe, twice."""
    words = [sys.executable, "-m", "lumbung_tools", "completion", "bash"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as command:
        assert command.stdout is not None
        command.stdout.close()
        _, complaint = command.communicate()
    assert (command.returncode, complaint) == (141, "")
