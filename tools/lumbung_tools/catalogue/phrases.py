"""Indonesian for the small parts of "X: expected Y, got Z", in which every check of lumbung speaks.

What a check names is nearly always one of these; what is not stays as it was said, between Indonesian words.
"""

from __future__ import annotations

import re
from typing import Final

__all__ = ["phrase_indonesian"]

_PHRASES: Final = [
    (re.compile(shape), told)
    for shape, told in (
        (r"at most (\d+) bytes", r"paling banyak \1 bita"),
        (r"at least (\d+) bytes?", r"paling sedikit \1 bita"),
        (r"(\d+) bytes?", r"\1 bita"),
        (r"(\d+) characters", r"\1 karakter"),
        (r"(\d+) to (\d+)", r"\1 sampai \2"),
        (r"(.+) or more", r"\1 atau lebih"),
        (r"one of a node or a station", "milik simpul atau stasiun"),
        (r"one of an authority in (.+)", r"dari otoritas di dalam \1"),
        (r"one of (.+)", r"salah satu dari \1"),
        (r"(\d+) groups of (\d+) digits", r"\1 kelompok yang masing-masing \2 digit"),
        (r"Permission denied", "akun ini tidak diizinkan"),
        (r"No such file or directory", "tidak ada berkas atau folder itu"),
        (r"Is a directory", "folder"),
        (r"Not a directory", "bukan folder"),
        (r"Input/output error", "cakram bermasalah"),
        (r"none|nothing more", "tidak ada"),
        (r"neither", "tidak keduanya"),
        (r"something else|another kind|another|others?", "yang lain"),
        (r"another key", "kunci lain"),
        (r"other bytes back", "bita lain"),
        (r"more", "lebih"),
        (r"a new one", "yang baru"),
        (r"(.+), which is known", r"\1, yang sudah dikenal"),
        (r"(.+) twice", r"\1 dua kali"),
        (r"an enrolment pack", "paket jawaban"),
        (r"a join request", "permintaan bergabung"),
        (r"a file of the kind 'join'", "permintaan bergabung"),
        (r"a file of the kind 'pack'", "paket jawaban"),
        (r"a lumbung drain report", "laporan pengosongan"),
        (r"a readable file", "berkas yang dapat dibaca"),
        (r"a plain file", "berkas biasa"),
        (r"an unencrypted PEM private key", "kunci rahasia PEM tanpa sandi"),
        (r"an Ed25519 key", "kunci Ed25519"),
        (r"an ECDSA key", "kunci ECDSA"),
        (r"a certificate that names a node", "sertifikat yang menyebut sebuah simpul"),
        (r"one identity", "satu identitas"),
        (r"one that is in force before this epoch", "yang berlaku sebelum epoch ini"),
        (r"each one only once", "masing-masing hanya sekali"),
        (r"each key for one use", "tiap kunci untuk satu keperluan"),
        (r"a key twice", "satu kunci dua kali"),
        (r"at least one", "paling sedikit satu"),
        (r"at least one of a node that is public", "paling sedikit satu untuk simpul publik"),
        (
            r"small letters, digits, dots and dashes, at most 63",
            "huruf kecil, angka, titik, garis, paling banyak 63",
        ),
        (r"public, dial-only or vpn:NAME", "public, dial-only atau vpn:NAMA"),
        (
            r"lumbung://CLUSTER/node/NUMBER or lumbung://CLUSTER/access/OFFICE/NAME",
            "lumbung://KLASTER/node/NOMOR atau lumbung://KLASTER/access/NOMOR-KANTOR/NAMA",
        ),
        (r"text without control characters", "teks tanpa karakter kendali"),
        (r"text in Unicode normal form NFC", "teks dalam bentuk Unicode NFC"),
        (r"text in UTF-8", "teks UTF-8"),
        (r"PEM in ASCII", "PEM dalam ASCII"),
        (r"(\d+) hex digits", r"\1 digit heksadesimal"),
        (r"hex digits", "digit heksadesimal"),
        (r"at most (\d+) digits", r"paling banyak \1 digit"),
        (r"at most (\d+) files", r"paling banyak \1 berkas"),
        (r"(\d+) bytes of free memory to open it", r"\1 bita memori kosong untuk membukanya"),
        (
            r"one that the trust roots beside the certificate know",
            "yang dikenal akar kepercayaan di samping sertifikat",
        ),
        (r"one for a van that is gone and only there", "hanya untuk mobil keliling yang sudah berakhir"),
        (r"other bytes", "bita lain"),
        (r"another's", "milik yang lain"),
        (r"less", "kurang"),
        (r"one", "satu"),
        (r"name", "nama"),
        (r"certificate to renew", "sertifikat yang diperbarui"),
        (r"bound of (.+)", r"batas \1"),
        (r"passphrase (.+)", r"kata sandi \1"),
        (r"a text in quotes", "teks dalam tanda petik"),
        (r"a list of texts in quotes", "daftar teks dalam tanda petik"),
        (r"a text", "teks"),
        (r"an empty one", "kosong"),
        (r"a number", "angka"),
        (r"a whole number", "bilangan bulat"),
        (r"a table", "tabel"),
        (r"a list", "daftar"),
        (r"true or false", "true atau false"),
        (r"a time from 00:00 to 23:59", "waktu dari 00:00 sampai 23:59"),
        (r"at least (\d+), or 0 for no limit", r"paling sedikit \1, atau 0 untuk tanpa batas"),
        (r"a port from (\d+) to (\d+)", r"port dari \1 sampai \2"),
        (r"at most (\d+) windows", r"paling banyak \1 jendela waktu"),
        (r"a folder outside the data folder (.+)", r"folder di luar folder data \1"),
        (r"file", "berkas"),
        (r"(.+\S): file", r"\1"),
        (r"key file (.+)", r"berkas kunci \1"),
        (r"roster body", "isi daftar simpul"),
        (r"roster (/.+)", r"daftar simpul \1"),
        (r"cluster id", "id klaster"),
        (r"(.+): cluster id", r"\1: id klaster"),
        (r"reach", "--reach"),
        (r"identity", "identitas"),
        (r"access name", "nama di daftar akses"),
        (r"operator's name", "nama operator"),
        (r"fingerprint", "sidik"),
        (r"certificate", "sertifikat"),
        (r"TLS key", "kunci TLS"),
        (r"TLS public key", "kunci publik TLS"),
        (r"public key", "kunci publik"),
        (r"age recipient", "penerima age"),
        (r"age identity", "identitas age"),
        (r"authority", "otoritas"),
        (r"trust root", "otoritas"),
        (r"members?", "anggota"),
        (r"node", "simpul"),
        (r"node number", "nomor simpul"),
        (r"addresses", "alamat"),
        (r"replaced node", "simpul yang diganti"),
        (r"address of (.+)", r"alamat \1"),
        (r"next (\w+) key of (.+)", r"kunci \1 berikutnya milik \2"),
        (r"(\w+) keys of (.+)", r"kunci \1 milik \2"),
        (r"backup", "cadangan"),
        (r"paper backup", "cadangan kertas"),
        (r"signature", "tanda tangan"),
        (r"receipt", "tanda terima"),
    )
]


def phrase_indonesian(text: str) -> str:
    for shape, told in _PHRASES:
        found = shape.fullmatch(text)
        if found is not None:
            return found.expand(told)
    return text
