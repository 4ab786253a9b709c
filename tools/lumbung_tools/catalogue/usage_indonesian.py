"""Kalimat tentang baris perintah, menurut kunci, dalam urutan `usage_english`."""

from __future__ import annotations

from typing import Final

__all__ = ["USAGE_INDONESIAN"]

USAGE_INDONESIAN: Final[dict[str, str]] = {
    "help.heading.usage": "Cara pakai:",
    "help.heading.options": "Opsi",
    "help.heading.commands": "Perintah",
    "help.extra.default": "bawaan",
    "help.extra.required": "wajib",
    "help.metavar.options": "[OPSI]",
    "help.metavar.command": "PERINTAH [ARGUMEN]...",
    "help.metavar.path": "JALUR",
    "help.metavar.number": "ANGKA",
    "help.metavar.text": "TEKS",
    "usage.help": "Selengkapnya: {command} --help",
    "usage.no_option": "Tidak ada opsi {name}.",
    "usage.no_command": "Tidak ada perintah {name}.",
    "usage.near": "Maksud Anda: {names}?",
    "usage.missing_command": "Perintahnya belum ditulis.",
    "usage.missing_option": "Opsi {name} belum ditulis.",
    "usage.missing_argument": "{name} belum ditulis.",
    "usage.needs_value": "Opsi {name} memerlukan nilai.",
    "usage.takes_no_value": "Opsi {name} tidak menerima nilai.",
    "usage.extra": "Terlalu banyak kata: {words}.",
    "usage.bad_value": "{name}: {why}",
    "usage.value.choice": "{value} bukan salah satu dari {choices}.",
    "usage.value.number": "{value} bukan angka.",
    "usage.value.range": "{value} di luar rentang {range}.",
    "usage.value.size": "{value} bukan ukuran seperti {such} atau {other}.",
    "usage.value.missing": "{value} tidak ada.",
    "usage.value.is_file": "{value} adalah berkas; yang diperlukan folder.",
    "usage.value.is_directory": "{value} adalah folder; yang diperlukan berkas.",
    "usage.value.unreadable": "{value} tidak dapat dibaca.",
}
