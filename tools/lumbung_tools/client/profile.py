"""A client profile: the folder (`--home`, LUMBUNG_HOME or ~/.lumbung) from which a station or an operator speaks.

profile.toml        this file; docs/commands.md has every key
station.crt .key    certificate and private key (mode 0600) of the station, named in the office's access list
trust-roots.pem     authorities that nodes' certificates come from
roster.lumbung      the newest roster that was verified; blobs are sealed to whom it names
access.lumbung      the office's access list, only where it names vans; `lumbung roster fetch` renews it
tag.secret          the office's tag secret, 64 hex digits (mode 0600), the same at all its stations
office.agekey       age identities (mode 0600), only where recordings may be opened
outbox/             sealed files without a definite answer yet
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import tomli_w

from lumbung_cluster.errors import KeyRefused
from lumbung_cluster.ids import ClusterId, NodeNumber
from lumbung_node.adapters.keys.key_files import read_secret
from lumbung_node.config import parse_address
from lumbung_node.toml_table import TomlTable, read_toml
from lumbung_tools.sealing import Identities
from lumbung_tools.tags import TagSecret

__all__ = ["PROFILE_FILE", "PROFILE_FORMAT", "Profile", "load_profile", "write_profile"]

PROFILE_FILE = "profile.toml"
PROFILE_FORMAT = 1
_OUTBOX_FOLDER = "outbox"
_ACCESS_FILE = "access.lumbung"
_AS_IN_ROSTER = "roster"
_NUMBER_MAX = 2**32 - 1
_FILE_KEYS = ("certificate", "key", "trust_roots", "roster", "tag_secret", "identities")


@dataclass(frozen=True, slots=True)
class Profile:
    """Everything by path; secrets are read, and their modes checked, when they are needed.

    `node` is the office's own node, `address` where this station reaches it (None: as the roster says).
    """

    home: Path
    cluster: ClusterId
    node: NodeNumber
    address: str | None
    certificate: Path
    key: Path
    trust_roots: Path
    roster: Path
    tag_secret: Path
    identities: tuple[Path, ...]

    @property
    def access_list(self) -> Path:
        """The office's list, where it names vans that this profile speaks to or of; often there is none."""
        return self.home / _ACCESS_FILE

    @property
    def outbox(self) -> Path:
        return self.home / _OUTBOX_FOLDER

    def read_tag_secret(self) -> TagSecret:
        """Raises KeyRefused."""
        text = read_secret(self.tag_secret).decode("ascii", "replace").strip()
        try:
            return TagSecret(bytes.fromhex(text))
        except ValueError as exc:
            raise KeyRefused(f"key file {self.tag_secret}: expected 64 hex digits, got something else") from exc

    def read_identities(self) -> Identities:
        """Raises KeyRefused, also when the profile names none."""
        if not self.identities:
            raise KeyRefused(f"{self.home / PROFILE_FILE}: expected age identities under files.identities, got none")
        return Identities.parse_files([read_secret(path).decode("ascii", "replace") for path in self.identities])


def load_profile(home: Path) -> Profile:
    """Raises ConfigError, which names the file, the key and the nearest known one."""
    root = read_toml(home / PROFILE_FILE, ("format", "cluster", "node", "address", "files"))
    version = root.whole("format", low=0, high=_NUMBER_MAX)
    if version != PROFILE_FORMAT:
        raise root.error("format", f"this lumbung reads format {PROFILE_FORMAT}, got {version}")
    files = root.table("files", _FILE_KEYS, required=True)
    return Profile(
        home=home,
        cluster=_cluster(root),
        node=NodeNumber(root.whole("node", low=1, high=_NUMBER_MAX)),
        address=_address(root),
        certificate=files.path("certificate"),
        key=files.path("key"),
        trust_roots=files.path("trust_roots"),
        roster=files.path("roster"),
        tag_secret=files.path("tag_secret"),
        identities=files.paths("identities"),
    )


def write_profile(profile: Profile) -> Path:
    """Write `profile.toml` into its home (made with mode 0700); paths below the home become relative."""
    profile.home.mkdir(mode=0o700, parents=True, exist_ok=True)

    def written(path: Path) -> str:
        return os.path.relpath(path, profile.home)

    document = {
        "format": PROFILE_FORMAT,
        "cluster": str(profile.cluster),
        "node": int(profile.node),
        "address": profile.address or _AS_IN_ROSTER,
        "files": {
            "certificate": written(profile.certificate),
            "key": written(profile.key),
            "trust_roots": written(profile.trust_roots),
            "roster": written(profile.roster),
            "tag_secret": written(profile.tag_secret),
            "identities": [written(path) for path in profile.identities],
        },
    }
    file = profile.home / PROFILE_FILE
    file.write_text(tomli_w.dumps(document), encoding="utf-8")
    return file


def _cluster(root: TomlTable) -> ClusterId:
    text = root.text("cluster")
    try:
        return ClusterId(bytes.fromhex(text))
    except ValueError as exc:
        raise root.error("cluster", f"expected 32 hex digits, got {text!r}") from exc


def _address(root: TomlTable) -> str | None:
    text = root.text("address", _AS_IN_ROSTER)
    if text == _AS_IN_ROSTER:
        return None
    try:
        parse_address(text)
    except ValueError as exc:
        raise root.error("address", str(exc)) from exc
    return text
