"""Kalimat Bahasa Indonesia tentang berhenti, meninggalkan dan melepas."""

from __future__ import annotations

from typing import Final

__all__ = ["LEAVING_INDONESIAN"]

LEAVING_INDONESIAN: Final = {
    "help.stop": (
        "Bolehkah node ini berhenti? Ya, bila tanpa node itu masih ada dua salinan terbukti dari semuanya. Perintah "
        "ini bertanya kepada node sendiri, yang bertanya kepada setiap pemilik rekaman yang disimpan di sana; yang "
        "dihitung adalah bukti, bukan penugasan."
    ),
    "help.stop.examples": "lumbung node safe-to-stop 61.01\nlumbung node safe-to-stop drc-batam --json",
    "exit.stop.0": "boleh berhenti",
    "exit.stop.3": "jangan berhenti: sebagian rekaman akan tinggal kurang dari dua salinan terbukti",
    "exit.stop.5": "belum diketahui: ada pemilik yang tidak dapat ditanya; ulangi bila salurannya pulih",
    "stop.yes": "Ya: tanpa {node} masih ada dua salinan terbukti dari semuanya ({origins} pemilik ditanya).",
    "stop.no": (
        "Tidak: tanpa {node} ada {blobs} rekaman yang tinggal kurang dari dua salinan terbukti. Tunggu sampai tersalin "
        "(lumbung status), atau lihat mengapa belum (lumbung health)."
    ),
    "stop.unknown": (
        "Belum diketahui: {origins} pemilik rekaman yang disimpan {node} tidak dapat ditanya. Ulangi bila salurannya "
        "pulih."
    ),
    "stop.column.origin": "rekaman milik",
    "stop.column.blobs": "terbukti di sana",
    "stop.column.none": "tinggal nol",
    "stop.column.one": "tinggal satu",
    "stop.not_asked": "tidak dapat ditanya",
    "help.drop": (
        "Melepas rekaman kantor lain yang menurut roster tidak lagi disimpan node ini. Hanya bagian yang baru saja "
        "dibuktikan oleh setiap penyimpan yang boleh dilepas, dan hanya bila isinya di sini tepat sama dengan yang "
        "dibuktikan. Tanpa --yes hanya ditunjukkan apa yang akan dilepas; tidak ada yang berubah."
    ),
    "help.drop.examples": "lumbung drop\nlumbung drop --origin 36.02 --yes",
    "help.drop.origin": "Hanya rekaman milik node ini.",
    "help.drop.yes": "Laksanakan. Yang dilepas hanya dapat kembali dari penyimpan lain.",
    "drop.nothing": "Tidak ada apa pun di sini yang tidak perlu disimpan node ini.",
    "drop.all_kept": "Belum ada yang boleh dilepas: tabel menyebutkan alasannya.",
    "drop.dry": "Tidak ada yang diubah. Untuk melepasnya: perintah yang sama dengan --yes",
    "drop.done": "Dilepas: {blobs} rekaman milik {origin}, {size}.",
    "drop.kept": "{units} bagian tetap: {reason}",
    "drop.column.origin": "rekaman milik",
    "drop.column.units": "bagian yang boleh dilepas",
    "drop.column.size": "membebaskan",
    "drop.column.kept": "yang tetap, dan alasannya",
    "drop.reason.still_held": "menurut roster masih disimpan node ini",
    "drop.reason.no_release": "pemiliknya belum melepaskan node ini",
    "drop.reason.not_in_release": "belum terbukti di setiap penyimpan ketika pemiliknya terakhir menyatakan",
    "drop.reason.other_holders": "ada penyimpan sekarang yang belum membuktikan apa pun kepada pemiliknya",
    "drop.reason.too_old": "pernyataan pemiliknya lebih dari seminggu: jadikan node ini leaving lagi di roster",
    "drop.reason.set_differs": "di sini ada yang belum dibuktikan oleh penyimpan lain",
    "drop.reason.bad_signature": "pernyataan pemiliknya tidak ditandatangani dengan kunci yang berlaku",
}
