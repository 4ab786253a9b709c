"""What a node tells the service manager that started it: sd_notify(3), a datagram a word, without its library.

Without NOTIFY_SOCKET nobody listens and nothing is sent. A word that cannot be sent is dropped: a node does not end
because systemd does not listen.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping

import trio

__all__ = ["ServiceManager"]

_STATUS_MAX = 400
_PATIENCE_S = 1.0  # a READY that is lost costs a start; longer nobody may hold up the event loop


class ServiceManager:
    """`watchdog_s` is how long systemd waits for a sign of life; None for ever."""

    def __init__(self, address: str | None, watchdog_s: float | None) -> None:
        self._address = address
        self._watchdog_s = watchdog_s

    @classmethod
    def of_environment(cls, environment: Mapping[str, str] = os.environ) -> ServiceManager:
        """WATCHDOG_PID, when it is set, says whose the watchdog is."""
        address = environment.get("NOTIFY_SOCKET") or None
        usec, owner = environment.get("WATCHDOG_USEC", ""), environment.get("WATCHDOG_PID", "")
        is_ours = usec.isdigit() and int(usec) > 0 and owner in ("", str(os.getpid()))
        return cls(address, int(usec) / 1e6 if is_ours else None)

    def ready(self, status: str) -> None:
        """Serving, for the first time, again after the store was opened again, or after a reload."""
        self._tell("READY=1", f"STATUS={_line(status)}", wait_s=_PATIENCE_S)

    def reloading(self) -> None:
        """A reload has begun; `ready` ends it, whether it was taken or refused."""
        self._tell("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}", wait_s=_PATIENCE_S)

    def stopping(self) -> None:
        self._tell("STOPPING=1", wait_s=_PATIENCE_S)

    async def watch(self) -> None:
        """Signs of life until cancelled, from the event loop itself: a loop that hangs is started anew."""
        while self._watchdog_s is not None:
            self._tell("WATCHDOG=1")
            await trio.sleep(self._watchdog_s / 3)

    def _tell(self, *words: str, wait_s: float = 0.0) -> None:
        if self._address is None:
            return
        # A leading @ stands for the zero byte of an abstract socket.
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as line:
                line.settimeout(wait_s)  # 0 does not wait for a listener whose queue is full
                line.sendto("\n".join(words).encode(), address)
        except OSError:
            return


def _line(text: str) -> str:
    return " ".join(text.split())[:_STATUS_MAX]
