"""A real node under a service manager: what it is told, and what a changed configuration does while the node runs."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from lumbung_cluster.access import Duty, SignedAccess, sign_access
from lumbung_cluster.identity_uri import parse_identity
from lumbung_node.adapters.keys.certificates import Authority, make_tls_key, public_key_of, read_certificate
from lumbung_node.adapters.keys.ed25519 import Ed25519Signer
from lumbung_node.config import load_config
from lumbung_testing.real_clusters import OFFICES, found, lumbung, now_ms, on_test_path
from lumbung_tools.localcluster.founding import Founded
from lumbung_tools.localcluster.processes import node_command
from lumbung_tools.localcluster.sites import free_ports
from lumbung_tools.output.exit_codes import ExitCode

_OFFICE = OFFICES[0]
_PATIENCE_S = 60.0
_WATCHDOG_S = 0.6
_TAKEN = "the new configuration is in use"
# As the unit runs it: no new rights (38), and no memory that is writable and executable (65; a kernel before 6.3 knows
# no such word and goes on without).
_HARDENED = """
import ctypes, runpy, sys
libc = ctypes.CDLL(None)
assert libc.prctl(38, 1, 0, 0, 0) == 0
libc.prctl(65, 1, 0, 0, 0)
sys.argv = sys.argv[1:]
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
"""


class Managed:
    """A node and what it says to whoever started it."""

    def __init__(self, founded: Founded, line: socket.socket, process: subprocess.Popen[bytes]) -> None:
        self.founded = founded
        self.config = founded.folder / "nodes" / _OFFICE / "config.toml"
        self.process = process
        self._line = line

    def word(self) -> dict[str, str]:
        """The next datagram that is not only a sign of life."""
        while True:
            words = dict(part.partition("=")[::2] for part in self._line.recv(4096).decode().split("\n"))
            if set(words) != {"WATCHDOG"}:
                return words

    def next_sign_of_life(self) -> bytes:
        return self._line.recv(4096)

    def reload(self) -> str:
        """Ask for it; the sentence in which the node says how it went."""
        self.process.send_signal(signal.SIGHUP)
        begun, ended = self.word(), self.word()
        assert begun["RELOADING"] == "1"
        assert int(begun["MONOTONIC_USEC"]) <= time.monotonic_ns() // 1000
        assert ended["READY"] == "1"
        return ended["STATUS"]

    def change(self, old: str, new: str) -> None:
        text = self.config.read_text(encoding="utf-8")
        assert old in text
        self.config.write_text(text.replace(old, new, 1), encoding="utf-8")

    def authority(self) -> Authority:
        kept = self.founded.folder / "authority-OFFLINE"
        return Authority((kept / "authority.crt").read_bytes(), (kept / "authority.key").read_bytes())

    def status(self) -> dict[str, object]:
        done = lumbung("status", "--json", home=self.founded.client_home(_OFFICE))
        assert done.returncode == 0, done.stderr
        found: dict[str, object] = json.loads(done.stdout)
        return found


def _is_served(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=_PATIENCE_S) as answer:
            return bool(answer.read())
    except urllib.error.URLError:
        return False


@contextmanager
def _started(folder: Path, watchdog_s: float = 0.0) -> Iterator[Managed]:
    """A node that has said that it is ready."""
    founded = found(folder, (_OFFICE,))
    config = founded.folder / "nodes" / _OFFICE / "config.toml"
    address = folder / "notify"
    environment = {
        **on_test_path(),
        "NOTIFY_SOCKET": str(address),
        "WATCHDOG_USEC": str(int(watchdog_s * 1_000_000)),
    }
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line, (folder / "log").open("wb") as log:
        line.bind(str(address))
        line.settimeout(_PATIENCE_S)
        python, _, *arguments = node_command(config)
        words = [python, "-c", _HARDENED, *arguments]
        pipe = subprocess.PIPE
        with subprocess.Popen(words, stdin=pipe, stdout=subprocess.DEVNULL, stderr=log, env=environment) as process:
            try:
                node = Managed(founded, line, process)
                ready = node.word()
                assert ready["READY"] == "1"
                assert "serving at 127.0.0.1:" in ready["STATUS"]
                yield node
            finally:
                process.kill()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Managed]:
    with _started(tmp_path_factory.mktemp("service")) as node:
        yield node


@pytest.fixture
def managed(shared: Managed) -> Iterator[Managed]:
    """The node that the tests share, under its first configuration again afterwards."""
    text = shared.config.read_text(encoding="utf-8")
    yield shared
    shared.config.write_text(text, encoding="utf-8")
    assert shared.reload() == _TAKEN


def test_it_gives_signs_of_life_and_says_when_it_stops(tmp_path: Path) -> None:
    with _started(tmp_path, _WATCHDOG_S) as node:
        assert node.next_sign_of_life() == b"WATCHDOG=1"
        assert node.next_sign_of_life() == b"WATCHDOG=1"
        assert lumbung("node", "alive", "--config", node.config).returncode == ExitCode.OK
        node.process.send_signal(signal.SIGTERM)
        assert node.word() == {"STOPPING": "1"}
        assert node.process.wait(_PATIENCE_S) == 0
        assert lumbung("node", "alive", "--config", node.config).returncode == ExitCode.UNREACHABLE


def test_a_good_change_is_taken_while_the_node_runs(managed: Managed) -> None:
    first, second = free_ports(2)
    with managed.config.open("a", encoding="utf-8") as file:
        file.write(f'\n[metrics]\nlisten = "127.0.0.1:{first}"\n')
    managed.change('level = "info"', 'level = "error"')
    assert managed.reload() == _TAKEN
    assert _is_served(first)
    managed.change(f":{first}", f":{second}")
    assert managed.reload() == _TAKEN
    assert _is_served(second)
    assert not _is_served(first)


def test_a_new_certificate_is_in_use_at_once_and_status_says_its_end(managed: Managed) -> None:
    before = managed.status()["certificate_expires"]
    home = managed.config.parent / "keys"
    key, chain = (home / "tls.key.pem").read_bytes(), home / "tls.chain.pem"
    facts = read_certificate(chain.read_bytes())
    authority = managed.authority()
    identity = parse_identity(facts.uri or "")
    chain.write_bytes(authority.issue(identity, public_key_of(key), now_ms=now_ms(), lifetime_days=100))
    assert managed.reload() == _TAKEN
    assert managed.status()["certificate_expires"] != before


def test_a_certificate_of_another_key_is_refused_and_the_old_one_stays(managed: Managed) -> None:
    chain = managed.config.parent / "keys" / "tls.chain.pem"
    held = chain.read_bytes()
    authority = managed.authority()
    identity = parse_identity(read_certificate(held).uri or "")
    chain.write_bytes(authority.issue(identity, public_key_of(make_tls_key()), now_ms=now_ms()))
    assert "do not fit together" in managed.reload()
    assert managed.status()["node"] == _OFFICE
    chain.write_bytes(held)


def test_a_newer_access_list_is_in_force_at_once(managed: Managed) -> None:
    file = load_config(managed.config).access_lists[0]
    before = file.read_bytes()
    held = SignedAccess.decode(before).content
    signer = Ed25519Signer.load(managed.founded.folder / "access-OFFLINE" / f"{_OFFICE}.key.pem")
    newer = held.following(now_ms()).naming(
        replace(held.entries[0], name="loket-9", duty=Duty.STATION, pins=(bytes(32),))
    )
    file.write_bytes(sign_access(newer, signer).encode())
    assert managed.reload() == _TAKEN
    home = managed.founded.client_home(_OFFICE)
    done = lumbung("roster", "publish", "--access", file, "--json", home=home)
    assert json.loads(done.stdout) | {"access_version": newer.version, "changed": False} == json.loads(done.stdout)
    file.write_bytes(before)  # an older list than the one in force is no mistake: `managed` reloads it


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('level = "info"', 'level = "loud"', "expected one of debug, info, warning, error, got loud"),
        ("[log]\n", "[log]\nfromat = 1\n", "unknown key, the nearest known one is format"),
        ('data = "data"', 'data = "elsewhere"', "data: changes only with a restart"),
        ("format = 1\n", "format = \n", "is not TOML"),
    ],
)
def test_a_bad_change_is_refused_with_one_sentence_and_the_old_configuration_stays(
    managed: Managed, old: str, new: str, reason: str
) -> None:
    managed.change(old, new)
    status = managed.reload()
    assert status.startswith("the new configuration was REFUSED, the old one stays: ")
    assert reason in status
    assert managed.status()["node"] == _OFFICE


def test_metrics_stay_where_they_are_when_the_new_port_is_taken(managed: Managed) -> None:
    (port,) = free_ports(1)
    with managed.config.open("a", encoding="utf-8") as file:
        file.write(f'\n[metrics]\nlisten = "127.0.0.1:{port}"\n')
    assert managed.reload() == _TAKEN
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        managed.change(f":{port}", f":{taken}")
        assert f"cannot listen on 127.0.0.1:{taken} for metrics" in managed.reload()
    assert _is_served(port)
    assert managed.process.poll() is None
