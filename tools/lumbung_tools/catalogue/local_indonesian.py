"""Indonesian sentences of the local cluster and the demo, by key."""

from __future__ import annotations

from typing import Final

__all__ = ["LOCAL_INDONESIAN"]

LOCAL_INDONESIAN: Final[dict[str, str]] = {
    # cluster
    "cluster.made": (
        "Klaster dengan {nodes} simpul dibuat di {folder} (daftar simpul epoch {epoch}, id klaster {cluster})."
    ),
    "cluster.note": "Catatan dari rencana: {note}",
    "cluster.offline": (
        "Folder bernama OFFLINE berisi kunci yang tidak diperlukan mesin mana pun yang berjalan. Di lapangan kunci itu"
        " disimpan pada media di brankas, di tempat yang berbeda-beda."
    ),
    "cluster.next": "Berikutnya:",
    "cluster.started": "{nodes} simpul berjalan. Ctrl-C menghentikannya.",
    "cluster.stopped": "Semua simpul sudah berhenti.",
    "cluster.died": "Satu simpul berhenti sendiri: {death}",
    "cluster.all_died": "Tidak ada simpul yang tersisa.",
    "cluster.not_started": "Klaster tidak dapat berjalan. {why}",
    "cluster.head.node": "simpul",
    "cluster.head.region": "wilayah",
    "cluster.head.address": "alamat",
    "cluster.head.holders": "salinan di",
    "cluster.head.process": "proses",
    "cluster.head.log": "log",
    # demo
    "demo.place": "Bekerja di {folder} (sistem berkas {file_system}).",
    "demo.in_memory": (
        "Peringatan: {folder} berada di memori ({file_system}), jadi yang ditunjukkan tentang ketahanan data tidak"
        " berarti di sana. Pilih folder di cakram dengan --dir."
    ),
    "demo.prepared": (
        "{names} dibuat; {records} rekaman buatan, bukan milik siapa pun, {size}, digambar dalam {seconds} detik."
    ),
    "demo.started": "{nodes} proses berjalan dan siap dalam {seconds} detik.",
    "demo.row": (
        "{office}: {durable} dari {total} tersimpan tahan; dengan 1 salinan {one}, dengan 2 salinan {two}, dengan"
        " 3 dari 3 {three}; terbukti di {proven}"
    ),
    "demo.table.title": "Salinan yang terbukti dengan tanda terima bertanda tangan",
    "demo.table.office": "kantor",
    "demo.table.durable": "tersimpan",
    "demo.table.one": "1 salinan",
    "demo.table.two": "2 salinan",
    "demo.table.three": "3 dari 3",
    "demo.table.proven": "terbukti di",
    "demo.enrolled": (
        "{stored} dari {records} tersimpan, {safe} dengan 3 dari 3 salinan terbukti, termasuk penyegelan dalam"
        " {seconds} detik: {files} rekaman/detik, {rate} MB/detik."
    ),
    "demo.lost_office": "{office} ({name}) dimatikan dengan SIGKILL dan folder datanya {folder} dihapus.",
    "demo.recovered": (
        "Sebagai operator kantor itu: {count} dari {total} diambil kembali ({sources}), dibuka dan sama dengan yang"
        " direkam, dalam {seconds} detik, {rate} MB/detik."
    ),
    "demo.problem": "Masalah: {problem}",
    "demo.more_problems": "... dan {count} lagi.",
    "demo.lost": "{lost} hilang. Seluruhnya {seconds} detik.",
    "demo.kept": "Semuanya disimpan di {folder}. Untuk melanjutkan sendiri:",
    "demo.kept.again": "kantor yang hilang mulai lagi dengan cakram kosong",
    # help
    "help.cluster.new": (
        "Membuat satu klaster untuk mesin ini di folder baru: kunci, sertifikat, daftar simpul bertanda tangan,"
        " rumah untuk"
        " setiap simpul dan profil klien di setiap simpul."
    ),
    "help.cluster.new.examples": (
        "lumbung cluster new demo --offices 36.02,34.04,73.71 --drc batam\n"
        "lumbung cluster new demo --offices 36.02,34.04 --drc batam --drc surabaya --base-port 7400"
    ),
    "help.cluster.new.offices": "Kode wilayah kantor, dipisahkan koma.",
    "help.cluster.new.drc": "Kota simpul DRC; boleh diberikan lebih dari sekali.",
    "help.cluster.new.base_port": "Port pertama di 127.0.0.1; tanpa ini dipilih port yang bebas.",
    "help.cluster.up": (
        "Menjalankan semua simpul dari folder klaster, masing-masing dalam prosesnya sendiri, sampai Ctrl-C atau"
        " SIGTERM."
    ),
    "help.cluster.up.examples": "lumbung cluster up demo",
    "help.demo.examples": "lumbung demo\nlumbung demo --records 50 --lang en\nlumbung demo --keep --dir /var/tmp",
    "help.demo.keep": "Biarkan foldernya dan tunjukkan cara melanjutkan sendiri.",
    "help.demo.records": "Berapa rekaman.",
    "help.demo.dir": "Folder yang sudah ada di cakram yang dipakai; demo membuat foldernya sendiri di dalamnya.",
    "exit.demo.1": "ada yang hilang atau kurang salinan, atau kesalahan pada lumbung",
}
