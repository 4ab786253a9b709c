"""The few sentences that a node itself says to people, in the language of its configuration: `systemctl status`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from lumbung_node.config import Language

__all__ = ["say"]

_WORDS: Final[Mapping[Language, Mapping[str, str]]] = {
    Language.INDONESIAN: {
        "serving": "melayani di {address}, masa hidup {generation}",
        "fallback": "cakram data TIDAK terpasang: merekam ke {folder}; melayani di {address}",
        "reloaded": "konfigurasi baru dipakai",
        "refused": "konfigurasi baru DITOLAK, yang lama tetap berlaku: {why}",
    },
    Language.ENGLISH: {
        "serving": "serving at {address}, life {generation}",
        "fallback": "the data disk is NOT mounted: recording into {folder}; serving at {address}",
        "reloaded": "the new configuration is in use",
        "refused": "the new configuration was REFUSED, the old one stays: {why}",
    },
}


def say(language: Language, key: str, **values: object) -> str:
    return _WORDS[language][key].format(**values)
