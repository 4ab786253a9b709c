"""Rosters in files: drafts as TOML, signed ones as bytes."""

from __future__ import annotations

from pathlib import Path

from lumbung_cluster.roster import Roster
from lumbung_cluster.roster_codec import SignedRoster, encode_roster
from lumbung_tools.roster_toml import parse_roster_toml
from lumbung_tools.toml_document import read_document_file

__all__ = ["read_draft", "read_signed"]


def read_draft(file: Path) -> Roster:
    if file.suffix == ".toml":
        return parse_roster_toml(read_document_file(file))
    return SignedRoster.decode(file.read_bytes()).parse()


def read_signed(file: Path) -> SignedRoster:
    if file.suffix == ".toml":
        return SignedRoster(encode_roster(read_draft(file)), ())
    return SignedRoster.decode(file.read_bytes())
