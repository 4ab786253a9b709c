"""What the commands of `lumbung bundle` share: the folders on a disk, a progress bar, and problems as sentences."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click

from lumbung_tools.bundles.folder import BundleFolder, find_bundles
from lumbung_tools.bundles.problem import Problem, Problems
from lumbung_tools.cli.framework import Call
from lumbung_tools.output.console import JsonValue
from lumbung_tools.output.exit_codes import ExitCode
from lumbung_tools.output.failures import CommandFailed
from lumbung_tools.output.refusals import reason_of

__all__ = ["DIGITS_SHOWN", "DISK", "bar", "bundles_on", "opened", "problems_json", "say_problems"]

DIGITS_SHOWN = 8
DISK = click.argument("dir", type=click.Path(exists=True, file_okay=False, path_type=Path))
_PROBLEMS_SHOWN_MAX = 20
_ID_DIGITS_SHOWN = 16


def bundles_on(disk: Path) -> Sequence[Path]:
    found = find_bundles(disk)
    if not found:
        raise CommandFailed(ExitCode.NOT_FOUND, "bundle.none_here", folder=disk)
    return found


@contextmanager
def opened(path: Path) -> Iterator[BundleFolder]:
    folder = BundleFolder(path)
    try:
        yield folder
    finally:
        folder.close()


@contextmanager
def bar(call: Call, title: str) -> Iterator[Callable[[int, int], None]]:
    with call.console.progress() as progress:
        task = progress.add_task(title, total=None) if progress is not None else None

        def on_progress(done: int, total: int) -> None:
            if progress is not None and task is not None:
                progress.update(task, completed=done, total=total)

        yield on_progress


def say_problems(call: Call, problems: Problems) -> None:
    for problem in problems.found[:_PROBLEMS_SHOWN_MAX]:
        shown = _values(call, problem)
        if "blob" in shown:  # the digits that `put` and `ls` show; --json has all
            shown["blob"] = str(shown["blob"])[:_ID_DIGITS_SHOWN]
        call.console.warn(problem.key, **shown)
    more = len(problems.found) + problems.left_out - _PROBLEMS_SHOWN_MAX
    if more > 0:
        call.console.warn("bundle.bad.more", count=more)


def problems_json(call: Call, problems: Problems) -> list[JsonValue]:
    return [
        {
            "code": problem.key.removeprefix("bundle.bad."),
            "exit_code": int(problem.code),
            "sentence": call.console.text(problem.key, **_values(call, problem)),
        }
        for problem in problems.found
    ]


def _values(call: Call, problem: Problem) -> dict[str, object]:
    """A node's reason comes in English, and is told in the reader's language."""
    why = problem.values.get("why")
    return {**problem.values, "why": reason_of(call.console, why)} if why is not None else dict(problem.values)
