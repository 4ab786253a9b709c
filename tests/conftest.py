"""Prints at the end of a run how long each folder of tests took, and frees hypothesis from the clock."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from pathlib import PurePosixPath

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes says how busy the machine is, not whether we are right. CI draws the same examples every
# time, so that a change is judged by what it changed; at a desk each run looks further.
settings.register_profile(
    "lumbung", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize="CI" in os.environ
)
settings.load_profile("lumbung")


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
