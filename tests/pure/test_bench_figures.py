"""How figures of rounds become medians, ratios and words."""

from __future__ import annotations

import pytest

from lumbung_tools.bench.suite.cases import PUT_CASES
from lumbung_tools.bench.suite.document import Result
from lumbung_tools.bench.suite.figures import Round, Spread, latencies_ms, spread_rounds
from lumbung_tools.bench.suite.ratios import LIMITS, MARKS, add_ratios
from lumbung_tools.bench.suite.tables import tables_of
from lumbung_tools.bench.tabletext import as_markdown

_LIMITS = {
    "sequential_write_mb_s": 300.0,
    "append_4k_per_s": 1000.0,
    "append_300k_per_s": 800.0,
    "engine_4k_per_s": 10_000.0,
    "engine_300k_mb_s": 150.0,
    "engine_64m_mb_s": 160.0,
    "tcp_mb_s": 1200.0,
    "grpc_mtls_mb_s": 600.0,
    "grpc_mtls_cpu_s_per_gb": 1.2,
    "blake3_300k_mb_s": 2000.0,
    "python_m_steps_per_s": 2.0,
    "bare_hop_mb_s": 200.0,
    "bare_hop_cpu_ms": 1.0,
    "bare_calls_per_s": 500.0,
    "bare_call_cpu_ms": 2.0,
    "bare_copies_mb_s": 80.0,
    "bare_copies_cpu_ms": 6.5,
    "bare_copies_4k_per_s": 9_000.0,
    "bare_waiting_p50_ms": 34.0,
    "bare_waiting_p99_ms": 90.0,
    "bare_waiting_cpu_ms": 7.5,
}


def _round(mb_s: float) -> Round:
    put = {"files": 10.0, "per_s": 100.0, "mb_s": mb_s, "cpu_ms": 12.0, "peak_mib": 150.0}
    waits = {**latencies_ms("ack", [0.01]), **latencies_ms("safe", [0.02])}
    found: Round = {case.name: {**put, **waits} for case in PUT_CASES}
    found |= {LIMITS: dict(_LIMITS), "sealed/a300k": dict(put), "get/own": {"mb_s": 251.0}}
    return found


def test_a_figure_of_three_rounds_is_its_median_with_least_and_greatest() -> None:
    found = spread_rounds([{"case": {"x": value}} for value in (3.0, 1.0, 2.0)])
    assert found["case"]["x"] == Spread(2.0, 1.0, 3.0)


def test_percentiles_are_of_milliseconds() -> None:
    assert latencies_ms("ack", [0.001 * n for n in range(1, 101)]) == {"ack_p50_ms": 50.5, "ack_p99_ms": 100.0}


def test_three_copies_count_three_times_against_what_one_machine_can_do() -> None:
    found = _round(mb_s=50.0)
    add_ratios(found)
    alone, three = found["a300k/1/32"], found["a300k/3/stream"]
    assert alone["of_engine"] == 50 / 150
    assert three["of_engine"] == 1.0
    assert three["walls_of_disk"] == 2.0
    assert found["a4k/3/stream"]["of_engine"] == 300 / 10_000
    assert "walls_of_rsync" not in three


def test_beside_rsync_less_than_one_is_quicker_than_it() -> None:
    found = _round(mb_s=50.0) | {"rsync/a300k": {"mb_s": 40.0}}
    add_ratios(found)
    assert found["a300k/3/stream"]["walls_of_rsync"] == 0.8


def test_beside_the_marks_stands_what_bare_processes_reached_in_the_same_round() -> None:
    found = _round(mb_s=50.0) | {"rsync/a300k": {"mb_s": 40.0}}
    add_ratios(found)
    three = found["a300k/3/stream"]
    assert (three["bare_cpu_ms"], three["bare_mb_s"]) == (6.5, 80.0)
    assert three["bare_walls_of_disk"] == pytest.approx(300 / (3 * 80))
    assert three["bare_walls_of_rsync"] == pytest.approx(40 / 80)
    assert found["a300k/3/8"]["bare_wait_ms"] == 34.0
    assert found["a300k/3/8"]["bare_wait_p99_ms"] == 90.0
    assert found["a4k/3/stream"]["bare_per_s"] == 9_000.0
    assert found["get/own"]["bare_mb_s"] == pytest.approx(500 * 0.3072)
    assert found["a300k/1/32"]["bare_of_engine"] == pytest.approx(200 / 150)


def test_a_mark_is_said_to_be_met_missed_or_not_measured() -> None:
    found = _round(mb_s=50.0)
    add_ratios(found)
    result = Result({"cores": "2"}, 1.0, 1, (0.1, 0.2), 60.0, spread_rounds([found]))
    (marks,) = (table for table in tables_of(result) if table.title == "Marks")
    words = {row[0]: row[3] for row in marks.rows}
    assert len(words) == len(MARKS)
    assert words["get 300 KiB, warm, 8 clients, MB/s"] == "met"
    assert words["a4k, three copies, blobs/s"] == "missed"
    assert words["a300k, three copies: wall of rsync --fsync"] == "not measured"


def test_markdown_has_a_row_for_each_case() -> None:
    found = _round(mb_s=50.0)
    add_ratios(found)
    result = Result({}, 1.0, 1, (0.1, 0.2), 60.0, spread_rounds([found]))
    puts = next(table for table in tables_of(result) if table.title.startswith("Puts until"))
    lines = as_markdown(puts).splitlines()
    assert len(lines) == 4 + len(PUT_CASES) + 1
    assert all(line.count("|") == len(puts.heads) + 1 for line in lines[2:])
