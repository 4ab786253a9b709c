"""The allocator's settings, in a process of their own: they stay for its life."""

from __future__ import annotations

import subprocess
import sys

_PROGRAM = """
from lumbung_node.adapters.allocator import bound_allocator
taken = bound_allocator()
before = int(open('/proc/self/statm').read().split()[1]) * 4096
blocks = [bytearray(600_000) for _ in range(200)]
last = blocks[-1]
del blocks
after = int(open('/proc/self/statm').read().split()[1]) * 4096
print(taken, after - before < 8_000_000)
"""


def test_freed_pieces_go_back_to_the_system() -> None:
    ended = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=True, timeout=60)
    assert ended.stdout.split() == ["True", "True"]
