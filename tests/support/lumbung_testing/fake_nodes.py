"""Stand-ins for node processes: they say "ready" and obey signals, and start in a blink."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from lumbung_cluster.ids import NodeNumber
from lumbung_cluster.schedule import ALWAYS_FREE
from lumbung_cluster.scrub_pace import ScrubSettings
from lumbung_node.config import (
    DiskMarks,
    KeyFiles,
    Language,
    LogFormat,
    LogLevel,
    NodeConfig,
    render_config,
)
from lumbung_node.ports.transport import LinkClass

__all__ = ["fake_node_words", "make_fake_cluster", "make_home"]

_MODULE = "fake_node"
_FAKE_NODE = """
import pathlib, signal, sys, time
home = pathlib.Path(sys.argv[1]).parent
print("log of", home.name, file=sys.stderr, flush=True)
if (home / "broken").exists():
    print("cannot start: broken", file=sys.stderr, flush=True)
    sys.exit(3)
signal.signal(signal.SIGTERM, lambda *_: (print("stopped", file=sys.stderr, flush=True), sys.exit(0)))
(home / "data").mkdir(exist_ok=True)
print("noise\\nready 127.0.0.1:4711", flush=True)
while True:
    time.sleep(0.05)
"""


def make_fake_cluster(folder: Path) -> None:
    """Homes of 36.02 and drc-batam. A file `broken` in a home makes its node fail with exit code 3."""
    for number, name in enumerate(("36.02", "drc-batam"), start=1):
        make_home(folder, name, number)
    (folder / f"{_MODULE}.py").write_text(_FAKE_NODE)


def fake_node_words(folder: Path) -> list[str]:
    """The command line of a fake node, but for its last word: the config."""
    path = os.pathsep.join([str(folder), *sys.path])
    return ["env", f"PYTHONPATH={path}", sys.executable, "-m", "lumbung_tools.localcluster.child", _MODULE]


def make_home(folder: Path, name: str, number: int) -> Path:
    """A home below `folder`/nodes whose configuration is taken; every named file is there."""
    home = folder / "nodes" / name
    home.mkdir(parents=True)
    secret = home / "secret"
    secret.write_bytes(b"x")
    secret.chmod(0o600)
    config = NodeConfig(
        file=home / "config.toml",
        name=name,
        number=NodeNumber(number),
        identity=home / "identity",
        data=home / "data",
        fallback=home / "fallback",
        listen="127.0.0.1:0",
        advertised="127.0.0.1:0",
        language=Language.ENGLISH,
        accept_unsealed=False,
        keys=KeyFiles(secret, secret, secret, secret, secret, secret),
        roster=secret,
        access_lists=(),
        disk=DiskMarks(2, 1),
        scrub=ScrubSettings(),
        link=LinkClass.LAN,
        bandwidth=ALWAYS_FREE,
        log_format=LogFormat.JSON,
        metrics_listen=None,
        log_level=LogLevel.INFO,
    )
    config.file.write_text(render_config(config), encoding="utf-8")
    return home
