"""Programs that tests call but the project does not install; where one is missing, the test says so and is skipped."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

__all__ = ["require_tool"]


def require_tool(name: str, package: str) -> Path:
    """The path of program `name`; without it the test is skipped with the Debian package that brings it.

    With LUMBUNG_REQUIRE_TOOLS=1 the test fails instead: CI installs every program, and a silent skip there would hide
    that a promise is no longer tested.
    """
    found = shutil.which(name)
    if found is not None:
        return Path(found)
    reason = f"no program {name}: install the Debian package {package}"
    if os.environ.get("LUMBUNG_REQUIRE_TOOLS") == "1":
        pytest.fail(reason)
    pytest.skip(reason)
