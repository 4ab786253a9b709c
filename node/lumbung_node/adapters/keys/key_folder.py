"""The key store on files: the key of each use where the configuration says, the next one beside it as FILE.next.

IDENTITY/keys.json remembers which are in use: {"format": 0, "entry": hex, "receipt": hex, "tls_pin": hex}
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import trio

from lumbung_cluster.errors import KeyRefused
from lumbung_node.adapters.identity_folder import replace_file
from lumbung_node.adapters.keys.certificates import pin_of_public_key, public_key_of, read_certificate
from lumbung_node.adapters.keys.ed25519 import Ed25519Signer
from lumbung_node.adapters.keys.key_files import read_secret
from lumbung_node.config import KeyFiles
from lumbung_node.ports.keystore import KeysAtHand, KeysInUse
from lumbung_node.ports.log import Log

__all__ = ["KEYS_FILE", "KeyFolder", "next_file"]

KEYS_FILE = "keys.json"
T = TypeVar("T")
_FORMAT = 0


def next_file(path: Path) -> Path:
    """Where the key lies that takes the place of the one at `path`."""
    return path.with_name(f"{path.name}.next")


class KeyFolder:
    """Implements ports.KeyStore."""

    def __init__(self, files: KeyFiles, identity: Path, log: Log) -> None:
        self._files = files
        self._file = identity / KEYS_FILE
        self._log = log
        self._said = ""

    async def at_hand(self) -> KeysAtHand:
        return await trio.to_thread.run_sync(self._at_hand)

    async def in_use(self) -> KeysInUse:
        return await trio.to_thread.run_sync(self._in_use)

    async def remember(self, keys: KeysInUse) -> None:
        fields = {"format": _FORMAT, "entry": keys.entry.hex(), "receipt": keys.receipt.hex()}
        text = json.dumps({**fields, "tls_pin": keys.tls_pin.hex()}, indent=2)
        await trio.to_thread.run_sync(replace_file, self._file, text.encode())

    def _at_hand(self) -> KeysAtHand:
        entry, receipt = self._files.entry_key, self._files.receipt_key
        following = self._following
        return KeysAtHand(
            (Ed25519Signer.load(entry), *following(entry, Ed25519Signer.load)),
            (Ed25519Signer.load(receipt), *following(receipt, Ed25519Signer.load)),
            (_pin(self._files.tls_key, self._files.tls_chain), *following(self._files.tls_key, self._next_pin)),
        )

    def _following(self, path: Path, load: Callable[[Path], T]) -> tuple[T, ...]:
        """The next key when it lies there and is in order; one that is not must not stop a node that needs none yet."""
        file = next_file(path)
        if not file.exists():
            return ()
        try:
            return (load(file),)
        except (KeyRefused, OSError) as exc:
            if str(exc) != self._said:
                self._said = str(exc)
                self._log.warning("next key passed over", reason=str(exc))
            return ()

    def _next_pin(self, key: Path) -> bytes:
        """Its certificate may still be on its way."""
        return _pin(key, next_file(self._files.tls_chain))

    def _in_use(self) -> KeysInUse:
        try:
            fields = json.loads(self._file.read_bytes())
        except FileNotFoundError:
            return KeysInUse()
        except ValueError as exc:
            raise KeyRefused(f"{self._file}: expected JSON, got {exc}; give the file back from a backup") from exc
        if not isinstance(fields, dict) or fields.get("format") != _FORMAT:
            raise KeyRefused(f"{self._file}: this lumbung reads format {_FORMAT}")
        try:
            return KeysInUse(*(bytes.fromhex(fields[name]) for name in ("entry", "receipt", "tls_pin")))
        except (KeyError, ValueError, TypeError) as exc:
            raise KeyRefused(f"{self._file}: {exc!r}; give the file back from a backup") from exc


def _pin(key: Path, chain: Path) -> bytes:
    """Raises KeyRefused when the certificate is not the key's: half of a change has been copied."""
    pin, certified = pin_of_public_key(public_key_of(read_secret(key))), read_certificate(chain.read_bytes()).pin
    if pin != certified:
        raise KeyRefused(f"{chain}: expected the certificate of {key} ({pin.hex()[:16]}), got {certified.hex()[:16]}")
    return pin
