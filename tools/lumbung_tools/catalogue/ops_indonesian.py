"""Kalimat Bahasa Indonesia tentang seluruh klaster, pembisuan dan pelengkapan, menurut kunci."""

from __future__ import annotations

from typing import Final

__all__ = ["OPS_INDONESIAN"]

OPS_INDONESIAN: Final[dict[str, str]] = {
    # seluruh klaster
    "cluster.green": "HIJAU: semua {nodes} simpul baik.",
    "cluster.yellow": "KUNING: {what} (dari {nodes} simpul).",
    "cluster.red": "MERAH: {what} (dari {nodes} simpul).",
    "cluster.part_red": "bertindak sekarang di {nodes} simpul: {names}",
    "cluster.part_silent": "{nodes} simpul diam: {names}",
    "cluster.part_yellow": "periksa hari ini {nodes} simpul: {names}",
    "cluster.part_unasked": "{nodes} simpul tidak diketahui, simpul DRC-nya tidak menjawab: {names}",
    "cluster.part_incomplete": "tidak semua simpul DRC menjawab",
    "cluster.and_more": "{names} dan {nodes} lagi",
    "cluster.counts": "Simpul: {nodes}; merah {red}, diam {silent}, kuning {yellow}, hijau {green}",
    "cluster.recordings": "Rekaman: {blobs} ({size}), di antaranya aman {safe}",
    "cluster.short": "Kurang salinan: {blobs}, tertua {age}; hanya di satu tempat: {only_here}",
    "cluster.state.red": "MERAH",
    "cluster.state.silent": "diam",
    "cluster.state.yellow": "KUNING",
    "cluster.state.green": "hijau",
    "cluster.column.node": "simpul",
    "cluster.column.state": "keadaan",
    "cluster.column.age": "melapor",
    "cluster.column.recordings": "sendiri",
    "cluster.column.short": "kurang (tertua)",
    "cluster.column.disk": "kosong",
    "cluster.column.what": "masalah",
    "cluster.lag": "{blobs} ({age})",
    "cluster.never": "belum pernah",
    "cluster.number": "{number}",
    "cluster.more_nodes": "dan {nodes} lagi: lumbung nodes",
    "cluster.no_nodes": "Tidak ada simpul dalam keadaan itu.",
    "cluster.unreached": "{node} tidak menjawab: yang hanya diketahuinya tidak tampak. {why}",
    "cluster.unseen": "Tidak tampak di sini, karena melapor kepada simpul DRC yang tidak menjawab: {names}.",
    "cluster.silent": "Diam, dan tidak ada yang tahu keadaannya sekarang: {names}.",
    "cluster.unverified": (
        "Laporan ditandatangani kunci yang tidak dikenal daftar simpul stasiun ini ({nodes}): lumbung roster fetch"
    ),
    "cluster.newer_roster": "DRC memakai daftar simpul epoch {epoch}, stasiun ini {own}: lumbung roster fetch",
    "cluster.own_office_only": "Yang tampak hanya simpul kantor Anda: seluruh klaster untuk operator pusat.",
    "top.more": "dan {nodes} lagi di bawah: tinggikan jendela, atau lumbung nodes",
    # sambungan
    "lag.column.from": "dari",
    "lag.column.to": "ke",
    "lag.column.condition": "sambungan",
    "lag.column.lag": "tertinggal",
    "lag.column.age": "tertua",
    "lag.column.heard": "terdengar",
    "lag.column.trip": "pulang pergi",
    "lag.condition.up": "tersambung",
    "lag.condition.behind": "tertinggal",
    "lag.condition.down": "putus",
    "lag.condition.refused": "TIDAK DIPERCAYA",
    "lag.trip": "{milliseconds} md",
    "lag.none": "Tidak ada sambungan yang tertinggal ({links} diperiksa).",
    "lag.more": "dan {links} sambungan lagi: --limit 0",
    "exit.lag.0": "tidak ada sambungan yang tertinggal",
    "exit.lag.3": "ada sambungan yang tertinggal atau putus",
    # find
    "find.column.id": "id",
    "find.column.time": "direkam (UTC)",
    "find.column.copies": "salinan",
    "find.column.missing": "belum ada bukti dari",
    "find.column.office": "kantor",
    "find.column.short": "kurang",
    "find.column.only_here": "hanya di sana",
    "find.column.oldest": "tertua",
    "find.column.reported": "melapor",
    "find.none": "Tidak ada yang ditemukan di {origin}.",
    "find.ask_cluster": "Simpul DRC tidak merekam sendiri. Untuk kantor-kantor: lumbung find --cluster",
    "find.none_in_cluster": "Tidak ada yang ditemukan di {nodes} simpul yang melapor.",
    "exit.find.0": "tidak ada yang ditemukan",
    "exit.find.3": "ada yang ditemukan",
    # health
    "health.report_late": (
        "{node} sudah lama tidak melapor. Hubungi kantornya: listrik, saluran, simpul; perekaman di sana "
        "mungkin tetap jalan."
    ),
    "health.muted_line": "        dibisukan sampai {end} UTC",
    "health.muted_at": "dibisukan: {names}",
    "health.more": "Sebab dan cara mengatasi: lumbung health explain {code}",
    "health.cluster_fine": "Tidak ada yang perlu dikerjakan di {nodes} simpul.",
    "health.column.severity": "",
    "health.column.code": "kode",
    "health.column.nodes": "simpul",
    "health.column.which": "yang mana",
    "status.muted": "{troubles} masalah dibisukan: lumbung health",
    # pembisuan
    "mute.one_end": "Sebutkan akhirnya dengan satu saja: --for (misalnya 7d) atau --until (misalnya 2026-12-01).",
    "mute.bounds": "Pembisuan berakhir dalam {days} hari, dan tidak sebelum sekarang. Jam simpul: {now} UTC.",
    "mute.about": "{code} tentang {node}",
    "mute.done": "Dibisukan sampai {end} UTC: {what}. Tetap tampak, tetapi tidak memanggil siapa pun.",
    "mute.would": "Akan dibisukan sampai {end} UTC: {what}. Tidak ada yang diubah.",
    "mute.ended": "Tidak dibisukan lagi: {what}.",
    "mute.would_end": "Tidak akan dibisukan lagi: {what}. Tidak ada yang diubah.",
    "mute.not_muted": "Memang tidak dibisukan: {what}.",
    "mute.none": "Tidak ada yang dibisukan.",
    "mute.column.code": "kode",
    "mute.column.node": "tentang",
    "mute.column.end": "sampai (UTC)",
    "roster.would_obey": "Simpul akan memakai epoch {epoch}. Tidak ada yang dikirim.",
    "roster.would_obey_access": "Simpul akan memakai daftar akses versi {version}. Tidak ada yang dikirim.",
    "scrub.would_confirm": "Akan dibenarkan untuk {origins}, dan {freed} bukti dilepas. Tidak ada yang diubah.",
    "spans.span": "seharusnya jangka waktu seperti 90s, 30m, 12h atau 7d, ternyata {text}",
    "spans.end": "seharusnya hari atau waktu seperti 2026-12-01 atau 2026-12-01T08:00Z, ternyata {text}",
    # bantuan
    "help.option.cluster": "Seluruh klaster, seperti dilaporkan simpul kepada DRC.",
    "help.nodes": (
        "Setiap simpul satu baris, yang terburuk dahulu: keadaan, umur laporan, rekaman, salinan, cakram, masalah."
    ),
    "help.nodes.examples": "lumbung nodes\nlumbung nodes --state red --state silent\nlumbung nodes --by-number --json",
    "help.nodes.state": "Hanya simpul dalam keadaan ini; boleh diulang.",
    "help.nodes.by_number": "Menurut nomornya.",
    "help.lag": (
        "Sambungan yang tertinggal atau putus: berapa rekaman, umur yang tertua, kapan lawan terakhir terdengar, dan "
        "seberapa jauh."
    ),
    "help.lag.examples": "lumbung lag\nlumbung lag --node 36.02\nlumbung lag --all --limit 0 --json",
    "help.lag.node": "Hanya sambungan simpul ini.",
    "help.lag.all": "Juga sambungan yang baik.",
    "help.lag.limit": "Paling banyak sekian baris; 0 untuk semua.",
    "help.find": (
        "Rekaman yang kurang salinan terbukti. Tanpa --cluster menurut id, di simpul asalnya; dengan --cluster, kantor "
        "mana punya berapa."
    ),
    "help.find.examples": (
        "lumbung find --copies-below 3\nlumbung find --copies-below 2 --older-than 1h\n"
        "lumbung find --cluster --older-than 1d"
    ),
    "help.find.copies": "Rekaman dengan salinan terbukti kurang dari ini.",
    "help.find.older_than": "Direkam lebih lama dari ini, misalnya 30m, 12h atau 7d.",
    "help.find.cluster": "Kantor mana punya berapa, seperti dilaporkannya.",
    "help.top": "Klaster di satu layar, diperbarui saat laporan datang; Ctrl-C mengakhiri. Tanpa layar: sekali saja.",
    "help.top.examples": "lumbung top\nlumbung top --interval 5\nlumbung top --once",
    "help.top.interval": "Detik di antara dua gambar.",
    "help.top.once": "Satu gambar, lalu selesai.",
    "help.mute": (
        "Bisukan masalah yang sudah diketahui sampai hari tertentu, paling lama 30 hari. Tetap tampak sebagai "
        "dibisukan, tidak mengubah warna dan kode keluar, dan muncul lagi dengan sendirinya."
    ),
    "help.mute.examples": (
        "lumbung health mute LINK_DOWN --node 34.04 --for 3d\n"
        "lumbung health mute CERT_EXPIRES --until 2026-12-01 --dry-run"
    ),
    "help.mute.node": "Hanya yang menyangkut simpul ini; di simpul DRC juga yang dilaporkan simpul itu sendiri.",
    "help.mute.for": "Berapa lama, misalnya 12h atau 7d.",
    "help.mute.until": "Sampai kapan, misalnya 2026-12-01 atau 2026-12-01T08:00Z.",
    "help.unmute": "Akhiri pembisuan.",
    "help.unmute.examples": "lumbung health unmute LINK_DOWN --node 34.04",
    "help.mutes": "Apa yang dibisukan di simpul sendiri, dan sampai kapan.",
    "help.mutes.examples": "lumbung health mutes\nlumbung health mutes --json",
    "help.explain": "Arti sebuah kode, sebabnya, dan apa yang harus dikerjakan.",
    "help.explain.examples": "lumbung health explain LINK_DOWN\nlumbung health explain DISK_LOW --lang id",
    "help.completion": "Skrip agar shell dapat melengkapi perintah, pilihan, nama simpul dan kode masalah.",
    "help.completion.examples": (
        'eval "$(lumbung completion bash)"\n'
        "lumbung completion zsh > ~/.zfunc/_lumbung\n"
        "lumbung completion fish > ~/.config/fish/completions/lumbung.fish"
    ),
}
