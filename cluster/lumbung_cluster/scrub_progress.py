"""How far a scrub has come through one origin, and what that says of the age of each proof.

A scrub walks an origin's feed in the order of its numbers. So two times and two numbers tell for every blob when its
bytes were last read and checked, without a row being written for each.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["OriginProgress", "verified_ms"]


@dataclass(frozen=True, slots=True)
class OriginProgress:
    """Wall times in UTC ms. `number`: everything up to it was checked since `begun_ms`, in the walk under way.

    `checked_upto`: everything up to it was checked since `checked_begun_ms`, in the last walk that came to its end.
    `wrong`: blobs of this origin that were found wrong or missing since `begun_ms`, by whatever path.
    """

    begun_ms: int = 0
    number: int = 0
    checked_begun_ms: int = 0
    checked_upto: int = 0
    wrong: int = 0

    def begin(self, now_ms: int) -> OriginProgress:
        """A new walk, from number 1."""
        return OriginProgress(now_ms, 0, self.checked_begun_ms, self.checked_upto, 0)

    def end(self) -> OriginProgress:
        """The walk has come to the end: it is the last complete one now."""
        return OriginProgress(self.begun_ms, self.number, self.begun_ms, self.number, self.wrong)


def verified_ms(row_verified_ms: int, number: int, progress: OriginProgress | None) -> int:
    """When the bytes of the blob with this feed number were last read and checked, UTC ms.

    Never earlier than its row says (stored, or repaired, then). A blob that a walk found wrong is marked as damaged
    before the walk goes past it, so a blob that counts was found right.
    """
    if progress is None:
        return row_verified_ms
    if number <= progress.number:
        walked_ms = progress.begun_ms
    else:
        walked_ms = progress.checked_begun_ms if number <= progress.checked_upto else 0
    return max(row_verified_ms, walked_ms)
