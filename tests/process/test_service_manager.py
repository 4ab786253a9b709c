"""What goes to systemd's socket, and that nothing does where nobody listens."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
import trio

from lumbung_node.adapters.service_manager import ServiceManager


@pytest.mark.parametrize("form", ["path", "abstract"])
def test_words_reach_a_socket_of_either_form(form: str, tmp_path: Path) -> None:
    name = str(tmp_path / "notify") if form == "path" else f"@{tmp_path}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.bind(name if form == "path" else "\0" + name[1:])
        ServiceManager(name, None).ready("serving\n at last")
        assert line.recv(4096) == b"READY=1\nSTATUS=serving at last"


async def test_nobody_who_listens_is_no_trouble(tmp_path: Path) -> None:
    for address in (None, str(tmp_path / "none")):
        manager = ServiceManager(address, None)
        manager.ready("serving")
        manager.reloading()
        manager.stopping()
        await manager.watch()


async def test_a_full_queue_drops_signs_of_life_and_holds_up_nobody(tmp_path: Path) -> None:
    name = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.bind(name)
        with trio.move_on_after(0.3):
            await ServiceManager(name, 0.003).watch()
        line.setblocking(False)
        assert line.recv(4096) == b"WATCHDOG=1"


@pytest.mark.parametrize(
    ("environment", "watches"),
    [
        ({}, False),
        ({"WATCHDOG_USEC": "0"}, False),
        ({"WATCHDOG_USEC": "1000000"}, True),
        ({"WATCHDOG_USEC": "1000000", "WATCHDOG_PID": str(os.getpid())}, True),
        ({"WATCHDOG_USEC": "1000000", "WATCHDOG_PID": "1"}, False),
    ],
)
async def test_the_watchdog_is_ours_only_when_it_says_so(
    environment: dict[str, str], watches: bool, tmp_path: Path
) -> None:
    name = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.bind(name)
        line.setblocking(False)
        with trio.move_on_after(0.05):
            await ServiceManager.of_environment({"NOTIFY_SOCKET": name, **environment}).watch()
        try:
            heard = line.recv(4096)
        except BlockingIOError:
            heard = b""
        assert heard == (b"WATCHDOG=1" if watches else b"")
