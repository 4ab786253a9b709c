"""Indonesian sentences about access lists."""

from __future__ import annotations

from typing import Final

__all__ = ["ACCESS_INDONESIAN"]

ACCESS_INDONESIAN: Final[dict[str, str]] = {
    "access.head": ("Daftar akses versi {version} dari simpul {office}, ditandatangani kunci {signer}"),
    "access.head_of_draft": "Rancangan daftar akses versi {version} dari simpul {office}, belum ditandatangani",
    "access.column.name": "nama",
    "access.column.duty": "tugas",
    "access.column.from": "sejak (UTC)",
    "access.column.until": "hingga (UTC)",
    "access.van_line": "Mobil {name}, nomor {number}.",
    "access.van_gone": "Mobil {name}, nomor {number}: berakhir selamanya.",
    "access.drafted": (
        "Rancangan versi {version} ditulis ke {file}. Berikutnya, di tempat kunci akses kantor:\n"
        "  lumbung access sign {file} --key KUNCI --held DAFTAR-YANG-BERLAKU -o BERKAS"
    ),
    "access.dry": "Versi {version} dapat dibuat. Tidak ada yang ditulis (--dry-run).",
    "access.signed": "Versi {version} sudah ditandatangani: {file}. Berikutnya:\n  lumbung access publish {file}",
    "access.unknown_name": "Tidak ada {name} di daftar. Yang dikenal: {known}.",
    "access.no_office": ("Daftar simpul tidak mengenal simpul {office}. Beri yang lebih baru: --roster BERKAS"),
    "access.van": "{name} mendapat nomor {number} milik kantor sendiri.",
    "access.bound_of_one": (
        "--bound menyatakan sampai mana rekaman satu mobil berlaku: sebut tepat satu mobil. Yang disebut: {vans}"
    ),
    "access.van_unbound": (
        "{name} berakhir tanpa batas: siapa yang memegang kuncinya masih dapat menambah rekaman padanya. Bila mesinnya "
        "hilang, tanyai para penyimpannya, lumbung keys status --origin {name}, dan beri yang tertinggi: "
        "--bound GENERASI:NOMOR:HASH"
    ),
    "access.van_known": ("{name} sudah ada di daftar, sebagai nomor {number}; tidak ada yang berubah."),
    "help.access": ("Daftar akses: siapa yang boleh memanggil simpul kantor, dan mobil keliling mana miliknya."),
    "help.access.show": "Tampilkan daftar bertanda tangan, atau rancangan.",
    "help.access.show.examples": "lumbung access show access-7.lumbung",
    "help.access.next": "Rancang versi berikutnya tanpa perubahan: untuk diubah, atau ditandatangani kunci lain.",
    "help.access.next.examples": "lumbung access next access-7.lumbung -o access-8.toml",
    "help.access.add": ("Rancang versi berikutnya dengan loket atau operator ini, menurut sertifikatnya."),
    "help.access.add.examples": (
        "lumbung access add loket-3.crt --list access-7.lumbung -o access-8.toml\n"
        "lumbung access add sari.crt --duty operator --list access-8.toml -o access-8b.toml"
    ),
    "help.access.revoke": ("Rancang versi berikutnya tanpa nama-nama ini; mobil yang disebut berakhir selamanya."),
    "help.access.revoke.examples": ("lumbung access revoke loket-3 --list access-7.lumbung -o access-8.toml"),
    "help.access.revoke.bound": (
        "Sampai mana rekaman mobil yang hilang berlaku, seperti dicetak lumbung keys status --origin MOBIL; ambil yang "
        "tertinggi."
    ),
    "help.access.add_van": (
        "Rancang versi berikutnya dengan sebuah mobil keliling, menurut permintaan bergabungnya: simpul dengan "
        "nomor kantor sendiri, tanpa daftar simpul baru."
    ),
    "help.access.add_van.examples": (
        "lumbung access add-van request.lumbung --list access-7.lumbung --roster roster.lumbung -o "
        'access-8.toml --fingerprint "48215 00917 ..."'
    ),
    "help.access.sign": (
        "Tanda tangani rancangan dengan kunci akses kantor. Tanpa jaringan; menolak apa yang akan ditolak simpul."
    ),
    "help.access.sign.examples": (
        "lumbung access sign access-8.toml --key access.key.pem --held access-7.lumbung --roster "
        "roster.lumbung -o access-8.lumbung"
    ),
    "help.access.publish": ("Berikan daftar bertanda tangan ke simpul sendiri; simpul menilai dan meneruskannya."),
    "help.access.publish.examples": "lumbung access publish access-8.lumbung",
    "help.access.list": ("Daftar bertanda tangan terbaru, atau rancangan (.toml) yang sudah berisi perubahan."),
    "help.access.held": ("Daftar yang dipegang simpul sekarang: hanya versi lebih tinggi yang ditandatangani."),
    "help.access.roster": "Daftar simpul bertanda tangan (bawaan: milik profil).",
    "help.access.output": ("Rancangan yang ditulis (.toml); tidak pernah menimpa berkas yang ada."),
    "exit.access.6": ("simpul akan menolaknya, atau permintaannya diubah atau pernah dipakai; tidak ada yang ditulis"),
}
