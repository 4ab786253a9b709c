"""What all commands that show the cluster do first: ask, and say what cannot be told."""

from __future__ import annotations

from collections.abc import Sequence

from lumbung_cluster.overview import NodeColour, NodeView
from lumbung_tools.cli.framework import Call
from lumbung_tools.client.reports import ClusterAnswer, ask_cluster
from lumbung_tools.client.session import Session
from lumbung_tools.output.cluster_page import named
from lumbung_tools.output.exit_codes import ExitCode
from lumbung_tools.output.failures import sentence_of

__all__ = ["end_of_search", "incomplete_code", "look"]


async def look(call: Call, session: Session) -> ClusterAnswer:
    """Ask every DRC node; troubles with that go to standard error. Raises when nobody answers."""
    answer = await ask_cluster(session)
    console, name = call.console, answer.roster.name
    for drc, exc in sorted(answer.failures.items()):
        console.warn("cluster.unreached", node=name(drc), why=sentence_of(console, exc))
    if unseen := answer.unasked():
        console.warn("cluster.unseen", names=named(console, unseen, name))
    if answer.unverified:
        nodes = named(console, sorted(answer.unverified), name)
        console.warn("cluster.unverified", nodes=nodes)
    if answer.newest_epoch > session.roster.roster.epoch:
        console.warn("cluster.newer_roster", epoch=answer.newest_epoch, own=session.roster.roster.epoch)
    if answer.is_restricted:
        console.warn("cluster.own_office_only")
    return answer


def end_of_search(call: Call, answer: ClusterAnswer, views: Sequence[NodeView], *, has_found: bool) -> None:
    """Name the silent ones of whom was asked, and end the call: 3 for something found, 0 only when nothing is there.

    What a silent node said last, if anything, may be long untrue: "nothing" would be more than anybody knows.
    """
    silent = [view.node for view in views if view.colour is NodeColour.SILENT]
    if silent:
        call.console.warn("cluster.silent", names=named(call.console, silent, answer.roster.name))
    of_silent = ExitCode.UNREACHABLE if silent else ExitCode.OK
    of_all = ExitCode.COPIES_SHORT if has_found else of_silent
    call.end(incomplete_code(answer) if answer.failures else of_all)


def incomplete_code(answer: ClusterAnswer) -> ExitCode:
    """7 when some DRC node did not answer: what it knows is missing."""
    return ExitCode.UNREACHABLE if answer.failures else ExitCode.OK
