"""The key store port: the secret keys of a node that lie at hand, and the memory of which of them are in use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from lumbung_node.ports.world import Signer

__all__ = ["KeyStore", "KeysAtHand", "KeysInUse"]


@dataclass(frozen=True, slots=True)
class KeysAtHand:
    """The present key of each use first, then the next one when it lies there. TLS keys by their pin."""

    entry: tuple[Signer, ...]
    receipt: tuple[Signer, ...]
    tls_pins: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class KeysInUse:
    """Public halves (TLS: the pin); empty before the first start."""

    entry: bytes = b""
    receipt: bytes = b""
    tls_pin: bytes = b""


class KeyStore(Protocol):
    async def at_hand(self) -> KeysAtHand:
        """Read anew: next keys come while the node runs. Raises KeyRefused, OSError."""
        ...

    async def in_use(self) -> KeysInUse: ...

    async def remember(self, keys: KeysInUse) -> None:
        """Durable when it returns: after a restart no older key is taken. Raises OSError."""
        ...
