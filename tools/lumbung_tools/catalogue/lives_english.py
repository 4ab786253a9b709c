"""English sentences about a node's lives: stores set aside, disks not mounted, recovery."""

from __future__ import annotations

from typing import Final

__all__ = ["LIVES_ENGLISH"]

LIVES_ENGLISH: Final[dict[str, str]] = {
    "health.set_aside_running": (
        "The store did not open and lies aside as {folder}; recording goes on in a fresh one, and {taken} recordings"
        " were taken over so far. Wait for the end; have the disk looked at."
    ),
    "health.set_aside_ended": (
        "The store that lies aside as {folder} is taken over: {taken} recordings. Once status is green, delete that"
        " folder."
    ),
    "health.set_aside_lacking": (
        "The store that lies aside as {folder} could not give {lacking} recordings; the holders bring what they have."
        " Keep the folder, have the disk looked at, and call the province."
    ),
    "health.set_aside_refuses": (
        "The store that lies aside as {folder} cannot be read at all; the holders bring what they have. Keep the"
        " folder, have the disk looked at, and call the province."
    ),
}
