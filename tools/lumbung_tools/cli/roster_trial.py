"""`lumbung roster publish --dry-run`: what the own node would say, judged here by what it holds; nothing is sent."""

from __future__ import annotations

from collections.abc import Sequence

from lumbung_cluster.access import SignedAccess, access_objection
from lumbung_cluster.errors import Rejected, StatusCode
from lumbung_cluster.roster_codec import SignedRoster
from lumbung_cluster.roster_rules import Accept, Known, judge
from lumbung_tools.cli.framework import Call
from lumbung_tools.client.rosters import fetch_access_lists, fetch_roster
from lumbung_tools.client.session import Session

__all__ = ["try_access_lists", "try_rosters"]


async def try_rosters(call: Call, raws: Sequence[bytes], session: Session) -> None:
    """Raises Malformed, and Rejected with the node's own reason when it would keep what it holds."""
    held = SignedRoster.decode(await fetch_roster(session.own))
    offered, before = [SignedRoster.decode(raw) for raw in raws], held.epoch
    for signed in offered:
        match judge(held, signed, session.verifier, [held, *offered]):
            case Accept():
                held = signed
            case Known():
                pass
            case refusal:
                raise Rejected(StatusCode.FAILED_PRECONDITION, refusal.reason)
    call.console.say("roster.would_obey", epoch=held.epoch)
    call.console.json(
        "lumbung.roster.publish/1", {"epoch": held.epoch, "changed": False, "would_change": held.epoch != before}
    )


async def try_access_lists(call: Call, raws: Sequence[bytes], session: Session) -> None:
    """As `try_rosters`, for access lists."""
    roster = SignedRoster.decode(await fetch_roster(session.own)).parse()
    held = {signed.content.office: signed for signed in await fetch_access_lists(session.own)}
    for raw in raws:
        signed = SignedAccess.decode(raw)
        known = held.get(signed.content.office)
        objection = access_objection(roster, known, signed, session.verifier)
        if objection is not None:
            raise Rejected(StatusCode.FAILED_PRECONDITION, objection)
        version, would_change = signed.content.version, known is None or known.hash != signed.hash
        held[signed.content.office] = signed
        call.console.say("roster.would_obey_access", version=version)
        call.console.json(
            "lumbung.roster.publish/1", {"access_version": version, "changed": False, "would_change": would_change}
        )
