"""Indonesian sentences of disk bundles, by key."""

from __future__ import annotations

from typing import Final

__all__ = ["BUNDLE_INDONESIAN"]

BUNDLE_INDONESIAN: Final[dict[str, str]] = {
    # export
    "bundle.export.progress": "menulis untuk {holder}",
    "bundle.export.nothing": "{holder} sudah membuktikan semua yang harus disimpannya: tidak ada yang perlu ditulis.",
    "bundle.export.written": (
        "Sudah ditulis dan aman di cakram: {entries} rekaman, {size}, untuk {holder} di {folder} (cakram {disk}"
        " dari bundel"
        " {bundle})."
    ),
    "bundle.export.complete": (
        "Bundel sudah lengkap. Bawa cakram ke {holder}, lalu ketik di sana: lumbung bundle import DIR"
    ),
    "bundle.export.more": (
        "Cakram penuh. Yang belum untuk {holder}: sekitar {entries} rekaman, {size}. Pasang cakram lain dan"
        " ketik perintah"
        " yang sama: penulisan dilanjutkan di sana."
    ),
    "bundle.export.limit": (
        "Batas sudah tercapai. Yang belum untuk {holder}: sekitar {entries} rekaman, {size}. Ketik perintah yang sama"
        " untuk melanjutkan, di cakram ini atau cakram lain."
    ),
    "bundle.export.too_small": (
        "Rekaman berikutnya berukuran {size} dan tidak muat di cakram ini: pakai cakram yang lebih besar."
    ),
    "bundle.export.foreseen": (
        "{entries} rekaman, {size}, akan ditulis untuk {holder}; cakram ini dapat memuat {room} sekarang."
    ),
    "bundle.export.foreseen_more": "Tidak semuanya muat: perintah yang sama melanjutkan di cakram berikutnya.",
    "bundle.export.limit_small": (
        "Rekaman berikutnya berukuran {size}; bersama ruang yang dibiarkan kosong di cakram, --limit harus"
        " {needed} atau lebih."
    ),
    "bundle.export.resumed": "Melanjutkan bundel {bundle} yang belum lengkap (ini cakram {disk}).",
    "bundle.export.unreadable": (
        "{count} rekaman tidak dapat dibaca di sini dan tidak ada di cakram: {ids}. Lihat: lumbung health"
    ),
    "bundle.export.disk_failed": (
        "Cakram bermasalah ({why}). Yang sudah ditulis dan disahkan sebelumnya tetap baik. Periksa cakram dan ketik"
        " perintah yang sama: penulisan dilanjutkan setelah itu."
    ),
    "bundle.export.not_proven": (
        "Isi cakram belum dihitung sebagai salinan sampai {holder} mengimpornya dan tanda terimanya kembali: lumbung"
        " bundle receipts DIR"
    ),
    # import
    "bundle.import.progress": "mengimpor",
    "bundle.import.done": (
        "{bundle}: {stored} rekaman tersimpan dan aman di cakram ({size}), {present} sudah ada sebelumnya, dari"
        " {exporter}."
    ),
    "bundle.import.not_ours": "{count} rekaman bukan bagian simpul ini dan dilewati.",
    "bundle.import.receipts": (
        "Tanda terima untuk {blobs} rekaman sudah ada di cakram. Bawa kembali ke {exporter}, lalu ketik di sana:"
        " lumbung"
        " bundle receipts DIR"
    ),
    "bundle.import.no_receipts": (
        "Tidak ada tanda terima yang ditulis: {exporter} baru mengetahui salinan ini jika ada jaringan."
    ),
    "bundle.import.withdrawn": (
        "{count} rekaman milik {exporter} rusak di sini: hal itu tercatat di cakram, dan sebelum pulih salinannya tidak"
        " dihitung di {exporter}. Kirim ulang: lumbung bundle export di sana, atau lewat jaringan."
    ),
    "bundle.import.more": "Masih ada cakram lain dari bundel ini.",
    "bundle.import.lacking": (
        "{count} rekaman dari cakram ini tidak masuk; yang sudah ada di sini tetap baik. Setelah tanda terima kembali"
        " ke {exporter}, lumbung bundle export di sana menuliskannya lagi ke cakram."
    ),
    # receipts
    "bundle.receipts.progress": "tanda terima",
    "bundle.receipts.none": (
        "{bundle}: belum ada tanda terima di cakram ini. Tanda terima ditulis saat cakram diimpor oleh penyimpan."
    ),
    "bundle.receipts.counted": "{blobs} rekaman kini mempunyai salinan terbukti di {holder}.",
    "bundle.receipts.withdrawn": (
        "{count} rekaman tidak lagi dihitung di {holder}: salinannya rusak di sana. Rekaman itu ikut lagi dalam bundel"
        " berikutnya untuk {holder}, atau lewat jaringan."
    ),
    "bundle.receipts.nothing_new": "{bundle}: tidak ada yang baru; {known} tanda terima sudah diketahui.",
    # inspect
    "bundle.inspect.progress": "memeriksa",
    "bundle.inspect.whose": "{bundle}: dari {exporter} untuk {holder}, cakram {disk}, dimulai {time} (UTC).",
    "bundle.inspect.contents": (
        "{entries} rekaman, {size}, dalam {parts} berkas; asal: {origins}; tanda terima untuk {receipts} rekaman."
    ),
    "bundle.inspect.withdrawn": "Penyimpan menarik kembali {count} rekaman: rusak di sana saat cakram diimpor.",
    "bundle.inspect.whole": "Utuh: setiap rekaman sesuai dengan id-nya, setiap berkas sesuai dengan manifes.",
    "bundle.inspect.not_whole": (
        "TIDAK utuh: lihat di atas. Yang baik tetap dapat diimpor; sisanya ikut dalam bundel berikutnya."
    ),
    "bundle.inspect.signed": "Tanda tangan manifes dan semua entri sah (daftar simpul epoch {epoch}).",
    "bundle.inspect.unsigned": "Tanda tangan tidak diperiksa: tidak ada daftar simpul. Berikan dengan --roster FILE.",
    "bundle.inspect.last": "Ini cakram terakhir dari bundel.",
    "bundle.inspect.not_last": "Bundel berlanjut: masih ada cakram lain, atau ekspor terputus.",
    # problems
    "bundle.none_here": "Tidak ada bundel di {folder}. Bundel adalah folder bernama lumbung-bundle-...",
    "bundle.not_a_bundle": "{bundle}: manifes maupun berkas isinya tidak dapat dibaca; tidak ada yang diambil.",
    "bundle.after_one_origin": "--after dipakai bersama satu --origin yang bukan milik simpul ini sendiri.",
    "bundle.origin_or_all": "Berikan --origin atau --all, jangan keduanya.",
    "bundle.bad.no_manifest": "{bundle}: manifes tidak ada. Rekaman tetap diambil; tanda terima memerlukan manifes.",
    "bundle.bad.manifest": (
        "{bundle}: manifes rusak atau diubah ({why}). Rekaman diperiksa satu per satu; tanda terima memerlukan manifes."
    ),
    "bundle.bad.cluster": "{bundle}: berasal dari klaster lain; tidak ada yang diambil.",
    "bundle.bad.holder": "{bundle}: untuk {holder}, sedangkan ini {own}; tidak ada yang diambil.",
    "bundle.bad.part_missing": "{bundle}: berkas nomor {part} berisi {entries} rekaman tidak ada.",
    "bundle.bad.part_unreadable": "{bundle}: {part} tidak dapat dibaca ({why}).",
    "bundle.bad.part_cut": "{bundle}: {part} terpotong pada bita {at} ({why}); isi sebelumnya tetap baik.",
    "bundle.bad.part_damaged": "{bundle}: {part} rusak mulai bita {at} ({why}); dilanjutkan setelah bagian yang rusak.",
    "bundle.bad.part_other": "{bundle}: {part} bukan berkas yang disebut manifes.",
    "bundle.bad.blob": "{bundle}: rekaman {blob} di {part} rusak atau terpotong.",
    "bundle.bad.list": "{bundle}: {part} memuat entri yang tidak ditandatangani simpul {origin}.",
    "bundle.bad.refused": "{bundle}: simpul menolak {entries} rekaman dari {part}: {why}",
    "bundle.bad.slow": "{bundle}: {part} terlalu lama tidak terbaca ({why}). Ketik perintah yang sama sekali lagi.",
    "bundle.bad.node_full": (
        "{bundle}: cakram simpul sendiri hampir penuh ({why}). Sediakan ruang dan ketik perintah yang sama, paling"
        " cepat {seconds} detik lagi: yang sudah ada tidak dibaca lagi."
    ),
    "bundle.bad.receipts": (
        "{bundle}: tanda terima tidak dapat ditulis ke cakram ({why}). Rekaman sudah tersimpan. Buat cakram"
        " dapat ditulisi"
        " dan ketik perintah yang sama."
    ),
    "bundle.bad.receipts_file": (
        "{bundle}: berkas tanda terima {file} rusak ({why}). Minta penyimpan mengimpor cakram itu sekali lagi."
    ),
    "bundle.bad.receipt": "{bundle}: {receipts} tanda terima tidak dihitung: {why}",
    "bundle.bad.more": "... dan {count} masalah lagi.",
    # read-me on the disk
    "bundle.read_me": (
        "Bundel lumbung {bundle}, cakram {disk}: rekaman tersegel dari {exporter} untuk {holder}.\n"
        "\n"
        "Di {holder}, sebagai operator:   lumbung bundle import DIR\n"
        "Lalu bawa cakram kembali, dan di {exporter}:   lumbung bundle receipts DIR\n"
        "Untuk melihat isinya di mana saja:   lumbung bundle inspect DIR\n"
        "\n"
        "Sebelum itu isi cakram ini belum dihitung sebagai salinan. Tanpa kunci kantor tidak ada yang dapat"
        " membacanya.\n"
        "Jangan mengganti nama, mengubah, atau menghapus apa pun. Formatnya: docs/bundle-format.md dari lumbung.\n"
        "b3sum dari sebuah berkas part sama dengan yang tertulis di manifes.\n"
    ),
    # help
    "help.bundle": (
        "Membawa rekaman dengan cakram bila jaringan tidak mencukupi, dengan tanda terima saat cakram kembali."
    ),
    "help.bundle.export": (
        "Menulis ke cakram apa yang belum ada di penyimpan. Cakram sebesar apa pun diisi; perintah yang sama"
        " melanjutkan di"
        " cakram berikutnya."
    ),
    "help.bundle.export.examples": (
        "lumbung bundle export --for drc-batam /media/usb\n"
        "lumbung bundle export --for drc-batam /media/usb --limit 16G\n"
        "lumbung bundle export --for drc-surabaya --all /media/usb"
    ),
    "help.bundle.export.for": "Penyimpan yang dituju cakram ini.",
    "help.bundle.export.origin": "Asal yang dibawa, bukan milik simpul sendiri; boleh diberikan lebih dari sekali.",
    "help.bundle.export.all": "Semua yang harus disimpan baik oleh simpul ini maupun penyimpan itu.",
    "help.bundle.export.after": "Mulai setelah nomor ini dalam umpan simpul; dengan satu --origin.",
    "help.bundle.export.anew": "Mulai bundel baru, misalnya bila sebuah cakram hilang di jalan.",
    "help.bundle.export.limit": "Tulis paling banyak sekian, misalnya 500M atau 16G.",
    "help.bundle.import": (
        "Mengambil isi cakram: memeriksa dan menyimpan yang baik, menyebut yang tidak, menulis tanda terima ke cakram."
    ),
    "help.bundle.import.examples": "lumbung bundle import /media/usb",
    "help.bundle.receipts": (
        "Membaca tanda terima yang kembali bersama cakram, supaya salinannya dihitung, dan apa yang ditarik kembali"
        " oleh penyimpan."
    ),
    "help.bundle.receipts.examples": "lumbung bundle receipts /media/usb",
    "help.bundle.inspect": "Melihat isi cakram tanpa simpul: apa isinya, untuk siapa, dan apakah utuh.",
    "help.bundle.inspect.examples": (
        "lumbung bundle inspect /media/usb\nlumbung bundle inspect /media/usb --roster roster.lumbung"
    ),
    "help.bundle.inspect.roster": (
        "Daftar simpul untuk memeriksa tanda tangan; tanpa ini dipakai daftar simpul profil, bila ada."
    ),
    "exit.bundle.export.3": "sudah ditulis, tetapi masih ada sisa untuk cakram lain",
    "exit.bundle.export.8": "sudah ditulis, tetapi sebagian rekaman tidak dapat dibaca di simpul",
    "exit.bundle.import.3": "diambil sejauh ada ruang, atau tanda terima tidak dapat ditulis",
    "exit.bundle.import.6": "cakram untuk simpul lain atau dari klaster lain, atau entri tanpa tanda tangan yang sah",
    "exit.bundle.import.8": "sebagian cakram rusak, terpotong atau hilang; yang baik sudah tersimpan",
    "exit.bundle.4": "tidak ada bundel lumbung di cakram",
    "exit.bundle.receipts.4": "tidak ada tanda terima di cakram",
    "exit.bundle.receipts.6": "sebagian tanda terima tidak dihitung",
    "exit.bundle.inspect.8": "sebagian cakram rusak, terpotong atau hilang",
}
