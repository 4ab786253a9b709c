"""Kalimat perintah `get`: what it says, of one recording and of many."""

from __future__ import annotations

from typing import Final

__all__ = ["GET_INDONESIAN"]

GET_INDONESIAN: Final[dict[str, str]] = {
    "get.written": "{target}: {size}, cocok dengan id-nya, dari {source}",
    "get.failed_source": "{source}: {why}",
    "get.target_exists": "{target} sudah ada. Sebutkan berkas lain dengan -o, atau pindahkan dulu.",
    "get.no_folder": "Folder {folder} tidak ada. Buat dulu, atau sebutkan berkas lain dengan -o.",
    "get.nobody": "{name} tidak didapat dari mana pun. Sudah ditanya: {asked}.",
    "get.progress": "Mengambil {name}",
    "get.not_ours": (
        "{target} sudah diambil utuh, tetapi tidak dapat dibuka di sini: {why}. Pakai --sealed lalu buka "
        "di tempat kunci berada."
    ),
    "get.no_identities": (
        "Profil ini tidak membuka rekaman: files.identities di {file} tidak menyebut kunci. Dengan --sealed rekaman "
        "diambil apa adanya, tetap tersegel; untuk membukanya di sini, sebutkan berkas identitas age kantor di situ."
    ),
    "get.stdout_json": "-o - dan --json sama-sama memakai keluaran standar: pilih salah satu.",
    "get.nothing_named": (
        "Sebutkan sedikitnya satu rekaman: dengan id, dengan --record, atau lewat daftar dengan --list."
    ),
    "get.output_of_many": (
        "-o hanya untuk satu berkas. Beberapa rekaman masuk ke satu folder, masing-masing dinamai awal id-nya: "
        "sebutkan foldernya dengan --into."
    ),
    "get.no_into": "Folder {folder} tidak ada. Buat dulu.",
    "get.list_unread": "Daftar {file} tidak dapat dibaca: {why}",
    "get.nothing_listed": "Daftar tidak menyebut rekaman: tidak ada yang diambil.",
    "get.no_id": "Baris {line} di daftar tidak diawali id: 8 sampai 64 digit, 0-9 dan a-f.",
    "get.there": "{target} sudah ada dan tidak diubah.",
    "get.failed_there": "{name}: tidak diambil. {why}",
    "get.passed_on": "{name}: isinya di {source} rusak; penyimpan berikutnya ditanya.",
    "get.source_failed": "{source}: {why} Masih diminta darinya: {left} rekaman.",
    "get.failed": "{name}: TIDAK ditulis. {why}",
    "get.stopped": "Dihentikan: {why}. Yang sudah ditulis tetap ada.",
    "get.summary": "{written} dari {total} rekaman ditulis.",
    "get.summary.there": "{count} sudah ada.",
    "get.summary.failed": "{count} TIDAK ditulis; sebabnya ada di atas.",
    "get.summary.repeated": "{count} nama disebut lagi; tiap rekaman diambil sekali saja.",
    "get.progress_of_many": "Mengambil",
    "help.get": (
        "Mengambil rekaman, mencocokkan masing-masing dengan id-nya, lalu membukanya. Simpul sendiri dahulu, lalu "
        "penyimpan lain."
    ),
    "help.get.examples": (
        "lumbung get 3f2a9c01 -o scan.zip\n"
        "lumbung get 3f2a9c01 --sealed -o scan.age\n"
        "lumbung get --record R-2026-000123 -o scan.zip --from drc-batam\n"
        "lumbung get 3f2a9c01 77b0e4d2 --into /media/DISK\n"
        "lumbung ls --limit 0 --json | lumbung get --list - --into /media/DISK"
    ),
    "help.get.record": "Nomor rekaman sendiri sebagai ganti id; boleh disebut beberapa kali.",
    "help.get.list": "Berkas dengan id di awal tiap baris, seperti keluaran lumbung ls; - untuk masukan standar.",
    "help.get.output": (
        "Berkas tujuan, atau - untuk keluaran standar (bawaan: awal id, di folder ini). Hanya untuk satu rekaman."
    ),
    "help.get.into": (
        "Folder tujuan, tiap berkas dinamai 16 digit awal id-nya (bawaan untuk beberapa rekaman: folder ini)."
    ),
    "help.get.sealed": "Biarkan tersegel: b3sum berkas itu adalah id-nya, dan age dapat membukanya.",
    "help.get.from": "Hanya tanya simpul ini.",
}
