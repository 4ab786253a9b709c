"""Up to where an entry key that ends stays good, as a person types it: GENERATION:NUMBER:HASH."""

from __future__ import annotations

from lumbung_cluster.feed import HASH_SIZE_BYTES, Mark
from lumbung_cluster.ids import Generation
from lumbung_tools.output.exit_codes import ExitCode
from lumbung_tools.output.failures import CommandFailed

__all__ = ["parse_bound"]

_PARTS = 3


def parse_bound(text: str) -> Mark:
    """As `keys status` prints it. Raises CommandFailed."""
    parts = text.split(":")
    try:
        mark = Mark(Generation(int(parts[0])), int(parts[1]), bytes.fromhex(parts[2]))
    except (ValueError, IndexError):
        mark = None
    if mark is None or len(parts) != _PARTS or len(mark.running_hash) != HASH_SIZE_BYTES:
        raise CommandFailed(ExitCode.USAGE, "keys.not_a_bound", text=text)
    return mark
