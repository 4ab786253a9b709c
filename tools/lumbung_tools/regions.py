"""The country's regencies and cities, as `regions.csv` lists them: the facts behind rosters, demos and reports."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib import resources
from types import MappingProxyType

from lumbung_cluster.errors import LumbungError
from lumbung_cluster.limits import KIB

__all__ = ["Region", "UnknownRegion", "all_regions", "expected_load_bytes", "region_of_city", "region_of_code"]

_ENROLLMENT_BYTES = 300 * KIB
_ADULTS_SHARE = 0.75  # who must have a card: 893,019 of 1,205,125 in Lebak

_NEAR_COUNT = 3
_NEAR_CUTOFF = 0.3  # low: a person who mistypes wants candidates, and wrong ones cost nothing


@dataclass(frozen=True, slots=True)
class Region:
    """One regency or city. `code` is Kemendagri's PP.RR, `zone` its island group, a coarse hazard zone."""

    code: str
    name: str
    province_code: str
    province: str
    zone: str
    time_zone: str
    population: int


class UnknownRegion(LumbungError, ValueError):
    """No region has this code or name; the sentence names near ones."""


@cache
def all_regions() -> Mapping[str, Region]:
    """Every region by its code, in the order of the codes."""
    text = resources.files("lumbung_tools").joinpath("regions.csv").read_text(encoding="utf-8")
    return MappingProxyType({row["code"]: _region(row) for row in csv.DictReader(text.splitlines())})


def region_of_code(code: str) -> Region:
    """The region with this PP.RR code. Raises UnknownRegion."""
    regions = all_regions()
    if code in regions:
        return regions[code]
    # Digits lie near each other everywhere, so candidates come from the same province first.
    same_province = [known for known in regions if known[:2] == code[:2]]
    near = get_close_matches(code, same_province or list(regions), n=_NEAR_COUNT, cutoff=_NEAR_CUTOFF)
    named = ", ".join(f"{known} ({regions[known].name})" for known in near) or "none"
    raise UnknownRegion(f"expected a region code such as 36.02, got {code!r}; near codes: {named}")


def expected_load_bytes(region: Region) -> int:
    """What the office of this region will record, by its population."""
    return round(region.population * _ADULTS_SHARE) * _ENROLLMENT_BYTES


def region_of_city(name: str) -> Region:
    """The region where a DRC stands: `batam` is Kota Batam; cities come before regencies. Raises UnknownRegion."""
    by_slug: dict[str, Region] = {}
    for region in sorted(all_regions().values(), key=lambda each: not each.name.startswith("Kota ")):
        _, _, place = region.name.partition(" ")
        by_slug.setdefault(_slug(place), region)
    if name in by_slug:
        return by_slug[name]
    near = ", ".join(get_close_matches(name, by_slug, n=_NEAR_COUNT, cutoff=_NEAR_CUTOFF)) or "none"
    raise UnknownRegion(f"expected a city in small letters such as batam, got {name!r}; near names: {near}")


def _region(row: Mapping[str, str]) -> Region:
    return Region(
        code=row["code"],
        name=row["name"],
        province_code=row["province_code"],
        province=row["province"],
        zone=row["island_group"],
        time_zone=row["time_zone"],
        population=int(row["population"]),
    )


def _slug(place: str) -> str:
    return place.lower().replace(" ", "-")
