"""`make chaos`: real faults on real node processes; the table says what was run, skipped, lost and broken.

    make chaos                                    every family in full: about half an hour on two cores
    make chaos ARGS="--family kills --count 20"   one family, so many faults
    make chaos ARGS="--list"                      the families and their full counts

Exit code 1 when anything was lost or broken. What this machine does not allow is skipped with its reason.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import tempfile
import time
from pathlib import Path

import trio

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "support"))

from lumbung_testing.chaos.families import FAMILIES, Family  # noqa: E402 (the path comes first)
from lumbung_testing.chaos.machine import Refused, enter_own_mounts  # noqa: E402
from lumbung_testing.chaos.report import Order, Report, as_json, table  # noqa: E402
from lumbung_tools.localcluster.disk import choose_place  # noqa: E402

_STOPPED = 130


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, prog="make chaos"
    )
    parser.add_argument("--family", action="append", choices=sorted(FAMILIES), help="only this one; may be repeated")
    parser.add_argument("--count", type=int, help="how many faults of each family, instead of the full count")
    parser.add_argument("--seed", default="chaos", help="where faults fall; moments never repeat exactly")
    parser.add_argument("--dir", type=Path, help="work below this folder (default: the first temporary one on a disk)")
    parser.add_argument("--json", type=Path, default=ROOT / "build" / "chaos.json", help="where the figures go as JSON")
    parser.add_argument("--brief", action="store_true", help="short waits, as in the share that the tests run")
    parser.add_argument("--quiet", action="store_true", help="no lines of progress")
    parser.add_argument("--list", action="store_true", help="name the families and stop")
    return parser.parse_args()


def _run_family(family: Family, count: int, chosen: argparse.Namespace, mounts: str | None) -> Report:
    luck = random.Random(f"{chosen.seed}/{family.name}")
    if family.needs_mounts and mounts is not None:
        return Report(family.name, count).skip(mounts)

    def tell(line: str) -> None:
        if not chosen.quiet:
            print(f"  {family.name}: {line}", file=sys.stderr, flush=True)

    begun = time.monotonic()
    place = chosen.dir or choose_place().folder
    with tempfile.TemporaryDirectory(prefix=f"lumbung-{family.name}-", dir=place) as folder:
        try:
            report = trio.run(family.run, Order(Path(folder), count, luck, tell, chosen.brief))
        except Refused as refused:
            report = Report(family.name, count).skip(str(refused))
    report.seconds = time.monotonic() - begun
    return report


def main() -> int:
    chosen = _parse()
    if chosen.list:
        for family in FAMILIES.values():
            print(f"{family.name:<12}{family.full_count:>6}  {family.sentence}")
        return 0
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs inherit that it is ignored
    signal.signal(signal.SIGTERM, lambda *_: os.kill(os.getpid(), signal.SIGINT))  # one way to stop, which cleans up
    mounts = None
    try:
        enter_own_mounts()
    except Refused as refused:
        mounts = str(refused)
    reports = []
    for name in chosen.family or FAMILIES:
        family = FAMILIES[name]
        count = family.full_count if chosen.count is None else chosen.count
        reports.append(_run_family(family, count, chosen, mounts))
        chosen.json.parent.mkdir(parents=True, exist_ok=True)
        chosen.json.write_text(as_json(reports, seed=chosen.seed) + "\n", encoding="utf-8")
    print(table(reports))
    return 0 if all(report.is_good for report in reports) else 1


def _main_until_stopped() -> int:
    code = _STOPPED
    try:
        code = main()
    except* KeyboardInterrupt:  # alone, or in the group of whichever task it met
        print("stopped; nothing is left running or mounted", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(_main_until_stopped())
