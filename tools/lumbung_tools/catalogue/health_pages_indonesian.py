"""Halaman kode masalah dalam Bahasa Indonesia, menurut kunci; docs/health dibuat darinya."""

from __future__ import annotations

from typing import Final

__all__ = ["HEALTH_PAGES_INDONESIAN"]

HEALTH_PAGES_INDONESIAN: Final[dict[str, str]] = {
    "page.head.causes": "Sebabnya",
    "page.head.cures": "Yang harus dikerjakan",
    "page.index.head": "Kode masalah",
    "page.index.intro": (
        "Untuk operator: satu halaman untuk setiap kode yang ditampilkan lumbung health, dengan sebab dan"
        " cara mengatasinya. lumbung health explain KODE mencetak yang sama. Berkas ini dibuat dari "
        "katalog kalimat; pengujian menjaganya."
    ),
    "page.index.code": "kode",
    "page.index.title": "tentang",
    "page.copies_short.title": "rekaman dengan salinan terbukti yang kurang",
    "page.copies_short.means": (
        "Sebagian rekaman kantor ini punya kurang dari tiga salinan yang ditandatangani penyimpannya, "
        "atau isi yang disimpan di sini rusak. Tidak ada yang hilang selama simpul ini hidup dan "
        "tersambung."
    ),
    "page.copies_short.severity": (
        "Catatan dalam sepuluh menit pertama, lalu kuning; merah bila sebuah rekaman sudah tiga hari "
        "hanya ada di sini, dan langsung merah bila isi di sini rusak."
    ),
    "page.copies_short.causes": (
        "sambungan putus (ada LINK_DOWN di sampingnya)\n"
        "banyak yang direkam dan salurannya lambat\n"
        "cakram penyimpan penuh (operatornya melihat DISK_LOW)\n"
        "isi di cakram ini rusak"
    ),
    "page.copies_short.cures": (
        "Lihat lumbung status: penyimpan mana yang tertinggal, dan apakah tersambung?\n"
        "Putus: pulihkan saluran; selebihnya berjalan sendiri.\n"
        "Tersambung: tunggu; lumbung lag menunjukkan seberapa jauh dan seberapa lama. Cakram penyimpan penuh: "
        "operator di sana melihat DISK_LOW; hubungi provinsi.\n"
        "Rusak di sini: biarkan simpul menyala dan tersambung, salinan baik diambil sendiri. Jumlah sama setelah "
        "satu jam: hubungi provinsi.\n"
        "Selama ada rekaman yang hanya di sini (lumbung find --copies-below 2), mesin ini jangan diperbaiki, "
        "dipasang ulang atau dikirim."
    ),
    "page.copies_short.mute": "Bisukan hanya selama saluran sedang dikerjakan dan diketahui sampai kapan.",
    "page.link_down.title": "penyimpan tidak menjawab",
    "page.link_down.means": (
        "Tidak ada yang menjawab di alamat simpul yang menyimpan salinan untuk simpul ini, atau yang "
        "salinannya disimpan di sini. Perekaman tetap jalan; salinan menyusul sendiri."
    ),
    "page.link_down.severity": "Kuning setelah 2 menit, merah setelah 24 jam.",
    "page.link_down.causes": (
        "internet, VPN atau modem kantor ini mati\n"
        "simpul lawan mati atau sedang dinyalakan ulang\n"
        "firewall diubah di salah satu pihak"
    ),
    "page.link_down.cures": (
        "Apakah internet di mesin ini jalan? Bila tidak: modem, kabel, penyedia.\n"
        "Hanya satu penyimpan yang putus: salahnya di sana. Sebutkan namanya kepada provinsi.\n"
        "Semua putus padahal internet jalan: firewall atau VPN kantor. Sejak kapan, dan apa yang diubah?"
    ),
    "page.link_down.mute": "Bisukan untuk satu simpul (--node) selama di sana sedang diperbaiki.",
    "page.link_breaks.title": "sambungan putus berulang kali",
    "page.link_breaks.means": (
        "Tiga kali berturut-turut sambungan ke penyimpan tersambung lalu putus dalam semenit. Bila kelasnya lan, "
        "simpul kini menunggu seperti pada jaringan wan, sehingga salinan tetap jalan; penyimpan yang mati baru "
        "diketahui setelah 50 detik."
    ),
    "page.link_breaks.severity": "Kuning sampai sambungan bertahan satu jam.",
    "page.link_breaks.causes": (
        "jaringan lambat, tetapi daftar simpul atau konfigurasi menyebutnya lan\n"
        "program atau mesin penyimpan jatuh dan mulai lagi\n"
        "kabel longgar, radio lemah, atau router yang melupakan sambungan"
    ),
    "page.link_breaks.cures": (
        "Penyimpan itu di gedung yang sama? Bila tidak, kelas lan salah.\n"
        'Jaringan sendiri: tulis class = "wan" (satelit: "satellite") di bawah [link] di konfigurasi, lalu mulai '
        "ulang.\n"
        "Jaringan penyimpan: kantor pusat mengubah kelasnya di daftar simpul dan menerbitkannya.\n"
        "Kelasnya benar: baca log penyimpan, lalu periksa kabel, radio, dan router."
    ),
    "page.link_breaks.mute": "Bisukan untuk satu simpul (--node) sampai daftar simpul baru datang.",
    "page.trust_failed.title": "ada yang menjawab, tetapi tidak saling percaya",
    "page.trust_failed.means": (
        "Sambungan terjadi, tetapi sertifikat, kuncinya atau daftar yang menyebutnya tidak cocok. Tidak "
        "ada salinan yang dikirim kepada yang tidak dipercaya."
    ),
    "page.trust_failed.severity": "Langsung merah.",
    "page.trust_failed.causes": (
        "jam salah (CLOCK_SKEW)\n"
        "sertifikat sudah berakhir (CERT_EXPIRES)\n"
        "salah satu memakai daftar simpul yang lebih lama\n"
        "mesin atau kunci baru yang belum disebut daftar simpul\n"
        "simpul ini sudah keluar dari klaster menurut daftar simpul yang lebih baru\n"
        "ada yang menyamar sebagai penyimpan"
    ),
    "page.trust_failed.cures": (
        'Baca keterangan di lumbung status: apa yang diharapkan dan apa yang datang. "Sudah keluar dari '
        'klaster": jangan hapus apa pun, tanyakan kantor pusat.\n'
        "timedatectl: hari dan jamnya benar? Bila tidak, lihat CLOCK_SKEW.\n"
        "lumbung cert show dengan sertifikat simpul: masih berlaku? Bila tidak, lihat CERT_EXPIRES.\n"
        "lumbung roster show di kedua pihak: epoch dan hash sama? Yang lebih rendah ketinggalan: lumbung "
        "roster publish FILE.\n"
        "Mesin atau kunci baru: kantor pusat harus menerbitkan daftar simpul.\n"
        "Bukan semuanya: jangan ubah apa pun dan hubungi provinsi."
    ),
    "page.trust_failed.mute": "Jangan dibisukan, kecuali kantor pusat mengatakan mengapa boleh.",
    "page.disk_low.title": "cakram hampir penuh",
    "page.disk_low.means": (
        "Sedikit yang kosong di cakram tempat rekaman. Di bawah batas pertama simpul menolak salinan "
        "kantor lain, di bawah batas kedua rekaman sendiri juga. Pembacaan tetap jalan."
    ),
    "page.disk_low.severity": (
        "Kuning bila kurang dari sepersepuluh kosong; merah bila simpul menolak sesuatu: di bawah 2 GiB salinan "
        "kantor lain, di bawah 1 GiB juga rekaman sendiri (bawaan)."
    ),
    "page.disk_low.causes": (
        "berkas program lain, log atau unduhan di cakram yang sama\n"
        "kantor ini, atau kantor yang salinannya disimpan di sini, sudah terlalu besar untuk cakram\n"
        "isi yang diganti disimpan sebagai bukti setelah kerusakan massal (MASS_DAMAGE)"
    ),
    "page.disk_low.cures": (
        "Kosongkan yang bukan milik lumbung: unduhan, log lama, berkas program lain.\n"
        "Jangan pernah menghapus atau memindahkan apa pun di folder data simpul.\n"
        "lumbung drop menunjukkan apa yang menurut daftar simpul tidak lagi perlu disimpan di sini.\n"
        "Masih kurang: cakram lebih besar. Hentikan simpul, salin seluruh folder data, sesuaikan data di "
        "konfigurasi, lumbung config check, nyalakan. Simpan cakram lama sampai status hijau.\n"
        "Semuanya pulih sendiri bila ada ruang."
    ),
    "page.disk_low.mute": (
        "Yang kuning dibisukan hanya bila cakram baru sudah dipesan; merah berarti rekaman ditolak."
    ),
    "page.cert_expires.title": "sertifikat segera berakhir",
    "page.cert_expires.means": (
        "Sertifikat simpul punya hari terakhir. Sesudahnya tidak ada yang mempercayai simpul ini dan "
        "penyalinan berhenti; perekaman tetap jalan."
    ),
    "page.cert_expires.severity": (
        "Catatan sejak separuh umurnya, kuning 60 hari sebelum berakhir, merah 7 hari sebelumnya."
    ),
    "page.cert_expires.causes": (
        "sertifikat berlaku bertahun-tahun dan harus diperbarui\njam salah sehingga tampak demikian (CLOCK_SKEW)"
    ),
    "page.cert_expires.cures": (
        "Bila otoritas ada di tempat: lumbung cert renew keys/tls.chain.pem --authority FOLDER (sebelum separuh "
        "umur tidak berbuat apa-apa); dengan [keys] authority di konfigurasi, simpul melakukannya sendiri.\n"
        "Tanpa otoritas: lumbung cert request --key keys/tls.key.pem -o simpul.request. Kuncinya tetap: maka "
        "tidak perlu daftar simpul baru.\n"
        "Kirim permintaan itu kepada penerbit dan bacakan pinnya lewat telepon.\n"
        "Taruh sertifikat yang datang di tempat yang disebut konfigurasi sebagai tls_chain. Simpul memakainya "
        "dalam sepuluh detik, tanpa mulai ulang."
    ),
    "page.cert_expires.mute": "Yang kuning dibisukan bila permintaan sudah dikirim, sampai hari jawabannya.",
    "page.roster_fork.title": "dua daftar simpul untuk satu epoch",
    "page.roster_fork.means": (
        "Kustodian menandatangani dua daftar simpul berbeda dengan satu nomor. Tidak ada yang hilang; "
        "setiap simpul tetap pada daftarnya."
    ),
    "page.roster_fork.severity": "Merah.",
    "page.roster_fork.causes": ("dua rancangan ditandatangani karena keliru\nkunci kustodian ada di tangan yang salah"),
    "page.roster_fork.cures": (
        "Segera hubungi kantor pusat dan bacakan epoch dan hash dari lumbung roster show.\n"
        "Hanya mereka yang dapat mengakhirinya, dengan daftar ber-epoch lebih tinggi."
    ),
    "page.roster_fork.mute": "Jangan dibisukan.",
    "page.roster_refused.title": ("daftar simpul yang lebih baru tidak dapat dituruti"),
    "page.roster_refused.means": (
        "Cukup banyak kustodian menandatangani daftar ber-epoch lebih tinggi, dan simpul ini tidak dapat memakainya. "
        "Simpul tetap menyimpan dan melayani menurut daftar yang dipegangnya, tetapi tidak mengenal yang bergabung "
        "atau keluar sejak itu."
    ),
    "page.roster_refused.severity": ("Merah."),
    "page.roster_refused.causes": (
        "isi daftar itu belum dikenal versi lumbung ini\n"
        "daftar itu tidak melanjutkan dengan sah daftar yang dipegang di sini\n"
        "cakram tempat folder identitas penuh atau rusak: log menyebut not saved and not obeyed"
    ),
    "page.roster_refused.cures": (
        "Tidak tersimpan: kosongkan ruang di cakram itu; simpul mencoba lagi sendiri setiap 5 menit.\n"
        "Selain itu perbarui lumbung di sini.\n"
        "Sudah terbaru: minta kantor pusat menyampaikan jawaban lumbung roster check BERKAS --held BERKAS dengan "
        "daftar yang Anda pegang."
    ),
    "page.roster_refused.mute": ("Bisukan hanya sampai hari pembaruan."),
    "page.clock_skew.title": "jam salah",
    "page.clock_skew.means": (
        "Jam mesin ini melompat 5 menit atau lebih, atau berbeda sebanyak itu dari jam penyimpan. Perekaman dan "
        "penyalinan tetap jalan. Urutan dan keamanan tidak bergantung pada jam; akhir sertifikat dan waktu di "
        "daftar bergantung padanya. Jam yang pernah bertahun-tahun terlalu maju dilupakan begitu sebagian besar "
        "mitra membenarkan waktunya."
    ),
    "page.clock_skew.severity": (
        "Merah untuk lompatan di sini atau beda dari semua mitra sekaligus, kuning untuk beda dari satu mitra "
        "(mungkin jamnya)."
    ),
    "page.clock_skew.causes": (
        "baterai papan induk habis: salah setiap kali listrik padam\n"
        "waktu tidak diambil dari jaringan\n"
        "ada yang menyetelnya sendiri"
    ),
    "page.clock_skew.cures": (
        "timedatectl: jam berapa menurut mesin?\n"
        "timedatectl set-ntp true mengambilnya dari jaringan.\n"
        'Tanpa jaringan: timedatectl set-time "2026-11-24 08:15:00".\n'
        "Hilang sendiri setelah satu dua menit, untuk jam yang lain pada sambungan berikutnya."
    ),
    "page.clock_skew.mute": "Bisukan untuk satu simpul (--node) selama kantor itu menunggu baterai.",
    "page.two_lives.title": "mesin lain berjalan dengan identitas simpul ini",
    "page.two_lives.means": (
        "Simpul ini diperlihatkan kehidupan dirinya yang lebih baru dengan tanda tangannya sendiri. Ia "
        "tidak menerima rekaman dan tidak menandatangani; pembacaan tetap jalan. Tetap demikian setelah "
        "dinyalakan ulang."
    ),
    "page.two_lives.severity": "Merah.",
    "page.two_lives.causes": (
        "kantor punya mesin pengganti dan yang lama dinyalakan lagi\n"
        "folder identitas hilang, atau dipulihkan dari cadangan lama\n"
        "ada yang menyalin mesin ini"
    ),
    "page.two_lives.cures": (
        "Cari tahu mesin mana yang dipakai. Matikan yang lain; jangan dikosongkan.\n"
        "Mesin ini yang dipakai: hentikan simpul dan ketik lumbung node recover --config BERKAS, baca hasilnya, "
        "lalu sekali lagi dengan --yes, dan nyalakan.\n"
        "Yang hanya ada di mesin yang berhenti dibawa lewat folder datanya: hentikan kedua simpul, salin "
        "data/rocks-nya ke folder data simpul yang dipakai sebagai aside-20261125T000000Z/rocks (tanggal apa pun "
        "dalam bentuk itu), nyalakan simpul itu, lalu lihat STORE_SET_ASIDE. Baru setelah itu mesin lama boleh "
        "disingkirkan.\n"
        "Tidak ada penjelasan: segera hubungi; kunci harus diganti di daftar simpul."
    ),
    "page.two_lives.mute": "Jangan dibisukan: simpul ini tidak merekam apa pun.",
    "page.keys_together.title": "kunci pembuka rekaman ada di cakram simpul",
    "page.keys_together.means": (
        "Siapa pun yang mencuri mesin ini dapat membaca semua yang direkam kantor. Sebuah kunci age ada "
        "di folder data simpul atau di samping konfigurasinya."
    ),
    "page.keys_together.severity": "Kuning.",
    "page.keys_together.causes": ("kunci kantor disalin ke simpul demi kemudahan\ncadangan kunci ditaruh di sana"),
    "page.keys_together.cures": (
        "Salin kunci ke dua media yang disimpan terpisah dan terkunci.\n"
        "Periksa bahwa kunci itu membuka sebuah rekaman dari sana.\n"
        "Hapus dari simpul, dan nyalakan ulang simpul. Jangan pernah menghapus salinan terakhir."
    ),
    "page.keys_together.mute": "Bisukan hanya sampai hari media itu tiba.",
    "page.key_not_in_force.title": ("daftar simpul tidak mencantumkan kunci yang dipakai"),
    "page.key_not_in_force.means": (
        "Simpul ini menandatangani atau berbicara dengan kunci yang tidak diberikan kepadanya oleh daftar simpul yang "
        "berlaku. Tanda tangannya dengan kunci itu tidak dihitung siapa pun, sampai sebuah daftar mencantumkannya."
    ),
    "page.key_not_in_force.severity": ("Merah."),
    "page.key_not_in_force.causes": (
        "kunci hilang dan dibuat baru, dan belum ada daftar yang mencantumkannya\n"
        "simpul masih memakai kunci yang sudah dipensiunkan daftar\n"
        "di tempatnya ada berkas kunci simpul lain atau cadangan lama"
    ),
    "page.key_not_in_force.cures": (
        "lumbung keys status menunjukkan kunci yang mana.\n"
        "Kunci dibuat baru? Kantor pusat harus menerbitkan daftar simpul yang mencantumkannya (docs/keys.md).\n"
        "Sudah dipensiunkan dan penggantinya tidak ada? Cari FILE.next di folder kunci, atau: lumbung keys restore.\n"
        "Bukan keduanya: hubungi provinsi; jangan mencoba-coba kunci."
    ),
    "page.key_not_in_force.mute": ("Bisukan hanya sejak hari penggantian sampai hari daftar itu datang."),
    "page.entry_not_ours.title": "rekaman atas nama kita yang tidak pernah direkam simpul ini",
    "page.entry_not_ours.means": (
        "Seorang mitra membawa rekaman yang ditandatangani kunci entri lama kantor ini, dengan nomor yang masih "
        "dicakup kunci itu. Di umpan simpul ini sendiri nomor itu milik rekaman lain: simpul ini tidak "
        "pernah menandatanganinya."
    ),
    "page.entry_not_ours.severity": "Merah, selama 30 hari sesudah yang terakhir datang.",
    "page.entry_not_ours.causes": (
        "kunci entri lama dicuri, dan mesin atau kunci seorang mitra juga\n"
        "folder data pernah dikembalikan dari salinan, dan rekaman dari masa di antaranya pulang"
    ),
    "page.entry_not_ours.cures": (
        "Log simpul menyebut id-nya: entries never signed here.\n"
        "Buka salah satunya (lumbung get ID): rekaman kantor inikah? Maka folder pernah dikembalikan, dan semuanya "
        "baik.\n"
        "Bila bukan: jangan mengandalkan satu pun, dan beri tahu siapa yang memakai rekamannya.\n"
        "Hubungi provinsi: mitra yang membawanya (log: peer) kehilangan mesin atau kuncinya; kuncinya dipensiunkan "
        "lewat daftar simpul berikutnya (docs/keys.id.md)."
    ),
    "page.entry_not_ours.mute": "Bisukan bila semua yang harus tahu sudah tahu.",
    "page.store_set_aside.title": "sebuah penyimpanan tidak terbuka dan disisihkan",
    "page.store_set_aside.means": (
        "Simpul mendapati penyimpanannya tak terbaca atau bertentangan. Foldernya diganti nama menjadi "
        "aside-TANGGAL (tidak ada yang dihapus), yang baru dibuka dalam kehidupan baru, dan perekaman berjalan "
        "seperti biasa; yang terbaca diambil alih, setiap rekaman diperiksa. Setelah empat kali, simpul menunggu "
        "Anda, supaya cakram yang sekarat tidak makin penuh."
    ),
    "page.store_set_aside.severity": "Kuning, atau catatan bila semua isinya sudah ada di sini.",
    "page.store_set_aside.causes": (
        "cakram, pengendali atau kabelnya rusak\nlistrik padam pada cakram yang berbohong tentang penyimpanannya"
    ),
    "page.store_set_aside.cures": (
        "Biarkan bekerja: lumbung status --json menunjukkan sampai mana.\n"
        "Minta cakram diperiksa (smartctl -a, log sistem): penyimpanan jarang rusak sendiri.\n"
        "Sudah diambil alih: bila status hijau, hapus folder yang disebut kalimatnya.\n"
        "Ada yang tidak dapat diberikan, atau tak terbaca: simpan folder itu dan hubungi provinsi; "
        "penyimpan membawa yang mereka punya."
    ),
    "page.store_set_aside.mute": "Bisukan selama folder itu disimpan untuk diperiksa.",
    "page.disk_unmounted.title": "cakram data tidak terpasang",
    "page.disk_unmounted.means": (
        "Folder data kosong dan ada di cakram lain daripada penyimpanannya. Rekaman masuk ke folder "
        "cadangan dan ke penyimpannya; selain itu tidak ada yang disimpan di sana, karena cakram mesin "
        "sendiri kecil."
    ),
    "page.disk_unmounted.severity": "Merah.",
    "page.disk_unmounted.causes": (
        "cakram tidak terpasang setelah dinyalakan ulang\ncakram mati, atau diganti yang kosong"
    ),
    "page.disk_unmounted.cures": (
        "mount -a, lalu nyalakan ulang simpul. Isi folder cadangan pindah sendiri.\n"
        "Mati atau diganti: hentikan simpul, lumbung node recover --config BERKAS, baca, lalu dengan "
        "--yes, dan nyalakan. Isinya diambil dari penyimpan."
    ),
    "page.disk_unmounted.mute": "Jangan dibisukan.",
    "page.rebuilding.title": "penyimpanan kosong sedang diisi kembali",
    "page.rebuilding.means": (
        "Simpul mengambil yang kurang dari penyimpannya, dan tetap menerima rekaman. Selesai bila semua "
        "mitra sudah terdengar dan tidak ada milik mereka yang kurang di sini."
    ),
    "page.rebuilding.severity": "Catatan.",
    "page.rebuilding.causes": ("cakram baru, atau mesin baru\npenyimpanan yang disisihkan (STORE_SET_ASIDE)"),
    "page.rebuilding.cures": (
        "Tidak perlu apa-apa. lumbung status menunjukkan sampai mana dan berapa lama lagi.\n"
        "Mitra yang belum terdengar disebut di sana: pulihkan salurannya."
    ),
    "page.rebuilding.mute": "Catatan tidak memanggil siapa pun; tidak perlu dibisukan.",
    "page.inventory_doubted.title": "isi cakram dan hitungan simpul berbeda",
    "page.inventory_doubted.means": (
        "Sebagian dari yang dihitung simpul bukan yang ada di cakramnya. Bagian itu dihitung ulang dan "
        "sementara itu tidak ditandatangani; salinan dibuktikan satu per satu. Perekaman tetap jalan."
    ),
    "page.inventory_doubted.severity": (
        "Kuning selama dihitung, merah bila baris riwayat di cakram ini sama sekali tak terbaca."
    ),
    "page.inventory_doubted.causes": (
        "mesin mati mendadak pada cakram yang rusak\nbaris hilang atau rusak yang ditemukan pemeriksaan"
    ),
    "page.inventory_doubted.cures": (
        "Kuning yang hilang dalam satu jam: tidak perlu apa-apa.\n"
        "Merah, atau kuning lebih dari satu jam: lihat kesalahan cakram (dmesg, smartctl -a) dan hubungi "
        "provinsi."
    ),
    "page.inventory_doubted.mute": "Jangan dibisukan: hilang sendiri, atau cakramnya rusak.",
    "page.scrub_late.title": "tidak semuanya terbaca tepat waktu",
    "page.scrub_late.means": (
        "Setiap bita harus dibaca dan diperiksa dalam seminggu. Simpul ini perlu lebih lama, atau "
        "pemeriksaannya dijeda: kerusakan akan terlambat ditemukan."
    ),
    "page.scrub_late.severity": "Kuning.",
    "page.scrub_late.causes": (
        "pemeriksaan dijeda operator\ncakram terlalu lambat untuk isinya, atau terlalu sibuk\nsimpul mati berhari-hari"
    ),
    "page.scrub_late.cures": (
        "lumbung scrub status: dihentikan, lambat atau tertinggal?\n"
        "Dihentikan: lumbung scrub start.\n"
        "Tertinggal setelah mati berhari-hari: tunggu seminggu.\n"
        "Lambat: apakah ada yang lain memakai cakram (pencadangan, antivirus)? Cakram tua yang melambat sering "
        "segera rusak: minta diperiksa.\n"
        "Tetap lambat berminggu-minggu: cakram lebih cepat, atau lebih sedikit pemilik di simpul ini (kantor "
        "pusat)."
    ),
    "page.scrub_late.mute": "Bisukan selama simpul mengejar setelah mati berhari-hari.",
    "page.mass_damage.title": "terlalu banyak yang rusak sekaligus",
    "page.mass_damage.means": (
        "Lebih dari satu di antara seratus rekaman satu pemilik salah di sini. Satu dua bita bisa rusak di "
        "cakram mana pun; ini lebih dari itu. Tidak ada yang hilang selama penyimpan lain memilikinya: simpul "
        "mengambil yang baik sendiri, dan menyimpan yang diganti sebagai bukti sampai operator membenarkan."
    ),
    "page.mass_damage.severity": "Merah.",
    "page.mass_damage.causes": (
        "cakram, pengendali, kabel atau memori rusak\nvirus, atau ada yang mengubah berkas di folder data"
    ),
    "page.mass_damage.cures": (
        "Biarkan simpul menyala dan tersambung. Jangan menghapus apa pun, jangan perbaiki folder data dengan "
        "tangan.\n"
        "lumbung scrub status --events 100: apa, kapan, milik siapa? Salin untuk laporan.\n"
        "Hubungi provinsi. Minta cakram (dmesg, smartctl -a), kabel dan memori diperiksa, dan siapa yang memakai "
        "mesin ini. Ganti yang rusak.\n"
        "Hanya bila sebabnya sudah jelas: lumbung scrub confirm melepas bukti, ruangnya kembali, dan perbaikan "
        "menjadi rutin lagi. Bila ada DISK_LOW di sampingnya, bukti memakan ruang: segerakan."
    ),
    "page.mass_damage.mute": "Jangan dibisukan.",
    "page.report_late.title": "sebuah simpul lama tidak melapor",
    "page.report_late.means": (
        "Dikatakan DRC tentang sebuah simpul: 15 menit tidak ada laporannya, atau belum pernah. "
        "Keadaannya tidak diketahui. Perekaman di sana mungkin tetap jalan, dan salinannya tetap di "
        "tempatnya."
    ),
    "page.report_late.severity": "Kuning setelah 15 menit, merah setelah sehari.",
    "page.report_late.causes": (
        "listrik atau saluran kantor itu mati\n"
        "simpul dimatikan, atau tidak berjalan\n"
        "versinya lebih lama daripada laporan\n"
        "simpul DRC sendiri baru dinyalakan ulang"
    ),
    "page.report_late.cures": (
        "lumbung nodes --state silent: satu kantor, atau banyak sekaligus?\n"
        "Banyak sekaligus: saluran DRC sendiri, atau penyedia. Lihat LINK_DOWN di sana.\n"
        "Satu: hubungi kantornya. Listrik, modem, lumbung health di mesinnya.\n"
        "Belum pernah melapor: apakah sudah dinyalakan, dan versinya melapor (lumbung version)?"
    ),
    "page.report_late.mute": "Bisukan untuk simpul itu (--node) selama kantornya memang tutup atau pindah.",
}
