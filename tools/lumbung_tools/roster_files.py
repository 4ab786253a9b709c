"""Rosters in files: drafts as TOML, signed ones as bytes."""

from __future__ import annotations

from pathlib import Path

from lumbung_cluster.roster import Roster
from lumbung_cluster.roster_codec import SignedRoster, encode_roster
from lumbung_tools.roster_toml import parse_roster_toml

__all__ = ["read_draft", "read_signed"]


def read_draft(file: Path) -> Roster:
    raw = file.read_bytes()
    return parse_roster_toml(raw.decode("utf-8")) if file.suffix == ".toml" else SignedRoster.decode(raw).parse()


def read_signed(file: Path) -> SignedRoster:
    if file.suffix == ".toml":
        return SignedRoster(encode_roster(read_draft(file)), ())
    return SignedRoster.decode(file.read_bytes())
