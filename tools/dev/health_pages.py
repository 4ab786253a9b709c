"""Writes docs/health from the catalogue, or says whether it is fresh.

python tools/dev/health_pages.py write
python tools/dev/health_pages.py check     exit code 1 when a page is missing, stale or left over
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from lumbung_tools.output.health_pages import markdown_files

__all__ = ["main"]

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "health"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("what", choices=("write", "check"))
    what = parser.parse_args().what
    fresh = markdown_files()
    present = {path.name: path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("*.md"))}
    if what == "check":
        stale = sorted(name for name in fresh.keys() | present.keys() if fresh.get(name) != present.get(name))
        for name in stale:
            print(f"docs/health/{name} is not what the catalogue says: make health-pages")
        return 1 if stale else 0
    FOLDER.mkdir(exist_ok=True)
    for name in present.keys() - fresh.keys():
        (FOLDER / name).unlink()
    for name, text in fresh.items():
        (FOLDER / name).write_text(text, encoding="utf-8")
    print(f"docs/health: {len(fresh)} pages written")
    return 0


if __name__ == "__main__":
    sys.exit(main())
