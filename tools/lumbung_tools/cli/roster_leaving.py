"""`lumbung roster drained` and `gone`: a node leaves the roster with the proof that nothing is lost, or by a name.

The operator of the leaving node makes the drain report; whoever drafts the next roster puts its hash there with `gone`,
which reads the report and refuses while blobs are at stake. Custodians give the report to `sign`, which reads it too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import click

from lumbung_cluster.drain import AtStake, SignedDrainReport, blobs_at_stake, judge_drain
from lumbung_cluster.roster import HolderAssignment, Roster, Share
from lumbung_cluster.roster_checks import tidy
from lumbung_cluster.roster_node import Departure, NodeRecord, NodeState
from lumbung_node.adapters.keys.ed25519 import Ed25519Verifier
from lumbung_tools.catalogue.text import rfc3339
from lumbung_tools.cli.common import run
from lumbung_tools.cli.framework import Call, command, dry_run, option
from lumbung_tools.cli.new_files import write_new
from lumbung_tools.client.leaving import ask_drain_report
from lumbung_tools.client.session import Session
from lumbung_tools.output.exit_codes import ExitCode
from lumbung_tools.output.failures import CommandFailed
from lumbung_tools.roster_files import read_draft
from lumbung_tools.roster_toml import render_roster_toml

__all__ = ["check_departures", "drained", "gone", "read_reports"]

_PATH = click.Path(path_type=Path)
_ORIGINS_SHOWN_MAX = 3  # the first ones tell what happened; a sentence is not a list


@command(
    "drained",
    help_key="help.roster.drained",
    examples_key="help.roster.drained.examples",
    exits=(
        (ExitCode.OK, "exit.drained.0"),
        ExitCode.USAGE,
        (ExitCode.COPIES_SHORT, "exit.drained.3"),
        ExitCode.UNKNOWN,
        ExitCode.REFUSED,
        ExitCode.UNREACHABLE,
    ),
)
@option("-o", "--output", type=_PATH, required=True, help_key="help.roster.output")
@dry_run
def drained(call: Call, output: Path) -> None:
    run(call, partial(_drained, call, output))


@command(
    "gone",
    help_key="help.roster.gone",
    examples_key="help.roster.gone.examples",
    exits=(ExitCode.OK, ExitCode.USAGE, (ExitCode.REFUSED, "exit.gone.6")),
)
@click.argument("draft", type=_PATH)
@click.argument("node")
@option("--drained", "report_file", type=_PATH, help_key="help.roster.report")
@option("--override-by", metavar="NAME", help_key="help.roster.gone.override_by")
@option("--reason", help_key="help.roster.gone.reason")
@option("-o", "--output", type=_PATH, required=True, help_key="help.roster.output")
@dry_run
def gone(
    call: Call,
    draft: Path,
    node: str,
    report_file: Path | None,
    override_by: str | None,
    reason: str | None,
    output: Path,
) -> None:
    before = read_draft(draft)
    record = before.by_name(node)
    if record is None:
        raise CommandFailed(ExitCode.USAGE, "gone.unknown", node=node, epoch=before.epoch)
    if bool(override_by) != bool(reason):
        raise CommandFailed(ExitCode.USAGE, "gone.both")
    report = _read_report(report_file) if report_file is not None else None
    proof = report.proof if report is not None else None
    departure = Departure(before.epoch, None if override_by else proof, override_by or "", reason or "")
    after = _without(before, record, departure)
    check_departures(call, after, [report] if report is not None else [])
    write_new(call, output, render_roster_toml(tidy(after)).encode())
    call.console.say("gone.drafted", node=node, epoch=before.epoch, file=output)
    call.console.json(
        "lumbung.roster.gone/1",
        {
            "node": node,
            "epoch": before.epoch,
            "drain_proof": departure.drain_proof.hex() if departure.drain_proof else None,
            "override_by": override_by,
            "file": str(output),
        },
    )


def check_departures(call: Call, draft: Roster, reports: Sequence[SignedDrainReport]) -> None:
    """Refuse a roster in which a node has just gone without proof; what an override loses is said.

    A report counts for its node when it was made under the roster that the draft follows. Raises CommandFailed.
    """
    for record in draft.nodes:
        departure = record.departure
        if departure is None or departure.epoch != draft.epoch:
            continue
        report = next((each for each in reports if each.content.node == record.number), None)
        if departure.override_by:
            _warn_of_override(call, draft, record, departure, report)
        elif departure.drain_proof is None or report is None:
            raise CommandFailed(ExitCode.REFUSED, "gone.no_proof", node=record.name)
        else:
            _check_proof(call, draft, record, departure, report)


def read_reports(files: Sequence[Path]) -> list[SignedDrainReport]:
    return [_read_report(file) for file in files]


async def _drained(call: Call, output: Path, session: Session) -> None:
    report = await ask_drain_report(session.own)
    roster, content = session.roster.roster, report.content
    if content.roster_hash != session.roster.signed.hash:
        raise CommandFailed(ExitCode.REFUSED, "drained.other_roster", epoch=content.roster_epoch, held=roster.epoch)
    why = judge_drain(roster, report, Ed25519Verifier())
    if why is not None:
        raise CommandFailed(ExitCode.REFUSED, "error.refused", why=why)
    found = blobs_at_stake(roster, content, Ed25519Verifier())
    node = session.roster.name(content.node)
    _print(call, session, found)
    if found:
        call.console.say("drained.no", node=node, blobs=sum(each.blobs for each in found))
    else:
        await session.blocking.run(partial(write_new, call, output, report.encode()))
        call.console.say("drained.yes", node=node, origins=len(content.origins), file=output, proof=report.proof.hex())
    call.console.json(
        "lumbung.roster.drained/1",
        {
            "node": node,
            "drained": not found,
            "epoch": content.roster_epoch,
            "made": rfc3339(content.made_ms),
            "drain_proof": None if found else report.proof.hex(),
            "at_stake": [
                {"origin": session.roster.name(each.origin), "blobs": each.blobs, "reason": each.reason}
                for each in found
            ],
            "file": None if found else str(output),
        },
    )
    if found:
        call.end(ExitCode.COPIES_SHORT)


def _print(call: Call, session: Session, found: Sequence[AtStake]) -> None:
    console = call.console
    rows = [
        [session.roster.name(each.origin), str(each.blobs), console.text(f"drop.reason.{each.reason}")]
        for each in found
    ]
    if rows:
        console.table([console.text(f"drained.column.{head}") for head in ("origin", "blobs", "why")], rows)


def _check_proof(
    call: Call, draft: Roster, record: NodeRecord, departure: Departure, report: SignedDrainReport
) -> None:
    why = judge_drain(draft, report, Ed25519Verifier())
    if why is not None:
        raise CommandFailed(ExitCode.REFUSED, "error.refused", why=why)
    if report.proof != departure.drain_proof:
        raise CommandFailed(ExitCode.REFUSED, "gone.other_proof", node=record.name)
    if report.content.roster_hash != draft.predecessor_hash:
        raise CommandFailed(
            ExitCode.REFUSED,
            "gone.other_roster",
            node=record.name,
            epoch=report.content.roster_epoch,
            before=draft.epoch - 1,
        )
    found = blobs_at_stake(draft, report.content, Ed25519Verifier())
    if found:
        raise CommandFailed(
            ExitCode.REFUSED,
            "gone.at_stake",
            node=record.name,
            blobs=sum(each.blobs for each in found),
            origins=_origins(draft, found),
        )


def _warn_of_override(
    call: Call, draft: Roster, record: NodeRecord, departure: Departure, report: SignedDrainReport | None
) -> None:
    words = {"node": record.name, "by": departure.override_by, "reason": departure.reason}
    if report is None or judge_drain(draft, report, Ed25519Verifier()) is not None:
        call.console.warn("gone.override_unknown", **words)
        return
    found = blobs_at_stake(draft, report.content, Ed25519Verifier())
    blobs = sum(each.blobs for each in found)
    call.console.warn("gone.override", blobs=blobs, origins=_origins(draft, found) or "-", **words)


def _origins(roster: Roster, found: Sequence[AtStake]) -> str:
    records = [(each, roster.node(each.origin)) for each in found[:_ORIGINS_SHOWN_MAX]]
    names = [f"{record.name if record is not None else each.origin} ({each.blobs})" for each, record in records]
    return ", ".join(names) + (", ..." if len(found) > _ORIGINS_SHOWN_MAX else "")


def _without(roster: Roster, record: NodeRecord, departure: Departure) -> Roster:
    """The draft in which the node is gone, also from every assignment in which it was leaving."""
    nodes = tuple(
        replace(node, state=NodeState.GONE, departure=departure) if node.number == record.number else node
        for node in roster.nodes
    )

    def stay(shares: tuple[Share, ...]) -> tuple[Share, ...]:
        return tuple(share for share in shares if share.node != record.number)

    assignments: tuple[HolderAssignment, ...] = tuple(
        replace(each, leaving=stay(each.leaving)) for each in roster.assignments
    )
    return replace(roster, nodes=nodes, assignments=assignments)


def _read_report(file: Path) -> SignedDrainReport:
    return SignedDrainReport.decode(file.read_bytes())
