"""Exit codes: what each error means for a script, and which wins."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path

import pytest

from lumbung_cluster.errors import (
    BlobDamaged,
    KeyRefused,
    OutcomeUnknown,
    PeerGone,
    PeerUnreachable,
    Rejected,
    StatusCode,
    TrustRefused,
)
from lumbung_node.toml_table import ConfigError
from lumbung_tools.client.answers import NO_COPIES, CopyCount, Outcome, PutAnswer
from lumbung_tools.client.get import NobodyHasIt
from lumbung_tools.output.exit_codes import ExitCode, of_error, of_put, worst
from lumbung_tools.sealing import PlaintextRefused

DESIGN_ORDER = [1, 8, 5, 7, 6, 3]


def answer(outcome: Outcome, copies: int = 0, code: StatusCode = StatusCode.OK) -> PutAnswer:
    count = CopyCount(copies, 3, copies == 3, (), ()) if copies else NO_COPIES
    return PutAnswer(outcome, None, count, code, "", final=True, new_version=False)


def test_for_several_paths_the_design_names_the_winner() -> None:
    for first, second in permutations(DESIGN_ORDER, 2):
        expected = first if DESIGN_ORDER.index(first) < DESIGN_ORDER.index(second) else second
        assert worst([ExitCode.OK, ExitCode(first), ExitCode(second)]) == expected


def test_every_code_has_a_place_and_nothing_at_all_is_ok() -> None:
    assert worst([]) is ExitCode.OK
    for code in ExitCode:
        assert worst([ExitCode.OK, code]) is code


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (Rejected(StatusCode.NOT_FOUND, ""), 4),
        (Rejected(StatusCode.DATA_LOSS, ""), 8),
        (Rejected(StatusCode.UNAVAILABLE, ""), 5),
        (Rejected(StatusCode.DEADLINE_EXCEEDED, ""), 5),
        (Rejected(StatusCode.INTERNAL, ""), 1),
        (Rejected(StatusCode.PERMISSION_DENIED, ""), 6),
        (Rejected(StatusCode.RESOURCE_EXHAUSTED, ""), 6),
        (PeerUnreachable(""), 7),
        (TrustRefused(""), 6),
        (PeerGone(""), 5),
        (OutcomeUnknown(""), 5),
        (BlobDamaged(""), 8),
        (KeyRefused(""), 2),
        (PlaintextRefused(""), 2),
        (ConfigError(Path("x"), "", ""), 2),
        (FileNotFoundError(), 2),
        (ZeroDivisionError(), 1),
        (NobodyHasIt([("a", Rejected(StatusCode.NOT_FOUND, "")), ("b", PeerUnreachable(""))]), 7),
        (NobodyHasIt([("a", Rejected(StatusCode.NOT_FOUND, ""))]), 4),
    ],
)
def test_each_error_has_its_code(error: BaseException, expected: int) -> None:
    assert of_error(error) == expected


@pytest.mark.parametrize(
    ("given", "asked", "expected"),
    [
        (answer(Outcome.STORED, 3), 3, 0),
        (answer(Outcome.REPEATED, 2), 2, 0),
        (answer(Outcome.STORED, 2), 3, 3),
        (answer(Outcome.STORED, 1), 3, 3),
        (answer(Outcome.UNKNOWN), 3, 5),
        (answer(Outcome.NOT_SENT), 3, 7),
        (answer(Outcome.REFUSED, code=StatusCode.PERMISSION_DENIED), 3, 6),
        (answer(Outcome.REFUSED, code=StatusCode.DATA_LOSS), 3, 8),
        (answer(Outcome.REFUSED, code=StatusCode.NOT_FOUND), 3, 6),
    ],
)
def test_a_put_ends_with_what_is_proven(given: PutAnswer, asked: int, expected: int) -> None:
    assert of_put(given, asked) == expected
