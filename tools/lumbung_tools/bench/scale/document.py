"""What was measured at scale, as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from lumbung_tools.bench.scale.index import IndexStep, Seen
from lumbung_tools.bench.scale.million import Calls, Part, Scale, Start, Turns

__all__ = ["SCHEMA", "Result", "read_result", "write_result"]

SCHEMA = "lumbung.bench.scale/2"


@dataclass(frozen=True, slots=True)
class Result:
    """`load_average` is that of one minute before the first measurement and after the last."""

    day: str
    cores: int
    file_system: str
    load_average: tuple[float, float]
    elapsed_s: float
    node: Scale
    index: Sequence[IndexStep]


def write_result(result: Result, out: Path) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps({"schema": SCHEMA, **asdict(result)}, indent=1) + "\n", encoding="utf-8")


def read_result(file: Path) -> Result:
    """Raises OSError, ValueError."""
    found = json.loads(file.read_text(encoding="utf-8"))
    if found.get("schema") != SCHEMA:
        raise ValueError(f"{file}: expected schema {SCHEMA}, got {found.get('schema')}")
    node = found["node"]
    scale = Scale(
        [Part(**each) for each in node["parts"]],
        Turns(**node["turns"]),
        [Calls(**each) for each in node["calls"]],
        [Start(**each) for each in node["starts"]],
        node["peak_mib"],
        node["peak_started_mib"],
        node["data_bytes"],
    )
    before, after = found["load_average"]
    index = [IndexStep(**{**each, "seen": Seen(**each["seen"])}) for each in found["index"]]
    return Result(found["day"], found["cores"], found["file_system"], (before, after), found["elapsed_s"], scale, index)
