"""What commands that talk to a node share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import trio

from lumbung_cluster.ids import NodeNumber
from lumbung_node.adapters.keys.ed25519 import Ed25519Verifier
from lumbung_tools.catalogue.text import rfc3339
from lumbung_tools.cli.framework import Call
from lumbung_tools.client.answers import CopyCount
from lumbung_tools.client.ask import ID_DIGITS_MIN, BlobName, NotAnId
from lumbung_tools.client.profile import PROFILE_FILE, Profile, load_profile
from lumbung_tools.client.session import Session, open_session
from lumbung_tools.client.trust import VerifiedRoster
from lumbung_tools.output.console import JsonValue
from lumbung_tools.output.exit_codes import ExitCode
from lumbung_tools.output.failures import CommandFailed
from lumbung_tools.sealing import Identities

__all__ = [
    "blob_name",
    "check_record",
    "copies_json",
    "identities_of",
    "names",
    "node_named",
    "profile_of",
    "run",
    "shown_time",
]


def run(call: Call, work: Callable[[Session], Awaitable[None]]) -> None:
    """Open a session with the chosen profile and do `work` in it."""
    profile = profile_of(call)

    async def in_session() -> None:
        opened = open_session(profile, call.open_transport, Ed25519Verifier())
        async with opened as session, trio.open_nursery() as nursery:
            nursery.start_soon(_name_the_late, call, session)
            await work(session)
            nursery.cancel_scope.cancel()

    trio.run(in_session)


async def _name_the_late(call: Call, session: Session) -> None:
    async for whom in session.waits.late():
        call.console.warn("wait.node", whom=whom)


def profile_of(call: Call) -> Profile:
    if not (call.home / PROFILE_FILE).exists():
        raise CommandFailed(ExitCode.USAGE, "error.no_profile", home=call.home)
    return load_profile(call.home)


def blob_name(session: Session, digits: str | None, record: str | None) -> BlobName:
    """The one recording that a person named."""
    if (digits is None) == (record is None):
        raise CommandFailed(ExitCode.USAGE, "name.one_of")
    check_record(record)
    if record is not None:
        return BlobName(record_tag=session.profile.read_tag_secret().record_tag(record))
    try:
        return BlobName.parse(digits or "")
    except NotAnId as exc:
        raise CommandFailed(ExitCode.USAGE, "name.not_an_id", least=ID_DIGITS_MIN, text=digits) from exc


def identities_of(session: Session) -> Identities:
    """What opens recordings here."""
    if not session.profile.identities:
        raise CommandFailed(ExitCode.USAGE, "get.no_identities", file=session.profile.home / PROFILE_FILE)
    return session.profile.read_identities()


def check_record(record: str | None) -> None:
    """Whether it names a record: a script whose variable is empty must hear so."""
    try:
        is_name = record is None or bool(record.strip().encode())
    except UnicodeEncodeError:  # bytes of a command line that are no text
        is_name = False
    if not is_name:
        raise CommandFailed(ExitCode.USAGE, "name.no_record")


def node_named(roster: VerifiedRoster, name: str | None) -> NodeNumber | None:
    """The node's number; None for no name."""
    if name is None:
        return None
    record = roster.roster.by_name(name)
    if record is None:
        known = ", ".join(sorted(node.name for node in roster.roster.nodes if node.is_present))
        raise CommandFailed(ExitCode.USAGE, "name.unknown_node", name=name, epoch=roster.roster.epoch, known=known)
    return record.number


def names(roster: VerifiedRoster, numbers: Sequence[int]) -> list[str]:
    return [roster.name(number) for number in numbers]


def copies_json(roster: VerifiedRoster, copies: CopyCount) -> dict[str, JsonValue]:
    """`holders` have proven their copy, the origin first; `missing` should have one and have not."""
    return {
        "count": copies.count,
        "wanted": copies.wanted,
        "safe": copies.safe,
        "holders": names(roster, copies.holders),
        "missing": names(roster, copies.missing),
    }


def shown_time(time_ms: int) -> str:
    """For people: to the minute, UTC."""
    return rfc3339(time_ms)[:16].replace("T", " ")
