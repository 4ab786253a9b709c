"""age identities (X25519): who may open blobs. Files have the form of `age-keygen`, so that stock age reads them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pyrage

from lumbung_cluster.errors import KeyRefused
from lumbung_node.adapters.keys.key_files import read_secret, write_secret

__all__ = ["AgeIdentity", "check_recipient"]

_SECRET_PREFIX = "AGE-SECRET-KEY-"


@dataclass(frozen=True, slots=True)
class AgeIdentity:
    """`secret` (AGE-SECRET-KEY-...) opens, `recipient` (age1...) seals; never on the disk of the node that stores."""

    secret: str
    recipient: str

    def __repr__(self) -> str:
        return f"AgeIdentity(recipient={self.recipient!r})"  # a log line must not show the secret

    @classmethod
    def generate(cls) -> AgeIdentity:
        return cls.parse(str(pyrage.x25519.Identity.generate()))

    @classmethod
    def parse(cls, secret: str) -> AgeIdentity:
        """Raises KeyRefused."""
        try:
            identity = pyrage.x25519.Identity.from_str(secret)
        except pyrage.IdentityError as exc:
            raise KeyRefused(f"age identity: expected {_SECRET_PREFIX}..., got something else") from exc
        return cls(str(identity), str(identity.to_public()))

    @classmethod
    def load(cls, path: Path) -> AgeIdentity:
        """The first identity of a file. Raises KeyRefused, also when others may read it."""
        lines = read_secret(path).decode("ascii", "replace").splitlines()
        found = next((line.strip() for line in lines if line.startswith(_SECRET_PREFIX)), None)
        if found is None:
            raise KeyRefused(f"key file {path}: expected a line {_SECRET_PREFIX}..., got none")
        return cls.parse(found)

    def save(self, path: Path) -> None:
        """Create the identity file. Raises KeyRefused if something is there."""
        write_secret(path, f"# public key: {self.recipient}\n{self.secret}\n".encode())


def check_recipient(recipient: str) -> str:
    """The recipient, once age takes it. Raises KeyRefused."""
    try:
        pyrage.x25519.Recipient.from_str(recipient)
    except pyrage.RecipientError as exc:
        raise KeyRefused(f"age recipient: expected age1..., got {recipient[:24]!r}") from exc
    return recipient
