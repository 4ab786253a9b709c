"""The whole cluster for people: one sentence, the sums, and the nodes that are not in order, the worst first."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lumbung_cluster.health import Severity
from lumbung_cluster.overview import NodeColour, NodeView, Sums, by_badness, sums_of
from lumbung_cluster.report import TroubleReport
from lumbung_tools.client.reports import ClusterAnswer
from lumbung_tools.output.console import Console, JsonValue

__all__ = [
    "NODE_HEADS",
    "cluster_colour",
    "cluster_sentence",
    "colour_word",
    "named",
    "node_row",
    "print_cluster",
    "sums_json",
    "sums_lines",
]

Name = Callable[[int], str]
NODE_HEADS = ("node", "state", "age", "recordings", "short", "disk", "what")
_NAMES_SHOWN = 5
_ROWS_SHOWN = 20


def print_cluster(console: Console, answer: ClusterAnswer, views: Sequence[NodeView], name: Name) -> None:
    console.sentence(cluster_sentence(console, answer, views, name))
    for line in sums_lines(console, sums_of(views)):
        console.sentence(line)
    wrong = [view for view in by_badness(views) if view.colour is not NodeColour.GREEN]
    if not wrong:
        return
    console.line("")
    heads = [console.text(f"cluster.column.{head}") for head in NODE_HEADS]
    console.table(heads, [node_row(console, view, name) for view in wrong[:_ROWS_SHOWN]])
    if len(wrong) > _ROWS_SHOWN:
        console.say("cluster.more_nodes", nodes=len(wrong) - _ROWS_SHOWN)


def cluster_colour(answer: ClusterAnswer, views: Sequence[NodeView]) -> NodeColour:
    """Green only when every node is known to be green."""
    colours = {view.colour for view in views}
    if NodeColour.RED in colours:
        return NodeColour.RED
    is_known = not (answer.failures or answer.unasked() or answer.unverified) and bool(views)
    return NodeColour.GREEN if colours == {NodeColour.GREEN} and is_known else NodeColour.YELLOW


def cluster_sentence(console: Console, answer: ClusterAnswer, views: Sequence[NodeView], name: Name) -> str:
    colour = cluster_colour(answer, views)
    if colour is NodeColour.GREEN:
        return console.text("cluster.green", nodes=len(views))
    parts = []
    for each in (NodeColour.RED, NodeColour.SILENT, NodeColour.YELLOW):
        nodes = [view.node for view in by_badness(views) if view.colour is each]
        if nodes:
            which = named(console, nodes, name)
            parts.append(console.text(f"cluster.part_{each.value}", nodes=len(nodes), names=which))
    if unasked := answer.unasked():
        parts.append(console.text("cluster.part_unasked", nodes=len(unasked), names=named(console, unasked, name)))
    if not parts:
        parts = [console.text("cluster.part_incomplete")]
    key = "cluster.red" if colour is NodeColour.RED else "cluster.yellow"
    return console.text(key, what="; ".join(parts), nodes=len(views))


def sums_lines(console: Console, sums: Sums) -> list[str]:
    words = console.catalogue
    counts = {colour.value: sums.by_colour[colour] for colour in NodeColour}
    lines = [console.text("cluster.counts", nodes=sums.nodes, **counts)]
    size, safe = words.size(sums.size_bytes), sums.by_copies[2]
    lines.append(console.text("cluster.recordings", blobs=sums.blobs, size=size, safe=safe))
    short = sums.by_copies[0] + sums.by_copies[1]
    if short:
        age = words.duration(sums.oldest_short_s)
        lines.append(console.text("cluster.short", blobs=short, age=age, only_here=sums.only_here))
    return lines


def node_row(console: Console, view: NodeView, name: Name) -> list[str]:
    """The cells under `NODE_HEADS`."""
    words, report = console.catalogue, view.report
    state = colour_word(console, view.colour)
    age = words.duration(view.age_s) if view.age_s is not None else console.text("cluster.never")
    troubles = _codes(view)
    if report is None:
        return [name(view.node), state, age, "", "", "", troubles]
    short = ""
    if report.own.short:
        oldest_s = report.own.oldest_short_s + (view.age_s or 0.0)
        short = console.text("cluster.lag", blobs=report.own.short, age=words.duration(oldest_s))
    return [name(view.node), state, age, _number(console, report.own.blobs), short, _free(view), troubles]


def colour_word(console: Console, colour: NodeColour) -> str:
    return console.text(f"cluster.state.{colour.value}")


def named(console: Console, nodes: Sequence[int], name: Name) -> str:
    """The first few by name, and how many more."""
    shown = ", ".join(name(node) for node in nodes[:_NAMES_SHOWN])
    left = len(nodes) - _NAMES_SHOWN
    return console.text("cluster.and_more", names=shown, nodes=left) if left > 0 else shown


def sums_json(sums: Sums) -> dict[str, JsonValue]:
    return {
        "nodes": sums.nodes,
        "by_colour": {colour.value: sums.by_colour[colour] for colour in NodeColour},
        "blobs": sums.blobs,
        "size_bytes": sums.size_bytes,
        "by_copies": list(sums.by_copies),
        "only_here": sums.only_here,
        "oldest_short_s": round(sums.oldest_short_s, 1),
        "oldest_only_here_s": round(sums.oldest_only_here_s, 1),
        "disk": {"free_bytes": sums.free_bytes, "total_bytes": sums.total_bytes},
    }


def _codes(view: NodeView) -> str:
    """The codes, the worst first, muted ones in brackets; notes are left to `health`."""
    loud = dict.fromkeys(
        trouble.code for trouble in view.troubles if not trouble.is_muted and trouble.severity.value > 1
    )
    muted = dict.fromkeys(f"({trouble.code})" for trouble in view.troubles if trouble.is_muted)
    return " ".join([*loud, *muted])


def _is_loud(trouble: TroubleReport) -> bool:
    return not trouble.is_muted and trouble.severity is not Severity.NOTE


def _free(view: NodeView) -> str:
    disk = view.report.disk if view.report is not None else None
    return f"{100 * disk.free_bytes // disk.total_bytes} %" if disk is not None and disk.total_bytes else ""


def _number(console: Console, number: int) -> str:
    return console.text("cluster.number", number=number)
