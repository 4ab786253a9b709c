"""Kalimat tentang berkas yang tidak dapat dipakai, menurut kunci, seurutan `file_english`."""

from __future__ import annotations

from typing import Final

__all__ = ["FILE_INDONESIAN"]

FILE_INDONESIAN: Final[dict[str, str]] = {
    "reason.os.missing": "tidak ada berkas atau folder itu",
    "reason.os.denied": "akun ini tidak diizinkan",
    "reason.os.is_directory": "itu folder, bukan berkas",
    "reason.os.is_file": "itu berkas, bukan folder",
    "reason.os.exists": "sudah ada",
    "reason.os.full": "cakram penuh",
    "reason.os.read_only": "cakram hanya dapat dibaca, tidak dapat ditulisi",
    "reason.os.long_name": "namanya terlalu panjang",
    "reason.os.loop": "tautannya berputar-putar",
    "reason.os.special": "bukan berkas melainkan pipa, soket, atau perangkat",
    "reason.os.gone": "folder jaringan atau cakramnya terputus",
    "reason.os.broken": "cakram bermasalah",
    "reason.file_unread": "{file} tidak dapat dibaca: {why}",
    "reason.file_not_toml": "{file} bukan TOML yang sah: {why}",
    "reason.file_named_none": "{file} menyebut berkas {path}, padahal berkas itu tidak ada",
    "reason.file_secret_open": (
        "{file}: rahasia {path} dapat dibaca orang lain (mode {mode}). Ketik: chmod 600 '{path}'"
    ),
    "reason.setting_unknown": "{file}: {setting}: kunci tidak dikenal; yang paling mirip ialah {near}",
    "reason.setting_no_table": "{file}: tabel {setting} belum ada",
    "reason.setting_none": "{file}: {setting} belum diisi",
    "reason.setting_choice": "{file}: {setting}: harus salah satu dari {choices}, bukan {value}",
    "reason.setting_range": "{file}: {setting}: harus {low} sampai {high}, bukan {value}",
    "reason.key_open": "berkas kunci {file} dapat dibaca orang lain (mode {mode}). Ketik: chmod 600 '{file}'",
    "reason.key_unread": "berkas kunci {file} tidak dapat dibaca: {why}",
    "reason.key_there": "{file} sudah ada, dan kunci tidak pernah ditimpa; pindahkan dulu",
    "reason.not_a_certificate": "berkas itu tidak berisi sertifikat PEM",
    "reason.file_empty": "berkas kosong",
    "reason.file_special": "bukan berkas melainkan pipa, soket, atau perangkat, dan dilewati",
    "reason.sealing_spoilt": "berkas tersegel di kotak keluar ini rusak; jalankan put untuk berkas asalnya sekali lagi",
    "reason.folder_empty": (
        "tidak ada berkas di folder ini (yang tersembunyi dan tautan tidak dihitung); bila cakram, sudah terpasangkah?"
    ),
    "reason.no_stdin": "masukan standar tertutup",
    "reason.list_not_text": "baris {line} bukan teks",
    "reason.file_too_large": "berkas terlalu besar, paling besar {most} bita; bagi menjadi beberapa berkas",
    "reason.not_a_backup": "{file} bukan cadangan kunci, bukan pula baris cadangan dari kertas",
    "reason.not_a_roster": "berkas itu bukan daftar simpul lumbung, atau rusak ({why})",
    "reason.file_shrank": "berkas menjadi lebih pendek selagi dikirim",
    "reason.part_ends_early": "berkas berakhir terlalu awal",
    "reason.node_killed": "{name} berakhir karena sinyal {number}; baris log terakhir: {line}",
    "reason.node_ended": "{name} berakhir dengan kode keluar {number}; baris log terakhir: {line}",
    "reason.node_not_ready": "{name} belum siap setelah {seconds} detik; log: {log}",
    "reason.no_cluster": "{folder} tidak berisi klaster; buat dengan: lumbung cluster new",
    "reason.check": "{what}: seharusnya {expected}, ternyata {got}",
    "reason.no_region": "tidak ada wilayah berkode {code} (bentuknya seperti {such}); yang mirip: {near}",
    "reason.no_city": "tidak ada kota bernama {name} (ditulis seperti {such}); yang mirip: {near}",
    "reason.session_ended": "simpul itu mengakhiri sesi; tersambung lagi dengan sendirinya",
    "reason.no_address": "alamat ditulis sebagai host:port, misalnya 10.36.2.1:7443; yang diberikan {text}",
    "reason.not_signed_roster": (
        "isinya bukan daftar simpul bertanda tangan. Rancangan (.toml) ditandatangani dulu: lumbung roster sign"
    ),
    "reason.not_signed_list": (
        "isinya bukan daftar akses bertanda tangan. Rancangan (.toml) ditandatangani dulu: lumbung access sign"
    ),
    "reason.roster_of_config": (
        "daftar simpul yang disebut konfigurasi bukan daftar simpul yang dapat dibaca; ambil lagi yang ada di paket"
    ),
    "reason.not_cluster_secret": "{file} bukan rahasia klaster; salin cluster.secret dari simpul lain klaster ini",
    "reason.number_of_certificate": "{file}: nomor simpul seharusnya {number} menurut {chain}, bukan {got}",
    "reason.cluster_of_certificate": (
        "sertifikat {chain} milik klaster {got}, daftar simpul {roster} milik klaster {cluster}: salah satu berkas itu "
        "bukan milik simpul ini; ambil keduanya dari paket simpul ini"
    ),
    "reason.certificate_of_key": (
        "{chain} bukan sertifikat untuk kunci {secret}; taruh keduanya yang sepasang, atau mintakan sertifikat untuk "
        "kunci ini: lumbung cert request"
    ),
    "reason.pem_file": (
        "{file} bukan berkas PEM yang seharusnya ada di situ, atau rusak; ambil lagi dari paket atau cadangan"
    ),
    "reason.tls_unfit": (
        "sertifikat, kunci TLS, dan akar kepercayaan tidak cocok satu sama lain, atau salah satunya rusak ({why}); "
        "ambil lagi ketiganya dari paket atau cadangan"
    ),
    "reason.store_locked": (
        "simpanan di {folder} sedang dibuka proses lain: mungkin simpul ini sudah berjalan; dua simpul tidak pernah "
        "memakai satu folder data"
    ),
    "reason.wrong_passphrase": (
        "cadangan {file} tidak terbuka: kata sandinya lain, atau berkasnya rusak. Ketik sekali lagi; huruf besar dan "
        "spasi berpengaruh. Bila tetap begitu, pakai salinan cadangan yang lain"
    ),
    "reason.plan_folder": "{folder} tidak kosong; sebutkan folder baru atau kosong",
    "reason.plan_twice": "{name} disebut dua kali; sebutkan setiap simpul satu kali",
    "reason.plan_city": "DRC dinamai menurut kotanya dengan huruf kecil, misalnya {such}, bukan {name}",
    "reason.plan_base_port": "port pertama harus 1 sampai {most}, bukan {got}: pilih --base-port lain",
    "reason.plan_port": "port {port} sedang dipakai, atau akun ini tidak boleh memakainya: pilih --base-port lain",
    "reason.plan_many": "paling banyak {most} simpul di satu mesin; yang disebut {got}",
    "reason.plan_few": "klaster memerlukan paling sedikit satu kantor (--offices) dan satu DRC (--drc)",
    "reason.plan_no_ports": (
        "diperlukan {count} port bebas dari {first} sampai {last}, yang bebas {got}: hentikan program lain, atau "
        "pilih --base-port"
    ),
    "reason.port_taken": "{address} sedang dipakai program lain; mungkin simpul ini sudah berjalan",
    "reason.cannot_listen": "simpul tidak dapat mendengarkan di {address}: {why}",
    "reason.identity_remembers_none": (
        "folder data berisi simpanan, tetapi folder identitas tidak mengingat satu pun; kembalikan folder "
        "identitas ke tempatnya, atau bila hilang: lumbung node recover --config BERKAS"
    ),
    "reason.disk_of_newer": (
        "simpanan ini berformat {found}, lumbung ini membaca sampai {highest}; pasang lagi lumbung yang lebih baru"
    ),
}
