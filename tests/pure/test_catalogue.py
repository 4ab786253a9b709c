"""The catalogue: both languages complete, every key used, numbers and times as each language writes them."""

from __future__ import annotations

import ast
import io
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import lumbung_tools
from lumbung_node.config import Language
from lumbung_proto.v1 import operations_pb2 as wire
from lumbung_tools.catalogue.text import MESSAGES, Catalogue, placeholders, rfc3339
from lumbung_tools.output.console import Console
from lumbung_tools.output.health import sentence_of_trouble
from lumbung_tools.output.verdict import Colour, verdict_of

SOURCE = Path(lumbung_tools.__path__[0])
SPEAKING_PARTS = (
    "bundles",
    "cli",
    "client",
    "demo",
    "doctor",
    "localcluster",
    "output",
    "main.py",
    "catalogue/text.py",
)
# Nothing but keys looks like this among the strings of these parts: two or more dotted small words.
KEY = re.compile(r"[a-z]+(\.[a-z0-9_]+)+")
KEY_TAKERS = ("say", "text", "warn", "Fault", "CommandFailed", "green", "yellow", "red")
ENGLISH, INDONESIAN = MESSAGES[Language.ENGLISH], MESSAGES[Language.INDONESIAN]
MINUTE_MS, HOUR_MS = 60_000, 3_600_000
NOW_MS = 1_795_500_000_000


def trees() -> Iterator[ast.Module]:
    for part in SPEAKING_PARTS:
        path = SOURCE / part
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            yield ast.parse(file.read_text())


def strings() -> set[str]:
    nodes = (node for tree in trees() for node in ast.walk(tree))
    return {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def keys_taken() -> set[str]:
    """Literal keys in calls that take one."""
    taken = set()
    for tree in trees():
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call):
                continue
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            candidates = [keyword.value for keyword in node.keywords if keyword.arg in ("help_key", "examples_key")]
            if name in KEY_TAKERS:
                candidates += node.args[:2]
            taken |= {
                entry.value
                for entry in candidates
                if isinstance(entry, ast.Constant) and isinstance(entry.value, str) and KEY.fullmatch(entry.value)
            }
    return taken


def test_both_languages_have_the_same_keys_in_the_same_order() -> None:
    assert list(ENGLISH) == list(INDONESIAN)


@pytest.mark.parametrize("key", ENGLISH)
def test_both_languages_take_the_same_values(key: str) -> None:
    assert placeholders(ENGLISH[key]) == placeholders(INDONESIAN[key])


def test_every_key_that_code_asks_for_exists() -> None:
    taken = keys_taken()
    assert len(taken) > 50, "the search for keys has gone blind"
    assert taken - set(ENGLISH) == set()


def patterns() -> list[re.Pattern[str]]:
    """Keys that are put together: `f"cluster.head.{name}"` uses every key of that form."""
    joined = (node for tree in trees() for node in ast.walk(tree) if isinstance(node, ast.JoinedStr))
    forms = [
        "".join(
            re.escape(part.value) if isinstance(part, ast.Constant) and isinstance(part.value, str) else "[a-z0-9_]+"
            for part in node.values
        )
        for node in joined
    ]
    return [re.compile(form) for form in forms if re.match(r"[a-z]+\\\.", form)]


def test_no_key_is_unused() -> None:
    left, forms = set(ENGLISH) - strings(), patterns()
    assert {key for key in left if not any(form.fullmatch(key) for form in forms)} == set()


def test_no_indonesian_sentence_says_sent_where_nothing_is_proven() -> None:
    """ "terkirim" stood in offices on records that the centre never had."""
    assert [key for key, sentence in INDONESIAN.items() if re.search(r"\bterkirim\b", sentence)] == []


def test_indonesian_sentences_have_one_word_for_a_thing() -> None:
    wrong = re.compile(r"\b([Bb]ytes?|[Ff]eeds?|[Ss]elanjutnya)\b")
    mixed = {key: found for key, sentence in INDONESIAN.items() if (found := wrong.findall(sentence))}
    assert mixed == {}


def test_examples_are_the_same_commands_in_both_languages() -> None:
    for key, english in ENGLISH.items():
        if key.startswith("help.") and "lumbung" in english and key.endswith(".examples"):
            first = [line.split()[:2] for line in english.splitlines()]
            assert first == [line.split()[:2] for line in INDONESIAN[key].splitlines()], key


@pytest.mark.parametrize(
    ("seconds", "english", "indonesian"),
    [
        (0.4, "0 s", "0 detik"),
        (59, "59 s", "59 detik"),
        (60, "1 min", "1 menit"),
        (7_800, "2 h 10 min", "2 jam 10 menit"),
        (90_000, "1 day 1 h", "1 hari 1 jam"),
        (864_000, "10 days 0 h", "10 hari 0 jam"),
        (-5, "0 s", "0 detik"),
    ],
)
def test_durations_have_two_units(seconds: float, english: str, indonesian: str) -> None:
    assert Catalogue(Language.ENGLISH).duration(seconds) == english
    assert Catalogue(Language.INDONESIAN).duration(seconds) == indonesian


@pytest.mark.parametrize(
    ("size", "english", "indonesian"),
    [
        (1, "1 B", "1 B"),
        (307_200, "300 KiB", "300 KiB"),
        (1_500_000, "1.4 MiB", "1,4 MiB"),
        (2**30, "1.0 GiB", "1,0 GiB"),
    ],
)
def test_sizes_have_three_digits_at_most(size: int, english: str, indonesian: str) -> None:
    assert Catalogue(Language.ENGLISH).size(size) == english
    assert Catalogue(Language.INDONESIAN).size(size) == indonesian


