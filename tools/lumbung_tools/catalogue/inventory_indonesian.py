"""Bahasa Indonesia: kalimat tentang inventaris dan tanda terimanya, menurut kunci, seurutan `inventory_english`."""

from __future__ import annotations

from typing import Final

__all__ = ["INVENTORY_INDONESIAN"]

INVENTORY_INDONESIAN: Final[dict[str, str]] = {
    # kesehatan
    "health.inventory_doubted": (
        "Isi cakram berbeda dari hitungan simpul. Untuk bagian itu simpul tidak menandatangani apa pun sampai selesai"
        " menghitung ulang. Jika masih muncul setelah satu jam: periksa cakram, hubungi provinsi."
    ),
    # tanda terima
    "receipt.shown.inventory": (
        "{holder}: tanda terima inventaris bertanda tangan, masa hidup {generation}, epoch {epoch}, nonce {nonce}, "
        "terakhir dibaca {time} (UTC), untuk {units} dari 64 bagian berisi {ids} rekaman"
    ),
    "receipt.good.inventory": (
        "BENAR: {holder} menandatangani bahwa ia menyimpan {ids} rekaman {origin} dalam {units} dari 64 bagian,"
        " terakhir dibaca {time} (UTC). Rekaman mana saja, hanya simpul klaster ini yang dapat memastikannya."
    ),
    "receipt.bad.inventory": (
        "ini tanda terima inventaris: jumlah rekaman dihitung tanpa disebut satu per satu, jadi bukan bukti untuk {id}"
    ),
}
