"""A table of copies becoming proven, asked from the nodes themselves: live on a terminal, lines now and then elsewhere.

What stands in it is what each office's node counts by receipts, not what the demo thinks that it has done.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import trio
from rich.console import Console as RichConsole
from rich.live import Live
from rich.table import Table

from lumbung_cluster.errors import LumbungError
from lumbung_proto.v1.operations_pb2 import StatusResponse
from lumbung_tools.client.ask import status
from lumbung_tools.client.session import Session
from lumbung_tools.output.console import Console

__all__ = ["Board", "OfficeRow", "read_row"]

_ASK_S = 0.3
_LINE_S = 2.0  # between two lines where nobody watches a table
_COPIES = 3


@dataclass(frozen=True, slots=True)
class OfficeRow:
    """One office as its node sees it: durable blobs, those by number of proven copies, and proofs by holder."""

    office: str
    total: int
    durable: int
    by_copies: tuple[int, int, int]
    proven: tuple[tuple[str, int], ...]

    @property
    def is_safe(self) -> bool:
        """Every enrollment has three proven copies."""
        return self.by_copies[_COPIES - 1] >= self.total


def read_row(office: str, total: int, answer: StatusResponse) -> OfficeRow:
    counts = [*answer.own.by_copies, 0, 0, 0][:_COPIES]
    proven = sorted((link.name, link.proven_blobs) for link in answer.links)
    return OfficeRow(office, total, answer.own.blobs, (counts[0], counts[1], counts[2]), tuple(proven))


class Board:
    """Asks every office's node until all its enrollments are safe. `totals` says how many each one enrolls."""

    def __init__(
        self,
        console: Console,
        screen: RichConsole,
        sessions: Mapping[str, Session],
        totals: Mapping[str, int],
    ) -> None:
        self._console = console
        self._screen = screen
        self._sessions = sessions
        self._totals = totals
        self._rows = {office: OfficeRow(office, total, 0, (0, 0, 0), ()) for office, total in totals.items()}

    @property
    def safe(self) -> int:
        """Enrollments with three proven copies, by the last answers."""
        return sum(row.by_copies[_COPIES - 1] for row in self._rows.values())

    async def watch(self) -> None:
        """Returns when every office is safe; cancel it to stop earlier."""
        if self._console.is_json or not self._screen.is_terminal:
            await self._watch_in_lines()
            return
        with Live(self._table(), console=self._screen, auto_refresh=False) as live:
            while not await self._ask_all():
                live.update(self._table(), refresh=True)
                await trio.sleep(_ASK_S)
            live.update(self._table(), refresh=True)

    async def _watch_in_lines(self) -> None:
        said_at = trio.current_time()
        while not await self._ask_all():
            if trio.current_time() - said_at >= _LINE_S:
                said_at = trio.current_time()
                self._say()
            await trio.sleep(_ASK_S)
        self._say()

    async def _ask_all(self) -> bool:
        for office, session in self._sessions.items():
            try:
                answer = await status(session.own)
            except LumbungError:
                continue  # the next round asks again; the row keeps what was true last
            self._rows[office] = read_row(office, self._totals[office], answer)
        return all(row.is_safe for row in self._rows.values())

    def _say(self) -> None:
        for row in self._rows.values():
            one, two, three = row.by_copies
            self._console.say(
                "demo.row",
                office=row.office,
                durable=row.durable,
                total=row.total,
                one=one,
                two=two,
                three=three,
                proven=_proofs(row),
            )

    def _table(self) -> Table:
        text = self._console.text
        table = Table(title=text("demo.table.title"))
        table.add_column(text("demo.table.office"))
        for key in ("demo.table.durable", "demo.table.one", "demo.table.two", "demo.table.three"):
            table.add_column(text(key), justify="right")
        table.add_column(text("demo.table.proven"))
        for row in self._rows.values():
            one, two, three = (str(count) for count in row.by_copies)
            shown = f"[green]{three}[/green]" if row.is_safe else three
            table.add_row(row.office, f"{row.durable}/{row.total}", one, two, shown, _proofs(row))
        return table


def _proofs(row: OfficeRow) -> str:
    return ", ".join(f"{name} {count}" for name, count in row.proven)
