"""The table of metrics keeps Prometheus' conventions, and the pages for operators explain every one of them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from lumbung_cluster.health import HealthCode
from lumbung_node.ports.metric_table import Kind, Metric

_MONITORING = Path(__file__).parents[2] / "docs" / "monitoring"


@pytest.mark.parametrize("metric", Metric)
def test_names_are_plain_unique_and_say_their_kind(metric: Metric) -> None:
    described = metric.value
    assert re.fullmatch(r"lumbung_[a-z]+(_[a-z]+)*", described.name)
    assert described.name.endswith("_total") is (described.kind is Kind.COUNTER)
    assert [other.value.name for other in Metric].count(described.name) == 1
    assert described.help
    assert (described.kind is Kind.HISTOGRAM) is bool(described.buckets)


@pytest.mark.parametrize("language", ["en", "id"])
def test_the_page_has_every_metric(language: str) -> None:
    page = (_MONITORING / f"monitoring.{language}.md").read_text(encoding="utf-8")
    missing = [metric.value.name for metric in Metric if f"`{metric.value.name}" not in page]
    assert missing == []


def test_a_health_code_has_an_alert_of_its_own_or_falls_under_the_one_for_all_others() -> None:
    rules = (_MONITORING / "alerts.yml").read_text(encoding="utf-8")
    own = set(re.findall(r'lumbung_health_unmuted_severity\{code="([A-Z_]+)"\}', rules))
    (others,) = re.findall(r'lumbung_health_unmuted_severity\{code!~"([A-Z_|]+)"\}', rules)
    assert own == set(others.split("|")), "what has no rule of its own is caught by the other"
    assert own <= {code.name for code in HealthCode}


def test_every_alert_has_a_test_of_its_own() -> None:
    alerts = re.findall(r"- alert: (\w+)", (_MONITORING / "alerts.yml").read_text(encoding="utf-8"))
    tested = re.findall(r"alertname: (\w+)", (_MONITORING / "alerts_test.yml").read_text(encoding="utf-8"))
    assert sorted(set(alerts)) == sorted(set(tested))


@pytest.mark.parametrize("file", ["alerts.yml", "dashboard.json"])
def test_rules_and_dashboard_ask_only_for_metrics_that_exist(file: str) -> None:
    text = (_MONITORING / file).read_text(encoding="utf-8")
    known = {metric.value.name for metric in Metric}
    asked = set(re.findall(r"\blumbung_\w+", text))
    assert {name.removesuffix("_bucket") for name in asked} <= known


def test_every_panel_of_the_dashboard_has_its_own_place() -> None:
    panels = json.loads((_MONITORING / "dashboard.json").read_text(encoding="utf-8"))["panels"]
    cells = [
        (x, y)
        for panel in panels
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(cells) == len(set(cells))
