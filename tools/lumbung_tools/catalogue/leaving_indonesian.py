"""Kalimat Bahasa Indonesia tentang berhenti, meninggalkan dan melepas."""

from __future__ import annotations

from typing import Final

__all__ = ["LEAVING_INDONESIAN"]

LEAVING_INDONESIAN: Final = {
    "help.stop": (
        "Bolehkah sebuah simpul berhenti? Ya, bila tanpa simpul itu masih ada dua salinan terbukti dari semuanya."
        " Perintah ini bertanya kepada simpul kantor sendiri, yang bertanya kepada setiap pemilik rekaman yang"
        " disimpan simpul tersebut; yang dihitung adalah bukti, bukan penugasan."
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
    "stop.gone": (
        "{origin} sudah keluar dari klaster: salinan rekamannya tidak dihitung siapa pun lagi, jadi yang disimpan "
        "{node} tetap tidak diketahui, dan bertanya lagi tidak mengubah apa pun. Menurut daftar simpul, rekaman itu "
        "juga ada di {holders}. Sebelum {node} berhenti, ketik di sana: lumbung reconcile --with {node} --all"
    ),
    "stop.gone_only": (
        "{origin} sudah keluar dari klaster, dan menurut daftar simpul tidak ada selain {node} yang menyimpan "
        "rekamannya: jangan hentikan. Tanyakan kantor pusat."
    ),
    "stop.has_left": "sudah keluar dari klaster",
    "stop.column.origin": "rekaman milik",
    "stop.column.blobs": "terbukti di sana",
    "stop.column.none": "tinggal nol",
    "stop.column.one": "tinggal satu",
    "stop.not_asked": "tidak dapat ditanya",
    "help.drop": (
        "Melepas rekaman kantor lain yang menurut daftar simpul tidak lagi disimpan simpul ini. Hanya bagian yang"
        " baru saja "
        "dibuktikan oleh setiap penyimpan yang boleh dilepas, dan hanya bila isinya di sini tepat sama dengan yang "
        "dibuktikan. Tanpa --yes hanya ditunjukkan apa yang akan dilepas; tidak ada yang berubah."
    ),
    "help.drop.examples": "lumbung drop\nlumbung drop --origin 36.02 --yes",
    "help.drop.origin": "Hanya rekaman milik kantor yang disebut.",
    "help.drop.yes": "Laksanakan. Yang dilepas hanya dapat kembali dari penyimpan lain.",
    "drop.nothing": "Tidak ada apa pun di sini yang tidak perlu disimpan simpul ini.",
    "drop.all_kept": "Belum ada yang boleh dilepas: tabel menyebutkan alasannya.",
    "drop.dry": "Tidak ada yang diubah. Untuk melepasnya: perintah yang sama dengan --yes",
    "drop.done": "Dilepas: {blobs} rekaman milik {origin}, {size}.",
    "drop.kept": "{units} bagian tetap: {reason}",
    "drop.column.origin": "rekaman milik",
    "drop.column.units": "bagian yang boleh dilepas",
    "drop.column.size": "membebaskan",
    "drop.column.kept": "yang tetap, dan alasannya",
    "drop.reason.still_held": "menurut daftar simpul masih disimpan simpul ini",
    "drop.reason.no_release": "pemiliknya belum melepaskan simpul ini",
    "drop.reason.not_in_release": "belum terbukti di setiap penyimpan ketika pemiliknya terakhir menyatakan",
    "drop.reason.other_holders": "ada penyimpan sekarang yang belum membuktikan apa pun kepada pemiliknya",
    "drop.reason.too_old": (
        "pernyataan pemiliknya lebih dari seminggu: tulis simpul ini lagi di `leaving` daftar simpul"
    ),
    "drop.reason.dated_ahead": "pernyataan pemiliknya bertanggal di masa depan: jamnya atau jam simpul ini salah",
    "drop.reason.set_differs": "di sini ada yang belum dibuktikan oleh penyimpan lain",
    "drop.reason.bad_signature": "pernyataan pemiliknya tidak ditandatangani dengan kunci yang berlaku",
    "drop.reason.own": "rekaman miliknya sendiri, yang akan tinggal kurang dari dua salinan terbukti",
    "help.roster.drained": (
        "Membuat laporan pengosongan simpul ini: semua yang ada di sini, dengan pernyataan bertanda tangan dari setiap "
        "asal bahwa semua penyimpan sudah membuktikannya. Hanya ditulis bila tidak ada yang terancam."
    ),
    "help.roster.drained.examples": "lumbung roster drained -o 61.01.drained",
    "help.roster.gone": (
        "Menulis rancangan di mana sebuah simpul pergi untuk selamanya: dengan laporan pengosongannya, atau atas nama "
        "orang yang bertanggung jawab atas apa yang mungkin hilang."
    ),
    "help.roster.gone.examples": (
        "lumbung roster gone 13.toml 61.01 --drained 61.01.drained -o 13-gone.toml\n"
        'lumbung roster gone 13.toml 61.01 --override-by "Direktur" --reason "terbakar" -o 13-gone.toml'
    ),
    "help.roster.report": "Laporan pengosongan simpul yang pergi dalam daftar simpul ini.",
    "help.roster.gone.override_by": (
        "Siapa yang bertanggung jawab; perlu --reason. Tercatat di daftar simpul selamanya."
    ),
    "help.roster.gone.reason": "Mengapa simpul pergi tanpa dikosongkan.",
    "exit.drained.0": "sudah kosong; laporan ditulis",
    "exit.drained.3": "belum kosong: ada rekaman tanpa salinan terbukti di tempat lain; tidak ada yang ditulis",
    "exit.gone.6": "sebuah simpul pergi di dalamnya tanpa bukti, dan tidak ada yang bertanggung jawab atas namanya",
    "drained.yes": (
        "{node} sudah dikosongkan: untuk semua yang ada di sana ({origins} asal) para penyimpan lain sudah "
        "membuktikan salinannya. Laporan: {file} (drain_proof {proof}). Berikutnya: kirim ke pusat, dan di sana, "
        "di rancangan daftar simpul berikutnya:\n"
        "  lumbung roster gone RANCANGAN.toml {node} --drained {file} -o BERKAS.toml"
    ),
    "drained.no": (
        "Belum kosong: {blobs} rekaman di {node} tidak punya salinan terbukti di tempat lain. Tidak ada yang ditulis. "
        "Pastikan asalnya terhubung dengan penyimpan lain (lumbung status di sana), lalu tanyakan lagi."
    ),
    "drained.other_roster": (
        "Simpul mematuhi daftar simpul epoch {epoch}, profil ini punya epoch {held}. Ambil milik simpul: lumbung"
        " roster fetch"
    ),
    "drained.column.origin": "rekaman milik",
    "drained.column.blobs": "terancam",
    "drained.column.why": "sebab",
    "gone.drafted": (
        "Rancangan di mana {node} pergi, epoch {epoch}: {file}. Berikutnya: lumbung roster plan, lalu sign."
    ),
    "gone.unknown": "Rancangan epoch {epoch} tidak punya simpul {node}.",
    "gone.both": "--override-by dan --reason harus bersama: nama tanpa alasan, atau alasan tanpa nama, tidak berlaku.",
    "gone.no_proof": (
        "Dalam daftar simpul ini {node} pergi, dan yang ada di sana mungkin satu-satunya salinan. Buat laporannya di"
        " sana "
        "(lumbung roster drained -o FILE) dan berikan dengan --drained FILE, atau seseorang bertanggung jawab: lumbung "
        "roster gone --override-by NAME --reason TEXT"
    ),
    "gone.other_proof": "Laporan pengosongan {node} bukan yang disebut daftar simpul ini.",
    "gone.other_roster": (
        "Laporan pengosongan {node} dibuat di bawah daftar simpul epoch {epoch}, sedangkan yang ini mengikuti daftar"
        " simpul lain, "
        "epoch {before}. Buat laporan baru di {node}."
    ),
    "gone.at_stake": (
        "{node} belum kosong: {blobs} rekaman tidak punya salinan terbukti di tempat lain: {origins}. Tunggu sampai "
        "yang lain membuktikannya dan buat laporan baru, atau seseorang bertanggung jawab: lumbung roster gone "
        "--override-by NAME --reason TEXT"
    ),
    "gone.override": (
        "{by} mengesampingkan bukti untuk {node} ({reason}). Terancam: {blobs} rekaman tanpa salinan terbukti lain: "
        "{origins}."
    ),
    "gone.override_unknown": (
        "{by} mengesampingkan bukti untuk {node} ({reason}). Tidak ada yang tahu apa yang terancam: tidak ada laporan."
    ),
}
