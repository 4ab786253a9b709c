"""Alasan penolakan untuk operator: what a node said in a known shape, and what to do about it."""

from __future__ import annotations

from typing import Final

__all__ = ["REASON_INDONESIAN"]

REASON_INDONESIAN: Final[dict[str, str]] = {
    "reason.stranger_node": "simpul {node} tidak ada di daftar simpul epoch {epoch}",
    "reason.left_node": "{name} sudah keluar dari klaster",
    "reason.node_key": "{name} memakai kunci yang tidak dikenal daftar simpul epoch {epoch}; perbarui sertifikatnya",
    "reason.no_access_list": "{who} belum dikenal: simpul belum memegang daftar akses kantor itu",
    "reason.access_list_key": (
        "daftar akses untuk {who} ditandatangani dengan kunci lama; kantor harus menandatanganinya lagi"
    ),
    "reason.not_listed": "{who} tidak ada di daftar akses kantor (versi {version}); mintakan: lumbung access add",
    "reason.access_key": "{who} memakai kunci yang tidak dikenal daftar akses; mintakan: lumbung access add",
    "reason.access_time": "masa akses {who} sudah lewat atau belum mulai; periksa jam, atau mintakan yang baru",
    "reason.may_not_call": "{who} tidak berhak melakukan ini di simpul ini: itu pekerjaan operatornya ({method})",
    "reason.may_no_longer": "hak akses {who} sudah dicabut",
    "reason.may_not_read": "{who} tidak berhak membaca rekaman simpul {origin}",
    "reason.disk_full": (
        "cakram simpul penuh ({free} bita kosong); kosongkan ruang, perekaman jalan lagi dengan sendirinya"
    ),
    "reason.slots": "terlalu banyak perintah sekaligus dari sini (paling banyak {most}); tunggu yang lain selesai",
    "reason.streams": "simpul sedang melayani terlalu banyak perintah panjang; coba lagi nanti",
    "reason.slots_all": "simpul sedang melayani {most} permintaan; coba lagi nanti",
    "reason.two_lives": (
        "ada mesin lain yang berjalan dengan identitas simpul ini, jadi simpul ini tidak menerima rekaman dan tidak "
        "menandatangani apa pun; hubungi provinsi"
    ),
    "reason.store_failed": "simpul sedang membuka kembali penyimpanannya setelah gangguan cakram",
    "reason.store_closing": "simpul sedang menutup penyimpanannya",
    "reason.not_known_on_disk": "cakram terganggu sebelum isinya dipastikan tersimpan",
    "reason.not_sealed": "berkas belum disegel; jangan pakai --no-seal",
    "reason.wrong_hash": "isi berubah di perjalanan ({id})",
    "reason.no_blob": "simpul ini tidak memiliki rekaman {id}",
    "reason.no_record": "simpul ini tidak mengenal rekaman dengan nomor itu",
    "reason.many_ids": "ada beberapa id yang berawalan {digits}; tambah digitnya",
    "reason.ask_origin": "hanya kantor yang merekamnya yang tahu: tanyakan kepada simpul {node}",
    "reason.damaged_here": "salinan di simpul ini rusak",
    "reason.deadline": "simpul menerima pertanyaan tetapi tidak menjawab pada waktunya",
    "reason.no_answer": "{address} tidak menjawab dalam {seconds} detik",
    "reason.connection_refused": "tidak ada yang menerima sambungan di {address}",
    "reason.certificate": "sertifikat di {address} bukan untuk klaster ini, atau sudah berakhir",
    "reason.no_network": "tidak ada jaringan menuju {address}; periksa kabel, modem dan alamatnya",
    "reason.no_name": "nama dalam {address} tidak dikenal di sini; periksa alamat dan jaringan",
    "reason.handshake_closed": "{address} menerima sambungan lalu menutupnya lagi",
    "reason.not_serving": "simpul di {address} menjawab, tetapi sedang tidak melayani",
    "reason.other_name": "yang menjawab di {address} simpul lain daripada yang dipanggil; periksa alamatnya",
    "reason.other_side_left": "pihak seberang memutus sambungan",
    "reason.line_broke": "sambungan terputus",
    "reason.silent": "tidak ada jawaban selama {seconds} detik",
    "reason.stored_or_not": "simpul tidak dapat memastikan apakah rekaman tersimpan",
    "reason.sealed_to_others": "rekaman disegel untuk kunci lain daripada yang ada di sini",
    "reason.plan_share": "{name} menyimpan {times} x bagian wajarnya, dan penyimpan lain tidak boleh mengambil lebih",
    "reason.plan_no_drc": "{name} tidak dapat menjangkau simpul DRC",
    "reason.plan_no_peer": "{name} tidak dapat menjangkau mitra",
    "reason.plan_province": "{name} tidak dapat menjangkau mitra di provinsi lain",
    "reason.plan_zone": "{name}: tidak ada tempat pada mitra di zona bencana selain {zone}",
    "reason.tls_failed": "tidak ada jalur aman ke {address}: TLS gagal ({why}); benarkah itu simpul klaster ini?",
    "reason.no_grpc": "{address} menjawab, tetapi bukan sebagai simpul lumbung; periksa alamat dan port",
    "reason.bundle_holder": "simpul {node} adalah simpul ini sendiri, atau sudah meninggalkan klaster",
    "reason.bundle_keeps_nothing": "{name} tidak menyimpan rekaman {origin}",
    "reason.bundle_other_export": "ekspor lain sedang melanjutkan bundel ini; tunggu sampai selesai",
    "reason.receipt_old_life": "simpul {node} sudah kehilangan cakramnya sejak itu; ekspor lagi dengan --anew",
    "reason.receipt_no_bundle": "bukan dari bundel yang ditulis simpul ini, atau dari yang sudah lama dilupakan",
    "reason.receipt_not_ours": "tidak menyebut rekaman simpul ini",
    "reason.drop_not_proven": "tidak semuanya masih terbukti di tempat lain; lihat lagi dengan: lumbung drop",
    "reason.closed_on_us": "{address} tidak menerima sertifikat kita",
    "reason.other_node": "{address} adalah {got}, seharusnya {expected}",
    "reason.other_key": "{address} memakai kunci yang tidak dikenal daftar simpul",
    "name.not_an_id": "Id terdiri dari {least} sampai 64 digit, 0-9 dan a-f; {text} bukan id. Lihat: lumbung ls.",
    "wait.node": "Menunggu jawaban dari {whom} ...",
    "health.copies_young": (
        "Rekaman sepuluh menit terakhir belum punya semua salinan terbukti, jadi status kuning sampai lengkap. Salinan "
        "dibuat dengan sendirinya."
    ),
    "health.damaged": (
        "Ada rekaman rusak di simpul ini. Biarkan simpul menyala dan tersambung: salinan yang baik diambil sendiri. "
        "Jika satu jam lagi jumlahnya tetap, hubungi provinsi."
    ),
}
