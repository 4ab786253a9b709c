"""docs/commands.md and the help speak of every command there is, and no Indonesian sentence mixes its words."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from lumbung_cluster.health import HealthCode
from lumbung_node.config import Language
from lumbung_tools.catalogue.text import MESSAGES, Catalogue
from lumbung_tools.cli.framework import Call, LazyGroup, LumbungCommand
from lumbung_tools.client.over_grpc import open_grpc
from lumbung_tools.main import _COMMANDS
from lumbung_tools.output.console import Console

PAGE = Path(__file__).parents[2] / "docs" / "commands.md"
OPTION = r"(?<![\w-])--[a-z][a-z-]*[a-z]"
ROOT = LazyGroup("lumbung", "help.root", _COMMANDS)


def commands(group: click.Group, path: str) -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        found = group.get_command(context, name)
        assert found is not None
        if isinstance(found, click.Group):
            yield from commands(found, f"{path} {name}")
        else:
            yield f"{path} {name}", found


ALL = dict(commands(ROOT, "lumbung"))


def help_of(name: str, found: click.Command, language: Language) -> str:
    call = Call(Console(Catalogue(language), io.StringIO(), io.StringIO(), is_json=False), Path(), open_grpc)
    context = click.Context(found, info_name=name, obj=call)
    return found.get_help(context)


def names_told(page: str) -> set[str]:
    """Each `lumbung A B` of the page; `scrub status|start` and the first cells of tables count as well."""
    told = set(re.findall(r"lumbung(?: [a-z-]+)+", page))
    told |= {f"lumbung {name}" for name in re.findall(r"^\| `([a-z]+ [a-z-]+)", page, re.MULTILINE)}
    for group, names in re.findall(r"lumbung ([a-z]+) ([a-z-]+(?:\|[a-z-]+)+)", page):
        told |= {f"lumbung {group} {name}" for name in names.split("|")}
    return told


def test_the_page_names_every_command() -> None:
    told = names_told(PAGE.read_text())
    lacking = [name for name in ALL if not any(name == one or one.startswith(f"{name} ") for one in told)]
    assert lacking == []


def test_the_page_has_every_health_code_in_the_order_of_the_catalogue() -> None:
    told = re.findall(r"^\| `([A-Z_]+)` \|", PAGE.read_text(), re.MULTILINE)
    assert told == [code.name for code in HealthCode]


def options_there_are() -> set[str]:
    params = [param for found in (ROOT, *ALL.values()) for param in found.params]
    return {name for param in params for name in (*param.opts, *param.secondary_opts)} | {"--help"}


# Pages whose commands are mostly those of `make`, of containers and of other programs.
OF_OTHERS = re.compile(r"(README|benchmarks|fuzzing|installing|performance|reliability|simulation)\b")
OPTIONS_OF_OTHERS = {"--decrypt"}  # of age


def test_every_option_that_a_sentence_or_a_page_for_operators_names_exists() -> None:
    """A page told people to type --simpul, which no command takes."""
    texts = {f"{language.value} {key}": text for language in Language for key, text in MESSAGES[language].items()}
    texts |= {path.name: path.read_text() for path in PAGE.parent.glob("*.md") if not OF_OTHERS.match(path.name)}
    there = options_there_are() | OPTIONS_OF_OTHERS
    unknown = {where: lost for where, text in texts.items() if (lost := {*re.findall(OPTION, text)} - there)}
    assert unknown == {}


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("language", Language)
def test_every_help_has_examples_and_exit_codes(name: str, language: Language) -> None:
    found = ALL[name]
    assert isinstance(found, LumbungCommand)
    shown, words = help_of(name, found, language), Catalogue(language)
    assert words.text("help.heading.examples") in shown
    assert words.text("help.heading.exits") in shown
    assert name in words.text(found.examples_key)


@pytest.mark.parametrize("name", ALL)
def test_indonesian_help_has_no_english_brackets(name: str) -> None:
    shown = help_of(name, ALL[name], Language.INDONESIAN)
    assert "required]" not in shown
    assert "[default" not in shown
    assert re.search(r"(?m)^  -\S.* (TEXT|INTEGER|FLOAT|PATH|DIRECTORY)\b", shown) is None


def test_indonesian_sentences_have_one_word_for_a_node_and_for_the_roster() -> None:
    commands_and_names = re.compile(
        r"lumbung [a-z-]+(?: [a-z-]+)?|roster (gone|plan|publish|sign)|--[a-z-]+|\{\w+\}|\S*/node\S*"
    )
    mixed = {
        key: found
        for key, sentence in MESSAGES[Language.INDONESIAN].items()
        if not key.endswith(".examples")
        and (found := re.findall(r"\b(?:[Nn]ode|[Rr]oster|[Pp]asangan)\b", commands_and_names.sub("", sentence)))
    }
    assert mixed == {}


# What needs no --dry-run, and why. A command that is in neither table nor takes the option is one nobody thought about.
LOOKS_ONLY = {
    "where", "ls", "status", "health", "health explain", "health mutes", "doctor", "nodes", "lag", "find", "top",
    "scrub status", "receipt verify", "bundle inspect", "access show", "roster check", "roster show", "keys show",
    "keys status", "cert show", "node alive", "node install-service", "node safe-to-stop", "config check", "completion",
    "version",
}  # fmt: skip
ANSWERS_WITHOUT_YES = {"drop", "node recover"}  # they show what they would do until they are told --yes
RUNS_UNTIL_STOPPED = {"node run", "cluster up", "demo"}
ONE_NEW_FILE_OR_FOLDER = {  # never over another, and nothing else anywhere changes
    "get", "receipt show", "keys new", "keys backup", "cert request", "cert authority", "cluster new",
}  # fmt: skip
OF_OTHERS_TOO = {
    "reconcile",  # nodes do the same by themselves every hour
    "bundle export",  # writes to a disk of its own
    "bundle import",  # `bundle inspect` is the look before
    "bundle receipts",
}


def test_every_command_that_changes_something_takes_dry_run_or_stands_here_with_its_reason() -> None:
    exempt = LOOKS_ONLY | ANSWERS_WITHOUT_YES | RUNS_UNTIL_STOPPED | ONE_NEW_FILE_OR_FOLDER | OF_OTHERS_TOO
    takes = {
        name.removeprefix("lumbung ")
        for name, found in ALL.items()
        if any("--dry-run" in param.opts for param in found.params)
    }
    everything = {name.removeprefix("lumbung ") for name in ALL} | {"health"}
    assert everything - takes - exempt == set()
    assert takes & (exempt - {"bundle export"}) == set()
    assert exempt - everything == set()


def lines_to_type(page: str) -> Iterator[str]:
    """Each command with an option that a page gives in full, without those that say "..." or leave a choice open."""
    fenced = re.findall(r"^```\w*\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    quoted = re.findall(r"`([^`]+)`", re.sub(r"^```.*?^```", "", page, flags=re.MULTILINE | re.DOTALL))
    lines = [line for block in fenced for line in re.sub(r"\\\n\s*", "", block).splitlines()]
    for said in (*lines, *(re.sub(r"\s+", " ", each) for each in quoted)):
        for command in re.split(r"&&|[|#]", said):
            words = command.strip()
            if re.match(r"lumbung [a-z].* --?[a-z]", words) and not re.search(r"\.\.\.|…|\[|^\s*$", words):
                yield words


def command_of(line: str) -> click.Command:
    found: click.Command = ROOT
    for word in line.split()[1:]:
        below = found.get_command(click.Context(found), word) if isinstance(found, click.Group) else None
        if below is None:
            break
        found = below
    assert found is not ROOT, line
    return found


@pytest.mark.parametrize("name", ["operations", "installing", "joining", "keys"])
@pytest.mark.parametrize("language", ["en", "id"])
def test_what_a_page_gives_to_type_is_complete(name: str, language: str) -> None:
    """`roster gone` stood without its -o, so that it ended with a sentence on usage in the night of a fire."""
    docs = PAGE.parent
    page = next(path for path in (docs / f"{name}.{language}.md", docs / f"{name}.md") if path.exists())
    seen = 0
    for line in lines_to_type(page.read_text()):
        options = [each for each in command_of(line).params if isinstance(each, click.Option)]
        given = set(re.findall(r"(?<!\S)--?[a-z][a-z-]*", line))
        assert given <= {opt for option in options for opt in option.opts}, line
        lacking = [option.opts for option in options if option.required and not given.intersection(option.opts)]
        assert lacking == [], line
        seen += 1
    assert seen
