"""What of a configuration may change while a node runs."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import get_type_hints

import pytest

from lumbung_cluster.schedule import ALWAYS_FREE
from lumbung_node.config import Language, LogLevel, NodeConfig, load_config
from lumbung_node.own_words import say
from lumbung_node.reload import needs_restart
from lumbung_testing.fake_nodes import make_fake_cluster


@pytest.fixture
def config(tmp_path: Path) -> NodeConfig:
    make_fake_cluster(tmp_path)
    return load_config(tmp_path / "nodes" / "36.02" / "config.toml")


def test_windows_level_metrics_and_lists_change_alive(config: NodeConfig) -> None:
    found = dataclasses.replace(
        config,
        bandwidth=dataclasses.replace(ALWAYS_FREE, windows=()),
        log_level=LogLevel.ERROR,
        metrics_listen="127.0.0.1:9464",
        access_lists=(Path("/elsewhere"),),
    )
    assert needs_restart(config, found) == []


def test_everything_else_is_named_and_needs_a_restart(config: NodeConfig) -> None:
    found = dataclasses.replace(config, data=Path("/elsewhere"), listen="127.0.0.1:1")
    assert needs_restart(config, found) == ["data", "listen"]


def test_no_key_of_a_configuration_is_forgotten(config: NodeConfig) -> None:
    """A new key needs a restart until somebody has made it change alive."""
    names = {field.name for field in dataclasses.fields(NodeConfig)}
    assert names == set(get_type_hints(NodeConfig))
    changed = [name for name in names if needs_restart(config, _with(config, name))]
    assert names - set(changed) == {"bandwidth", "log_level", "metrics_listen", "access_lists"}


def _with(config: NodeConfig, name: str) -> NodeConfig:
    """Another value of any kind under this name; only its inequality is looked at."""
    return dataclasses.replace(config, **{name: object()})  # type: ignore[arg-type]


@pytest.mark.parametrize("language", Language)
def test_a_nodes_own_sentences_are_in_both_languages(language: Language) -> None:
    values = {"address": "a:1", "generation": 3, "folder": "/f", "why": "because"}
    for key in ("serving", "fallback", "reloaded", "refused"):
        assert say(language, key, **values)
    assert say(Language.ENGLISH, "refused", **values) != say(Language.INDONESIAN, "refused", **values)
