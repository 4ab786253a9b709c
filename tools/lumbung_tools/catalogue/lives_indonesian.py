"""Indonesian sentences about a node's lives: stores set aside, disks not mounted, recovery."""

from __future__ import annotations

from typing import Final

__all__ = ["LIVES_INDONESIAN"]

LIVES_INDONESIAN: Final[dict[str, str]] = {
    "health.set_aside_running": (
        "Penyimpanan tidak dapat dibuka dan disisihkan sebagai {folder}; perekaman berjalan terus di penyimpanan baru,"
        " dan {taken} rekaman sudah dipindahkan. Tunggu sampai selesai; minta disk diperiksa."
    ),
    "health.set_aside_ended": (
        "Penyimpanan yang disisihkan sebagai {folder} selesai dipindahkan: {taken} rekaman. Setelah status hijau, hapus"
        " folder itu."
    ),
    "health.set_aside_lacking": (
        "Penyimpanan yang disisihkan sebagai {folder} tidak dapat memberikan {lacking} rekaman; para pemegang"
        " membawakan yang mereka punya. Simpan folder itu, minta disk diperiksa, dan hubungi provinsi."
    ),
    "health.set_aside_refuses": (
        "Penyimpanan yang disisihkan sebagai {folder} tidak dapat dibaca sama sekali; para pemegang membawakan yang"
        " mereka punya. Simpan folder itu, minta disk diperiksa, dan hubungi provinsi."
    ),
}
