"""Ed25519 signer and verifier; private keys as PKCS8 PEM files of mode 0600."""

from __future__ import annotations

from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from lumbung_cluster.errors import KeyRefused
from lumbung_node.adapters.keys.key_files import read_secret, write_secret

__all__ = ["Ed25519Signer", "Ed25519Verifier"]


class Ed25519Signer:
    """Signs with one private key, which never leaves this object except into its file."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self._public_key = key.public_key().public_bytes_raw()

    @classmethod
    def generate(cls) -> Ed25519Signer:
        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def from_seed(cls, seed: bytes) -> Ed25519Signer:
        """The key of a 32-byte seed: equal seeds, equal keys and signatures (golden vectors, simulations)."""
        return cls(Ed25519PrivateKey.from_private_bytes(seed))

    @classmethod
    def load(cls, path: Path) -> Ed25519Signer:
        """Raises KeyRefused when the file is missing, open to others, or holds no Ed25519 key."""
        try:
            key = load_pem_private_key(read_secret(path), password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm) as exc:
            raise KeyRefused(f"key file {path}: expected an unencrypted PEM private key, got {exc}") from exc
        if not isinstance(key, Ed25519PrivateKey):
            raise KeyRefused(f"key file {path}: expected an Ed25519 key, got {type(key).__name__}")
        return cls(key)

    def save(self, path: Path) -> None:
        """Create the key file. Raises KeyRefused if something is there."""
        write_secret(path, self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))

    @property
    def public_key(self) -> bytes:
        return self._public_key

    def sign(self, message: bytes) -> bytes:
        return self._key.sign(message)


class Ed25519Verifier:
    """Checks signatures; 60 to 150 microseconds each."""

    def verify(self, public_key: bytes, message: bytes, signature: bytes) -> bool:
        try:
            Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
        except (InvalidSignature, ValueError):
            return False
        return True
