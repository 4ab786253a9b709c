"""English sentences of the scrub, by key, in the order of `scrub_indonesian`."""

from __future__ import annotations

from typing import Final

__all__ = ["SCRUB_ENGLISH"]

SCRUB_ENGLISH: Final[dict[str, str]] = {
    "scrub.brake": (
        "TOO MUCH is damaged at once, in what is kept for {origins}. Healing goes on, and what it replaces is kept"
        " ({evidence}). Look for the cause (disk, controller, cable) first; then: lumbung scrub confirm."
    ),
    "scrub.is_paused": "Checking is paused at {read} of {total}. Go on with: lumbung scrub start.",
    "scrub.going": "Checking: {percent} % read ({read} of {total}), since {since} UTC.",
    "scrub.ended": "The last check is done: {read} read, ended {ended} UTC.",
    "scrub.never": "Nothing was checked yet; the first check begins by itself.",
    "scrub.left": "About {left} left, at {rate} a second.",
    "scrub.period": "Every byte is read once in {period} (wanted: {wanted}).",
    "scrub.period_late": (
        "Every byte is read only once in {period}; wanted is {wanted}. This disk is too slow or too busy."
    ),
    "scrub.found": "In this check: {wrong} found wrong, {mended} mended; damaged now: {damaged}.",
    "scrub.started": "Checking goes on now.",
    "scrub.paused": "Checking is paused, also after a restart, until: lumbung scrub start.",
    "scrub.confirmed": "Confirmed for {origins}: {freed} of kept evidence given back. Healing is routine again.",
    "scrub.nothing_to_confirm": "There is nothing to confirm.",
    "scrub.column.time": "when (UTC)",
    "scrub.column.what": "what",
    "scrub.column.blob": "recording (office)",
    "scrub.column.from": "mended from",
    "scrub.event.damaged_bytes": "bytes damaged",
    "scrub.event.lost_row": "index row lost",
    "scrub.event.lost_list": "signed list lost",
    "scrub.event.wrong_row": "index row wrong",
    "scrub.event.lost_feed_row": "feed row lost, made again",
    "scrub.event.wrong_hash": "feed hash wrong, put right",
    "scrub.event.wrong_count": "count of recordings was wrong, put right",
    "scrub.event.unlisted_row": "recording missing in the feed, added",
    "scrub.event.repaired": "mended",
    "scrub.event.found_good": "readable again",
    "scrub.event.signed_again": "signed list lost, signed again",
    "scrub.event.feed_hole": "history broken here",
    "scrub.event.doubted": "new generation begun",
    "scrub.event.mass_damage": "TOO MUCH damaged at once",
    "scrub.event.confirmed": "confirmed by an operator",
    "scrub.event.evidence_not_kept": "replaced bytes not kept: disk nearly full",
    "status.scrub": "checked: everything since {age} ago",
    "status.scrub_never": "checked: not everything yet",
    "health.scrub_late": (
        "Not everything is read in time (lumbung scrub status). Paused, or the disk is too slow or too busy."
    ),
    "health.mass_damage": (
        "Too much is damaged at once. It is being mended, but look for the cause (disk, controller) before:"
        " lumbung scrub confirm."
    ),
    "help.scrub": "The check of everything that is kept: status, start, pause, confirm.",
    "help.scrub.status": "Show how far the check is, in what time each byte is read, and what was found and mended.",
    "help.scrub.status.examples": "lumbung scrub status\nlumbung scrub status --events 100 --json",
    "help.scrub.status.events": "How many of the newest events to show.",
    "help.scrub.start": "Go on with a paused check, or begin one now.",
    "help.scrub.start.examples": "lumbung scrub start",
    "help.scrub.pause": (
        "Pause the check until it is started again. Damage is then found late: use it for hours, not days."
    ),
    "help.scrub.pause.examples": "lumbung scrub pause",
    "help.scrub.confirm": (
        "Confirm that the cause of a mass damage was looked for. Lets go of the kept evidence; cannot be undone."
    ),
    "help.scrub.confirm.examples": "lumbung scrub confirm",
    "exit.scrub.3": "paused, or each byte is read less often than wanted",
    "exit.scrub.8": "something is damaged now, or a mass damage waits for confirm",
}
