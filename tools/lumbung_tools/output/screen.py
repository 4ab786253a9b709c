"""The screen of `lumbung top`: the sums, then as many nodes as there is room for, the worst first. Fits 80 columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from lumbung_cluster.ids import NodeNumber
from lumbung_cluster.overview import NodeColour, NodeView, by_badness, sums_of
from lumbung_tools.client.reports import ClusterAnswer
from lumbung_tools.output.cluster_page import NODE_HEADS, cluster_colour, cluster_sentence, node_row, sums_lines
from lumbung_tools.output.console import Console

__all__ = ["draw_screen"]

_STYLES = {
    NodeColour.RED: "bold red",
    NodeColour.SILENT: "magenta",
    NodeColour.YELLOW: "yellow",
    NodeColour.GREEN: "green",
}
_LINES_BESIDES = 4  # the heads of the table, and what stands under it


def draw_screen(
    console: Console,
    answer: ClusterAnswer,
    name: Callable[[int], str],
    why: Mapping[NodeNumber, str],
    *,
    height: int,
) -> RenderableType:
    """`why` says of each DRC node that is not reached what is the matter. At most `height` lines."""
    views = answer.views()
    above = [Text(cluster_sentence(console, answer, views, name), style=_STYLES[cluster_colour(answer, views)])]
    above += [Text(line) for line in sums_lines(console, sums_of(views))]
    above += [Text(console.text("cluster.unreached", node=name(drc), why=why[drc])) for drc in sorted(why)]
    shown = by_badness(views)[: max(1, height - len(above) - 2 - _LINES_BESIDES)]
    below = []
    if len(shown) < len(views):
        below = [Text(console.text("top.more", nodes=len(views) - len(shown)), style="dim")]
    return Group(*above, Text(""), _table(console, shown, name), *below)


def _table(console: Console, views: list[NodeView], name: Callable[[int], str]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 1, 0, 0))
    for head in NODE_HEADS:
        table.add_column(console.text(f"cluster.column.{head}"), no_wrap=True, overflow="ellipsis")
    for view in views:
        style = _STYLES[view.colour] if view.colour is not NodeColour.GREEN else ""
        table.add_row(
            *(Text(cell, style=style if place == 1 else "") for place, cell in enumerate(node_row(console, view, name)))
        )
    return table
