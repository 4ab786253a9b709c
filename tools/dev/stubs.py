"""Writes the generated modules of the .proto files, or says whether they are fresh.

    python tools/dev/stubs.py write
    python tools/dev/stubs.py check     exit code 1 when a module is missing, stale or left over

Messages only (x_pb2.py and x_pb2.pyi): services travel as generic byte handlers, so no gRPC stubs are made.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from importlib import resources
from pathlib import Path

from grpc_tools import protoc

IMPORT_ROOT = Path(__file__).resolve().parents[2] / "proto"
GENERATED = ("*_pb2.py", "*_pb2.pyi")


def generate(target: Path) -> None:
    """Run protoc over every .proto under the import root. Raises SystemExit when it refuses."""
    sources = sorted(path.relative_to(IMPORT_ROOT).as_posix() for path in IMPORT_ROOT.rglob("*.proto"))
    if not sources:
        raise SystemExit(f"stubs: expected .proto files under {IMPORT_ROOT}, got none")
    well_known = resources.files("grpc_tools") / "_proto"
    plugin = Path(sys.executable).with_name("protoc-gen-mypy")
    status = protoc.main(
        [
            "protoc",
            f"--plugin=protoc-gen-mypy={plugin}",
            f"--proto_path={IMPORT_ROOT}",
            f"--proto_path={well_known}",
            f"--python_out={target}",
            f"--mypy_out=quiet:{target}",
            *sources,
        ]
    )
    if status != 0:
        raise SystemExit(f"stubs: protoc ended with {status}")


def modules_under(root: Path) -> dict[str, bytes]:
    """The generated files under `root`, by path relative to it."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes() for pattern in GENERATED for path in root.rglob(pattern)
    }


def write(fresh: dict[str, bytes], present: dict[str, bytes]) -> int:
    """Make the tree equal to `fresh`; a module whose .proto is gone goes too."""
    for name in present.keys() - fresh.keys():
        (IMPORT_ROOT / name).unlink()
    for name, content in fresh.items():
        if present.get(name) != content:
            (IMPORT_ROOT / name).write_bytes(content)
    print(f"stubs: {len(fresh)} modules written")
    return 0


def check(fresh: dict[str, bytes], present: dict[str, bytes]) -> int:
    """0 when the tree equals `fresh`; else the names that differ, and 1."""
    differing = sorted(name for name in fresh.keys() | present.keys() if fresh.get(name) != present.get(name))
    for name in differing:
        print(f"stubs: {name} is not what its .proto gives; run `make stubs`", file=sys.stderr)
    if not differing:
        print(f"stubs: {len(fresh)} modules are fresh")
    return 1 if differing else 0


def main() -> int:
    """Generate into a temporary folder, then write or compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=("write", "check"))
    action = parser.parse_args().action
    with tempfile.TemporaryDirectory() as folder:
        generate(Path(folder))
        fresh = modules_under(Path(folder))
    present = modules_under(IMPORT_ROOT)
    return write(fresh, present) if action == "write" else check(fresh, present)


if __name__ == "__main__":
    sys.exit(main())
