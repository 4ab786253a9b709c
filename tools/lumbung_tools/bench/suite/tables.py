"""A result as tables of words, for the screen and for the docs alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from lumbung_tools.bench.suite.cases import PUT_CASES, PutCase
from lumbung_tools.bench.suite.document import Result
from lumbung_tools.bench.suite.figures import Spread
from lumbung_tools.bench.suite.others import OTHERS
from lumbung_tools.bench.suite.ratios import LIMITS, MARKS, Mark
from lumbung_tools.bench.tabletext import TableText

__all__ = ["tables_of"]

_NONE = ""
_LIMIT_NAMES = {
    "sequential_write_mb_s": "sequential write, MB/s",
    "append_4k_per_s": "append 4 KiB + fdatasync, /s",
    "append_300k_per_s": "append 300 KiB + fdatasync, /s",
    "engine_4k_per_s": "raw RocksDB, 256 x 4 KiB a sync, /s",
    "engine_300k_mb_s": "raw RocksDB, 27 x 300 KiB a sync, MB/s",
    "engine_64m_mb_s": "raw RocksDB, 8 x 1 MiB a sync, MB/s",
    "tcp_mb_s": "loopback TCP, MB/s",
    "grpc_mtls_mb_s": "loopback mTLS through plain grpcio, MB/s",
    "grpc_mtls_cpu_s_per_gb": "the same, CPU s for 10^9 bytes, both ends",
    "blake3_300k_mb_s": "BLAKE3, 300 KiB, one thread, MB/s",
    "python_m_steps_per_s": "the interpreter, steps that keep a small row, one thread, millions/s",
    "bare_hop_mb_s": "a bare hop of 300 KiB: grpcio with mTLS, BLAKE3, RocksDB, MB/s",
    "bare_hop_cpu_ms": "the same, CPU ms a blob, both ends",
    "bare_calls_per_s": "bare calls that bring 300 KiB, grpc.aio with mTLS, 8 at a time, /s",
    "bare_call_cpu_ms": "the same, CPU ms of each, both ends",
    "bare_copies_mb_s": "bare processes, three copies of 300 KiB over one stream, MB/s",
    "bare_copies_cpu_ms": "the same, CPU ms a blob, all four",
    "bare_copies_4k_per_s": "bare processes, three copies of 4 KiB over one stream, blobs/s",
    "bare_waiting_p50_ms": "bare processes, three copies of 300 KiB, 8 clients, p50 ms",
    "bare_waiting_p99_ms": "the same, p99 ms",
    "bare_waiting_cpu_ms": "the same, CPU ms a blob, all four",
}


def tables_of(result: Result) -> list[TableText]:
    return [_limits(result), _puts(result), _ratios(result), _reads(result), _marks(result), _others(result)]


def _limits(result: Result) -> TableText:
    found = result.cases[LIMITS]
    rows = [[text, _number(found[name].median), _range(found[name])] for name, text in _LIMIT_NAMES.items()]
    return TableText("Limits of this machine, same run", ["limit", "median", "least to greatest"], rows)


def _puts(result: Result) -> TableText:
    heads = ["put", "blobs", "blobs/s", "MB/s", "least to greatest", "ack p50/p99 ms", "copies p50/p99 ms", "CPU ms"]
    rows = [_put_row(result, case.name, _words(case)) for case in PUT_CASES]
    rows.append(_put_row(result, "sealed/a300k", "a300k sealed in the run, three copies, stream"))
    return TableText("Puts until every blob has its copies", [*heads, "peak MiB"], rows)


def _put_row(result: Result, case: str, words: str) -> list[str]:
    found = result.cases[case]
    shown = [words, *(_number(found[name].median) for name in ("files", "per_s", "mb_s")), _range(found["mb_s"])]
    cells = [_pair(found, "ack"), _pair(found, "safe"), _number(found["cpu_ms"].median)]
    return [*shown, *cells, _number(found["peak_mib"].median)]


def _pair(found: Mapping[str, Spread], name: str) -> str:
    if f"{name}_p50_ms" not in found:
        return _NONE
    return f"{_number(found[f'{name}_p50_ms'].median)} / {_number(found[f'{name}_p99_ms'].median)}"


def _ratios(result: Result) -> TableText:
    columns = {
        "raw RocksDB": "of_engine",
        "sequential write": "of_disk",
        "append + fdatasync": "of_appends",
        "mTLS of grpcio": "of_grpc",
        "TCP": "of_tcp",
        "BLAKE3": "of_blake3",
    }
    rows = [
        [_words(case), *(_optional(result.median(case.name, figure), _ratio) for figure in columns.values())]
        for case in PUT_CASES
    ]
    return TableText(
        "Puts beside each limit (three copies are carried three times by one machine)", ["put", *columns], rows
    )


def _reads(result: Result) -> TableText:
    heads = ["what", "count", "/s", "MB/s", "p50/p99 ms", "CPU ms of each"]
    rows = []
    for case, words, latency in (
        ("get/own", "get 300 KiB, warm, 8 clients, a stream each, at its origin", "get"),
        ("get/peer", "the same at a peer", "get"),
        ("get/calls", "the same at its origin, a call for each blob", "get"),
        ("list", "list, pages of 1,000", ""),
        ("day", "a day of an office in 15 s: put, ack", "ack"),
        ("day", "the same: put, three copies", "safe"),
        ("day", "the same: get", "get"),
        ("rsync/a300k", "rsync --fsync, a300k, landed and sent to two", ""),
        ("rsync/a4k", "rsync --fsync, a4k, landed and sent to two", ""),
    ):
        if case in result.cases:
            found = result.cases[case]
            cells = [_optional(result.median(case, figure), _number) for figure in ("files", "per_s", "mb_s")]
            cpu = _optional(result.median(case, "cpu_ms"), _number)
            rows.append([words, *cells, _pair(found, latency) if latency else _NONE, cpu])
    return TableText("Reads, a day, and rsync", heads, rows)


def _marks(result: Result) -> TableText:
    rows = []
    for mark in MARKS:
        value = result.median(mark.case, mark.figure)
        word = "not measured" if value is None else "met" if mark.is_met(value) else "missed"
        bare = _optional(result.median(mark.case, mark.bare), _number) if mark.bare else _NONE
        rows.append([mark.text, _bound(mark), _optional(value, _number), word, bare, mark.others])
    return TableText("Marks", ["mark", "bound", "median", "", "bare processes, same run", "for comparison"], rows)


def _bound(mark: Mark) -> str:
    return f"{'>=' if mark.is_floor else '<='} {_number(mark.bound)}"


def _others(result: Result) -> TableText:
    heads = ["three copies", "a300k MB/s", "a4k /s", "ack p50/p99 ms", "CPU ms", "MiB", "what an answer means"]
    bulk, eight = "a300k/3/stream", "a300k/3/8"
    medians = [result.median(bulk, "mb_s"), result.median("a4k/3/stream", "per_s")]
    acks = [result.median(eight, figure) for figure in ("safe_p50_ms", "safe_p99_ms")]
    memory = [result.median(bulk, f"peak_{role}_mib") or 0.0 for role in ("office", "peer", "drc")]
    ours = [
        "lumbung, mTLS, this run",
        *(_optional(value, _number) for value in medians),
        " / ".join(_optional(value, _number) for value in acks),
        _optional(result.median(bulk, "cpu_ms"), _number),
        _number(sum(memory)),
        "3 of 3 fsynced and signed",
    ]
    rows = [ours]
    for other in OTHERS:
        acks = [other.ack_p50_ms, other.ack_p99_ms]
        told = " / ".join(_number(value) for value in acks if value is not None)
        cells = [_number(other.a300k_mb_s), _optional(other.a4k_per_s, _number), told]
        rows.append([other.name, *cells, _number(other.cpu_ms), _number(other.peak_mib), other.copies])
    return TableText("Others, measured once without TLS on such a machine; memory is of all processes", heads, rows)


def _words(case: PutCase) -> str:
    nodes = "one node" if case.nodes == 1 else "three copies"
    match case.clients:
        case 0:
            who = "one stream, full"
        case 1:
            who = "1 client"
        case _:
            who = f"{case.clients} clients"
    return f"{case.workload.name}, {nodes}, {who}"


def _optional(value: float | None, shown: Callable[[float], str]) -> str:
    return _NONE if value is None else shown(value)


def _number(value: float) -> str:
    """Three digits that mean something."""
    if value >= 100 or float(value).is_integer():
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _ratio(value: float) -> str:
    return f"{value:.2f}"


def _range(spread: Spread) -> str:
    return f"{_number(spread.min)} to {_number(spread.max)}"
