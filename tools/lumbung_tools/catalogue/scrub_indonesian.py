"""Kalimat pemeriksaan (scrub) dalam Bahasa Indonesia, by key."""

from __future__ import annotations

from typing import Final

__all__ = ["SCRUB_INDONESIAN"]

SCRUB_INDONESIAN: Final[dict[str, str]] = {
    "scrub.brake": (
        "TERLALU BANYAK yang rusak sekaligus, pada simpanan untuk {origins}. Pemulihan jalan terus, dan yang digantikan"
        " disimpan dulu ({evidence}). Cari penyebabnya (cakram, pengendali, kabel); setelah itu: lumbung scrub confirm."
    ),
    "scrub.is_paused": "Pemeriksaan dihentikan sementara pada {read} dari {total}. Lanjutkan: lumbung scrub start.",
    "scrub.going": "Sedang memeriksa: {percent} % terbaca ({read} dari {total}), sejak {since} UTC.",
    "scrub.ended": "Pemeriksaan terakhir selesai: {read} terbaca, berakhir {ended} UTC.",
    "scrub.never": "Belum ada yang diperiksa; pemeriksaan pertama mulai dengan sendirinya.",
    "scrub.left": "Kira-kira {left} lagi, {rate} per detik.",
    "scrub.period": "Setiap bita dibaca sekali dalam {period} (seharusnya: {wanted}).",
    "scrub.period_late": (
        "Setiap bita baru dibaca sekali dalam {period}; seharusnya {wanted}. Cakram ini terlalu lambat atau"
        " terlalu sibuk."
    ),
    "scrub.found": "Pada pemeriksaan ini: {wrong} ditemukan salah, {mended} dipulihkan; rusak sekarang: {damaged}.",
    "scrub.started": "Pemeriksaan berjalan sekarang.",
    "scrub.paused": "Pemeriksaan dihentikan sementara, juga setelah mulai ulang, sampai: lumbung scrub start.",
    "scrub.confirmed": (
        "Dikonfirmasi untuk {origins}: {freed} barang bukti dilepas. Pemulihan kembali menjadi hal biasa."
    ),
    "scrub.nothing_to_confirm": "Tidak ada yang perlu dikonfirmasi.",
    "scrub.column.time": "kapan (UTC)",
    "scrub.column.what": "apa",
    "scrub.column.blob": "rekaman (kantor)",
    "scrub.column.from": "dipulihkan dari",
    "scrub.event.damaged_bytes": "isi rusak",
    "scrub.event.lost_row": "baris indeks hilang",
    "scrub.event.lost_list": "daftar bertanda tangan hilang",
    "scrub.event.wrong_row": "baris indeks salah",
    "scrub.event.lost_feed_row": "baris urutan hilang, dibuat lagi",
    "scrub.event.wrong_hash": "hash urutan salah, dibetulkan",
    "scrub.event.wrong_count": "jumlah rekaman salah, diperbaiki",
    "scrub.event.unlisted_row": "rekaman tidak ada di urutan, ditambahkan",
    "scrub.event.repaired": "dipulihkan",
    "scrub.event.found_good": "terbaca lagi",
    "scrub.event.signed_again": "daftar hilang, ditandatangani lagi",
    "scrub.event.feed_hole": "riwayat putus di sini",
    "scrub.event.doubted": "masa hidup baru dimulai",
    "scrub.event.mass_damage": "TERLALU BANYAK rusak sekaligus",
    "scrub.event.confirmed": "dikonfirmasi operator",
    "scrub.event.evidence_not_kept": "yang digantikan tidak disimpan: cakram hampir penuh",
    "status.scrub": "Diperiksa: semuanya sejak {age} lalu",
    "status.scrub_never": "Diperiksa: belum semuanya",
    "health.scrub_late": (
        "Belum semuanya terbaca tepat waktu (lumbung scrub status). Dihentikan, atau cakram terlalu lambat atau sibuk."
    ),
    "health.mass_damage": (
        "Terlalu banyak yang rusak sekaligus. Sedang dipulihkan, tetapi cari dulu penyebabnya (cakram, pengendali)"
        " sebelum: lumbung scrub confirm."
    ),
    "help.scrub": "Pemeriksaan semua yang disimpan: status, start, pause, confirm.",
    "help.scrub.status": (
        "Tunjukkan sejauh mana pemeriksaan, dalam berapa lama setiap bita dibaca, serta apa yang ditemukan"
        " dan dipulihkan."
    ),
    "help.scrub.status.examples": "lumbung scrub status\nlumbung scrub status --events 100 --json",
    "help.scrub.status.events": "Berapa banyak kejadian terbaru yang ditampilkan.",
    "help.scrub.start": "Lanjutkan pemeriksaan yang dihentikan, atau mulai sekarang.",
    "help.scrub.start.examples": "lumbung scrub start",
    "help.scrub.pause": (
        "Hentikan pemeriksaan sampai dimulai lagi. Kerusakan lalu terlambat ditemukan: untuk beberapa jam, bukan hari."
    ),
    "help.scrub.pause.examples": "lumbung scrub pause",
    "help.scrub.confirm": (
        "Nyatakan bahwa penyebab kerusakan besar sudah dicari. Barang bukti dilepas; tidak bisa dibatalkan."
    ),
    "help.scrub.confirm.examples": "lumbung scrub confirm",
    "exit.scrub.3": "dihentikan, atau setiap bita dibaca lebih jarang dari seharusnya",
    "exit.scrub.8": "ada yang rusak sekarang, atau kerusakan besar menunggu confirm",
}
