"""Indonesian sentences of joining."""

from __future__ import annotations

from typing import Final

__all__ = ["JOINING_INDONESIAN"]

JOINING_INDONESIAN: Final[dict[str, str]] = {
    "health.roster_refused": (
        "Kustodian menandatangani daftar simpul lebih baru yang tidak dapat dituruti simpul ini, sehingga ia"
        " tertinggal dari klasternya. Perbarui lumbung di sini; bila sudah terbaru, telepon kantor pusat dengan"
        " alasannya: lumbung roster check."
    ),
    "help.dry_run": ("Periksa semuanya dan katakan apa yang akan dilakukan; tidak menulis apa pun."),
    "dry.head": "Uji coba (--dry-run): tidak ada yang ditulis, dikirim atau diubah. Tanpa --dry-run akan dikatakan:",
    "help.fingerprint": ("Sidik berkas yang dibacakan pihak lain lewat telepon; ditanyakan bila ada terminal."),
    "fingerprint.missing": (
        "Belum ada yang ditulis. Telepon pihak lain, minta mereka membacakan sidik berkas, lalu ketik lagi "
        'dengan --fingerprint "...".'
    ),
    "fingerprint.ask": "Sidik berkas seperti yang dibacakan lewat telepon",
    "fingerprint.differs": (
        "Sidik yang dibacakan bukan milik berkas ini: berkas diubah atau ditukar di jalan, atau milik berkas "
        "lain. Tidak ada yang berubah. Jangan pakai; minta berkasnya lagi lewat jalan lain."
    ),
    "fingerprint.slip": "Kelompok {place} salah dengar. Minta kelompok itu dibacakan lagi.",
    "fingerprint.not_one": "Sidik terdiri dari 7 kelompok yang masing-masing 5 digit.",
    "office.one_of": ("Sebutkan simpul yang akan dibuat: salah satu dari --code, --drc, dan --van."),
    "office.not_empty": ("{folder} tidak kosong dan tidak berisi permintaan bergabung. Pilih folder baru."),
    "office.other_request": (
        "{folder} berisi permintaan bergabung {name} dengan data lain. Tidak ada yang berubah: pilih folder "
        "baru, atau beri opsi yang sama."
    ),
    "office.other_keys": ("Kunci di {folder} bukan kunci permintaan bergabungnya. Pilih folder baru."),
    "office.half_a_place": (
        "Beri --province dan --zone bersama, atau jangan keduanya: kode wilayah lalu menentukan keduanya."
    ),
    "office.bad_cluster": (
        "--cluster berupa 32 digit heksadesimal id klaster; yang diberikan {text}. Pusat yang memberi tahu."
    ),
    "office.bad_size": ("--capacity berupa ukuran seperti 500GB atau 2TB; yang diberikan {text}."),
    "office.will": ("Membuat kunci untuk {name} di {folder}, yang menampung hingga {size}."),
    "office.dry": "Tidak ada yang ditulis (--dry-run).",
    "office.made": "Kunci {name} sudah dibuat; semuanya tetap di {folder}.",
    "office.known": ("{folder} sudah berisi kunci dan permintaan bergabung {name}; tidak ada yang berubah."),
    "office.fingerprint": "Sidik berkas untuk dibacakan lewat telepon:\n  {fingerprint}",
    "office.next": (
        "Berikutnya: kirim {request} ke pusat. Saat mereka menelepon balik, bacakan sidiknya. Paket balasan "
        "mereka dipakai dengan:\n"
        "  lumbung node join PAKET --dir {folder}"
    ),
    "office.next_van": (
        "Berikutnya: bawa {request} ke kantor pemilik mobil dan bacakan sidiknya. Di sana: lumbung access "
        "add-van. Paket balasannya dipakai dengan:\n"
        "  lumbung node join PAKET --dir {folder}"
    ),
    "help.office": "Menyiapkan mesin kantor untuk bergabung ke klaster.",
    "help.office.init": (
        "Buat semua kunci simpul baru di tempatnya, dan permintaan untuk bergabung. Diketik lagi, sidiknya "
        "ditampilkan lagi."
    ),
    "help.office.init.examples": (
        "lumbung office init /srv/lumbung --cluster 0001...0e0f --code 36.02 --address 10.36.2.1:7443 --reach "
        "vpn:dukcapil --capacity 4TB --data /mnt/data\n"
        "lumbung office init /srv/lumbung --cluster 0001...0e0f --code 36.02 --address 192.168.1.10:7443 "
        "--reach dial-only\n"
        "lumbung office init /srv/lumbung --cluster 0001...0e0f --drc batam --address drc.example.go.id:7443\n"
        "lumbung office init /srv/new --cluster 0001...0e0f --code 36.02 --address 10.36.2.1:7443 --replaces 17"
    ),
    "help.office.init.cluster": "Id klaster, 32 digit heksadesimal; pusat yang memberitahukan.",
    "help.office.init.code": "Kantor, menurut kode wilayahnya.",
    "help.office.init.drc": ("Simpul DRC, menurut kotanya: batam, atau batam-2 untuk yang kedua di sana."),
    "help.office.init.van": "Mobil keliling sebuah kantor: 36.02-van1.",
    "help.office.init.province": ("Kode provinsi, untuk wilayah yang belum dikenal lumbung ini; bersama --zone."),
    "help.office.init.zone": ("Zona bencana, misalnya Jawa: yang dapat terkena satu bencana bersama-sama."),
    "help.office.init.load": ("Yang akan direkamnya, misalnya 300GB (bawaan: menurut jumlah penduduk wilayah)."),
    "help.office.init.address": (
        "Alamat simpul bagi simpul lain, atau bagi stasiun kantor sendiri: host:port. Boleh diulang, yang terbaik dulu."
    ),
    "help.office.init.reach": (
        "public, vpn:NAMA, atau dial-only (di balik NAT: ia menghubungi, tidak dapat dihubungi)."
    ),
    "help.office.init.link": "Golongan salurannya.",
    "help.office.init.rate": "Bita per detik salurannya yang terukur, untuk perkiraan.",
    "help.office.init.capacity": ("Daya tampungnya, misalnya 4TB (bawaan: sembilan persepuluh cakram data)."),
    "help.office.init.data": "Folder data, di cakram data (bawaan: DIR/node/data).",
    "help.office.init.listen": "Tempat simpul mendengarkan (bawaan: alamat pertama).",
    "help.office.init.replaces": ("Nomor simpul yang mesinnya hilang: kantor sama, perangkat baru, kunci baru."),
    "roster.add.head": ("{name} minta bergabung, sebagai nomor {number}; permintaannya dibuat {created} UTC."),
    "roster.add.row.role": "peran",
    "roster.add.row.province": "provinsi dan zona bencana",
    "roster.add.row.addresses": "alamat",
    "roster.add.row.reach": "keterjangkauan dan saluran",
    "roster.add.row.capacity": "daya tampung",
    "roster.add.row.load": "akan merekam sekitar",
    "roster.add.replaces": ("Ia menggantikan mesin simpul {number}: kunci lama berakhir dengan daftar simpul ini."),
    "roster.add.known": (
        "{name} sudah ada di {file}, sebagai nomor {number}; tidak ada yang berubah. Berikutnya:\n"
        "  lumbung roster plan {file} -o RENCANA.toml"
    ),
    "roster.add.dry": ("Tidak ada yang ditulis (--dry-run). Telepon balik kantornya sebelum menambahkannya."),
    "roster.add.done": (
        "Nomor {number} ada di rancangan epoch {epoch}: {file}. Berikutnya:\n"
        "  lumbung roster plan {file} -o RENCANA.toml"
    ),
    "roster.collect.differ": (
        "{first} dan {other} bukan daftar simpul yang sama: minta para kustodian menandatangani berkas yang sama."
    ),
    "roster.pack.done": (
        "Paket untuk {name} (nomor {number}) ditulis ke {file}. Hanya mesin itu yang dapat memakainya."
    ),
    "roster.pack.dry": ("Paket untuk {name} (nomor {number}) dapat dibuat. Tidak ada yang ditulis (--dry-run)."),
    "roster.pack.fingerprint": (
        "Berikutnya: kirim ke yang meminta, dan bacakan sidik ini lewat telepon:\n"
        "  {fingerprint}\n"
        "Di sana diketik:\n"
        "  lumbung node join PAKET --dir FOLDER"
    ),
    "help.roster.add": (
        "Masukkan permintaan bergabung ke rancangan daftar simpul berikutnya, dengan nomor sendiri, setelah sidiknya "
        "dicocokkan lewat telepon."
    ),
    "help.roster.add.examples": (
        "lumbung roster add request.lumbung --to roster.lumbung -o next.toml --dry-run\n"
        'lumbung roster add request.lumbung --to roster.lumbung -o next.toml --fingerprint "48215 00917 33260 '
        '..."'
    ),
    "help.roster.add.to": (
        "Daftar simpul bertanda tangan terbaru, atau rancangan (.toml) yang sudah memuat simpul lain."
    ),
    "help.roster.add.number": ("Nomornya untuk selamanya (bawaan: nomor berikut yang belum pernah dipakai)."),
    "help.roster.add.bound": ("Untuk mesin pengganti: GENERASI:NOMOR:HASH batas berlakunya kunci entri lama."),
    "help.roster.collect": ("Satukan tanda tangan beberapa kustodian atas daftar simpul yang sama ke satu berkas."),
    "help.roster.collect.examples": ("lumbung roster collect signed-1.lumbung signed-2.lumbung -o roster-2.lumbung"),
    "help.roster.pack": (
        "Jawab permintaan bergabung: daftar simpul, sertifikat, dan rahasia klaster yang disegel untuk mesin"
        " yang meminta."
    ),
    "help.roster.pack.examples": (
        "lumbung roster pack request.lumbung --roster roster-2.lumbung --authority authority-OFFLINE --secret "
        "centre-OFFLINE/cluster.secret -o 36.02.pack"
    ),
    "help.roster.pack.roster": (
        "Daftar simpul bertanda tangan yang memuatnya; ulangi untuk daftar yang menuju ke sana bila kustodian berganti."
    ),
    "help.roster.pack.secret": "Berkas rahasia klaster.",
    "help.roster.pack.access": ("Daftar akses bertanda tangan untuk bekal awal simpul; boleh diulang."),
    "exit.roster_add.6": (
        "permintaannya diubah, pernah dipakai, atau kode, nomor, atau kuncinya sedang dipakai; tidak ada yang ditulis"
    ),
    "exit.roster_pack.6": ("daftar simpul tidak memuatnya, atau tanda tangannya kurang; tidak ada yang ditulis"),
    "exit.node_join.6": ("paketnya untuk mesin atau klaster lain, atau diubah; tidak ada yang ditulis"),
    "join.no_request": (
        "{folder} tidak berisi permintaan bergabung. Beri folder yang dibuat lumbung office init: --dir DIR"
    ),
    "join.known": (
        "Mesin ini sudah menjadi {name} (nomor {number}); tidak ada yang berubah. Daftar simpul baru datang sendiri."
    ),
    "join.dry": (
        "Paketnya cocok untuk {name} (nomor {number}). Tidak ada yang ditulis (--dry-run); inilah isi {file}:"
    ),
    "join.done": "Mesin ini sekarang {name}, nomor {number}.",
    "join.next": (
        "Berikutnya: baca {file}, periksa mesinnya, lalu jalankan simpul (sebagai layanan: lumbung node "
        "install-service):\n"
        "  lumbung doctor --config {file}\n"
        "  lumbung node run --config {file}"
    ),
    "join.client": (
        "Profil operator ada di {client}: pindahkan ke mesin operator, dan {access} ke media di brankas. Lalu:\n"
        "  lumbung --home {client} status"
    ),
    "help.node.join": (
        "Jadikan mesin ini simpul dengan paket jawaban permintaannya. Semuanya dinilai dulu; diketik lagi, "
        "tidak ada yang berubah."
    ),
    "help.node.join.examples": (
        "lumbung node join 36.02.pack --dir /srv/lumbung --dry-run\n"
        'lumbung node join 36.02.pack --dir /srv/lumbung --fingerprint "51930 22841 ..."'
    ),
    "help.node.join.dir": "Folder yang dibuat lumbung office init.",
    "reason.join_other_cluster": "permintaan ini untuk klaster lain",
    "reason.join_altered": (
        "permintaan {name} telah diubah: ada kunci di dalamnya yang tidak menandatangani isinya; minta berkasnya lagi"
    ),
    "reason.join_used": (
        "permintaan {name} ini pernah dipakai, untuk simpul {node} di epoch {epoch}; mesin baru membuat "
        "kunci baru: lumbung office init"
    ),
    "reason.join_name": (
        "{name} sudah ada di klaster, sebagai simpul {node}; perangkat barunya harus mengatakannya: "
        "lumbung office init --replaces {node}"
    ),
    "reason.join_key": ("ada kunci di permintaan {name} yang sudah dipakai; kunci dibuat baru untuk setiap simpul"),
    "reason.join_recipient": "penerima age di permintaan {name} adalah milik simpul {node}",
    "reason.join_number": (
        "nomor {number} adalah milik {name}, dan tidak ada nomor yang dipakai dua kali; hilangkan --number"
    ),
    "reason.join_number_range": "nomor {number} disediakan untuk mobil keliling; hilangkan --number",
    "reason.join_number_of_draft": "{name} sudah bernomor {number} di rancangan ini",
    "reason.join_no_office": "daftar simpul tidak mengenal kantor {name}",
    "reason.join_not_replaced": "{name} mau menggantikan simpul {node}, yang tidak ada di klaster",
    "reason.join_replaced_name": "{name} mau menggantikan simpul {node}, padahal itu {other}",
    "reason.join_replaced_number": "perangkat baru {name} tetap bernomor {node}; hilangkan --number",
    "reason.join_no_bound": (
        "sebutkan sampai mana kunci entri lama {name} berlaku: --bound, seperti dicetak lumbung keys "
        "status --origin {name} di para penyimpannya"
    ),
    "reason.join_not_added": (
        "daftar simpul epoch {epoch} tidak memuat {name} dengan kunci ini; lebih dulu: lumbung roster add, "
        "atau untuk mobil: lumbung access add-van"
    ),
    "reason.van_other_office": "{name} bukan mobil keliling milik {office}",
    "reason.van_name": "sudah pernah ada mobil {name}; beri yang ini nomor berikutnya",
    "reason.van_numbers": (
        "daftar simpul tidak memberi {office} nomor untuk mobil, atau sudah habis; telepon kantor pusat"
    ),
    "reason.pack_other_cluster": "paket ini dari klaster lain",
    "reason.pack_other_machine": "paket ini menjawab permintaan mesin lain",
    "reason.pack_other_keys": "daftar simpul di paket ini memuat kunci {use} yang bukan milik kita",
    "reason.roster_few": (
        "baru {given} dari {needed} kustodian yang diperlukan menandatangani daftar simpul epoch {epoch}"
    ),
    "reason.roster_old": "daftar simpul epoch {epoch} lebih lama daripada yang berlaku (epoch {held})",
    "reason.roster_other_cluster": "daftar simpul ini dari klaster lain",
    "reason.roster_fork": (
        "ada dua daftar simpul epoch {epoch} yang ditandatangani, {ours} dan {theirs}; segera telepon kantor pusat"
    ),
    "reason.roster_unknown_field": (
        "daftar simpul ini memerlukan lumbung yang lebih baru: ada bidang {field} yang belum dikenal"
    ),
    "reason.access_old": ("versi {version} daftar akses {office} tidak di atas yang berlaku (versi {held})"),
    "reason.access_key_retired": (
        "daftar akses {office} ditandatangani kunci yang tidak disebut daftar simpul epoch {epoch} untuk itu"
    ),
    "reason.access_van_stays": (
        "{van} harus tetap di daftar akses {office} seperti semula; boleh berakhir, lain tidak"
    ),
    "reason.plan_second_drc": (
        "{name} tidak dapat menjangkau kantor mana pun; simpul DRC kedua menyimpan salinan ketiganya"
    ),
}
