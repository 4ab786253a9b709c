"""The Containerfile, as far as it can be judged without a container runtime."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import click
import pytest

from lumbung_tools.cli.node import node

_ROOT = Path(__file__).parents[2]
_Step = tuple[str, str]


def _steps() -> list[_Step]:
    """Instruction and the rest of its line, continued lines joined, comments left out."""
    text = (_ROOT / "tools" / "packaging" / "Containerfile").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines)).splitlines()
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in joined)]


def _rests(word: str, steps: list[_Step] | None = None) -> list[str]:
    return [rest for step, rest in steps or _steps() if step == word]


def _last_stage() -> list[_Step]:
    steps = _steps()
    begin = max(place for place, (word, _) in enumerate(steps) if word == "FROM")
    return steps[begin:]


def test_every_base_is_a_python_that_lumbung_runs_on_and_names_no_host() -> None:
    wanted = tomllib.loads((_ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["requires-python"]
    low, high = (int(minor) for minor in re.fullmatch(r">=3\.(\d+),<3\.(\d+)", wanted).groups())  # type: ignore[union-attr]
    for base in _rests("FROM"):
        found = re.fullmatch(r"python:3\.(\d+)-slim( AS \w+)?", base)
        assert found is not None, base
        assert low <= int(found[1]) < high


def test_all_stages_have_one_base_so_that_what_is_built_runs() -> None:
    assert len({base.partition(" ")[0] for base in _rests("FROM")}) == 1


def test_it_runs_under_an_account_without_rights() -> None:
    (user,) = _rests("USER", _last_stage())
    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", user)
    assert not _rests("RUN", _last_stage()[_last_stage().index(("USER", user)) :]), "root's work comes before"


def test_what_is_copied_is_there() -> None:
    for copied in _rests("COPY"):
        *sources, _ = [word for word in copied.split() if not word.startswith("--")]
        if "--from=" not in copied:
            assert [source for source in sources if not (_ROOT / source).exists()] == []


def test_requirements_are_installed_by_hash_and_nothing_else_is_fetched() -> None:
    installs = [run for run in _rests("RUN") if "pip install" in run]
    assert installs
    assert [run for run in installs if "--require-hashes" not in run and "--no-deps" not in run] == []
    assert not _rests("ADD")
    assert not [run for run in _rests("RUN") if re.search(r"\b(curl|wget|apt-get)\b", run)]


@pytest.mark.parametrize("word", ["ENTRYPOINT", "CMD"])
def test_signals_reach_the_node_itself(word: str) -> None:
    (form,) = _rests(word, _last_stage())
    assert isinstance(json.loads(form), list), "a shell in between would keep SIGTERM and SIGHUP to itself"


@pytest.mark.parametrize("word", ["CMD", "HEALTHCHECK"])
def test_the_commands_that_it_calls_exist(word: str) -> None:
    (form,) = _rests(word, _last_stage())
    group, name, option, _ = [part for part in json.loads(form[form.index("[") :]) if part != "lumbung"]
    command = node.get_command(click.Context(node), name)
    assert group == "node"
    assert command is not None
    assert option in [form for parameter in command.params for form in parameter.opts]
