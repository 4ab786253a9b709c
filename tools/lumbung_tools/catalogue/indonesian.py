"""Kalimat Bahasa Indonesia menurut kunci: sentences for operators, short, without words of computer people."""

from __future__ import annotations

from typing import Final

__all__ = ["INDONESIAN"]

INDONESIAN: Final[dict[str, str]] = {
    # time
    "time.seconds": "{seconds} detik",
    "time.minutes": "{minutes} menit",
    "time.hours_minutes": "{hours} jam {minutes} menit",
    "time.days_hours": "{days} hari {hours} jam",
    # put
    "put.safe": "{path}: tersimpan, {count} dari {wanted} salinan, aman  {id}",
    "put.enough": "{path}: tersimpan, {count} dari {wanted} salinan, sesuai permintaan  {id}",
    "put.short": "{path}: tersimpan, {count} dari {wanted} salinan; belum ada bukti dari {missing}  {id}",
    "put.refused": "{path}: TIDAK tersimpan, ditolak: {why}",
    "put.retry_after": "Coba lagi dalam {seconds} detik: pulih sendiri bila ada ruang.",
    "put.unknown": (
        "{path}: hasil belum diketahui ({why}). Ulangi perintah yang sama: isi yang sama dikirim lagi, "
        "tidak tersimpan ganda."
    ),
    "put.not_tried": "{path}: belum dikirim. {why}",
    "put.not_tried_more": "... dan {files} berkas lagi belum dikirim, karena sebab yang sama.",
    "put.not_readable": "{path}: TIDAK tersimpan. Berkas tidak dapat dipakai: {why}",
    "put.repeated": "(sudah tersimpan sebelumnya; isinya dibaca ulang dan utuh)",
    "put.new_version": "(versi baru dari rekaman ini; versi lama tetap ada)",
    "put.summary": "{total} rekaman: {parts}.",
    "put.summary.safe": "{count} aman",
    "put.summary.enough": "{count} dengan salinan yang diminta",
    "put.summary.short": "{count} kurang salinan",
    "put.summary.failed": "{count} tidak tersimpan atau belum diketahui",
    "put.unheard": ("Keluaran tidak dapat ditulis ({why}). Semua berkas tetap diproses. {total} rekaman: {parts}."),
    "put.would": "Akan menyegel dan menyimpan {files} berkas ({size}) di {node}.",
    "put.would_be_refused": "{node} sekarang tidak menerima rekaman: lihat lumbung health.",
    "put.would_ask": (
        "Apakah {node} menerima rekaman sekarang hanya diketahui operator; simpul itu menjawab dan mengenal "
        "stasiun ini."
    ),
    "put.nobody": "siapa pun",
    "put.progress": "Menyimpan",
    "put.no_files": "Tidak ada berkas di lokasi ini: {paths}. Sebutkan sedikitnya satu berkas.",
    "put.nothing_named": "Sebutkan sedikitnya satu berkas atau folder, atau beri --waiting.",
    "put.waiting_alone": "--waiting mengirim isi kotak keluar: tanpa berkas, --record, atau --no-seal.",
    "put.waiting_busy": "Perintah put lain sedang bekerja; yang menunggu mungkin miliknya. Coba lagi setelah selesai.",
    "put.waiting_count": "Kotak keluar stasiun ini: {blobs} rekaman menunggu.",
    "put.no_name": "Salah satu berkas yang disebut bernama kosong. Sebutkan namanya, atau hapus.",
    "put.one_record": "--record hanya untuk satu rekaman: beri tepat satu berkas, bukan {files}.",
    "put.stdin_plain": '"-" (masukan standar) selalu disegel di sini: hapus --no-seal, atau sebutkan berkas.',
    # naming a blob
    "name.one_of": "Sebutkan rekaman dengan id atau --record, salah satu saja.",
    "name.no_record": "--record tidak berisi teks: beri nomor rekamannya, atau hapus opsi itu.",
    "name.unknown_node": "Tidak ada simpul {name} di daftar simpul epoch {epoch}. Yang dikenal: {known}.",
    # where
    "where.safe": "Aman: {count} dari {wanted} salinan terbukti.",
    "where.short": "Belum aman: {count} dari {wanted} salinan terbukti; belum ada bukti dari {missing}.",
    "where.unproven": (
        "Simpul ini menyimpan rekaman milik kantor lain; hanya simpul kantor itu yang menghitung salinan."
    ),
    "where.damaged": "Salinan di sini RUSAK; sedang diambil ulang dari penyimpan lain.",
    "where.facts": "{id}  {size}, direkam di {origin}, {time} (UTC)",
    "where.own": "salinan sendiri, dibaca di sini",
    "where.receipt": "tanda terima bertanda tangan, masa hidup {generation}",
    "where.withdrawn": "DITARIK: tidak lagi memilikinya utuh",
    "where.column.holder": "penyimpan",
    "where.column.proof": "bukti",
    "where.column.age": "terakhir dibaca",
    "where.age": "{age} lalu",
    "where.versions": "Versi lama rekaman ini: {versions}",
    # ls
    "ls.column.id": "id",
    "ls.column.size": "ukuran",
    "ls.column.time": "direkam (UTC)",
    "ls.column.copies": "salinan",
    "ls.copies": "{count} dari {wanted}",
    "ls.copies_unknown": "-",
    "ls.damaged": "RUSAK",
    "ls.none": "Tidak ada rekaman.",
    "ls.more": "{rows} baris ditampilkan; mungkin masih ada. Pakai --limit untuk lebih banyak.",
    # status
    "status.green": (
        "HIJAU: semua {blobs} rekaman aman, masing-masing {copies} salinan terbukti; bukti tertua dibaca {age} lalu."
    ),
    "status.green_no_age": "HIJAU: semua {blobs} rekaman aman, masing-masing {copies} salinan terbukti.",
    "status.green_empty": "HIJAU: belum ada rekaman, dan simpul siap.",
    "status.yellow_only_here": "KUNING: {blobs} rekaman hanya ada di sini, yang tertua {age}.",
    "status.yellow_short": "KUNING: {blobs} rekaman belum punya {copies} salinan terbukti, yang tertua {age}.",
    "status.yellow_young": "Sedang disalin; sekarang tidak ada yang perlu dikerjakan.",
    "status.yellow_no_link": "Tidak ada penyimpan yang tersambung; disalin dengan sendirinya bila jalur pulih.",
    "status.yellow_look": "Lihat lumbung health.",
    "status.yellow_health": "KUNING: tidak ada yang hilang, tetapi periksa hari ini: {what}",
    "status.red_damaged": (
        "MERAH: {blobs} rekaman di sini rusak. Biarkan simpul menyala dan tersambung: salinan yang baik "
        "diambil sendiri. Jika satu jam lagi jumlahnya tetap, hubungi provinsi."
    ),
    "status.red_refuses": "MERAH: simpul ini tidak menerima rekaman sekarang. {what}",
    "status.red_health": "MERAH: bertindak sekarang. {what}",
    "status.red_ask": 'Ketik "lumbung health" lalu hubungi provinsi dengan hasilnya.',
    "status.node": "{name} (nomor {number}), lumbung {software}, masa hidup {generation}, berjalan {uptime}",
    "status.roster": "Daftar simpul: epoch {epoch}, ditandatangani {age} lalu",
    "status.disk": "Cakram: {free} kosong dari {total}",
    "status.disk_foreign": "Cakram: {free} kosong dari {total}; salinan untuk kantor lain ditolak sampai ada ruang",
    "status.disk_own": "Cakram: {free} kosong dari {total}; PENUH, rekaman sendiri ditolak",
    "status.own": "Rekaman sendiri: {blobs} ({size}); 1 salinan {one}, 2 salinan {two}, 3 salinan {three}",
    "status.kept": "Disimpan untuk kantor lain: {blobs} ({size}) dari {origins} kantor",
    "status.certificate": "Sertifikat: berlaku {age} lagi",
    "status.outbox": (
        "Kotak keluar stasiun ini: {blobs} rekaman menunggu jawaban pasti. Jalankan put lagi; bila berkasnya sudah"
        " tidak ada: lumbung put --waiting."
    ),
    "status.column.link": "penyimpan",
    "status.column.condition": "sambungan",
    "status.column.lag": "tertinggal",
    "status.column.proven": "terbukti di sana",
    "status.column.age": "bacaan tertua",
    "status.column.remark": "keterangan",
    "link.up": "tersambung, dipercaya",
    "link.behind": "tersambung, tertinggal",
    "link.down": "putus sejak {age}",
    "link.refused": "TIDAK DIPERCAYA sejak {age}",
    "link.unknown": "tidak diketahui",
    "link.no_lag": "tidak ada",
    "link.lag": "{blobs} rekaman, {age}",
    "link.no_proof": "-",
    # health
    "health.fine": "Tidak ada yang perlu dikerjakan.",
    "health.notes_only": (
        "Sekarang tidak ada yang perlu dikerjakan: hanya ada catatan, yang berlalu sendiri atau"
        " memberi tahu lebih dini."
    ),
    "health.severity.note": "catatan",
    "health.severity.warning": "KUNING",
    "health.severity.critical": "MERAH",
    "health.copies_short": (
        "Sebagian rekaman kurang salinan terbukti. Jaga sambungan; salinan dibuat dengan sendirinya."
    ),
    "health.link_down": "Sambungan ke {node} putus. Periksa jaringan; perekaman tetap jalan.",
    "health.link_breaks": "Sambungan ke {node} putus berulang kali. Jaringan lambat harus berkelas wan, bukan lan.",
    "health.trust_failed": (
        "{node} dan simpul ini tidak saling percaya. Periksa jam dan sertifikat, lalu hubungi provinsi."
    ),
    "health.has_left": (
        "{node} menolak sambungan karena {left} sudah keluar dari klaster menurut daftar simpul terbaru. Jam dan "
        "sertifikat bukan penyebabnya. Jangan hapus apa pun; tanyakan kantor pusat apakah memang begitu."
    ),
    "health.disk_low": "Cakram hampir penuh. Kosongkan ruang atau tambah cakram; pembacaan tetap jalan.",
    "health.cert_expires": "Separuh umur sertifikat lewat. Perpanjang: lumbung cert renew, atau cert request.",
    "health.roster_fork": "Ada dua daftar simpul berbeda untuk satu epoch. Segera hubungi kantor pusat.",
    "health.clock_skew": "Jam salah. Setel jam: timedatectl set-ntp true.",
    "health.two_lives": (
        "Ada mesin lain yang hidup dengan identitas simpul ini, jadi mesin ini tidak menerima rekaman. Matikan salah"
        " satunya; bila mesin ini yang dilanjutkan: lumbung node recover."
    ),
    "health.keys_together": "Kunci pembuka rekaman ada di cakram simpul. Pindahkan dari simpul.",
    "health.unknown": "{code}: lumbung ini terlalu lama untuk menjelaskannya; perbarui.",
    "health.line": "{severity}  {code}  {sentence}",
    # receipts
    "receipt.none": "Belum ada penyimpan yang memberi tanda terima untuk {id}.",
    "receipt.shown": (
        "{holder}: tanda terima bertanda tangan, masa hidup {generation}, epoch {epoch}, nonce {nonce}, "
        "terakhir dibaca {time} (UTC), untuk {ids} id"
    ),
    "receipt.saved": "Tanda terima {holder} ditulis ke {file}",
    "receipt.good": (
        "BENAR: {holder} menandatangani bahwa ia menyimpan {ids} rekaman {origin}, terakhir dibaca {time} (UTC)."
    ),
    "receipt.covers": "Tercakup: {id}",
    "receipt.bad": "TIDAK SAH: {why}",
    "receipt.bad.signature": "tanda tangan tidak cocok dengan isinya",
    "receipt.bad.cluster": "berasal dari klaster lain",
    "receipt.bad.kind": "ini penarikan, kebalikan dari tanda terima",
    "receipt.bad.key": "kuncinya bukan kunci tanda terima {holder} pada epoch {epoch}",
    "receipt.bad.epoch": "menyebut epoch {epoch}; pakai daftar simpul epoch itu atau sesudahnya, bukan {held}",
    "receipt.bad.id": "tidak mencakup {id}",
    "receipt.bad.holder": "daftar simpul tidak mengenal simpul {holder}",
    # config, node, version
    "config.good": "{file}: benar, simpul {name} (nomor {number})",
    "config.unread": (
        "Tidak diperiksa, karena akun ini tidak boleh membacanya: {files}. Ketik lagi dengan akun simpul."
    ),
    "config.other_name": (
        "Daftar simpul menamai simpul {number} {known}, sedangkan konfigurasi ini {name}: betulkan name di"
        " konfigurasi, agar pesan dan log tidak menyebut kantor lain."
    ),
    "config.lan_slow": (
        "link.class adalah lan, padahal jendela bandwidth membatasi saluran sampai {rate} per detik: sesi bisa terputus"
        ' di tengah jalan. Tulis class = "wan" di bawah [link].'
    ),
    "version.line": "lumbung {version}",
    # errors
    "error.unreachable": (
        "Simpul tidak menjawab: {why}. Periksa apakah simpul menyala dan jaringan hidup, lalu coba lagi."
    ),
    "error.trust": (
        "Ada yang menjawab, tetapi tidak dipercaya: {why}. Periksa jam dan sertifikat, lalu hubungi provinsi."
    ),
    "error.gone": "Sambungan putus di tengah: {why}. Coba lagi.",
    "error.unknown": "Belum diketahui apakah berhasil: {why}. Coba lagi.",
    "error.refused": "Ditolak: {why}.",
    "error.not_found": "Tidak ditemukan: {why}.",
    "error.damaged": "Rusak: {why}. Coba penyimpan lain dengan --from.",
    "error.key": "{why}.",
    "error.config": "{why}",
    "error.file": "{why}",
    "error.usage": "{why}",
    "error.no_profile": (
        "Tidak ada profil di {home}. Sebutkan foldernya dengan --home FOLDER atau LUMBUNG_HOME; office init "
        "menamainya client."
    ),
    "error.interrupted": "Dihentikan. Yang belum dijawab belum diketahui: ulangi perintah yang sama.",
    "error.output": (
        "Keluaran tidak dapat ditulis: {why}. Pekerjaannya sendiri mungkin sudah selesai: periksa dulu sebelum "
        "mengulang."
    ),
    "error.bug": (
        "Ini kesalahan lumbung (peristiwa {event}): {kind}. Ulangi dengan LUMBUNG_DEBUG=1 dan laporkan keluarannya."
    ),
    "error.peer_bug": "Simpul mengalami kesalahan sendiri: {why}. Laporkan beserta peristiwanya.",
    # roster
    "roster.head": "Daftar simpul epoch {epoch}, ditulis {created}, hash {hash}",
    "roster.custodians": "Ditandatangani kustodian: {needed} dari {members} harus menandatangani",
    "roster.column.number": "nomor",
    "roster.column.name": "nama",
    "roster.column.state": "keadaan",
    "roster.column.province": "provinsi",
    "roster.column.zone": "zona bencana",
    "roster.column.holders": "rekamannya juga ada di",
    "roster.state.active": "aktif",
    "roster.state.draining": "dikosongkan",
    "roster.state.gone": "keluar",
    "role.office": "kantor",
    "role.drc": "DRC",
    "role.van": "mobil keliling",
    "role.ops": "operasi",
    "role.central": "pusat",
    "roster.drafted": (
        "Rancangan epoch {epoch} ditulis ke {file}. Ubah seperlunya, lalu:\n"
        "  lumbung roster plan {file} -o RENCANA.toml"
    ),
    "roster.planned": (
        "Rancangan dengan penyimpan baru ditulis ke {file}. Belum ada yang ditandatangani. Berikutnya, oleh tiap "
        "kustodian di tempatnya:\n"
        "  lumbung roster sign {file} --key KUNCI -o BERKAS"
    ),
    "roster.plan.unwritten": "Tidak ada yang ditulis: beri -o RENCANA.toml untuk menyimpan rancangan ini.",
    "roster.plan.column.origin": "rekaman milik",
    "roster.plan.column.target": "pindah ke",
    "roster.plan.column.units": "bagian dari 64",
    "roster.plan.column.size": "sekitar",
    "roster.plan.more_moves": "... dan {moves} perpindahan lagi; semuanya: --json",
    "roster.plan.and_more": "{names} dan {more} lainnya",
    "roster.plan.moved": "Dipindahkan: {units} bagian, sekitar {size}",
    "roster.plan.column.node": "saluran",
    "roster.plan.column.receives": "menerima",
    "roster.plan.column.sends": "mengirim",
    "roster.plan.column.time": "paling lama",
    "roster.plan.slowest": "Semua selesai dipindahkan setelah sekitar {time}, saat saluran {node} selesai.",
    "roster.plan.rate_unknown": "{nodes} saluran belum diketahui lajunya (link_bytes_per_s): waktunya tidak dihitung.",
    "roster.plan.lan_slow": (
        '{names}: link lan pada saluran {rate} per detik: sesi dapat terputus di tengah. Tulis link = "wan" '
        '(atau satellite) di rancangan, dan class = "wan" di konfigurasinya.'
    ),
    "roster.plan.note": "Catatan: {note}",
    "roster.plan.bad_release": "--release memakai ORIGIN:NODE dengan nama, misalnya 36.02:51.71; diberikan {text}",
    "roster.signed": (
        "Epoch {epoch}, hash {hash}: ditandatangani {given} dari {needed} kustodian yang diperlukan; ditulis ke "
        "{file}. Cocokkan hash lewat telepon."
    ),
    "roster.signed.next": (
        "Berikutnya, bila semua sudah menandatangani:\n  lumbung roster collect {file} BERKAS-LAIN -o DAFTAR-BARU"
    ),
    "roster.signed.enough": (
        "Berikutnya:\n  lumbung roster check {file} --held DAFTAR-YANG-BERLAKU\n  lumbung roster publish {file}"
    ),
    "roster.signed.stranger": (
        "Kunci ini bukan milik kustodian atau himpunan pemulihan dalam daftar simpul ini: tanda tangannya hanya "
        "berarti bila pemiliknya kustodian dalam daftar yang berlaku sekarang. Benarkah kuncinya?"
    ),
    "roster.accepted": "Simpul dengan epoch {held} akan menurutinya: epoch {epoch}.",
    "roster.known": "Ini daftar yang sedang berlaku: epoch {epoch}.",
    "roster.obeyed": (
        "Simpul menuruti epoch {epoch} dan meneruskannya. Profil ini memakainya setelah:\n  lumbung roster fetch"
    ),
    "roster.obeyed_before": "Simpul sudah menuruti epoch {epoch}; tidak ada yang berubah.",
    "roster.access_obeyed": "Simpul menuruti versi {version} daftar akses {office} dan meneruskannya.",
    "roster.access_obeyed_before": (
        "Simpul sudah menuruti versi {version} daftar akses {office}; tidak ada yang berubah."
    ),
    "roster.fetched": "Profil ini memegang epoch {epoch} (sebelumnya: {before}).",
    # keys and certificates
    "keys.made": "Kunci ditulis ke {file} (izin 0600).",
    "keys.made.backup": "Buat cadangannya sebelum dipakai: lumbung keys backup",
    "keys.made.tls": (
        "Tidak perlu cadangan: bila hilang, buat yang baru. Berikutnya:\n"
        "  lumbung cert request --key {file} -o {file}.request"
    ),
    "keys.public": "{kind}: {public}",
    "keys.no_public": "rahasia bersama, tidak punya bagian publik",
    "cert.requested": (
        "Permintaan ditulis ke {file}. Berikutnya: kirim ke penerbit, dan bacakan pin-nya lewat telepon:\n  {pin}"
    ),
    "cert.issued.access": (
        "Berikutnya, oleh kantornya:\n  lumbung access add {file} --list DAFTAR-YANG-BERLAKU -o RANCANGAN.toml"
    ),
    "cert.issued.node": "Berikutnya: letakkan di tempat yang disebut tls_chain di konfigurasi simpul itu.",
    "cert.authority_made": "Otoritas ditulis ke {folder}. Simpan kuncinya di luar jaringan.",
    "cert.no_identity": "otoritas, tanpa identitas",
    "cert.shown": "{uri}\npin {pin}\nberlaku sampai {last} (UTC)",
    "cert.shown_from": "{uri}\npin {pin}\nberlaku dari {first} sampai {last} (UTC)",
    "cert.not_a_station": "Hanya stasiun dan operator yang masuk daftar akses; sertifikat ini menyebut {uri}.",
    "cert.other_office": "Daftar ini milik kantor {office}, sertifikat menyebut {uri}.",
    "cert.admitted": (
        "{name} masuk daftar akses versi {version}, ditulis ke {file}. Lalu: lumbung roster publish --access {file}"
    ),
    # help
    "help.root": "lumbung menyimpan setiap rekaman dalam salinan tersegel dan terbukti di tiga tempat.",
    "help.heading.examples": "Contoh",
    "help.heading.exits": "Kode keluar",
    "help.option.json": "Keluaran JSON untuk program.",
    "help.option.lang": "Bahasa semua kalimat (bawaan: LUMBUNG_LANG, lalu id).",
    "help.option.home": "Folder profil (bawaan: LUMBUNG_HOME, lalu ~/.lumbung).",
    "help.option.help": "Tampilkan bantuan ini.",
    "help.option.record": "Nomor rekaman sendiri sebagai ganti id.",
    "help.option.origin": "Nama kantor pemilik rekaman (bawaan: kantor sendiri).",
    "help.put": (
        "Menyegel dan menyimpan berkas: dahulu di simpul kantor sendiri, lalu di penyimpan lain. Folder ditelusuri."
    ),
    "help.put.examples": (
        "lumbung put rekaman-0001.zip\n"
        "lumbung put /data/hari-ini --copies 2 --timeout 60\n"
        "lumbung put scan.zip --record R-2026-000123\n"
        "tar c folder | lumbung put -\n"
        "lumbung put --waiting"
    ),
    "help.put.copies": "Jumlah salinan terbukti yang ditunggu, 1 sampai 3.",
    "help.put.timeout": (
        "Lama menunggu salinan (detik) setelah jawaban terakhir, dan mencoba lagi bila sambungan putus."
    ),
    "help.put.record": "Nomor rekaman: pengulangan atau versi barunya dikenali. Hanya untuk satu berkas.",
    "help.put.waiting": "Kirim berkas tersegel di kotak keluar yang jawabannya hilang. Tanpa menyebut berkas.",
    "help.put.no_seal": "Simpan apa adanya; simpul harus mengizinkannya kecuali sudah disegel dengan age.",
    "help.where": "Menunjukkan siapa menyimpan satu rekaman, dan bukti tiap salinan.",
    "help.where.examples": ("lumbung where 3f2a9c01\nlumbung where --record R-2026-000123 --json"),
    "help.ls": "Menampilkan rekaman menurut urutan diterima simpul.",
    "help.ls.examples": ("lumbung ls\nlumbung ls --copies-below 3\nlumbung ls --origin 36.02 --limit 1000 --json"),
    "help.ls.copies_below": "Hanya yang salinan terbuktinya kurang dari ini.",
    "help.ls.limit": "Jumlah baris paling banyak; 0 untuk semua.",
    "help.status": "Apakah semua aman? Satu kalimat dulu, lalu sambungan, bukti, cakram dan daftar simpul.",
    "help.status.examples": ("lumbung status\nlumbung status --cluster\nlumbung status --json"),
    "help.health": "Masalah dan cara mengatasinya. Untuk pemantauan: kode keluar menunjukkan yang terburuk.",
    "help.health.examples": (
        "lumbung health\nlumbung health --cluster --json\nlumbung health explain LINK_DOWN\n"
        "lumbung health mute LINK_DOWN --node 34.04 --for 3d"
    ),
    "help.receipt": "Tanda terima: tanda tangan penyimpan bahwa rekaman ada padanya.",
    "help.receipt.show": "Menampilkan tanda terima satu rekaman, dan menyimpannya dengan --save.",
    "help.receipt.show.examples": ("lumbung receipt show 3f2a9c01\nlumbung receipt show 3f2a9c01 --save tanda-terima"),
    "help.receipt.show.save": "Folder untuk menulis tiap tanda terima, bagi `receipt verify`.",
    "help.receipt.verify": "Memeriksa tanda terima tanpa jaringan, dengan daftar simpul epoch itu atau sesudahnya.",
    "help.receipt.verify.examples": (
        "lumbung receipt verify 3f2a9c01-drc-batam.receipt --roster roster.lumbung\n"
        "lumbung receipt verify a.receipt --roster roster.lumbung --id 3f2a9c01"
    ),
    "help.receipt.verify.roster": "Berkas daftar simpul bertanda tangan.",
    "help.receipt.verify.id": "Harus tercakup: id rekaman atau awalnya.",
    "help.config": "Konfigurasi simpul.",
    "help.config.check": (
        "Memeriksa konfigurasi simpul, dan apakah sertifikat, kunci, dan daftar simpulnya cocok satu sama lain, seperti"
        " saat simpul dinyalakan. Tidak mengubah apa pun."
    ),
    "help.config.check.examples": "lumbung config check /etc/lumbung/config.toml",
    "help.node": "Simpul mesin ini: menjalankan, menggabungkan, memasang sebagai layanan, memberi masa hidup baru.",
    "help.node.run": "Menjalankan simpul sampai dihentikan (Ctrl-C atau SIGTERM).",
    "help.node.run.examples": "lumbung node run --config /etc/lumbung/config.toml",
    "help.node.run.config": "Berkas konfigurasi simpul.",
    "help.version": "Menampilkan versi.",
    "help.version.examples": "lumbung version",
    "help.cluster": "Membuat dan menjalankan satu klaster di mesin ini.",
    "help.demo": "Peragaan: empat simpul, 200 rekaman, satu kantor hilang, tidak ada yang hilang.",
    # exit codes
    "exit.0": "semua beres",
    "exit.1": "kesalahan lumbung",
    "exit.2": "salah pakai, konfigurasi, kunci atau berkas",
    "exit.3": "tersimpan, tetapi kurang salinan",
    "exit.4": "tidak ada yang memilikinya",
    "exit.5": "belum diketahui: coba lagi",
    "exit.6": "ditolak",
    "exit.7": "tidak terjangkau",
    "exit.8": "rusak",
    "exit.health.3": "masalah terburuk kuning",
    "exit.health.8": "masalah terburuk merah",
    "exit.receipt.6": "tanda terima tidak sah",
    # help of roster, keys and cert
    "help.roster": "Daftar simpul: lihat, rencanakan, tandatangani, periksa dan terbitkan.",
    "help.roster.output": "Berkas tujuan; tidak pernah menimpa berkas yang ada.",
    "help.roster.show": "Menampilkan daftar simpul bertanda tangan (bawaan: dari profil).",
    "help.roster.show.examples": ("lumbung roster show\nlumbung roster show roster.lumbung --toml"),
    "help.roster.show.toml": "Cetak semua yang ditandatangani, sebagai TOML.",
    "help.roster.next": "Menulis rancangan TOML epoch berikutnya, untuk diubah orang.",
    "help.roster.next.examples": "lumbung roster next roster.lumbung -o berikut.toml",
    "help.roster.plan": "Menghitung siapa menyimpan untuk siapa, dan apa yang akan pindah. Tidak menandatangani.",
    "help.roster.plan.examples": (
        "lumbung roster plan berikut.toml\nlumbung roster plan berikut.toml -o rencana.toml --release 36.02:51.71"
    ),
    "help.roster.plan.release": (
        "Lepaskan penyimpan yang pergi, setelah semua penyimpan sekarang membuktikan salinannya."
    ),
    "help.roster.sign": "Menandatangani rancangan, atau menambah tanda tangan. Tanpa jaringan.",
    "help.roster.sign.examples": (
        "lumbung roster sign rencana.toml --key custodian-1.key.pem -o tanda-1.lumbung\n"
        "lumbung roster sign tanda-1.lumbung --key custodian-2.key.pem -o roster-2.lumbung"
    ),
    "help.roster.sign.key": "Berkas kunci kustodian.",
    "help.roster.check": "Menyatakan apakah simpul dengan satu daftar akan menuruti daftar lain.",
    "help.roster.check.examples": "lumbung roster check roster-2.lumbung --held roster.lumbung",
    "help.roster.check.held": "Daftar yang dipegang simpul (bawaan: dari profil).",
    "help.roster.publish": (
        "Memberikan daftar simpul atau daftar akses kepada simpul sendiri; simpul memeriksa dan meneruskannya."
    ),
    "help.roster.publish.examples": (
        "lumbung roster publish roster-2.lumbung\nlumbung roster publish --access akses-2.lumbung"
    ),
    "help.roster.publish.access": "Berkasnya adalah daftar akses.",
    "help.roster.fetch": (
        "Mengambil daftar simpul terbaru dari simpul sendiri, atau dari berkas, ke profil ini, bila sah."
    ),
    "help.roster.fetch.examples": "lumbung roster fetch\nlumbung roster fetch roster-2.lumbung",
    "exit.roster.6": "simpul akan menolaknya",
    "help.keys": "Kunci: membuat, melihat, mengganti, mencantumkan, memensiunkan, mencadangkan.",
    "help.keys.new": "Membuat berkas kunci (izin 0600): sign, tls, age, secret atau cluster. Tidak pernah menimpa.",
    "help.keys.new.examples": ("lumbung keys new sign receipt.key.pem\nlumbung keys new age office.agekey"),
    "help.keys.show": "Menampilkan bagian publik kunci seperti tertulis di daftar simpul.",
    "help.keys.show.examples": "lumbung keys show receipt.key.pem",
    "help.cert": "Sertifikat: meminta, menerbitkan, memperpanjang, melihat.",
    "help.cert.key": "Berkas kunci TLS; tetap di sini.",
    "help.cert.output": "Berkas tujuan; tidak pernah menimpa berkas yang ada.",
    "help.cert.cluster": "Id klaster, 32 digit heksadesimal.",
    "help.cert.request": "Menulis permintaan sertifikat: bagian publik kunci TLS.",
    "help.cert.request.examples": (
        "lumbung keys new tls station.key\nlumbung cert request --key station.key -o station.request"
    ),
    "help.cert.authority": "Membuat otoritas penerbit sertifikat.",
    "help.cert.authority.examples": (
        "lumbung cert authority otoritas-OFFLINE --cluster 000102030405060708090a0b0c0d0e0f"
    ),
    "help.cert.authority.name": "Nama di dalam sertifikat.",
    "help.cert.issue": "Menerbitkan sertifikat untuk permintaan yang pemiliknya dikenal.",
    "help.cert.issue.examples": (
        "lumbung cert issue station.request --authority otoritas-OFFLINE --identity "
        "lumbung://CLUSTER/access/1/loket-3 -o station.crt"
    ),
    "help.cert.issue.authority": "Folder otoritas.",
    "help.cert.issue.identity": "lumbung://CLUSTER/node/NOMOR atau lumbung://CLUSTER/access/KANTOR/NAMA",
    "help.cert.show": "Menampilkan nama di sertifikat, pin dan masa berlakunya.",
    "help.cert.show.examples": "lumbung cert show station.crt",
    "help.cert.admit": "Memasukkan stasiun atau operator ke daftar akses kantor dan menandatanganinya.",
    "help.cert.admit.examples": (
        "lumbung cert admit station.crt --list akses-1.lumbung --key access.key.pem -o akses-2.lumbung"
    ),
    "help.cert.admit.list": "Daftar yang berlaku (bawaan: mulai daftar baru).",
    "help.cert.admit.duty": "Stasiun menyimpan dan bertanya; operator juga membaca.",
    "help.cert.admit.key": "Kunci daftar akses kantor.",
}
