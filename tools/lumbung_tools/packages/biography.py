"""The written part of a package: a person who cannot exist, with a number that the state never gives out."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from datetime import date, timedelta

from lumbung_tools.regions import Region

__all__ = ["Biography", "invent_biography"]

_FIRST_BIRTH = date(1945, 1, 1)
_BIRTH_DAYS = 60 * 365
_WOMAN_DAY_OFFSET = 40
# Words for "example", "trial", "invented": no list of real names, so that no pair of them is anybody's.
_NAMES = ("Contoh", "Percobaan", "Rekaan", "Khayalan", "Misalan", "Tiruan", "Peraga", "Purwarupa")
_ORDINALS = ("Satu", "Dua", "Tiga", "Empat", "Lima", "Enam", "Tujuh", "Delapan", "Sembilan")
_STREETS = ("Jalan Contoh", "Gang Percobaan", "Kampung Rekaan", "Dusun Khayalan")


@dataclass(frozen=True, slots=True)
class Biography:
    """`nik` has kecamatan 00 and serial 0000, both impossible; days of women's births count from 41."""

    record: str
    nik: str
    name: str
    is_woman: bool
    born: date
    region: Region
    address: str

    def to_json(self) -> bytes:
        """The file in the package, stable to the byte."""
        fields = {
            "schema": "lumbung.synthetic-enrollment/1",
            "note": "SYNTHETIC, NO PERSON / DATA BUATAN, BUKAN ORANG",
            "record": self.record,
            "nik": self.nik,
            "nama": self.name,
            "jenis_kelamin": "PEREMPUAN" if self.is_woman else "LAKI-LAKI",
            "tempat_lahir": self.region.name,
            "tanggal_lahir": self.born.isoformat(),
            "alamat": self.address,
            "provinsi": self.region.province,
            "kabupaten_kota": self.region.name,
            "status_rekam": "BIO_CAPTURED",
        }
        return json.dumps(fields, ensure_ascii=False, indent=1).encode("utf-8") + b"\n"


def invent_biography(rng: random.Random, region: Region, record: str) -> Biography:
    born = _FIRST_BIRTH + timedelta(days=rng.randrange(_BIRTH_DAYS))
    is_woman = rng.randrange(2) == 1
    name = f"{_pick(rng, _NAMES)} {_pick(rng, _NAMES)} {_pick(rng, _ORDINALS)} {_pick(rng, _ORDINALS)}"
    address = f"{_pick(rng, _STREETS)} {rng.randrange(1, 200)}, RT 000/RW 000"
    return Biography(record, _impossible_nik(region, born, is_woman), name, is_woman, born, region, address)


def _impossible_nik(region: Region, born: date, is_woman: bool) -> str:
    day = born.day + (_WOMAN_DAY_OFFSET if is_woman else 0)
    return f"{region.code.replace('.', '')}00{day:02}{born:%m%y}0000"


def _pick(rng: random.Random, words: tuple[str, ...]) -> str:
    return words[rng.randrange(len(words))]
