"""Where the parts of an office lie, and what only its machine knows.

node/                the node's home: keys/, identity/, data/ and, once it has joined, config.toml
client/              the first operator's profile; belongs on the operator's machine, with the office's age identity
access-OFFLINE/      the key that signs the office's access list
join/                the request, the key that opens the answer, and machine.toml
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import tomli_w

from lumbung_node.config import Language
from lumbung_node.toml_table import read_toml

__all__ = ["Machine", "OfficePlaces"]

_FORMAT = 1


@dataclass(frozen=True, slots=True)
class OfficePlaces:
    """Folders of one office; `access_key` is a file. On a founder's machine they are spread, in an office in one."""

    node: Path
    client: Path
    access_key: Path
    join: Path

    @classmethod
    def within(cls, folder: Path) -> OfficePlaces:
        return cls(folder / "node", folder / "client", folder / "access-OFFLINE" / "access.key.pem", folder / "join")

    @property
    def request(self) -> Path:
        return self.join / "request.lumbung"

    @property
    def pack_key(self) -> Path:
        """The age identity that opens the cluster secret in the pack."""
        return self.join / "pack.agekey"

    @property
    def config(self) -> Path:
        return self.node / "config.toml"

    @property
    def keys(self) -> Path:
        return self.node / "keys"


@dataclass(frozen=True, slots=True)
class Machine:
    """Kept beside the request until the node joins; the centre need not know it. `data` relative to the node's home."""

    listen: str
    data: Path
    language: Language

    def save(self, places: OfficePlaces) -> None:
        document = {
            "format": _FORMAT,
            "listen": self.listen,
            "data": str(self.data),
            "language": self.language.value,
        }
        _file(places).write_text(tomli_w.dumps(document), encoding="utf-8")

    @classmethod
    def load(cls, places: OfficePlaces) -> Machine:
        """Raises ConfigError."""
        table = read_toml(_file(places), ("format", "listen", "data", "language"))
        return cls(
            table.text("listen"),
            Path(table.text("data")),
            table.choice("language", Language, Language.INDONESIAN),
        )


def _file(places: OfficePlaces) -> Path:
    return places.join / "machine.toml"
