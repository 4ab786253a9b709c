"""Kalimat doctor dalam Bahasa Indonesia, by key."""

from __future__ import annotations

from typing import Final

__all__ = ["DOCTOR_INDONESIAN"]

DOCTOR_INDONESIAN: Final[dict[str, str]] = {
    "doctor.line": "{colour}  {check}: {sentence}",
    "doctor.colour.green": "HIJAU ",
    "doctor.colour.yellow": "KUNING",
    "doctor.colour.red": "MERAH ",
    "doctor.versions.good": "lumbung {version} pada Python {python}; {shown}",
    "doctor.versions.lacking": (
        "Python {python} kekurangan {lacking}. Pasang lagi lumbung dengan wheel bawaannya (docs/installing)."
    ),
    "doctor.versions.not_installed": (
        "Python {python} menjalankan lumbung dari folder, bukan sebagai paket terpasang: kebutuhannya tidak"
        " bisa diperiksa."
    ),
    "doctor.limits.good": ("cukup banyak berkas boleh terbuka ({files}; 0 berarti tanpa batas)"),
    "doctor.limits.files": (
        "Hanya {files} berkas boleh terbuka, diperlukan {wanted}. Pada layanan: LimitNOFILE=65536; pada"
        " shell: ulimit -n 65536."
    ),
    "doctor.modes.good": ("folder tertutup bagi orang lain, semuanya milik akun {owner}"),
    "doctor.modes.open": ("Orang lain di mesin ini bisa melihat isi {folder}. Ketik: chmod 700 '{folder}'"),
    "doctor.modes.owners": (
        "Folder dan kunci milik beberapa akun ({owners}): simpul akan gagal pada salah satunya. Berikan"
        " semuanya kepada akun simpul dengan chown."
    ),
    "doctor.account.root": (
        "Anda adalah root. Simpul tidak memerlukan hak root, dan yang dibuat root di sini tidak bisa dibuka"
        " akun simpul. Jalankan keduanya dengan akun tersendiri (lumbung node install-service)."
    ),
    "doctor.keys_together.good": "tidak ada kunci pembuka rekaman di samping simpul",
    "doctor.keys_together.found": (
        "Kunci pembuka rekaman ada di bawah {folder}: siapa pun yang mencuri mesin ini membaca semuanya."
        " Salin ke dua media yang disimpan terpisah dan terkunci, coba dari sana, lalu hapus di sini."
    ),
    "doctor.mount.good": "cakram data di bawah {folder} adalah yang diingat simpul",
    "doctor.mount.first": "simpul belum pernah berjalan; datanya akan ada di {folder}",
    "doctor.mount.identity_lost": (
        "Ada simpanan di {folder}, tetapi {identity} tidak mengingatnya: simpul tidak akan mau berjalan. Kembalikan"
        " folder itu seperti semula; bila hilang: lumbung node recover --config BERKAS."
    ),
    "doctor.mount.missing": (
        "Cakram data tidak terpasang di {folder}; simpul akan merekam ke {fallback}. Pasang (mount -a), lalu"
        " jalankan simpul; bila hilang selamanya: lumbung node recover."
    ),
    "doctor.mount.identity": "Identitas tidak terbaca: {why}",
    "doctor.sync.good": ("sinkron butuh {synced_us} us, menulis ke singgahan {cached_us} us ({file_system})"),
    "doctor.sync.too_quick": (
        "Sinkron butuh {synced_us} us, menulis ke singgahan {cached_us} us ({file_system}): terlalu cepat"
        " untuk dipercaya. Pengendali atau cakram virtual yang terlalu dini mengatakan selesai akan kehilangan"
        " rekaman ketika listrik mati. Matikan singgahan tulisnya, atau pastikan ada baterainya."
    ),
    "doctor.sync.slow": (
        "Sinkron butuh {synced_us} us ({file_system}): setiap rekaman menunggunya. Adakah yang lain memakai"
        " cakram ini, atau cakram mulai rusak (smartctl -a)?"
    ),
    "doctor.sync.memory": (
        "Folder data ada di memori ({file_system}): semuanya hilang ketika listrik mati. Arahkan `data` ke"
        " folder di cakram."
    ),
    "doctor.sync.failed": (
        "Berkas tidak bisa ditulis di {folder}: {why}. Milik siapa folder itu, dan apakah cakram dipasang"
        " untuk ditulisi?"
    ),
    "doctor.space.good": "{free_bytes} dari {total_bytes} masih kosong",
    "doctor.space.low": (
        "Hanya {free_bytes} dari {total_bytes} yang kosong. Rencanakan cakram lebih besar, atau kosongkan"
        " yang bukan milik lumbung."
    ),
    "doctor.space.foreign": (
        "Hanya {free_bytes} yang kosong, kurang dari batas pertama ({mark_bytes}): salinan kantor lain"
        " ditolak. Kosongkan yang bukan milik lumbung."
    ),
    "doctor.space.own": (
        "Hanya {free_bytes} yang kosong, kurang dari batas kedua ({mark_bytes}): rekaman sendiri ditolak."
        " Kosongkan sekarang yang bukan milik lumbung."
    ),
    "doctor.ballast.good": "berkas pemberat {size_bytes} ada",
    "doctor.ballast.missing": (
        "Berkas pemberat di {folder} tidak ada: cakram penuh tidak bisa dibuka lagi. Ia dibuat lagi saat simpul"
        " dinyalakan"
        " dengan ruang cukup."
    ),
    "doctor.store.good": "simpanan bisa dibuka",
    "doctor.store.running": "simpanan sedang dipakai simpul",
    "doctor.store.none": "belum ada simpanan; penyalaan pertama membuatnya di {folder}",
    "doctor.store.other_account": (
        "Simpanan di {folder} milik akun lain dan tidak dibuka. Jalankan doctor dengan akun simpul."
    ),
    "doctor.store.full": ("Simpanan tidak bisa dibuka, cakram penuh: {why}. Kosongkan yang bukan milik lumbung."),
    "doctor.store.broken": (
        "Simpanan tidak bisa dibuka: {why}. Jalankan simpul: ia meminggirkan simpanan itu dan merekam ke yang"
        " baru. Periksakan cakramnya."
    ),
    "doctor.roster.good": "daftar simpul epoch {epoch}, ditandatangani {age_s} yang lalu",
    "doctor.roster.old": (
        "Daftar simpul epoch {epoch} ditandatangani {age_s} yang lalu: tanyakan kepada kantor pusat apakah ada"
        " yang lebih baru."
    ),
    "doctor.roster.unknown": (
        "Daftar simpul epoch {epoch} tidak mengenal simpul {number}: tidak ada yang menerimanya. Apakah `number`"
        " benar, dan apakah ini daftar terbaru?"
    ),
    "doctor.roster.unreadable": ("Daftar simpul, sertifikat, atau kunci tidak bisa dipakai: {why}"),
    "doctor.certificate.good": ("masih berlaku {left_s}, dengan kunci yang disebut daftar simpul"),
    "doctor.certificate.ends": (
        "Berakhir dalam {left_s}; sesudah itu tidak ada yang percaya pada simpul ini. Perbarui: lumbung cert"
        " request (docs/health, CERT_EXPIRES)."
    ),
    "doctor.certificate.ended": (
        "Sudah berakhir {age_s} yang lalu: tidak ada yang percaya pada simpul ini. Apakah jam benar? Bila ya,"
        " perbarui: lumbung cert request."
    ),
    "doctor.certificate.early": ("Baru berlaku {early_s} lagi: jam mesin ini salah. Setel: timedatectl set-ntp true."),
    "doctor.certificate.other": ("Sertifikat menyebut {got}, konfigurasi {expected}. Pakailah sertifikat simpul ini."),
    "doctor.certificate.pin": (
        "Kuncinya ({pin}...) bukan yang disebut daftar simpul: tidak ada yang menerima simpul ini. Pakailah kunci"
        " itu, atau mintalah kantor pusat menerbitkan daftar dengan kunci ini."
    ),
    "doctor.keys.good": ("kunci entri dan kunci tanda terima sesuai daftar simpul epoch {epoch}"),
    "doctor.keys.not_in_roster": (
        "{name} bukan yang disebut daftar simpul epoch {epoch}: tidak ada yang percaya tanda tangannya."
        " Pakailah berkas yang benar, atau mintalah kantor pusat menerbitkan daftar dengan kunci ini."
    ),
    "doctor.keys.unreadable": "Ada kunci yang tidak bisa dipakai: {why}",
    "doctor.port.free": "{address} bebas untuk simpul",
    "doctor.port.running": "simpul ini menjawab di {address}",
    "doctor.port.taken": (
        "Ada yang lain mendengarkan di {address}: {why}. Hentikan (ss -ltnp menyebutnya), atau ganti `listen`"
        " dan sesuaikan daftar simpul."
    ),
    "doctor.port.refused": (
        "Simpul tidak bisa mendengarkan di {address}: {why}. Apakah mesin ini punya alamat itu, dan bolehkah"
        " akun memakai port itu?"
    ),
    "doctor.partner.good": "{partner} menjawab, dan keduanya saling percaya",
    "doctor.partner.dials_us": ("{partner} tidak bisa dihubungi dari sini: ia yang menghubungi kita"),
    "doctor.partner.none": "daftar simpul tidak memberi simpul ini mitra",
    "doctor.partner.down": (
        "{partner} tidak menjawab: {why}. Hanya ini? Maka gangguannya di sana. Semuanya? Jaringan, firewall,"
        " atau VPN kantor ini."
    ),
    "doctor.partner.trust": (
        "{partner} menjawab tetapi tidak saling percaya: {why}. Lihat TRUST_FAILED di docs/health: jam,"
        " sertifikat, daftar simpul."
    ),
    "doctor.dial_back.good": "{address} terjangkau dari luar, oleh {partners}",
    "doctor.dial_back.dial_only": ("tidak ada yang harus menjangkau simpul ini: ia yang menghubungi"),
    "doctor.dial_back.failed": (
        "{address} tidak terjangkau dari luar; kata {partner}: {why}. Buka port ini di firewall dan router"
        " untuk TCP masuk, atau perbaiki alamat di daftar simpul."
    ),
    "doctor.dial_back.nobody": ("Tidak ada mitra yang bisa diminta menghubungi {address}. Coba lagi sebentar lagi."),
    "doctor.clock.good": "selisih {offset_s} dengan {partners} mitra",
    "doctor.clock.ahead": (
        "Jam ini {offset_s} lebih cepat daripada {partners} mitra. Setel: timedatectl set-ntp true."
    ),
    "doctor.clock.behind": (
        "Jam ini {offset_s} lebih lambat daripada {partners} mitra. Setel: timedatectl set-ntp true."
    ),
    "doctor.clock.nobody": ("Tidak ada mitra yang memberi tahu waktu: bandingkan jam dengan telepon (timedatectl)."),
    "help.doctor": (
        "Periksa apakah mesin ini layak untuk simpulnya. Cakram, sinkron, ruang, jam, sertifikat, kunci, port,"
        " mitra, dan apakah mereka menjangkau simpul ini; setiap baris dengan obatnya. Tidak mengubah apa"
        " pun."
    ),
    "help.doctor.examples": ("lumbung doctor --config /etc/lumbung/config.toml\nlumbung doctor --json"),
    "help.doctor.config": "Konfigurasi simpul; tanpa ini /etc/lumbung/config.toml.",
    "exit.doctor.3": "yang terburuk kuning",
    "exit.doctor.8": "ada yang merah",
}
