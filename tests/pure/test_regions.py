"""The regions that lumbung knows by heart."""

from __future__ import annotations

import re

import pytest

from lumbung_tools.regions import UnknownRegion, all_regions, region_of_city, region_of_code


def test_the_country_has_514_regions_in_38_provinces() -> None:
    regions = all_regions()
    assert len(regions) == 514
    assert len({region.province_code for region in regions.values()}) == 38


def test_every_region_is_complete_and_its_code_begins_with_its_province() -> None:
    for code, region in all_regions().items():
        assert re.fullmatch(r"\d\d\.\d\d", code)
        assert region.code == code
        assert code.startswith(region.province_code)
        assert region.name
        assert region.zone
        assert region.time_zone in {"WIB", "WITA", "WIT"}
        assert region.population > 1000


def test_a_code_gives_its_facts() -> None:
    lebak = region_of_code("36.02")
    assert (lebak.name, lebak.province, lebak.zone) == ("Kabupaten Lebak", "Banten", "Jawa")


def test_an_unknown_code_names_near_codes_of_the_same_province() -> None:
    with pytest.raises(UnknownRegion, match=re.escape("36.02 (Kabupaten Lebak)")) as caught:
        region_of_code("36.22")
    assert all(code.startswith("36") for code in re.findall(r"\d\d\.\d\d \(", str(caught.value)))


def test_the_name_of_a_drc_is_the_city_where_it_stands() -> None:
    assert region_of_city("batam").code == "21.71"
    assert region_of_city("surabaya").code == "35.78"


def test_a_city_wins_over_the_regency_of_the_same_name() -> None:
    assert region_of_city("bogor").name == "Kota Bogor"


def test_an_unknown_city_names_near_names() -> None:
    with pytest.raises(UnknownRegion, match="near names: batam"):
        region_of_city("btam")
