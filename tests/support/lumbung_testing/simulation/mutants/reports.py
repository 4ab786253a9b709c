"""Mistakes about reports: whose word they are, and which is the newest."""

from __future__ import annotations

from contextlib import AbstractContextManager

from lumbung_cluster.report import SignedReport
from lumbung_node.services.report_book import ReportBook
from lumbung_node.services.session import telling
from lumbung_testing.simulation.mutants.mutant import Mutant
from lumbung_testing.simulation.patching import patched

__all__ = ["MUTANTS"]


def _report_believed_without_its_signature() -> AbstractContextManager[object]:
    return patched(telling, "report_objection", lambda *_: None)


def _older_report_believed() -> AbstractContextManager[object]:
    def is_news(self: ReportBook, signed: SignedReport) -> bool:
        return True

    return patched(ReportBook, "is_news", is_news)


MUTANTS = (
    Mutant("report believed without its signature", _report_believed_without_its_signature, is_quick=False),
    Mutant("older report believed", _older_report_believed, is_quick=False),
)
