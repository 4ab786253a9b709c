"""Prints at the end of a run how long each folder of tests took."""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import PurePosixPath

import pytest


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Sum the phases of every test by folder: what a fixture sets up costs its folder too."""
    seconds: defaultdict[str, float] = defaultdict(float)
    tests: Counter[str] = Counter()
    for reports in terminalreporter.stats.values():
        for report in reports:
            # Warnings and collection errors stand in the same table; the parts of a test are inside its own time.
            if type(report) is not pytest.TestReport:
                continue
            folder = str(PurePosixPath(report.nodeid.partition("::")[0]).parent)
            seconds[folder] += report.duration
            tests[folder] += report.when == "setup"
    terminalreporter.section("time per folder")
    for folder, spent_s in sorted(seconds.items()):
        terminalreporter.write_line(f"{folder:<28} {tests[folder]:>6} tests {spent_s:>8.1f} s")
