"""Indonesian sentences about a node's lives: stores set aside, disks not mounted, recovery."""

from __future__ import annotations

from typing import Final

__all__ = ["LIVES_INDONESIAN"]

LIVES_INDONESIAN: Final[dict[str, str]] = {
    "health.set_aside_running": (
        "Penyimpanan tidak dapat dibuka dan disisihkan sebagai {folder}; perekaman berjalan terus di penyimpanan baru,"
        " dan {taken} rekaman sudah dipindahkan. Tunggu sampai selesai; minta cakram diperiksa."
    ),
    "health.set_aside_ended": (
        "Penyimpanan yang disisihkan sebagai {folder} selesai dipindahkan: {taken} rekaman. Setelah status hijau, hapus"
        " folder itu."
    ),
    "health.set_aside_lacking": (
        "Penyimpanan yang disisihkan sebagai {folder} tidak dapat memberikan {lacking} rekaman; penyimpan lain"
        " membawakan yang mereka punya. Simpan folder itu, minta cakram diperiksa, dan hubungi provinsi."
    ),
    "health.set_aside_refuses": (
        "Penyimpanan yang disisihkan sebagai {folder} tidak dapat dibaca sama sekali; penyimpan lain membawakan yang"
        " mereka punya. Simpan folder itu, minta cakram diperiksa, dan hubungi provinsi."
    ),
    "health.disk_unmounted": (
        "Cakram data tidak terpasang; sementara ini rekaman masuk ke {folder}, dan tidak ada yang lain"
        " disimpan. Pasang cakram lalu nyalakan ulang simpul; bila cakram itu sudah tidak ada: lumbung node"
        " recover."
    ),
    "recover.node": "Simpul {name} (nomor {number}).",
    "recover.generation": "Identitasnya mengingat masa hidup {generation}.",
    "recover.no_identity": "Folder identitas {folder} tidak mengingat apa-apa: hilang, atau mesin ini baru.",
    "recover.stopped": "Simpul ini berhenti karena ada mesin lain yang hidup dengan identitasnya.",
    "recover.unmounted": (
        "Folder data {folder} kosong dan berada di cakram lain dari sebelumnya; rekaman masuk ke {fallback}."
        " Bila cakram lama masih dapat dipasang, pasanglah cakram itu saja."
    ),
    "recover.empty": "Folder data {folder} kosong.",
    "recover.aside": "Ada penyimpanan yang disisihkan: {folder}. Isinya dipindahkan saat simpul berjalan.",
    "recover.answered": "Sudah ditanya apa yang mereka ketahui tentang simpul ini: {names}.",
    "recover.silent": (
        "Tidak ada jawaban dari: {names}. Bila salah satunya pernah bertemu masa hidup yang lebih baru, simpul"
        " berhenti lagi; ulangi perintah ini."
    ),
    "recover.will": (
        "Simpul akan memulai masa hidup {generation}, di atas semua yang pernah ditemui. Semua rekaman yang"
        " ada tetap disimpan, rekaman baru langsung diterima, dan yang kurang diisi kembali dari para"
        " penyimpan; bukti salinannya dibuat ulang."
    ),
    "recover.only_one": (
        "Lakukan hanya bila tidak ada mesin lain yang berjalan sebagai simpul ini: mesin lain itu akan"
        " berhenti menerima rekaman."
    ),
    "recover.nothing_yet": "Belum ada yang diubah. Untuk melakukannya, ketik lagi dengan --yes.",
    "recover.done": "Selesai. Nyalakan simpul; masa hidup {generation} dimulai.",
    "recover.runs": "Simpul masih berjalan (ada yang mendengarkan di {address}). Hentikan dulu.",
    "help.node.recover": (
        "Memberi simpul masa hidup baru: setelah cakram kosong, folder identitas hilang, cakram tidak ada"
        " lagi, atau simpul berhenti karena mesin lain. Menjelaskan dulu apa yang akan dilakukan."
    ),
    "help.node.recover.examples": (
        "lumbung node recover --config /etc/lumbung/config.toml\n"
        "lumbung node recover --config /etc/lumbung/config.toml --yes"
    ),
    "help.node.recover.yes": "Lakukan; tanpa ini tidak ada yang diubah.",
    "health.rebuilding": (
        "Simpul ini mengisi kembali penyimpanan kosong dari penyimpan lain; perekaman dan pembacaan jalan"
        " terus. lumbung status menunjukkan sudah sampai mana."
    ),
    "status.rebuild": (
        "Pengisian kembali: {here} dari {known} yang diketahui ada di penyimpan lain ({size_here} dari"
        " {size_known}), {rate}/detik"
    ),
    "status.rebuild_left": "Pengisian kembali kira-kira {age} lagi dengan kecepatan ini",
    "status.rebuild_open": "Belum selesai dibandingkan dengan {partner}: rekaman {origin}",
    "status.rebuild_lacking": (
        "{partner} punya {lacking} rekaman {origin} yang belum datang (lumbung reconcile --with {partner})"
    ),
    "status.rebuild_unmet": (
        "Belum ada kabar sejak dinyalakan, jadi yang hanya mereka punyai belum diketahui: {names}"
    ),
}
