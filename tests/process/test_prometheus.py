"""Debian's own Prometheus reads a living cluster, and takes our rules and our dashboard."""

from __future__ import annotations

import json
import re
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from lumbung_testing.real_clusters import OFFICES, cluster_up, found, lumbung
from lumbung_testing.tools import require_tool
from lumbung_tools.localcluster.sites import free_ports
from lumbung_tools.output.exit_codes import ExitCode

_MONITORING = Path(__file__).parents[2] / "docs" / "monitoring"
_OFFICE = OFFICES[0]
_PATIENCE_S = 60.0
# Nothing is unsafe in a cluster that is well.
_MAY_BE_EMPTY = ("oldest_unsafe", "> 0")


def _read(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=_PATIENCE_S) as answer:
        content: bytes = answer.read()
        return content


@pytest.fixture(scope="module")
def page_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where a node of a living cluster shows its metrics, after one recording with three copies and a vain question."""
    require_tool("promtool", "prometheus")
    founded = found(tmp_path_factory.mktemp("metrics"), OFFICES[:2])
    address = f"127.0.0.1:{free_ports(1)[0]}"
    config = founded.folder / "nodes" / _OFFICE / "config.toml"
    config.write_text(f'{config.read_text(encoding="utf-8")}\n[metrics]\nlisten = "{address}"\n', encoding="utf-8")
    recording = founded.folder / "recording"
    recording.write_bytes(b"recording" * 1000)
    with cluster_up(founded):
        done = lumbung("put", recording, "--timeout", "60", home=founded.client_home(_OFFICE))
        assert done.returncode == 0, done.stderr
        refused = lumbung("get", "0" * 64, home=founded.client_home(_OFFICE))
        assert refused.returncode == ExitCode.NOT_FOUND, refused.stderr
        yield address


@pytest.fixture(scope="module")
def prometheus(page_address: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Prometheus that has read the node's page with our rules."""
    program, folder = require_tool("prometheus", "prometheus"), tmp_path_factory.mktemp("prometheus")
    config = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(_MONITORING / "alerts.yml")],
        "scrape_configs": [{"job_name": "lumbung", "static_configs": [{"targets": [page_address]}]}],
    }
    (folder / "prometheus.yml").write_text(json.dumps(config), encoding="utf-8")  # JSON is YAML
    address = f"127.0.0.1:{free_ports(1)[0]}"
    words = [
        str(program),
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'tsdb'}",
        f"--web.listen-address={address}",
    ]
    with (folder / "log").open("wb") as log, subprocess.Popen(words, stdout=log, stderr=log) as process:
        try:
            _until_read(address, folder / "log")
            yield address
        finally:
            process.terminate()


def _until_read(address: str, log: Path) -> None:
    give_up = time.monotonic() + _PATIENCE_S
    while time.monotonic() < give_up:
        try:
            if _ask(address, 'count_over_time(up{job="lumbung"}[1m]) >= 3 and up == 1'):
                return
        except OSError:
            pass
        time.sleep(0.2)
    raise AssertionError(f"expected a scrape of the node, got\n{log.read_text()[-2000:]}")


def _ask(address: str, question: str) -> list[dict[str, object]]:
    """The series that answer a question. Raises OSError for one that Prometheus does not understand."""
    answer = json.loads(_read(f"http://{address}/api/v1/query?{urllib.parse.urlencode({'query': question})}"))
    result: list[dict[str, object]] = answer["data"]["result"]
    return result


def _value(address: str, question: str) -> float:
    (series,) = _ask(address, question)
    value = series["value"]
    assert isinstance(value, list)
    return float(value[1])


def test_every_alert_is_valid_fires_on_its_trouble_and_is_silent_before() -> None:
    promtool = require_tool("promtool", "prometheus")
    for words in (["check", "rules", "alerts.yml"], ["test", "rules", "alerts_test.yml"]):
        done = subprocess.run([promtool, *words], cwd=_MONITORING, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_page_keeps_the_conventions_of_prometheus(page_address: str) -> None:
    promtool = require_tool("promtool", "prometheus")
    page = _read(f"http://{page_address}/metrics")
    done = subprocess.run([promtool, "check", "metrics"], input=page, capture_output=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, b"")


def test_nothing_on_the_page_is_of_a_person_or_a_blob(page_address: str) -> None:
    page = _read(f"http://{page_address}/metrics").decode()
    words = set(re.findall(r'="([^"]*)"', page))
    assert {_OFFICE, OFFICES[1], "stored"} <= words
    assert [word for word in words if len(word) > 32 or re.search(r"[0-9a-f]{16}|:", word)] == []


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("lumbung_serving", 1),
        ('lumbung_refusals_total{status="NOT_FOUND"}', 1),
        ('lumbung_puts_total{outcome="stored"}', 1),
        ('lumbung_own_blobs{copies="3"}', 1),
        ('lumbung_put_acks_total{copies="3"}', 1),
        ('sum(lumbung_link_state{state=~"up|behind"})', 2),
        ('lumbung_health_severity{code="TWO_LIVES"}', 0),
        ("count(count by (peer) (lumbung_link_proof_timestamp_seconds))", 2),
        ("lumbung_certificate_expiry_timestamp_seconds > bool time()", 1),
        ("sum(lumbung_sync_duration_seconds_count) > bool 0", 1),
        ("process_open_fds > bool 10", 1),
    ],
)
def test_prometheus_has_read_how_the_cluster_stands(prometheus: str, question: str, expected: float) -> None:
    assert _value(prometheus, question) == expected


def test_no_alert_fires_in_a_cluster_that_is_well(prometheus: str) -> None:
    rules = json.loads(_read(f"http://{prometheus}/api/v1/rules"))["data"]["groups"][0]["rules"]
    assert len(rules) > 20
    assert {rule["health"] for rule in rules} <= {"ok", "unknown"}
    assert [rule["name"] for rule in rules if rule["state"] == "firing"] == []


def test_every_question_of_the_dashboard_has_an_answer(prometheus: str) -> None:
    panels = json.loads((_MONITORING / "dashboard.json").read_text(encoding="utf-8"))["panels"]
    for target in (target for panel in panels for target in panel["targets"]):
        question = target["expr"].replace("$node", ".*").replace("$__rate_interval", "1m")
        assert _ask(prometheus, question) or any(part in question for part in _MAY_BE_EMPTY), question
