"""Handing an access list to the own node, and what the node made of it."""

from __future__ import annotations

from lumbung_cluster.access import SignedAccess
from lumbung_cluster.canonical import Malformed
from lumbung_cluster.errors import KeyRefused
from lumbung_tools.cli.framework import Call
from lumbung_tools.client.rosters import publish_access
from lumbung_tools.client.session import Session

__all__ = ["give_access_list"]


async def give_access_list(call: Call, session: Session, raw: bytes) -> tuple[int, bool]:
    """The version that the node obeys now, and whether that changed. Raises KeyRefused for what is no signed list."""
    try:
        office = SignedAccess.decode(raw).content.office
    except Malformed as exc:
        raise KeyRefused(str(exc)) from exc
    version, changed = await publish_access(session.own, raw)
    key = "roster.access_obeyed" if changed else "roster.access_obeyed_before"
    call.console.say(key, version=version, office=session.roster.name(office))
    return version, changed
