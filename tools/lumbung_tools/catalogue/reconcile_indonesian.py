"""Kalimat pembandingan (reconcile) dalam Bahasa Indonesia, by key."""

from __future__ import annotations

from typing import Final

__all__ = ["RECONCILE_INDONESIAN"]

RECONCILE_INDONESIAN: Final[dict[str, str]] = {
    "reconcile.progress": "membandingkan",
    "reconcile.waits": "Pembandingan lain sedang berjalan di simpul; yang ini mulai setelah itu selesai ...",
    "reconcile.origin_or_all": "Berikan --origin atau --all, jangan keduanya.",
    "reconcile.all_equal": "Semuanya sama ({pairs} dibandingkan); dilengkapi: {mended} rekaman.",
    "reconcile.not_equal": "BELUM semuanya sama: {equal} dari {pairs} sama; dilengkapi: {mended} rekaman.",
    "reconcile.cut": "Pembandingan terputus: {why}",
    "reconcile.more": "... dan {count} lagi; --json menunjukkan semuanya.",
    "reconcile.cost": "Terpakai {size} tanya jawab dalam {questions} kali bolak-balik.",
    "reconcile.mended_of": "{mended} dari {lacked}",
    "reconcile.column.partner": "mitra",
    "reconcile.column.origin": "rekaman dari",
    "reconcile.column.outcome": "keadaan",
    "reconcile.column.here": "dilengkapi di sini",
    "reconcile.column.there": "dilengkapi di sana",
    "reconcile.column.remark": "keterangan",
    "reconcile.outcome.equal": "sama",
    "reconcile.outcome.mended": "dilengkapi, sekarang sama",
    "reconcile.outcome.working": "sedang berjalan",
    "reconcile.outcome.rebuilding": "sedang diisi",
    "reconcile.outcome.busy": "belum diketahui",
    "reconcile.outcome.partly": "baru sebagian",
    "reconcile.outcome.not_delivered": "masih ada yang kurang",
    "reconcile.outcome.unexplained": "tidak masuk akal",
    "reconcile.outcome.refused": "tidak dibandingkan",
    "reconcile.outcome.not_connected": "tidak dibandingkan",
    "reconcile.reason.none": "",
    "reconcile.reason.no_session": "tidak ada sambungan dengan {partner} ({why}); lihat: lumbung status",
    "reconcile.reason.session_ended": "sambungan dengan {partner} putus di tengah jalan; coba lagi",
    "reconcile.reason.no_answer": "{partner} tidak menjawab tepat waktu; coba lagi",
    "reconcile.reason.peer_refused": "{partner} menolak: {why}",
    "reconcile.reason.peer_busy": "{partner} sedang sibuk; coba lagi beberapa menit lagi",
    "reconcile.reason.on_its_way": "yang kurang sedang dalam perjalanan; lihat lagi nanti",
    "reconcile.reason.inventory_rebuilt": "inventaris di sini sedang dibuat ulang; coba lagi beberapa menit lagi",
    "reconcile.reason.everything_offered": (
        "yang kurang begitu banyak sehingga semuanya dikirim, yang terbaru dulu; lihat: lumbung status"
    ),
    "reconcile.reason.more_left": "yang ditemukan sudah dilengkapi, mungkin masih ada yang kurang; coba lagi",
    "reconcile.reason.stopped": "dihentikan; yang sudah dilengkapi tetap ada",
    "reconcile.reason.no_good_bytes": (
        "tidak satu pun dari keduanya dapat memberikannya: {here} rusak atau batal di sini, {there} di {partner}."
        " Bandingkan dengan penyimpan lain, atau bawakan bundel"
    ),
    "reconcile.reason.disk_full_here": "{not_come} tidak diambil: cakram di sini hampir penuh; sediakan ruang",
    "reconcile.reason.not_taken": "{partner} tidak menerima {not_taken}: {why}",
    "reconcile.reason.not_come": "{partner} tidak mengirim {not_come}; coba lagi",
    "reconcile.reason.does_not_add_up": (
        "yang dikatakan {partner} tentang rekamannya bertentangan, jadi tidak ada yang dipercaya; hubungi provinsi"
    ),
    "status.reconcile": "Dibandingkan: sama dengan semua {partners} mitra, paling lama {age} lalu",
    "status.reconcile_some": "Dibandingkan: sama dengan {equal} dari {partners} mitra; belum dengan {names}",
    "reason.disk_nearly_full": "cakramnya hampir penuh (sisa {free} bita)",
    "reason.no_shared_origin": "simpul {node} tidak menyimpan apa pun yang juga disimpan simpul ini",
    "reason.nothing_shared": "{name} dan simpul ini tidak menyimpan apa pun bersama",
    "reason.nothing_shared_of": "{name} dan simpul ini tidak menyimpan rekaman {origin} bersama",
    "reason.no_partner_holds": "tidak ada simpul lain yang menyimpan rekaman {origin} selain simpul ini",
    "reason.reconciles_wait": "sudah {most} pembandingan yang menunggu; coba lagi nanti",
    "help.reconcile": (
        "Membandingkan dengan mitra sekarang dan melengkapi yang kurang. Simpul melakukannya sendiri pada awal "
        "setiap sambungan, setiap jam, dan setelah pemulihan; perintah ini untuk yang ingin tahu sekarang."
    ),
    "help.reconcile.examples": (
        "lumbung reconcile\nlumbung reconcile --with drc-batam --all\nlumbung reconcile --origin 36.02 --json"
    ),
    "help.reconcile.with": "Hanya dengan simpul ini; tanpa itu: dengan semua yang menyimpan rekaman yang sama.",
    "help.reconcile.origin": (
        "Rekaman kantor ini; tanpa itu: yang direkam di sini, atau semua jika tidak ada yang direkam di sini."
    ),
    "help.reconcile.all": "Semua rekaman yang disimpan kedua simpul.",
    "exit.reconcile.0": "semuanya sama, atau sudah dilengkapi dan sekarang sama",
    "exit.reconcile.3": "masih ada yang kurang; keterangannya menyebut sebabnya",
    "exit.reconcile.5": "belum diketahui: sibuk, terputus, atau tidak dijawab tepat waktu; coba lagi",
    "exit.reconcile.6": "ditolak oleh simpul atau mitra, atau tidak dipercaya",
    "exit.reconcile.7": "simpul, atau salah satu mitra, tidak tersambung",
    "exit.reconcile.8": "rusak di satu-satunya dari kedua simpul yang memilikinya",
}
