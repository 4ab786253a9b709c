"""`lumbung cluster`: make a whole cluster in a folder of this machine, and run it."""

from __future__ import annotations

import shlex
import signal
import time
from collections.abc import Sequence
from pathlib import Path

import click
import trio

from lumbung_cluster.ids import NodeNumber
from lumbung_cluster.roster import Roster
from lumbung_cluster.roster_node import Role
from lumbung_tools.cli.framework import Call, LumbungGroup, command, option
from lumbung_tools.localcluster.founding import Founded, found_cluster
from lumbung_tools.localcluster.processes import Death, LocalCluster, NodeFailed, node_command, run_cluster
from lumbung_tools.localcluster.sites import NoSuchPlan, Site, choose_sites
from lumbung_tools.output.console import JsonValue
from lumbung_tools.output.exit_codes import ExitCode
from lumbung_tools.output.failures import CommandFailed, unwrap
from lumbung_tools.output.refusals import reason_of
from lumbung_tools.regions import UnknownRegion

__all__ = ["cluster"]

cluster = LumbungGroup("cluster", "help.cluster")


@command(
    "new",
    help_key="help.cluster.new",
    examples_key="help.cluster.new.examples",
    exits=(ExitCode.OK, ExitCode.USAGE),
)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@option("--offices", required=True, help_key="help.cluster.new.offices")
@option("--drc", "drcs", multiple=True, required=True, help_key="help.cluster.new.drc")
@option("--base-port", type=int, help_key="help.cluster.new.base_port")
def new(call: Call, folder: Path, offices: str, drcs: Sequence[str], base_port: int | None) -> None:
    codes = [code.strip() for code in offices.split(",")]
    try:
        sites = choose_sites(codes, drcs, base_port)
        founded = found_cluster(folder, sites, call.console.catalogue.language, now_ms=time.time_ns() // 1_000_000)
    except (UnknownRegion, NoSuchPlan) as exc:
        raise CommandFailed(ExitCode.USAGE, "error.usage", why=exc) from exc
    _say_founded(call, founded)


@command(
    "up",
    help_key="help.cluster.up",
    examples_key="help.cluster.up.examples",
    exits=(ExitCode.OK, ExitCode.BUG, ExitCode.USAGE),
)
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
def up(call: Call, folder: Path) -> None:
    try:
        trio.run(_up, call, folder.resolve())
    except* NodeFailed as group:
        raise CommandFailed(ExitCode.USAGE, "cluster.not_started", why=unwrap(group)) from group


cluster.add_command(new)
cluster.add_command(up)


async def _up(call: Call, folder: Path) -> None:
    """Runs until a signal, or until no node is left."""
    console = call.console
    none_left = trio.Event()

    def died(death: Death) -> None:
        console.warn("cluster.died", death=reason_of(console, death))
        if not any(running.is_up(name) for name in running.names):
            none_left.set()

    # Signals are taken before the first process starts, so that none of them can leave one behind.
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async with run_cluster(folder, died, node_command) as running, trio.open_nursery() as nursery:

            async def wait_for_signal() -> None:
                async for _ in signals:
                    nursery.cancel_scope.cancel()

            nursery.start_soon(wait_for_signal)
            await running.start(running.names)
            _say_running(call, running)
            await none_left.wait()
            console.warn("cluster.all_died")
            call.end(ExitCode.BUG)
            nursery.cancel_scope.cancel()
    console.say("cluster.stopped")


def _say_founded(call: Call, founded: Founded) -> None:
    console, roster = call.console, founded.roster
    console.say(
        "cluster.made", nodes=len(founded.sites), folder=founded.folder, epoch=roster.epoch, cluster=roster.cluster
    )
    heads = [console.text(f"cluster.head.{name}") for name in ("node", "region", "address", "holders")]
    console.table(heads, [_founded_row(roster, site) for site in founded.sites])
    for note in founded.notes:
        console.say("cluster.note", note=reason_of(console, note))
    console.say("cluster.offline")
    console.say("cluster.next")
    for line in _next_commands(founded):
        console.line(f"  {line}")
    console.json(
        "lumbung.cluster.new/1",
        {
            "folder": str(founded.folder),
            "cluster": str(roster.cluster),
            "roster_epoch": roster.epoch,
            "notes": list(founded.notes),
            "nodes": [_founded_json(founded, site) for site in founded.sites],
        },
    )


def _founded_row(roster: Roster, site: Site) -> list[str]:
    region = f"{site.region.name}, {site.region.province}"
    return [site.name, region, site.address, ", ".join(_holder_names(roster, site.number))]


def _founded_json(founded: Founded, site: Site) -> dict[str, str | int | list[str]]:
    return {
        "name": site.name,
        "number": int(site.number),
        "address": site.address,
        "client_home": str(founded.client_home(site.name)),
        "holders": _holder_names(founded.roster, site.number),
    }


def _holder_names(roster: Roster, origin: NodeNumber) -> list[str]:
    """Who keeps something of this origin besides itself."""
    assignment = next((each for each in roster.assignments if each.origin == origin), None)
    nodes = [roster.node(share.node) for share in assignment.holders] if assignment else []
    return [node.name for node in nodes if node is not None]


def _next_commands(founded: Founded) -> list[str]:
    office = next(site for site in founded.sites if site.role is Role.OFFICE)
    home = shlex.quote(str(founded.client_home(office.name)))
    return [
        f"lumbung cluster up {shlex.quote(str(founded.folder))}",
        f"lumbung --home {home} put FILE",
        f"lumbung --home {home} status",
    ]


def _say_running(call: Call, running: LocalCluster) -> None:
    console = call.console
    heads = [console.text(f"cluster.head.{name}") for name in ("node", "address", "process", "log")]
    rows = [
        [name, running.address(name), str(running.pid(name)), str(running.log_file(name))] for name in running.names
    ]
    console.table(heads, rows)
    console.say("cluster.started", nodes=len(rows))
    nodes: list[JsonValue] = [
        {"name": name, "address": address, "pid": int(pid), "log": log} for name, address, pid, log in rows
    ]
    console.json("lumbung.cluster.up/1", {"nodes": nodes})
