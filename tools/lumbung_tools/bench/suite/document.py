"""The result as JSON: each figure as median, least and greatest of the rounds, with the machine that gave it."""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from lumbung_tools.bench.suite.figures import Round, Spread, spread_rounds
from lumbung_tools.localcluster.disk import Place

__all__ = ["SCHEMA", "Result", "read_result", "result_of", "write_result"]

SCHEMA = "lumbung.bench/1"
_GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class Result:
    """`load_average` is that of one minute before the first round and after the last."""

    machine: Mapping[str, str]
    scale: float
    rounds: int
    load_average: tuple[float, float]
    elapsed_s: float
    cases: Mapping[str, Mapping[str, Spread]]

    def median(self, case: str, figure: str) -> float | None:
        """None for what was not measured, such as rsync where there is none."""
        found = self.cases.get(case, {}).get(figure)
        return None if found is None else found.median


def result_of(
    rounds: Sequence[Round], place: Place, scale: float, load_average: tuple[float, float], elapsed_s: float
) -> Result:
    return Result(_machine(place), scale, len(rounds), load_average, elapsed_s, spread_rounds(rounds))


def write_result(result: Result, out: Path) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps({"schema": SCHEMA, **asdict(result)}, indent=1) + "\n", encoding="utf-8")


def read_result(file: Path) -> Result:
    """Raises OSError, ValueError."""
    document = json.loads(file.read_text(encoding="utf-8"))
    if document.get("schema") != SCHEMA:
        raise ValueError(f"{file}: expected schema {SCHEMA}, got {document.get('schema')}")
    cases = {
        case: {name: Spread(**values) for name, values in figures.items()}
        for case, figures in document["cases"].items()
    }
    before, after = document["load_average"]
    return Result(
        document["machine"], document["scale"], document["rounds"], (before, after), document["elapsed_s"], cases
    )


def _machine(place: Place) -> dict[str, str]:
    memory_bytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "cores": str(os.cpu_count()),
        "processor": _processor(),
        "memory": f"{memory_bytes / _GIB:.0f} GiB",
        "file_system": place.file_system,
        "python": platform.python_version(),
        "kernel": platform.release(),
        "day": time.strftime("%Y-%m-%d", time.gmtime()),
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
