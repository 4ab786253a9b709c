"""A test's missing program is a skip on a developer's machine and a failure in CI."""

from __future__ import annotations

import shutil

import pytest

from lumbung_testing.tools import require_tool

ABSENT = "lumbung-no-such-program"


def test_a_program_that_is_there_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LUMBUNG_REQUIRE_TOOLS", "1")

    assert str(require_tool("sh", "dash")) == shutil.which("sh")


def test_a_missing_program_skips_and_names_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LUMBUNG_REQUIRE_TOOLS", raising=False)

    with pytest.raises(pytest.skip.Exception, match=f"{ABSENT}.*absent-package"):
        require_tool(ABSENT, "absent-package")


def test_a_missing_program_fails_where_all_tools_are_required(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LUMBUNG_REQUIRE_TOOLS", "1")

    with pytest.raises(pytest.fail.Exception, match=f"{ABSENT}.*absent-package"):
        require_tool(ABSENT, "absent-package")
