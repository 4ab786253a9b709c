"""`lumbung doctor` at a real node: while it runs, while it is down, and when something is in its way."""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from lumbung_node.config import Language, load_config
from lumbung_testing.real_clusters import DRC, OFFICES, cluster_up, found, lumbung
from lumbung_tools.catalogue.text import MESSAGES
from lumbung_tools.doctor.disk import look_at_mount
from lumbung_tools.doctor.finding import Colour
from lumbung_tools.localcluster.founding import Founded
from lumbung_tools.output.exit_codes import ExitCode

_OFFICE, _PEER = OFFICES[:2]
_PATIENCE_S = 60.0
_OF_THE_MACHINE = ("account", "sync", "limits", "space", "versions")  # as this machine is


@dataclass(slots=True)
class Clinic:
    """A living cluster whose office goes down when a test wants it so."""

    founded: Founded
    pids: Mapping[str, int]
    is_up: bool = True

    @property
    def config(self) -> Path:
        return self.founded.folder / "nodes" / _OFFICE / "config.toml"

    @property
    def address(self) -> str:
        (site,) = [site for site in self.founded.sites if site.name == _OFFICE]
        return site.address

    def ask(self) -> dict[str, dict[str, object]]:
        """The findings by check and key. Asks again while the partners say that they were asked a moment ago."""
        give_up = time.monotonic() + _PATIENCE_S
        while time.monotonic() < give_up:
            done = lumbung("doctor", "--json", "--config", self.config)
            report = json.loads(done.stdout)
            assert report["exit_code"] == done.returncode
            findings = {f"{one['check']} {one['key']}": one for one in report["findings"]}
            if "dial_back dial_back.nobody" not in findings:
                return findings
            time.sleep(1)
        raise AssertionError("expected partners that dial back")

    def stop_office(self) -> None:
        """Whoever stopped it before has waited for its end: that number may be another process now."""
        if not self.is_up:
            return
        self.is_up = False
        os.kill(self.pids[_OFFICE], signal.SIGTERM)
        give_up = time.monotonic() + _PATIENCE_S
        while time.monotonic() < give_up:
            with socket.socket() as line:
                if line.connect_ex(("127.0.0.1", int(self.address.rpartition(":")[2]))):
                    return
            time.sleep(0.05)
        raise AssertionError("expected a stopped node")


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clinic]:
    founded = found(tmp_path_factory.mktemp("doctor"), (_OFFICE, _PEER))
    with cluster_up(founded) as pids:
        recording = founded.folder / "recording"
        recording.write_bytes(b"recording")
        assert lumbung("put", recording, "--copies", "1", home=founded.client_home(_OFFICE)).returncode == 0
        yield Clinic(founded, pids)


@contextmanager
def _stranger(port: int) -> Iterator[None]:
    """Somebody who listens there and hangs up on everybody."""
    with socket.create_server(("127.0.0.1", port)) as listener:

        def hang_up() -> None:
            with suppress(OSError):
                while True:
                    listener.accept()[0].close()

        thread = threading.Thread(target=hang_up)
        thread.start()
        try:
            yield
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def _not_green(findings: Mapping[str, Mapping[str, object]]) -> list[str]:
    return [
        name
        for name, finding in findings.items()
        if finding["colour"] != "green" and finding["check"] not in _OF_THE_MACHINE
    ]


def test_a_running_node_that_is_well_is_green_from_disk_to_partners(clinic: Clinic) -> None:
    findings = clinic.ask()
    assert _not_green(findings) == []
    expected = {"mount mount.good", "store store.running", "port port.running", "certificate certificate.good"}
    assert expected | {"keys keys.good", "roster roster.good", "clock clock.good"} <= set(findings)
    reached = findings["dial_back dial_back.good"]["values"]
    assert reached == {"address": clinic.address, "partners": ", ".join(sorted((_PEER, DRC)))}


def test_a_node_that_is_down_is_dialled_back_at_the_doctors_own_listener(clinic: Clinic) -> None:
    clinic.stop_office()
    findings = clinic.ask()
    assert _not_green(findings) == []
    assert {"store store.good", "port port.free", "dial_back dial_back.good"} <= set(findings)


def test_what_is_in_the_way_is_named_with_its_cure(clinic: Clinic) -> None:
    clinic.stop_office()
    data = clinic.config.parent / "data"
    data.chmod(0o755)
    port = int(clinic.address.rpartition(":")[2])
    with _stranger(port):
        done = lumbung("doctor", "--config", clinic.config)
    data.chmod(0o700)
    assert done.returncode == ExitCode.DAMAGED
    assert f"chmod 700 '{data}'" in done.stdout
    assert f"Something else listens on {clinic.address}" in done.stdout


async def test_a_store_without_the_identity_that_remembers_it_is_red_with_its_cure(tmp_path: Path) -> None:
    founded = found(tmp_path, (_OFFICE, _PEER))
    config = load_config(founded.folder / "nodes" / _OFFICE / "config.toml")
    assert (await look_at_mount(config)).key == "doctor.mount.first"
    (config.data / "rocks").mkdir(parents=True)

    finding = await look_at_mount(config)
    assert (finding.colour, finding.key) == (Colour.RED, "doctor.mount.identity_lost")
    assert dict(finding.values) == {"folder": str(config.data), "identity": str(config.identity)}
    assert "lumbung node recover" in MESSAGES[Language.INDONESIAN][finding.key]


def test_a_configuration_that_cannot_be_read_is_told_in_one_line(clinic: Clinic, tmp_path: Path) -> None:
    done = lumbung("doctor", "--config", tmp_path / "none.toml")
    assert done.returncode == ExitCode.USAGE
    assert len(done.stderr.splitlines()) == 1