def test_times_for_programs_are_rfc_3339_in_utc() -> None:
    assert rfc3339(NOW_MS) == "2026-11-24T06:00:00.000Z"
    assert rfc3339(0) == ""


def console(language: Language) -> Console:
    return Console(Catalogue(language), io.StringIO(), io.StringIO(), is_json=False)


def node_status(**own: object) -> wire.StatusResponse:
    """A healthy node of which only the given counts are special."""
    counts = wire.OwnCounts(**own)  # type: ignore[arg-type]
    link = wire.LinkState(name="drc-batam", proven_blobs=1, verified_since_ms=NOW_MS - 26 * HOUR_MS)
    return wire.StatusResponse(name="36.02", clock_ms=NOW_MS, takes_puts=True, own=counts, links=[link])


def verdict(status: wire.StatusResponse, language: Language = Language.ENGLISH) -> tuple[Colour, str]:
    found = verdict_of(console(language), status, str)
    return found.colour, found.sentence


def test_recordings_that_exist_only_here_are_yellow_and_counted_in_both_languages() -> None:
    status = node_status(
        blobs=40, by_copies=[37, 0, 3], only_here=37, oldest_only_here_ms=NOW_MS - 2 * HOUR_MS - 10 * MINUTE_MS
    )

    assert verdict(status) == (
        Colour.YELLOW,
        "YELLOW: 37 recordings exist only here, oldest 2 h 10 min. See lumbung health.",
    )
    assert verdict(status, Language.INDONESIAN) == (
        Colour.YELLOW,
        "KUNING: 37 rekaman hanya ada di sini, yang tertua 2 jam 10 menit. Lihat lumbung health.",
    )


def test_one_recording_is_not_called_recordings() -> None:
    status = node_status(blobs=1, by_copies=[1, 0, 0], only_here=1, oldest_only_here_ms=NOW_MS - MINUTE_MS)

    assert verdict(status)[1] == (
        "YELLOW: 1 recording exists only here, oldest 1 min. They are being copied; nothing to do now."
    )


def test_nothing_is_said_to_be_copied_while_no_holder_is_connected() -> None:
    status = node_status(blobs=1, by_copies=[1, 0, 0], only_here=1, oldest_only_here_ms=NOW_MS - MINUTE_MS)
    del status.links[:]
    for node, condition in ((2, wire.LINK_CONDITION_DOWN), (4, wire.LINK_CONDITION_REFUSED)):
        status.links.append(wire.LinkState(node=node, condition=condition))

    said = verdict(status)[1]
    assert "being copied" not in said
    assert "No holder is connected now" in said
    status.links.append(wire.LinkState(node=3, condition=wire.LINK_CONDITION_BEHIND))
    assert "being copied" in verdict(status)[1]


def test_young_recordings_are_no_reason_to_call_nothing_to_do_where_a_warning_stands() -> None:
    status = node_status(blobs=1, by_copies=[1, 0, 0], only_here=1, oldest_only_here_ms=NOW_MS - MINUTE_MS)
    status.health.append(wire.HealthItem(code="LINK_DOWN", severity=wire.SEVERITY_WARNING, node=2))

    assert verdict(status)[1].endswith("See lumbung health.")


def test_health_says_of_recordings_that_are_just_being_copied_what_status_says() -> None:
    young = wire.HealthItem(code="COPIES_SHORT", severity=wire.SEVERITY_NOTE, values={"reason": "unproven"})
    assert "status is yellow until they have them" in sentence_of_trouble(console(Language.ENGLISH), young, str)
    old = wire.HealthItem(code="COPIES_SHORT", severity=wire.SEVERITY_WARNING, values={"reason": "unproven"})
    assert "too few proven copies" in sentence_of_trouble(console(Language.ENGLISH), old, str)


def test_green_is_said_only_when_every_recording_has_three_proven_copies() -> None:
    safe = node_status(blobs=1204, by_copies=[0, 0, 1204])
    one_short = node_status(blobs=1204, by_copies=[0, 1, 1203], oldest_unsafe_ms=NOW_MS - HOUR_MS)
    uncounted = node_status(blobs=1204, by_copies=[0, 0, 1203], oldest_unsafe_ms=NOW_MS - HOUR_MS)

    assert verdict(safe) == (
        Colour.GREEN,
        "GREEN: all 1,204 recordings are safe, 3 proven copies each; the oldest proof was read 1 day 2 h ago.",
    )
    assert verdict(one_short)[0] is Colour.YELLOW
    assert verdict(uncounted)[0] is Colour.YELLOW


def test_damage_is_red_whatever_else_is_fine() -> None:
    assert verdict(node_status(blobs=5, by_copies=[0, 0, 5], damaged=1))[0] is Colour.RED


def test_a_node_that_takes_no_recordings_is_red() -> None:
    status = node_status(blobs=5, by_copies=[0, 0, 5])
    status.takes_puts = False

    assert verdict(status)[0] is Colour.RED


@pytest.mark.parametrize(
    ("severity", "colour"),
    [
        (wire.SEVERITY_NOTE, Colour.GREEN),
        (wire.SEVERITY_WARNING, Colour.YELLOW),
        (wire.SEVERITY_CRITICAL, Colour.RED),
        (wire.SEVERITY_UNSPECIFIED, Colour.RED),
    ],
)
def test_troubles_colour_a_node_whose_recordings_are_safe(severity: wire.Severity.ValueType, colour: Colour) -> None:
    status = node_status(blobs=5, by_copies=[0, 0, 5])
    status.health.append(wire.HealthItem(code="CLOCK_SKEW", severity=severity))

    assert verdict(status)[0] is colour
