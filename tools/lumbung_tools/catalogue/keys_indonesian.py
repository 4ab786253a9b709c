"""Kalimat Indonesia tentang kunci: penggantian, cadangan, langkah berikutnya."""

from __future__ import annotations

from typing import Final

__all__ = ["KEYS_INDONESIAN"]

KEYS_INDONESIAN: Final[dict[str, str]] = {
    "health.key_not_in_force": (
        "Daftar simpul tidak mencantumkan kunci yang dipakai simpul ini ({keys}): simpul lain menolak yang"
        " ditandatanganinya."
        " Lihat dengan: lumbung keys status; lalu mintakan pencantumannya (lumbung keys pin), atau pulihkan kunci dari"
        " cadangan."
    ),
    "health.entry_not_ours": (
        "Datang {blobs} rekaman atas nama kantor ini yang tidak pernah direkam simpul ini: ada yang memegang kunci"
        " entri lama. Log simpul menyebut yang mana; jangan mengandalkannya, dan hubungi provinsi."
    ),
    "keys.needs": "Untuk jenis kunci ini diperlukan {what}. Lihat: lumbung keys --help",
    "keys.not_a_key": (
        "Diperlukan bagian publik berupa 64 digit heksadesimal, bukan {text}. Lihat dengan: lumbung keys show FILE"
    ),
    "keys.not_a_bound": "Diperlukan GENERATION:NUMBER:HASH seperti dicetak lumbung keys status, bukan {text}",
    "keys.in_use": "{use}: dipakai dan berlaku\n  {public}",
    "keys.in_use_unknown": (
        "{use}: dipakai, tetapi tidak tercantum di daftar simpul: simpul lain menolaknya\n  {public}"
    ),
    "keys.bound": "Ujung umpan {origin} (untuk --bound):\n  {bound}",
    "keys.no_lists": "Tidak ada yang ditandatangani {origin} di simpul ini.",
    "keys.end_unknown": (
        "Simpul ini tidak tahu sampai mana umpannya pernah mencapai: kehidupannya yang lain telah merekam, atau ia"
        " mengisi ulang disk kosong dan belum bertemu semua mitra. Batas yang dibaca sekarang dapat membatalkan rekaman"
        " untuk selamanya. Lihat lumbung health; bereskan itu dahulu. Bila tidak dapat, tanyai setiap penyimpan,"
        " lumbung keys status --origin NAMA, dan berikan yang tertinggi dengan --bound."
    ),
    "keys.of_node": "Kunci simpul {node}, yang ditanya:",
    "keys.still_used": (
        "Simpul belum memakai kunci entri berikutnya {public}: yang ditandatanganinya sementara ini akan berada"
        " di belakang"
        " batas. Tunggu sampai lumbung keys status menunjukkannya, lalu ketik lagi."
    ),
    "keys.bound_too_low": (
        "Batas {given} terletak sebelum ujung umpan, {end}: rekaman di antaranya akan batal. Hilangkan --bound:"
        " simpul yang"
        " memberi tahu."
    ),
    "keys.pinned": (
        "Rancangan epoch {epoch} dengan kunci {kind} berikutnya: {file}. Baca, mintakan tanda tangan, terbitkan."
    ),
    "keys.retired": (
        "Rancangan epoch {epoch} tanpa kunci {kind} yang lama: {file}. Baca, mintakan tanda tangan, terbitkan."
    ),
    "keys.recovery_signs": "Perubahan himpunan pemulihan memerlukan tanda tangan himpunan pemulihan itu sendiri.",
    "keys.rotate.made": "Kunci berikutnya ditulis ke {file} (mode 0600). Cadangkan sebelum dipakai.",
    "keys.would_make": "Kunci {kind} berikutnya akan dibuat di {file}.",
    "keys.would_move": (
        "Daftar simpul hanya mencantumkan kunci baru: ia akan dipindahkan ke {file}, dan yang lama tinggal di "
        "sampingnya dengan akhiran .former."
    ),
    "keys.next.node": (
        "Berikutnya, di pusat (lalu tanda tangani dan terbitkan):\n"
        "  lumbung keys pin {kind} {public} --roster DAFTAR --node NAMA -o RANCANGAN.toml\n"
        "Setelah itu ketik perintah ini lagi."
    ),
    "keys.next.tls": (
        "Berikutnya: mintakan sertifikat untuk {file}.request dan letakkan di samping yang sekarang dengan "
        "akhiran .next. Di pusat (lalu tanda tangani dan terbitkan):\n"
        "  lumbung keys pin tls {public} --roster DAFTAR --node NAMA -o RANCANGAN.toml\n"
        "Setelah itu ketik perintah ini lagi."
    ),
    "keys.next.access": (
        "Berikutnya, di pusat (lalu tanda tangani dan terbitkan):\n"
        "  lumbung keys pin access {public} --roster DAFTAR --node NAMA -o RANCANGAN.toml\n"
        "Sesudahnya tanda tangani lagi daftar akses dengan {file} dan terbitkan; baru kemudian pensiunkan kunci "
        "lama."
    ),
    "keys.next.age": (
        "Berikutnya, keduanya dalam satu rancangan (lalu tanda tangani dan terbitkan):\n"
        "  lumbung keys pin age {public} --roster DAFTAR --node NAMA -o RANCANGAN.toml\n"
        "  lumbung keys retire age YANG-LAMA --roster RANCANGAN.toml --node NAMA -o RANCANGAN-2.toml\n"
        "Simpan identitas lama selamanya: hanya dengannya rekaman lama terbuka."
    ),
    "keys.next.escrow": (
        "Berikutnya, keduanya dalam satu rancangan (lalu tanda tangani dan terbitkan):\n"
        "  lumbung keys pin escrow {public} --roster DAFTAR -o RANCANGAN.toml\n"
        "  lumbung keys retire escrow YANG-LAMA --roster RANCANGAN.toml -o RANCANGAN-2.toml\n"
        "Simpan identitas lama selamanya: rekaman lama terbuka dengannya."
    ),
    "keys.next.custodian": (
        "Berikutnya (kustodian dari daftar simpul yang berlaku menandatangani):\n"
        "  lumbung keys pin custodian {public} --name NAMA --replaces YANG-LAMA --roster DAFTAR -o RANCANGAN.toml"
    ),
    "keys.next.recovery": (
        "Berikutnya (himpunan pemulihan ikut menandatangani):\n"
        "  lumbung keys pin recovery {public} --name NAMA --replaces YANG-LAMA --roster DAFTAR -o RANCANGAN.toml"
    ),
    "keys.next.cluster": (
        "Versi {version} rahasia klaster: {file}. Berikutnya: bawa ke setiap simpul sebagai rahasia, pindahkan menimpa"
        " berkas yang sekarang di sana lalu mulai ulang simpulnya, satu per satu. Sampai semua memilikinya, mereka"
        " membandingkan id demi id; tidak ada yang berhenti."
    ),
    "keys.next.tag": (
        "Berikutnya: ganti tag.secret di semua stasiun kantor pada saat yang sama. Sejak itu rekaman lama dianggap"
        " rekaman baru."
    ),
    "keys.step.unpinned": (
        "Daftar simpul yang ditaati simpul ini belum mencantumkan {public}. Di pusat (lalu tanda tangani dan "
        "terbitkan):\n"
        "  lumbung keys pin {kind} {public} --roster DAFTAR --node NAMA -o RANCANGAN.toml\n"
        "Setelah itu ketik perintah ini lagi."
    ),
    "keys.step.uncertified": (
        "Daftar simpul mencantumkan {public}, tetapi sertifikatnya belum ada di sini: seharusnya di samping yang"
        " sekarang dengan"
        " akhiran .next."
    ),
    "keys.step.pinned": (
        "Daftar simpul mencantumkan {public} di samping kunci lama. Simpul berganti begitu mitranya mengetahuinya,"
        " paling lama"
        " setelah sehari; lihat dengan: lumbung keys status. Lalu di pusat: lumbung keys retire {kind} --roster ROSTER"
        " --node NODE -o DRAFT.toml (kunci entri dengan --bound yang ditunjukkan keys status); tanda tangani,"
        " terbitkan."
    ),
    "keys.step.moved": ("Selesai: {file} kini kunci {kind}, dan yang lama ada di sampingnya dengan akhiran .former."),
    "keys.passphrase": "Frasa sandi (sedikitnya {least} karakter)",
    "keys.passphrase_again": "Frasa sandi yang sama sekali lagi",
    "keys.passphrase_differs": "Kedua frasa sandi berbeda; tidak ada yang ditulis. Ketik perintahnya lagi.",
    "keys.no_terminal": (
        "Tidak ada terminal untuk menanyakan frasa sandi. Berikan lewat berkas (izin 0600): --passphrase-file BERKAS"
    ),
    "keys.backed_up": (
        "{count} kunci di {file}, sudah dibuka lagi dan dibandingkan. Simpan frasa sandinya di tempat lain."
    ),
    "keys.verified": "Cadangan utuh: {count} kunci. Tidak ada yang ditulis; sebutkan folder untuk memulihkan ke sana.",
    "keys.restored.written": "{file}: ditulis",
    "keys.restored.present": "{file}: sudah ada",
    "keys.restored.replaced": "{file}: ditulis; kunci yang tadinya di sana kini {aside}",
    "keys.paper_head": (
        "Kunci lumbung di bawah frasa sandi: {files}. Untuk memulihkan: ketik atau pindai baris-baris di bawah ke"
        " sebuah"
        " berkas, lalu lumbung keys restore FILE FOLDER. Setiap baris diperiksa dengan empat huruf terakhirnya."
    ),
    "cert.renewed": "Diperpanjang: {file}. Simpul memakainya dalam sepuluh detik, tanpa mulai ulang.",
    "cert.not_due": "{file} berlaku sampai {until}; diperpanjang setelah separuh umurnya lewat (atau dengan --now).",
    "help.cert.renew": (
        "Memperpanjang sertifikat dengan kunci yang sama setelah separuh umurnya lewat. Untuk timer harian."
    ),
    "help.cert.renew.examples": "lumbung cert renew keys/tls.chain.pem --authority /etc/lumbung/office-authority",
    "help.cert.renew.now": "Walaupun belum waktunya.",
    "help.cert.authority.under": "Folder akar: otoritas kantor sendiri di bawahnya, yang memperpanjang tanpa pusat.",
    "roster.level_not_higher": "Diperlukan tingkat di atas {before}, yang sudah diminta daftar simpul, bukan {after}.",
    "roster.level_not_ready": (
        "Tingkat {after} baru boleh naik setelah setiap simpul melaporkan bahwa lumbung-nya dapat menulisnya."
        " Belum: {names}."
        " Perbarui, tunggu laporannya (lumbung nodes), lalu ketik perintah ini lagi."
    ),
    "help.roster.level": (
        "Merancang daftar simpul berikutnya dengan tingkat format lebih tinggi, setelah setiap simpul melaporkan mampu."
    ),
    "help.roster.level.examples": "lumbung roster level 1 -o next.toml",
    "roster.level_rises": (
        "Tingkat format naik dari {before} ke {after}: setiap simpul menaikkan cakramnya pada awal berikutnya,"
        " dan lumbung"
        " yang lebih lama tidak dapat membukanya lagi. Ini tidak dapat dibatalkan. Simpul dengan lumbung lama menolak"
        " daftar simpul ini: perbarui semuanya dahulu (lumbung status menyebut versi masing-masing)."
    ),
    "help.keys.rotate": (
        "Membuat kunci berikutnya dan memberi tahu langkah sesudahnya. Ketik lagi untuk melanjutkan. KIND: tls, "
        "entry, receipt (--config); access, custodian, recovery, age, escrow, cluster, tag (FILE)."
    ),
    "help.keys.rotate.examples": (
        "lumbung keys rotate entry --config config.toml\nlumbung keys rotate escrow escrow-3.agekey"
    ),
    "help.keys.rotate.config": "Konfigurasi simpul pemilik kunci (tls, entry, receipt).",
    "help.keys.pin": (
        "Merancang daftar simpul berikutnya dengan satu kunci lagi: 64 digit heksadesimal, age1..., atau berkas "
        "sertifikat. KIND: tls, entry, receipt, access, age, escrow, custodian, recovery, authority."
    ),
    "help.keys.pin.examples": (
        "lumbung keys pin entry 5f2c... --roster roster.lumbung --node 36.02 -o next.toml\n"
        "lumbung keys pin custodian 9a1d... --name Direktur --replaces Direktur-lama --roster next.toml -o next-2.toml"
    ),
    "help.keys.pin.name": "Nama kustodian atau otoritas.",
    "help.keys.pin.replaces": "Anggota yang tempatnya diambil.",
    "help.keys.roster": "Daftar simpul bertanda tangan yang berlaku, atau rancangan (.toml) untuk diubah lagi.",
    "help.keys.node": "Nama simpul pemilik kunci.",
    "help.keys.retire": (
        "Merancang daftar simpul berikutnya yang memberi kunci lama epoch terakhirnya. KIND: tls, entry, "
        "receipt, access, age, escrow, custodian, recovery, authority."
    ),
    "help.keys.retire.examples": (
        "lumbung keys retire receipt --roster roster.lumbung --node 36.02 -o next.toml\n"
        "lumbung keys retire entry --bound 1:1204:5f2c... --roster roster.lumbung --node 36.02 -o next.toml"
    ),
    "help.keys.retire.bound": "Sampai di mana kata kunci entri tetap sah, seperti dicetak keys status.",
    "help.keys.status": "Kunci mana yang dipakai simpul kantor, dan di mana umpannya berakhir.",
    "help.keys.status.examples": "lumbung keys status\nlumbung keys status --origin 36.02",
    "help.keys.status.origin": "Di mana umpan kantor lain berakhir, sejauh yang ada di sini.",
    "help.keys.backup": (
        "Menaruh kunci di bawah frasa sandi ke satu berkas, atau ke kertas. Dibuka lagi sebelum dianggap sah."
    ),
    "help.keys.backup.examples": (
        "lumbung keys backup node/keys -o 36.02-keys.backup\n"
        "lumbung keys backup office.agekey --paper -o office-paper.txt"
    ),
    "help.keys.backup.paper": "Menulis baris untuk dicetak, diketik dan dipindai, bukan bita.",
    "help.keys.passphrase": "Berkas berisi frasa sandi (mode 0600), tanpa bertanya.",
    "help.keys.restore": "Membuka cadangan; tanpa folder hanya memeriksanya. Tidak pernah menimpa kunci lain.",
    "help.keys.restore.examples": (
        "lumbung keys restore 36.02-keys.backup\nlumbung keys restore 36.02-keys.backup /etc/lumbung"
    ),
    "help.keys.restore.replace": "Menyisihkan kunci lain yang ada di sana.",
}
